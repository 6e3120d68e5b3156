"""``nnbench results``: the stored runs, and keeping them in order."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from nnbench import compact, history
from nnbench.cli import options, output
from nnbench.cli.history_steps import numbered
from nnbench.cli.progress import Progress
from nnbench.errors import ResultsError
from nnbench.store import read_all
from nnbench.units import size

EXAMPLE = """\b
Example:
  nnbench results                 which runs there are
  nnbench results compact         many small files become few
  nnbench results check           is every stored measurement still readable
"""


@click.group("results", invoke_without_command=True, epilog=EXAMPLE)
@options.as_json
@options.results
@click.pass_context
def command(context: click.Context, as_json: bool, results: Path) -> None:
    """List the stored runs, oldest first; or compact or check them."""
    context.obj = results
    if context.invoked_subcommand is None:
        output.open_results(results)
        _list(history.open_history(results), as_json)


def _list(found: history.History, as_json: bool) -> None:
    places = list(zip(found.runs, found.rows, found.paths, strict=True))
    if as_json:
        facts = ("id", "started", "commit", "dirty", "ended", "command")
        output.print_json(
            [
                {name: getattr(run, name) for name in facts}
                | {"machine": run.machine.get("id", ""), "measurements": rows, "file": str(path)}
                for run, rows, path in places
            ]
        )
        return
    table = output.table("run", "started", "commit", "machine", "measurements", "ended", right=["measurements"])
    for run, rows, _ in places:
        commit = run.commit[:10] + "+" * run.dirty
        output.add_row(table, run.id, run.started, commit, str(run.machine.get("id", "")), f"{rows:,}", run.ended)
    output.console().print(table)
    runs, files = numbered(len(places), "run"), numbered(len(set(found.paths)), "file")
    click.echo(f"{runs} in {files}, {numbered(sum(found.rows), 'measurement')}")


def _folder(context: click.Context, own: Path) -> Path:
    """The folder that was named, before the command's name or after it."""
    is_named = context.get_parameter_source("results") is click.core.ParameterSource.COMMANDLINE
    return own if is_named else context.obj


COMPACT_EXAMPLE = """\b
Example:
  nnbench results compact
  nnbench results compact --results shared/results --json
"""


@command.command("compact", epilog=COMPACT_EXAMPLE)
@options.as_json
@options.results
@click.pass_context
def compact_command(context: click.Context, as_json: bool, results: Path) -> int:
    """Turn many small run files into one for each machine and month; every run is found as before.

    Each run is read back and compared before its small file is removed. It may be stopped at any moment, and repeated.
    """
    results = _folder(context, results)
    output.open_results(results)
    with Progress(compact.steps(results)) as progress:
        done = compact.compact(results, progress.update)
    for sentence in done.kept:
        output.warn(sentence)
    if as_json:
        output.print_json(asdict(done))
    else:
        click.echo(
            f"{numbered(done.runs, 'run')}: {numbered(done.files[0], 'file')} of {size(done.size[0])} are now "
            f"{done.files[1]} of "
            f"{size(done.size[1])}"
        )
    return output.SOMETHING_WRONG if done.kept else 0


CHECK_EXAMPLE = """\b
Example:
  nnbench results check
"""


@command.command("check", epilog=CHECK_EXAMPLE)
@options.as_json
@options.results
@click.pass_context
def check_command(context: click.Context, as_json: bool, results: Path) -> int:
    """Read every stored measurement, and name each file that is damaged, foreign or a copy."""
    results = _folder(context, results)
    output.seal_abandoned(results)
    found = history.open_history(results)
    problems = [*found.problems, *_damaged(found)]
    if as_json:
        output.print_json({"runs": len(found.runs), "measurements": sum(found.rows), "problems": problems})
    else:
        click.echo(
            "\n".join([*problems, f"{numbered(len(found.runs), 'run')}, {numbered(sum(found.rows), 'measurement')}"])
        )
    return output.SOMETHING_WRONG if problems else 0


def _damaged(found: history.History) -> list[str]:
    """A sentence for each file whose inside is not what its header says."""
    sentences = []
    paths = list(dict.fromkeys(found.paths))
    with Progress(len(paths)) as progress:
        for path in paths:
            try:
                read_all(path)
            except ResultsError as error:
                sentences.append(str(error))
            progress.update(path.name, 1)
    return sentences
