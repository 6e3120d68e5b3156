"""``nnbench machine``: the fingerprint that every run stores."""

from __future__ import annotations

from pathlib import Path

import click

from nnbench import machine
from nnbench.cli import options, output

EXAMPLE = """\b
Example:
  nnbench machine --json
"""


@click.command("machine", epilog=EXAMPLE)
@options.as_json
@options.results
def command(as_json: bool, results: Path) -> int:
    """Show this computer, its software and the commit: what decides whether two runs may be compared."""
    commit, dirty = machine.commit(Path.cwd(), results)
    facts = machine.fingerprint() | {"commit": commit, "dirty": dirty}
    if as_json:
        output.print_json(facts)
        return 0
    gpus = [f"{gpu['name']}, {gpu['memory_gib']} GiB, driver {gpu['driver']}" for gpu in facts.pop("gpus")]
    table = output.table("fact", "value")
    for name, value in {**facts, "gpus": "; ".join(gpus) or "none"}.items():
        output.add_row(
            table, name.replace("_", " "), ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        )
    output.console().print(table)
    return 0
