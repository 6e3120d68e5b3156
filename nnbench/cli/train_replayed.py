"""``nnbench train --record`` and ``--replay``: the first steps of a training, kept, and held against those of today.

Where they differ, what the training reaches over seeds is held against what it reached: kept in the same file, or in
the reference band of the task.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from nnbench import bands, trainer
from nnbench.bands import Answer, Band
from nnbench.cli import output
from nnbench.cli.convergence import WORSE, json_rows, print_answers
from nnbench.cli.progress import Progress
from nnbench.convergence import SEEDS, Asked, Compared, band_of, by_seeds, drawn, where
from nnbench.errors import NnbenchError
from nnbench.model import ComponentInfo, Measurement
from nnbench.processes.session import Session, processes
from nnbench.trainings import Group, steps, trained
from nnbench.trajectories import Difference, Trajectory, elsewhere, first_difference, read, write

LEAST_SEEDS = 5  # that a spread is told from
UNKNOWN_SECONDS = 60.0  # that a training is taken to take: long enough to be worth a process of its own


def record(
    session: Session, trainings: Sequence[trainer.Training], number: int, device: str, file: Path, seeds: int
) -> int:
    """Keep the first steps of the first training, and what all of them reach where several are asked for."""
    if 1 < seeds < LEAST_SEEDS:
        raise NnbenchError(f"--seeds {seeds}: a distribution to compare with takes {LEAST_SEEDS} seeds at least")
    made = _now(session, trainings[0], number, device)
    if seeds > 1:
        reached = band_of(_reached(session, trainings, device), trainings[0].length, made.where)
        made = replace(made, band=bands.content_of(reached))
    write(file, made)
    more = f", and what {seeds} seeds reach" if seeds > 1 else ""
    told = f"{len(made.steps)} steps of {trainings[0].label} are kept in {file}{more}"
    output.warn(f"{told}; `--replay {file}` holds another day's against it")
    return 0


def _reached(session: Session, trainings: Sequence[trainer.Training], device: str) -> dict[int, list[Measurement]]:
    """The rows of each seed, with a bar while they come."""
    groups = [Group(trainings, UNKNOWN_SECONDS)]
    with Progress(steps(groups)) as progress:
        (found,) = trained(session, groups, progress, _side_by_side(device), device)
    return found


def _side_by_side(device: str) -> int:
    """A device other than the CPU is shared by nobody."""
    return processes() if device == "cpu" else 1


def replay(
    session: Session, training: trainer.Training, device: str, file: Path, seeds: int | None, as_json: bool
) -> int:
    """Whether today's steps are the kept ones, to the last bit, and if not, whether what is reached has changed.

    0 where it is the same or surely no worse, 1 where it is worse or nothing is known of seeds, 4 where undecided.
    """
    kept = read(file)
    training = replace(training, epochs=training.epochs or kept.epochs)
    now = _now(session, training, kept.wanted, device)
    if kept.of != now.of:
        raise NnbenchError(f"{file} is of {_named(kept.of)}, and this is {_named(now.of)}; name the same task and seed")
    found, moved = first_difference(kept.steps, now.steps, kept.wanted), elsewhere(kept.where, now.where)
    if not as_json:
        _tell(training, kept, found, moved)
    band = _band(kept, training.epochs) if found is not None else None
    compared = None if band is None else _compared(session, training.task, band, seeds or SEEDS, device)
    if as_json:
        output.print_json([_json_row(training, kept, found, moved), *(json_rows(compared) if compared else ())])
    elif compared is not None:
        print_answers([compared])
    elif found is not None:
        click.echo(_what_to_type(training, file))
    return _exit_code(found, compared.answers if compared else ())


def _compared(session: Session, task: ComponentInfo, band: Band, seeds: int, device: str) -> Compared:
    """What so many fresh seeds reach, beside those kept."""
    first = drawn()
    fresh = range(first, first + seeds)
    output.warn(f"what it reaches under seeds {fresh[0]} to {fresh[-1]}, beside the {len(band.of['seeds'])} kept")
    asked = [Asked(task, band, fresh)]
    with Progress(steps([one.fresh for one in asked])) as progress:
        (found,) = by_seeds(session, asked, progress, _side_by_side(device), 1, device)
    return found


def _now(session: Session, training: trainer.Training, steps: int, device: str) -> Trajectory:
    """Today's first steps, with a word of what is trained before them."""
    with Progress(steps) as progress:
        made = trainer.trajectory(session, training, steps, device, progress.update)
    return replace(made, where=where(session))


def _named(of: Mapping[str, Any]) -> str:
    return f"{of['component']}@{of['variant']} on {of['data']}, seed {of['seed']}"


def _tell(training: trainer.Training, kept: Trajectory, found: Difference | None, moved: Sequence[str]) -> None:
    if found is None:
        click.echo(f"{training.label}: the same for {len(kept.steps)} steps, to the last bit")
        return
    click.echo(f"{training.label}: differs from step {found.step + 1} of {kept.wanted} on, in {found.what}")
    for said in moved or ["with the same torch, cpu, threads: the code or the data's order did it"]:
        click.echo(f"  {said}")


def _band(kept: Trajectory, epochs: int) -> Band | None:
    """What was kept of many seeds: with the steps, or as the task's band, of so many epochs or else the shortest."""
    if kept.band is not None:
        return bands.read_content(kept.band)
    of = kept.of["component"], kept.of["variant"], kept.of["data"]
    fitting = [one for one in bands.bands() if (one.task, one.variant, one.data) == of]
    return min(fitting, key=lambda one: (one.epochs != epochs, one.epochs), default=None)


def _what_to_type(training: trainer.Training, file: Path) -> str:
    """How a distribution over seeds comes to be kept."""
    named = [training.task.id.partition(".")[2]]
    named += ["--variant", training.variant] if training.variant != "reference" else []
    named += ["--data", training.data] if training.data else []
    return (
        "Whether it learns as well is not known: no distribution over seeds is kept. Where it is still as it was,\n"
        f"  nnbench train {shlex.join(named)} --record {shlex.quote(str(file))} --seeds 20 --epochs 3\n"
        "keeps one, and --replay goes on to it."
    )


def _json_row(
    training: trainer.Training, kept: Trajectory, found: Difference | None, moved: Sequence[str]
) -> dict[str, Any]:
    return dict(kept.of) | {
        "tier": 1,
        "steps": len(kept.steps),
        "verdict": "the same" if found is None else "differs",
        "step": None if found is None else found.step + 1,
        "what": "" if found is None else found.what,
        "elsewhere": list(moved),
    }


def _exit_code(found: Difference | None, answers: Sequence[Answer]) -> int:
    if found is None:
        return 0
    said = {one.verdict for one in answers}
    if not said or said & set(WORSE):
        return output.SOMETHING_WRONG
    return output.UNDECIDED if "undecided" in said else 0
