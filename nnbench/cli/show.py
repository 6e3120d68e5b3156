"""``nnbench show``: one component, or one run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from nnbench import history
from nnbench.cli import named_run, options, output
from nnbench.cli.compare_told import tell
from nnbench.cli.counter_table import print_counters
from nnbench.cli.recipe_told import print_recipe
from nnbench.cli.run import print_lines, print_training
from nnbench.cli.stored import git_lines
from nnbench.discovery import sources, unknown
from nnbench.errors import UnknownComponent
from nnbench.experiments.ledger import EXPERIMENT, experiments
from nnbench.model import CHECK_PREFIX, ComponentInfo, Measurement, Run, Status, plain
from nnbench.processes.session import Session
from nnbench.roofline import IMPOSSIBLE, without_impossible
from nnbench.tables import lines, training_lines

EXAMPLE = """\b
Example:
  nnbench show layers.conv2d
  nnbench show layers.conv2d --json
  nnbench show latest                 a whole run
  nnbench show HEAD~1                 the newest run of a commit on this machine
"""

A_RUN = re.compile(r"latest(~.*)?|[0-9]{8}T.*|.*\.parquet|HEAD([~^@].*)?|[0-9a-f]{7,40}")  # no component is called so


@click.command("show", epilog=EXAMPLE)
@click.argument("component", metavar="COMPONENT|RUN|REV")
@click.option("--suite", "suites", multiple=True, metavar="FILE", help="A suite file beside the built-in ones.")
@options.as_json
@options.results
def command(component: str, suites: tuple[str, ...], as_json: bool, results: Path) -> int:
    """Show one component: documentation, variants, source, cases and last results. Or one run: all that it measured.

    A RUN is an id or the start of one, latest, latest~1, or a file; a REV is a commit, of which the newest run on this
    machine is shown. Times that the machine cannot reach are left out.
    """
    output.open_results(results)
    if A_RUN.fullmatch(component):
        _show_run(named_run.find(results, component, Path.cwd()), as_json, results)
        return 0
    run, rows = history.last_results(results, component)
    machines = {one.id: one.machine for one in history.open_history(results).runs}
    rows = _possible(rows, machines.get(run, {}))
    if not rows and _is_commit(component):
        _show_run(named_run.find(results, component, Path.cwd()), as_json, results)
        return 0
    if as_json:
        if not _measured(rows):
            _describe(component, suites)  # an unknown name is an error, a component never measured is not
        output.print_json(_rows(run, rows))
        return 0
    info, variants = _describe(component, suites)
    _print(info, variants)
    _print_results(run, rows, component)
    print_vain(history.tried_since(results, component, run))
    return 0


def _is_commit(text: str) -> bool:
    """Whether git knows a commit, tag or branch here by this name."""
    return bool(git_lines(Path.cwd(), "rev-parse", "--verify", "--quiet", "--end-of-options", f"{text}^{{commit}}"))


def _show_run(run: Run, as_json: bool, results: Path) -> None:
    rows = _possible(run.measurements, run.machine)
    if as_json:
        output.print_json(_rows(run.id, rows))
        return
    click.echo(f"{run.id}, made by: {run.command}")
    click.echo(f"started {run.started}, {run.ended}; commit {run.commit[:10] or 'unknown'}{'+' * run.dirty}")
    click.echo(f"on machine {run.machine.get('id', 'unknown')}: {run.machine.get('cpu', 'unknown')}\n")
    for experiment in experiments(results) if any(row.metric == EXPERIMENT for row in rows) else ():
        if experiment.protocol.get("run") == run.id:
            tell(experiment, as_json=False)
            return
    _print_measured(rows)


def _measured(rows: Iterable[Measurement]) -> list[Measurement]:
    return [row for row in rows if not row.metric.startswith(CHECK_PREFIX)]


def _rows(run: str, rows: Iterable[Measurement]) -> list[dict[str, Any]]:
    return [plain(row) | {"run": run} for row in _measured(rows)]


def _possible(rows: tuple[Measurement, ...], machine: Mapping[str, Any]) -> tuple[Measurement, ...]:
    """The rows with those times that no machine of this kind can reach taken out: they failed, with the reason."""
    judged = without_impossible(lines(rows), machine)
    refused = {line.key: line.note for line in judged if line.note.startswith(IMPOSSIBLE)}
    return tuple(
        replace(row, values=(), status=Status.FAILED, note=refused[row.component, row.case, row.variant])
        if row.unit == "s" and (row.component, row.case, row.variant) in refused
        else row
        for row in rows
    )


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
        print_recipe(info.id, info.recipe)
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
    _print_measured(rows)


def print_vain(newer: Sequence[history.Vain]) -> None:
    """What of the newer runs that got no number is to be said: why the newest did not."""
    if newer:
        more = f" (and {len(newer) - 1} more)" if len(newer) > 1 else ""
        why = f": {newer[0].note}" if newer[0].note else ""
        click.echo(f"\nNewer, but without a number: run {newer[0].run}, {newer[0].status}{why}{more}")


def _print_measured(rows: tuple[Measurement, ...]) -> None:
    found = lines(rows)
    if found:
        print_lines(found)
    print_counters(found)
    print_training(training_lines(rows))
