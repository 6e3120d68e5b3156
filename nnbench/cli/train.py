"""``nnbench train``: one architecture by its documented recipe, on real data, every epoch kept."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from nnbench import store, trainer
from nnbench.cli import options, output, train_replayed
from nnbench.cli.progress import Progress
from nnbench.cli.started import new_run
from nnbench.cli.train_told import Teller
from nnbench.data import DATASETS, cache
from nnbench.data.fitting import misfit, names
from nnbench.data.subsets import SMALLER, needed
from nnbench.discovery import sources
from nnbench.errors import NnbenchError, did_you_mean, listing
from nnbench.model import ComponentInfo, Measurement, Status
from nnbench.processes.session import Session
from nnbench.specs import Recipe

EXAMPLE = """\b
Example:
  nnbench data get mnist
  nnbench train mnist_mlp --epochs 20
  nnbench train cnn --data cifar10_subset --seeds 3
  nnbench train mnist_mlp --record way.json      then, at another commit: --replay way.json
"""


@click.command("train", epilog=EXAMPLE)
@click.argument("task")
@click.option(
    "--suite", "suites", multiple=True, metavar="FILE", help="A suite file (or module) beside the built-in ones."
)
@click.option("--variant", "variants", multiple=True, help="Which implementation  [default: reference]")
@click.option("--data", "data_name", default="", metavar="NAME", help="Train on this  [default: the recipe's]")
@click.option("--epochs", type=click.IntRange(min=1), help="At most so many  [default: the recipe's]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of weights, order and dropout.")
@click.option("--seeds", type=click.IntRange(min=1), help="So many, from --seed on  [default: 1]")
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the state of each training here, within epochs too, and go on from it.",
)
@click.option(
    "--checkpoint-every",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How often the state is kept within an epoch.",
)
@click.option(
    "--record",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Instead: keep the first steps here, a checksum of every tensor after each; with --seeds what these reach.",
)
@click.option(
    "--replay",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Instead: hold the first steps against a record, and name the first step and tensor that differ; where they "
    "do, hold what --seeds fresh seeds [default: 8] reach against what was reached.",
)
@click.option("--steps", type=click.IntRange(min=1), default=50, show_default=True, help="How many --record keeps.")
@options.as_json
@options.results
@options.device
def command(
    task: str,
    suites: tuple[str, ...],
    variants: tuple[str, ...],
    data_name: str,
    epochs: int | None,
    seed: int,
    seeds: int | None,
    checkpoint: Path | None,
    checkpoint_every: float,
    record: Path | None,
    replay: Path | None,
    steps: int,
    as_json: bool,
    results: Path,
    device: str,
    dtype: str | None,
) -> int:
    """Train TASK, an architecture, by its documented recipe: data, loss, optimizer, schedule, batches, epochs.

    The same seed gives the same training, to the last bit, on one machine. Test figures are those of the last epoch,
    not of the best one. Ctrl-C keeps every epoch that is done.

    Exits with 1 when a training diverged, failed or learns worse than its record, 3 when its data is not here or it
    crashed, 4 when it parted from its record and a few seeds cannot tell whether it learns as well.
    """
    if dtype:
        raise NnbenchError("--dtype: trainings are in float32")
    if len(variants) > 1 and (record or replay):
        raise NnbenchError("--record and --replay are of one training: name one --variant")
    if record and replay:
        raise NnbenchError("--record keeps a trajectory and --replay holds a training against one: name one of them")
    _refuse_unwritable(checkpoint)
    output.seal_abandoned(results)
    with Session(sources(suites)) as session:
        found = trainer.find_task(session.components(), task)
        output.warn_of(session.problems)
        chosen, trained = _data(found, data_name, device), _variants(found, variants)
        missing = _missing(chosen or str((found.recipe or {})["data"]))
        if missing and (record or replay or not as_json):  # in JSON each training has a row that says so
            output.warn(missing)
            return output.NOT_MEASURED
        trainings = [
            trainer.Training(
                task=found,
                variant=variant,
                data=chosen,
                seed=one,
                epochs=epochs or 0,
                checkpoint=_checkpoint(checkpoint, found, variant, chosen, one),
                checkpoint_seconds=checkpoint_every,
            )
            for variant in trained
            for one in range(seed, seed + (seeds or 1))
        ]
        if record is not None:
            return train_replayed.record(session, trainings, steps, device, record, seeds or 1)
        if replay is not None:
            return train_replayed.replay(session, trainings[0], device, replay, seeds, as_json)
        rows = _follow(session, trainings, device, results, as_json)
    return _exit_code(rows)


def _variants(task: ComponentInfo, named: Sequence[str]) -> Sequence[str]:
    for name in named:
        if name not in task.variants:
            raise NnbenchError(f"--variant {name}: {task.id} has {', '.join(task.variants)}")
    return named or ("reference",)


def _data(task: ComponentInfo, name: str, device: str) -> str:
    """The data set to train on; a CPU takes the smaller part of a large one unless asked for the whole."""
    if name and name not in names():
        hint = did_you_mean(name, names())
        raise NnbenchError(f"--data {name}: there is no such data. {hint or 'There are ' + listing(names()) + '.'}")
    recipe = Recipe(**(task.recipe or {}))
    reason, own = misfit(recipe, name or recipe.data), recipe.data
    if reason:
        raise NnbenchError(f"--data {name}: {reason}" if name else reason)
    if name or device != "cpu" or own not in SMALLER:
        return name
    output.warn(f"training on {SMALLER[own]}, a part of {own} for machines without a GPU; --data {own} takes it all")
    return SMALLER[own]


def _missing(name: str) -> str:
    """What to type to get the data set; nothing where it is here or nothing has to be fetched."""
    source = needed(name)
    return cache.missing(source) if source in DATASETS else ""


def _refuse_unwritable(folder: Path | None) -> None:
    """Before the training, not after its first epoch."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise NnbenchError(f"--checkpoint {folder}: cannot write there ({error}); name another folder") from None


