"""Trainings, one after the other: tasks in, how far they are and measurements out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nnbench.errors import NnbenchError, did_you_mean, listing
from nnbench.metrics import METRICS
from nnbench.model import ComponentInfo, Measurement, Status, measurement
from nnbench.processes.process import WorkerEnded
from nnbench.processes.session import Session
from nnbench.trajectories import Step, Trajectory

SECONDS = 7 * 24 * 3600.0  # a training is given as long as it takes
STEPS = 1000  # of one epoch, as a progress bar counts them


@dataclass(frozen=True)
class Training:
    """One training to do: ``task`` is the architecture; empty ``data`` and 0 ``epochs`` are its recipe's."""

    task: ComponentInfo
    variant: str
    data: str = ""
    seed: int = 0
    epochs: int = 0
    checkpoint: str = ""
    checkpoint_seconds: float = 30.0

    @property
    def length(self) -> int:
        """Epochs, unless early stopping ends it before."""
        return self.epochs or int((self.task.recipe or {})["epochs"])

    @property
    def label(self) -> str:
        return f"{self.task.id}@{self.variant}, seed {self.seed}"


@dataclass(frozen=True)
class Event:
    """What happened: so many steps further on in a training, or a row of it."""

    doing: str = ""
    steps: int = 0
    row: Measurement | None = None


def find_task(components: Sequence[ComponentInfo], name: str) -> ComponentInfo:
    """The architecture of this id, or of this name in its suite; raises ``NnbenchError`` with those there are."""
    tasks = {one.id: one for one in components if one.recipe}
    found = [one for key, one in tasks.items() if name in (key, key.partition(".")[2])]
    if len(found) == 1:
        return found[0]
    if found:
        raise NnbenchError(f"{name} is the name of {listing(one.id for one in found)}; write one of these")
    names = sorted(key.partition(".")[2] for key in tasks)
    if any(name in (one.id, one.id.partition(".")[2]) for one in components):
        raise NnbenchError(f"{name} has no recipe; what has one is trained: {listing(names)}.")
    hint = did_you_mean(name, names)
    raise NnbenchError(f"no task is called {name!r}. {hint + ' ' * bool(hint)}There are {listing(names)}.")


def steps(trainings: Sequence[Training]) -> int:
    """How many steps the events of ``run`` will add up to."""
    return sum(STEPS * one.length for one in trainings)


def run(session: Session, trainings: Sequence[Training], device: str = "cpu") -> Iterator[Event]:
    """Train one after the other, each task in a fresh worker; what fails or crashes gives a row that says so."""
    before = None
    for training in trainings:
        if before != (training.task.id, training.variant):
            session.renew()
        before = training.task.id, training.variant
        left = STEPS * training.length
        for event in _followed(session, training, device):
            left -= event.steps
            yield event
        yield Event(steps=left)


def _followed(session: Session, training: Training, device: str) -> Iterator[Event]:
    """The events of one training; its epochs' batches become steps."""
    epoch, told = 1, 0
    yield Event(f"{training.label}: loading its data")
    try:
        for message in session.ask(_request(training, device), SECONDS):
            if "doing" in message:
                yield Event(f"{training.label}: {message['doing']}")
            elif "batches" in message:
                done, of = message["batches"]
                now = STEPS * done // of
                yield Event(f"{training.label}: epoch {epoch} of {training.length}", max(now - told, 0))
                told = now % STEPS
            elif "row" in message:
                row = measurement(message["row"])
                epoch = int(row.context["epoch"]) + 1
                yield Event(row=row)
            else:
                yield Event(row=_failed(training, message["failed"]["status"], message["failed"]["note"]))
    except WorkerEnded as ended:
        yield Event(row=_failed(training, ended.status, ended.reason))


def trajectory(session: Session, training: Training, number: int, device: str = "cpu") -> Trajectory:
    """The first steps of a training; raises ``NnbenchError`` with the reason where it cannot be begun."""
    found = []
    request = _request(training, device) | {"do": "trajectory", "steps": number}
    try:
        for message in session.ask(request, SECONDS):
            if "failed" in message:
                raise NnbenchError(f"{training.label}: {message['failed']['note']}")
            found.append(Step(**message["step"]))
    except WorkerEnded as ended:
        raise NnbenchError(f"{training.label}: {ended.reason}") from None
    named = {"component": training.task.id, "variant": training.variant, "seed": training.seed}
    data = training.data or str((training.task.recipe or {})["data"])
    return Trajectory(named | {"data": data}, {}, tuple(found))


def _request(training: Training, device: str) -> dict[str, Any]:
    return {
        "do": "train",
        "component": training.task.id,
        "variant": training.variant,
        "data": training.data,
        "seed": training.seed,
        "epochs": training.epochs,
        "device": device,
        "checkpoint": training.checkpoint,
        "checkpoint_seconds": training.checkpoint_seconds,
    }


def _failed(training: Training, status: str, note: str) -> Measurement:
    """The row of a training that ended without one more epoch."""
    data = training.data or str((training.task.recipe or {})["data"])
    return Measurement(
        component=training.task.id,
        variant=training.variant,
        case=data,
        metric="train_loss",
        unit=METRICS["train_loss"].unit,
        status=status if status != Status.OK else Status.FAILED,
        note=note,
        context={"data": data, "seed": training.seed, "epoch": 0},
    )
