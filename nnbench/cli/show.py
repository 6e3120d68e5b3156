"""``nnbench show``: one component."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nnbench import history
from nnbench.cli import options, output
from nnbench.cli.counter_table import print_counters
from nnbench.cli.run import print_lines, print_training
from nnbench.discovery import sources, unknown
from nnbench.errors import UnknownComponent
from nnbench.model import CHECK_PREFIX, ComponentInfo, Measurement, plain
from nnbench.processes.session import Session
from nnbench.tables import lines, training_lines

EXAMPLE = """\b
Example:
  nnbench show layers.conv2d
  nnbench show layers.conv2d --json
"""


@click.command("show", epilog=EXAMPLE)
@click.argument("component")
@click.option("--suite", "suites", multiple=True, metavar="FILE", help="A suite file beside the built-in ones.")
@options.as_json
@options.results
def command(component: str, suites: tuple[str, ...], as_json: bool, results: Path) -> int:
    """Show one component: documentation, variants, source, cases and last results."""
    output.open_results(results)
    run, rows = history.last_results(results, component)
    if as_json:
        measured = [row for row in rows if not row.metric.startswith(CHECK_PREFIX)]
        if not measured:
            _describe(component, suites)  # an unknown name is an error, a component never measured is not
        output.print_json([plain(row) | {"run": run} for row in measured])
        return 0
    info, variants = _describe(component, suites)
    _print(info, variants)
    _print_results(run, rows, component)
    return 0


def _describe(component: str, suites: tuple[str, ...]) -> tuple[ComponentInfo, dict[str, Any]]:
    with Session(sources(suites)) as session:
        known = {one.id: one for one in session.components()}
        output.warn_of(session.problems)
        if component not in known:
            raise UnknownComponent(unknown(component, known))
        answers = list(session.ask({"do": "source", "component": component}))
    return known[component], answers[0].get("variants", {})


def _print(info: ComponentInfo, variants: dict[str, Any]) -> None:
    click.secho(info.id, bold=True)
    click.echo(f"{info.kind}, registered at {info.location}")
    if info.documented:
        click.echo(f"documented in {', '.join(info.documented)}")
    if info.properties:
        click.echo(f"declares {', '.join(info.properties)}")
    if info.recipe:
        click.echo("trained with " + ", ".join(f"{name} {value}" for name, value in info.recipe.items() if value))
    click.echo("\nVariants:")
    for name, told in variants.items():
        click.echo(f"  {name}: {told['name']}")
    click.echo("\nCases:")
    for case in info.cases:
        click.echo(f"  {case.label}" + ("" if case.timed else "  (checked only)"))
    click.echo(f"\nReference:\n{variants['reference']['source'] or variants['reference']['doc']}")


def _print_results(run: str, rows: tuple[Measurement, ...], component: str) -> None:
    if not rows:
        click.echo(f"No results yet: `nnbench run {component}` measures it.")
        return
    click.echo(f"Last results, of run {run}:")
    found = lines(rows)
    print_lines(found)
    print_counters(found)
    print_training(training_lines(rows))
