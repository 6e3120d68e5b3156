"""``nnbench import``: other tools' results into our store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from nnbench.catalog import NAME
from nnbench.cli import options, output
from nnbench.cli.progress import Progress
from nnbench.doors import imports
from nnbench.doors.imports import Importer, Outcome
from nnbench.errors import NnbenchError
from nnbench.model import plain

EXAMPLE = """\b
Example:
  nnbench import .asv/results
  nnbench import .benchmarks --as mine
  nnbench trend 'asv.*'
"""

TOLD = (imports.THERE, imports.UNREADABLE)
LINES = 20  # of files that came in; what could not be read is always told


def _suite(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if value and not NAME.fullmatch(value):
        raise NnbenchError(f"--as {value!r}: a suite's name is lower-case letters, digits and underscores, say `numpy`")
    return value


@click.command("import", epilog=EXAMPLE)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|FOLDER...")
@click.option("--as", "suite", default="", metavar="SUITE", callback=_suite, help="Begin the components' ids with it.")
@click.option(
    "--largest",
    type=options.Size(),
    default=f"{imports.LARGEST // 2**20}MiB",
    show_default=True,
    help="Pass over larger files.",
)
@options.as_json
@options.results
def command(paths: tuple[Path, ...], suite: str, largest: int, as_json: bool, results: Path) -> int:
    """Bring in results of asv and pytest-benchmark.

    Of asv, the results folder or files in it: one run a commit, environment and machine, dated by its commit, so that
    the history stands in order. Of pytest-benchmark, the .benchmarks folder or a file of --benchmark-json: one run a
    session. What is in the store already is not brought in again. Components are called asv.* and pytest.*. Exits with
    1 when a file could not be read; all the others are brought in.
    """
    output.open_results(results)
    files = [file for path in paths for file in imports.result_files(path)]
    importer = Importer(results, suite, largest)
    outcomes: list[Outcome] = []
    with Progress(len(files)) as progress:
        for file in files:
            outcomes.append(importer.bring(file))
            progress.update(str(file), 1)
    _warn(outcomes, named=set(map(str, paths)))
    if as_json:
        output.print_json([plain(outcome) for outcome in outcomes])
    else:
        _print(outcomes)
    return output.SOMETHING_WRONG if any(_is_bad(one, set(map(str, paths))) for one in outcomes) else 0


def _is_bad(outcome: Outcome, named: set[str]) -> bool:
    """A JSON file of another kind is no fault in a folder, but it is where it was asked for by name."""
    return outcome.status == imports.UNREADABLE or (outcome.status == imports.OTHER and outcome.file in named)


def _warn(outcomes: Sequence[Outcome], named: set[str]) -> None:
    """A line for each file that could not be read or not whole, and one for the JSON files that are something else."""
    for outcome in outcomes:
        if outcome.status == imports.OTHER and outcome.file in named:
            output.warn(f"{outcome.file} is no result file of asv or pytest-benchmark")
        elif outcome.note:
            what = "is skipped" if outcome.status == imports.UNREADABLE else "is read"
            output.warn(f"{outcome.file} {what}: {outcome.note}")
    others = sum(outcome.status == imports.OTHER and outcome.file not in named for outcome in outcomes)
    if others:
        output.warn(f"{others} JSON files are no results of asv or pytest-benchmark and are passed over")


def _print(outcomes: Sequence[Outcome]) -> None:
    came = [one for one in outcomes if one.status in (imports.NEW, imports.ADDED)]
    if came:
        table = output.table("run", "measurements", "file", "", right=["measurements"])
        for one in came[:LINES]:
            output.add_row(table, one.run, str(one.measurements), one.file, "added" * (one.status == imports.ADDED))
        output.console().print(table)
    if len(came) > LINES:
        click.echo(f"... and {len(came) - LINES} more")
    click.echo(_summary(outcomes, sum(one.measurements for one in came)))


def _summary(outcomes: Sequence[Outcome], measurements: int) -> str:
    counts = Counter(one.status for one in outcomes)
    came = counts[imports.NEW] + counts[imports.ADDED]
    parts = [
        f"{_many(came, 'run')} with {_many(measurements, 'measurement')} came in",
        *(f"{_many(counts[status], 'file')} {status}" for status in TOLD if counts[status]),
    ]
    return ", ".join(parts) + "."


def _many(number: int, noun: str) -> str:
    """A count with its noun.

    >>> _many(1, "run"), _many(2, "run")
    ('1 run', '2 runs')
    """
    return f"{number} {noun}{'s' * (number != 1)}"