def _checkpoint(folder: Path | None, task: ComponentInfo, variant: str, data_name: str, seed: int) -> str:
    if folder is None:
        return ""
    return str(folder / f"{task.id}-{variant}-{data_name or 'recipe'}-{seed}.pt")


def _follow(
    session: Session, trainings: Sequence[trainer.Training], device: str, results: Path, as_json: bool
) -> list[Measurement]:
    """Train, keeping and telling each epoch as it comes."""
    journal = store.Journal(results, new_run(results))
    teller = Teller()
    journal.is_worth_keeping = False  # until there is a number of an epoch, or a failure
    rows: list[Measurement] = []
    try:
        with journal, Progress(trainer.steps(trainings)) as progress:
            for event in trainer.run(session, trainings, device):
                progress.skip(event.skipped)
                progress.update(event.doing, event.steps)
                if event.row is not None:
                    journal.add(event.row)
                    journal.is_worth_keeping |= _tells_something(event.row)
                    rows.append(event.row)
                    if not as_json:
                        teller.note(event.row)
    finally:
        if as_json:
            output.print_json([_json_row(row) for row in rows])
        else:
            teller.end()
        if journal.sealed:
            page = f"; `nnbench report {journal.run.id}` makes a page of it"
            output.warn(f"stored as {journal.sealed}{page if _has_epochs(rows) else ', without an epoch'}")
    return rows


def _has_epochs(rows: Sequence[Measurement]) -> bool:
    return any(row.values for row in rows)


def _tells_something(row: Measurement) -> bool:
    """Whether a row is of an epoch trained now, or of a failure: what is said of an end reached before is stored."""
    if row.status not in (Status.OK, Status.SKIPPED):
        return True
    return row.metric == "train_loss" and bool(row.values)


def _json_row(row: Measurement) -> dict[str, Any]:
    """The fixed keys, and beside them what names the data."""
    context = row.context
    return {
        "component": row.component,
        "task": row.component.partition(".")[2],
        "variant": row.variant,
        "data": context["data"],
        "checksum": context.get("checksum", ""),
        "split": context.get("split", ""),
        "seed": context["seed"],
        "epoch": context["epoch"],
        "metric": row.metric,
        "value": row.values[0] if len(row.values) == 1 else None,
        **({"values": list(row.values)} if len(row.values) > 1 else {}),
        "status": row.status,
        "note": row.note,
        "weights": context.get("weights", ""),
        "stopped": context.get("stopped", ""),
    }


def _exit_code(rows: Sequence[Measurement]) -> int:
    if any(row.status == Status.FAILED for row in rows):
        return output.SOMETHING_WRONG
    return output.NOT_MEASURED if any(row.status != Status.OK for row in rows) else 0
