"""Trials handed out to those who work, and taken back as they are finished, in whatever order that is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field

from nnbench.experiments.executors import Crew, Died, answer
from nnbench.experiments.records import TUNING, Trial
from nnbench.experiments.schedule import Queue
from nnbench.experiments.trials import identity
from nnbench.experiments.work import Answer, Job
from nnbench.trainings import Progress

STEPS = 1000  # of one epoch, as a progress bar counts them
TICK = 0.2  # seconds between two looks at how far trials are


@dataclass
class Meter:
    """Adds up how far all trials are."""

    progress: Progress
    done: int = 0
    _told: dict[str, int] = field(default_factory=dict)  # steps, by the name of a trial that is under way

    def begin(self, trial: Trial) -> None:
        self._told[identity(trial)] = 0
        tuned = f", learning rate {trial.changes['lr']:g}" if trial.role == TUNING else f", seed {trial.seed}"
        self.progress.update(f"{trial.contender}{tuned}", 0)

    def note(self, name: str, epochs: float) -> None:
        """A trial has done so many epochs."""
        if name in self._told:
            self._credit(name, int(STEPS * epochs))

    def end(self, trial: Trial) -> None:
        """A trial is over, however many epochs it had in the end."""
        self._credit(identity(trial), STEPS * trial.epochs)
        del self._told[identity(trial)]

    def _credit(self, name: str, steps: int) -> None:
        new = max(steps - self._told[name], 0)
        self._told[name] += new
        self.done += new
        self.progress.update("", new)

    def expect(self, under_way: list[Trial], later: list[Trial]) -> None:
        """What is still to be done, so that the time left can be told."""
        rest = sum(STEPS * one.epochs - self._told[identity(one)] for one in under_way)
        self.progress.expect(self.done + rest + sum(STEPS * one.epochs for one in later))


@dataclass(frozen=True)
class Finished:
    """A trial that came back: with an answer, or with what is known of why there is none."""

    trial: Trial
    answer: Answer | None
    why: str = ""


def hand_out(
    queue: Queue, crew: Crew, job: Callable[[Trial], Job], meter: Meter, clock: Callable[[], float] = time.monotonic
) -> Iterator[Finished]:
    """Keep everybody busy until the queue gives no more, and yield each trial when it is finished."""
    running: dict[Future[Answer], tuple[Trial, float]] = {}
    while True:
        _fill(running, queue, crew, job, meter, clock)
        under_way = [trial for trial, _ in running.values()]
        meter.expect(under_way, queue.affordable(_ahead(running, queue, clock), crew.width))
        if not running:
            return
        done, _ = wait(running, timeout=TICK, return_when=FIRST_COMPLETED)
        for name, epochs in crew.told():
            meter.note(name, epochs)
        for future in done:
            trial, _ = running.pop(future)
            meter.end(trial)
            yield _finished(trial, future)


def _fill(
    running: dict[Future[Answer], tuple[Trial, float]],
    queue: Queue,
    crew: Crew,
    job: Callable[[Trial], Job],
    meter: Meter,
    clock: Callable[[], float],
) -> None:
    """Begin as many trials as there are free hands; one at least, which a cluster without workers keeps for them."""
    while len(running) < max(crew.width, 1):
        trial = queue.next(_ahead(running, queue, clock), crew.width)
        if trial is None:
            return
        meter.begin(trial)
        running[crew.submit(job(trial))] = trial, clock()


def _ahead(running: dict[Future[Answer], tuple[Trial, float]], queue: Queue, clock: Callable[[], float]) -> float:
    """Seconds of work that what is under way still takes, all together."""
    return sum(max(queue.purse.cost(trial.contender) - (clock() - began), 0.0) for trial, began in running.values())


def _finished(trial: Trial, future: Future[Answer]) -> Finished:
    try:
        return Finished(trial, answer(future))
    except Died as died:
        return Finished(trial, None, str(died))
