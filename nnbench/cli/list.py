"""``nnbench list``: what is registered."""

from __future__ import annotations

import click

from nnbench.cli import options, output
from nnbench.discovery import sources
from nnbench.model import ComponentInfo
from nnbench.plan import select
from nnbench.runner import Session

EXAMPLE = """\b
Example:
  nnbench list 'activations.*'
  nnbench list --suite mine.py --json
"""


@click.command("list", epilog=EXAMPLE)
@options.selection
@options.as_json
def command(patterns: tuple[str, ...], expression: str, suites: tuple[str, ...], as_json: bool) -> int:
    """List the registered components: id, kind, variants and cases."""
    with Session(sources(suites)) as session:
        everything = session.components()
        output.warn_of(session.problems)
    if patterns or expression:
        taken = {target.component.id for target in select(everything, patterns, expression)}
        everything = tuple(one for one in everything if one.id in taken)
    if as_json:
        output.print_json([_row(one) for one in everything])
    else:
        _print(everything)
    return output.NOT_MEASURED if session.problems else 0


def _row(one: ComponentInfo) -> dict[str, object]:
    return {
        "id": one.id,
        "kind": one.kind,
        "documented": one.documented,
        "variants": one.variants,
        "cases": [case.label for case in one.cases],
        "summary": one.summary,
        "properties": one.properties,
    }


def _print(everything: tuple[ComponentInfo, ...]) -> None:
    table = output.table("component", "kind", "variants", "cases", "summary", right=["cases"])
    for one in everything:
        output.add_row(table, one.id, one.kind, ", ".join(one.variants), str(len(one.cases)), one.summary)
    console = output.console()
    console.print(table)
    cases = sum(len(one.cases) for one in everything)
    console.print(f"\n{len(everything)} components, {cases} cases. `nnbench show COMPONENT` tells more of one.")
