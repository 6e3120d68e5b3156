"""Trainings of several tasks side by side, a thread of their own each: for what is not timed."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from nnbench.model import Measurement
from nnbench.processes.session import Session
from nnbench.processes.side_by_side import each
from nnbench.trainer import STEPS, Training, run

STEPS_A_SECOND = 10  # of a progress bar
LEAST_SECONDS = 20.0  # of training for one worker: beside it, its start is short


class Progress(Protocol):
    """Whoever shows how far it is; ``expect`` says how many steps there will be in all."""

    def update(self, doing: str, steps: int) -> None: ...

    def expect(self, total: int) -> None: ...


@dataclass(frozen=True)
class Group:
    """Trainings of one task that differ in their seed; each takes about so many ``seconds``."""

    trainings: Sequence[Training]
    seconds: float = 1.0

    @property
    def steps(self) -> int:
        """Of a progress bar, for one of them."""
        return max(round(STEPS_A_SECOND * self.seconds), 1)

    def cut(self, processes: int) -> list[Group]:
        """In parts that are worth a worker each, at most one a process."""
        worth = math.ceil(len(self.trainings) * self.seconds / LEAST_SECONDS)
        parts = max(min(processes, len(self.trainings), worth), 1)
        return [Group(self.trainings[part::parts], self.seconds) for part in range(parts)]


def steps(groups: Sequence[Group]) -> int:
    """How many steps ``trained`` will tell in all."""
    return sum(group.steps * len(group.trainings) for group in groups)


def trained(
    session: Session, groups: Sequence[Group], progress: Progress, processes: int, device: str = "cpu"
) -> list[dict[int, list[Measurement]]]:
    """The rows of each group, by seed; what fails or crashes has a row that says so."""
    lots = [(place, part) for place, group in enumerate(groups) for part in group.cut(processes)]
    lots.sort(key=lambda lot: -steps([lot[1]]))  # the longest first: at the end nobody waits for it
    meter = _Meter(progress, sum(len(group.trainings) for group in groups))

    def work(member: Session, lot: tuple[int, Group]) -> list[Measurement]:
        return _rows(member, lot[1], meter, device)

    found: list[list[Measurement]] = [[] for _ in groups]
    for (place, _), rows in each(session, lots, processes, work):
        found[place] += rows or ()
    return [_by_seed(group, rows) for group, rows in zip(groups, found, strict=True)]


def _rows(session: Session, group: Group, meter: _Meter, device: str) -> list[Measurement]:
    """One part, trained in one worker."""
    rows, told, done = [], 0, 0
    of_one = STEPS * group.trainings[0].length
    for event in run(session, group.trainings, device):
        before, done = done, done + event.steps + event.skipped
        now = done * group.steps // of_one
        meter.note(event.doing, now - told, done // of_one - before // of_one)
        told = now
        if event.row is not None:
            rows.append(event.row)
    return rows


def _by_seed(group: Group, rows: Sequence[Measurement]) -> dict[int, list[Measurement]]:
    return {one.seed: [row for row in rows if row.context["seed"] == one.seed] for one in group.trainings}


class _Meter:
    """Adds up what several threads tell."""

    def __init__(self, progress: Progress, trainings: int) -> None:
        self._progress = progress
        self._trainings = trainings
        self._ended = 0
        self._lock = threading.Lock()

    def note(self, doing: str, steps: int, ended: int) -> None:
        with self._lock:
            self._ended += ended
            told = f"{self._ended} of {self._trainings} trainings done; {doing}" if doing else ""
            self._progress.update(told, steps)
