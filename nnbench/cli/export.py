"""``nnbench export``: the store for other tools."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import click

from nnbench.cli import options, output
from nnbench.cli.history_steps import numbered
from nnbench.cli.progress import Progress
from nnbench.doors import exports, exports_to_asv
from nnbench.doors.exports import Wanted
from nnbench.errors import NnbenchError

EXAMPLE = """\b
Example:
  nnbench export --format csv --output layers.csv 'layers.*'
  nnbench export --format json latest | head
  nnbench export --format asv --output .asv/results
"""

RUN = re.compile(r"latest(~\d+)?|\d{8}.*|.*\.parquet")
WRITERS = {"csv": exports.write_csv, "json": exports.write_json}


@click.command("export", epilog=EXAMPLE)
@click.argument("names", nargs=-1, metavar="[PATTERN|RUN]...")
@click.option("--format", "kind", required=True, type=click.Choice(["csv", "json", "asv"]), help="What to write.")
@click.option(
    "--output",
    "into",
    type=click.Path(path_type=Path),
    help="The file to write, or for asv the folder  [default: stdout, for CSV and JSON]",
)
@options.results
def command(names: tuple[str, ...], kind: str, into: Path | None, results: Path) -> int:
    """Write what is stored as a long table in CSV or JSON, or as asv's results.

    All of it, or what the PATTERNs take of the RUNs named: an id or the start of one, latest, latest~1. The tables have
    a row a measurement: `values` are its samples, `value` their median. asv's results go into a folder that `asv
    publish` and `asv compare` read.
    """
    folder = _folder(into) if kind == "asv" else None
    output.open_results(results)
    runs = [name for name in names if RUN.fullmatch(name)]
    wanted = exports.choose(results, runs, [name for name in names if name not in runs])
    if folder is not None:
        return _to_asv(folder, results, wanted)
    with _open(into) as file, Progress(wanted.rows) as progress:
        for rows in WRITERS[kind](file, wanted):
            progress.update("rows written", rows)
    return 0


def _folder(into: Path | None) -> Path:
    if into is None:
        raise NnbenchError("asv's results are a folder of files: name it with --output, say `--output .asv/results`")
    if into.exists() and not into.is_dir():
        raise NnbenchError(f"--output {into} is a file; asv's results are a folder of files")
    return into


@contextmanager
def _open(into: Path | None) -> Iterator[IO[bytes]]:
    """The file to write, which takes its name when it is whole; stdout without a name."""
    if into is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    partial = into.with_name(f".{into.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(into)
    except OSError as error:
        raise NnbenchError(f"cannot write {into}: {error.strerror or error}. Name another file.") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _to_asv(folder: Path, results: Path, wanted: Wanted) -> int:
    export = exports_to_asv.plan(wanted)
    with Progress(sum(len(target.runs) for target in export.targets)) as progress:
        for runs in exports_to_asv.write(folder, results, wanted, export):
            progress.update("runs written", runs)
    if export.runs_left_out:
        output.warn(f"{export.runs_left_out} runs are left out: of no commit, or of one with uncommitted changes")
    files, machines = len(export.targets), len({target.machine for target in export.targets})
    where = f"{numbered(files, 'file')} of {numbered(machines, 'machine')}, in {folder}"
    click.echo(f"{numbered(export.written, 'result')} in {where}.", err=True)
    return 0
