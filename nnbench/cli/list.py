"""``nnbench list``: what is registered."""

from __future__ import annotations

import click

from nnbench import documents
from nnbench.cli import options, output
from nnbench.discovery import sources
from nnbench.documents import Coverage, Documents
from nnbench.errors import listing
from nnbench.model import ComponentInfo, plain
from nnbench.plan import select
from nnbench.processes.session import Session
from nnbench.report.components_page import components_page

EXAMPLE = """\b
Example:
  nnbench list 'activations.*'
  nnbench list --suite mine.py --json
  nnbench list --coverage              what the documents describe against what is registered
"""


@click.command("list", epilog=EXAMPLE)
@options.selection
@options.as_json
@click.option("--coverage", is_flag=True, help="Documents against components; exits with 1 when something is missing.")
@click.option("--markdown", is_flag=True, help="A page on each component: formula, variants, cases, errata.")
def command(
    patterns: tuple[str, ...],
    expression: str,
    suites: tuple[str, ...],
    as_json: bool,
    coverage: bool,
    markdown: bool,
) -> int:
    """List the registered components: id, kind, variants and cases."""
    if coverage + markdown + as_json > 1 and not (coverage and as_json):
        raise click.UsageError(
            "--coverage, --markdown and --json are three outputs; only --coverage --json go together"
        )
    with Session(sources(suites)) as session:
        everything = session.components()
        output.warn_of(session.problems)
    if patterns or expression:
        taken = {target.component.id for target in select(everything, patterns, expression)}
        everything = tuple(one for one in everything if one.id in taken)
    if coverage:
        return _cover(documents.read(), everything, as_json)
    if markdown:
        click.echo(components_page(everything, documents.read()))
    elif as_json:
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
        output.add_row(
            table, one.id, one.kind, ", ".join(one.variants), str(len(one.cases)), one.summary.replace("``", "")
        )
    console = output.console()
    console.print(table)
    cases = sum(len(one.cases) for one in everything)
    console.print(f"\n{len(everything)} components, {cases} cases. `nnbench show COMPONENT` tells more of one.")


def _cover(known: Documents, everything: tuple[ComponentInfo, ...], as_json: bool) -> int:
    found = documents.coverage(known, everything)
    if as_json:
        output.print_json([plain(one) for one in found])
    else:
        _print_coverage(known, found)
    return output.SOMETHING_WRONG if any(one.missing for one in found) else 0


def _print_coverage(known: Documents, found: tuple[Coverage, ...]) -> None:
    table = output.table("component", *known.titles, "errata", "missing")
    for one in found:
        places = ["x" if name in one.documented else "" for name in known.titles]
        output.add_row(table, one.id, *places, ", ".join(one.errata), ", ".join(one.missing))
    console = output.console()
    console.print(table)
    for name, title in known.titles.items():
        described = [one for one in found if name in one.documented]
        here = sum(not one.missing for one in described)
        console.print(f"{name} ({title}): {here} of the {len(described)} components that it describes")
    lost = [one.id for one in found if one.missing]
    shown = {name for one in found for name in one.errata if f"erratum {name}" not in one.missing}
    console.print(
        f"{len(found) - len(lost)} of {len(found)} documented components, {len(shown)} of {len(known.errata)} errata."
    )
    console.print(f"Missing: {listing(lost)}." if lost else "Nothing documented is missing.")
