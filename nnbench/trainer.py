"""Trainings, one after the other: tasks in, how far they are and measurements out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
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

    def doing(self, what: str) -> str:
        """What goes on in it, that first which changes: a line may be cut off at its end."""
        return f"{what}, seed {self.seed}: {self.task.id}@{self.variant}"


@dataclass(frozen=True)
class Event:
    """What happened: so many steps further on in a training, or a row of it; ``skipped`` steps were done before."""

    doing: str = ""
    steps: int = 0
    skipped: int = 0
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
            left -= event.steps + event.skipped
            yield event
        yield Event(steps=left)


def _followed(session: Session, training: Training, device: str) -> Iterator[Event]:
    """The events of one training; its epochs' batches become steps."""
    epoch, told, is_resumed = 1, 0, False
    last: Measurement | None = None
    yield Event(training.doing("loading its data"))
    try:
        for message in session.ask(_request(training, device), SECONDS):
            if "doing" in message:
                yield Event(training.doing(message["doing"]))
            elif "resumed" in message:
                epoch, is_resumed = message["resumed"] + 1, True
                yield Event(skipped=min(message["resumed"], training.length) * STEPS)
            elif "batches" in message:
                done, of = message["batches"]
                before = STEPS * (done - 1) // of if is_resumed else told
                now, is_resumed = STEPS * done // of, False
                doing = training.doing(f"epoch {epoch} of {training.length}")
                yield Event(doing, max(now - max(before, told), 0), max(before - told, 0))
                told = now % STEPS
            elif "row" in message:
                last = _of_length(measurement(message["row"]), training)
                epoch = int(last.context["epoch"]) + 1
                yield Event(row=last)
            else:
                _refuse(training, **message["failed"])
                yield Event(row=_failed(training, message["failed"]["status"], message["failed"]["note"], last))
    except WorkerEnded as ended:
        yield Event(row=_failed(training, ended.status, ended.reason, last))


def _refuse(training: Training, status: str, note: str, refused: bool = False) -> None:
    """Raises ``NnbenchError`` for what was not begun for a reason that the user can put right; it is no row."""
    if refused and status == Status.FAILED:
        raise NnbenchError(f"{training.label}: {note}")


def _of_length(row: Measurement, training: Training) -> Measurement:
    """A row that says how many epochs were asked for, so that what ended early is known from what was cut short."""
    return replace(row, context={**row.context, "epochs": training.length})


def trajectory(
    session: Session,
    training: Training,
    number: int,
    device: str = "cpu",
    tell: Callable[[str, int], None] = lambda doing, steps: None,
) -> Trajectory:
    """The first steps of a training; ``tell`` is given what is trained before it, and each step. Raises
    ``NnbenchError`` with the reason where it cannot be begun.
    """
    found = []
    request = _request(training, device) | {"do": "trajectory", "steps": number}
    try:
        for message in session.ask(request, SECONDS):
            if "failed" in message:
                raise NnbenchError(f"{training.label}: {message['failed']['note']}")
            if "step" in message:
                found.append(Step(**message["step"]))
                tell("", 1)
            else:
                tell(training.doing(message["doing"]), 0)
    except WorkerEnded as ended:
        raise NnbenchError(f"{training.label}: {ended.reason}") from None
    named = {"component": training.task.id, "variant": training.variant, "seed": training.seed}
    data = training.data or str((training.task.recipe or {})["data"])
    return Trajectory(named | {"data": data}, {}, tuple(found), asked=number, epochs=training.epochs)


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


OF_EPOCHS = ("weights", "stopped")  # what an epoch's rows say of itself alone


def _failed(training: Training, status: str, note: str, last: Measurement | None) -> Measurement:
    """The row of a training that ended without one more epoch than that of the row ``last``; None where it had none."""
    data = training.data or str((training.task.recipe or {})["data"])
    about: dict[str, Any] = {"data": data, "seed": training.seed, "epoch": 0}
    if last is not None:
        about |= {name: value for name, value in last.context.items() if name not in OF_EPOCHS}
    row = Measurement(
        component=training.task.id,
        variant=training.variant,
        case=str(about["data"]),
        metric="train_loss",
        unit=METRICS["train_loss"].unit,
        status=status if status != Status.OK else Status.FAILED,
        note=note,
        context=about,
    )
    return _of_length(row, training)
