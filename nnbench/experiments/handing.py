"""Trials handed out to those who work, and taken back as they are finished, in whatever order that is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Protocol

from nnbench.experiments.executors import Crew, Died, answer
from nnbench.experiments.records import TUNING, Trial
from nnbench.experiments.schedule import Queue
from nnbench.experiments.trials import identity
from nnbench.experiments.work import Answer, Job

STEPS = 1000  # of one epoch, as a progress bar counts them
LEAST_SHARE = 0.05  # of a trial that must be done before anything is concluded from how long it took
OVERTIME = 0.1  # of what a trial has taken, that is still left of it however long that was
TICK = 0.2  # seconds between two looks at how far trials are


@dataclass(frozen=True)
class Expected:
    """How much there will be in all, as far as is known now; ``seconds`` are those that are left, None if unknown."""

    steps: int
    trials: int
    seconds: float | None


class Progress(Protocol):
    """Whoever shows how far it is: what goes on (nothing new where empty), steps and trials that were finished."""

    def update(self, doing: str, steps: int, trials: int = 0) -> None: ...

    def expect(self, all_told: Expected) -> None: ...


@dataclass
class Meter:
    """Adds up how far all trials are."""

    progress: Progress
    done: int = 0
    trials: int = 0  # that are over
    _told: dict[str, int] = field(default_factory=dict)  # steps, by the name of a trial that is under way

    def begin(self, trial: Trial) -> None:
        self._told[identity(trial)] = 0

    def announce(self, doing: str) -> None:
        """Say what goes on from now."""
        self.progress.update(doing, 0)

    def note(self, name: str, epochs: float) -> None:
        """A trial has done so many epochs."""
        if name in self._told:
            self._credit(name, int(STEPS * epochs))

    def end(self, trial: Trial) -> None:
        """A trial is over, however many epochs it had in the end."""
        self._credit(identity(trial), STEPS * trial.epochs)
        del self._told[identity(trial)]
        self.trials += 1
        self.progress.update("", 0, 1)

    def _credit(self, name: str, steps: int) -> None:
        new = max(steps - self._told[name], 0)
        self._told[name] += new
        self.done += new
        self.progress.update("", new)

    def share(self, trial: Trial) -> float:
        """How much of a trial that is under way is done, as far as was told."""
        return self._told[identity(trial)] / (STEPS * trial.epochs)

    def expect(self, under_way: Sequence[Trial], later: Sequence[Trial], seconds: float | None) -> None:
        """What is still to be done."""
        rest = sum(STEPS * one.epochs - self._told[identity(one)] for one in under_way)
        steps = self.done + rest + sum(STEPS * one.epochs for one in later)
        self.progress.expect(Expected(steps, self.trials + len(under_way) + len(later), seconds))


def in_words(trial: Trial) -> str:
    """What a trial is, for who waits for it."""
    tuned = f"learning rate {trial.changes['lr']:g}" if trial.role == TUNING else f"seed {trial.seed}"
    share = trial.changes.get("train_share")
    return f"{trial.contender}, {tuned}" + (f", {share:g} of the samples" if share else "")


@dataclass(frozen=True)
class Finished:
    """A trial that came back: with an answer, or with what is known of why there is none."""

    trial: Trial
    answer: Answer | None
    why: str = ""


@dataclass
class _Running:
    """A trial under way; since when it is worked on, or was handed out where that is not told; when something of it was
    done first, and how much.
    """

    trial: Trial
    begun: float | None
    first: tuple[float, float] | None = None

    def pace(self, now: float, share: float) -> float:
        """Seconds that all of it takes, its preparation aside; 0 while too little of it is done."""
        if self.first is None and share > 0:
            self.first = now, share
        if self.first is None or share - self.first[1] < LEAST_SHARE:
            return 0.0
        return (now - self.first[0]) / (share - self.first[1])


@dataclass
class _Hands:
    """Trials in the hands of a crew."""

    queue: Queue
    crew: Crew
    job: Callable[[Trial], Job]
    meter: Meter
    clock: Callable[[], float]
    beside: Callable[[], float]
    running: dict[Future[Answer], _Running] = field(default_factory=dict)

    def fill(self) -> None:
        """Begin a trial for each free hand; one at least, which a cluster without workers keeps for them."""
        while len(self.running) < max(self.crew.width, 1):
            trial = self.queue.next(self.ahead(), self.crew.width)
            if trial is None:
                return
            self.meter.begin(trial)
            if not self.crew.tells:
                self.meter.announce(in_words(trial))
            self.running[self.crew.submit(self.job(trial))] = _Running(trial, None if self.crew.tells else self.clock())

    def listen(self) -> None:
        """Hear how far they are, and guess from it what a trial takes."""
        names = {identity(one.trial): one for one in self.running.values()}
        for name, epochs in self.crew.told():
            self.meter.note(name, epochs)
            if name in names and names[name].begun is None:
                names[name].begun = self.clock()
                self.meter.announce(in_words(names[name].trial))
        for one in self.running.values():
            if pace := one.pace(self.clock(), self.meter.share(one.trial)):
                self.queue.purse.note_pace(one.trial, pace)

    def spent(self, one: _Running) -> float:
        """Seconds that it has been worked on, as far as can be told."""
        return 0.0 if one.begun is None else self.clock() - one.begun

    def ahead(self) -> float:
        """Seconds of work that what is under way still takes, all together."""
        return sum(map(self._left, self.running.values())) + self.beside()

    def _left(self, one: _Running) -> float:
        """By how much of it is done and by how long it was worked on, whichever leaves more: what comes before the
        first epoch and after the last has no share. How much longer one takes that takes too long, nobody knows.
        """
        cost, spent, share = self.queue.purse.cost(one.trial), self.spent(one), self.meter.share(one.trial)
        return max((1.0 - share) * cost if share else 0.0, cost - spent, OVERTIME * spent)

    def expect(self) -> None:
        """Tell how much there will be in all, and how long it will take."""
        ahead, width, purse = self.ahead(), max(self.crew.width, 1), self.queue.purse
        later = self.queue.affordable(ahead, width)
        work = ahead + sum(purse.cost(one) for one in later)
        under_way = [one.trial for one in self.running.values()]
        self.meter.expect(under_way, later, work / width if purse.knows else None)


def hand_out(
    queue: Queue,
    crew: Crew,
    job: Callable[[Trial], Job],
    meter: Meter,
    clock: Callable[[], float] = time.monotonic,
    beside: Callable[[], float] = float,
) -> Iterator[Finished]:
    """Keep everybody busy until the queue gives no more, and yield each trial when it is finished.

    ``beside`` says how many seconds of other work the crew has in hands.
    """
    hands = _Hands(queue, crew, job, meter, clock, beside)
    while True:
        hands.fill()
        hands.expect()
        if not hands.running:
            return
        done, _ = wait(hands.running, timeout=TICK, return_when=FIRST_COMPLETED)
        hands.listen()
        for future in done:
            trial = hands.running.pop(future).trial
            meter.end(trial)
            yield _finished(trial, future)


def _finished(trial: Trial, future: Future[Answer]) -> Finished:
    try:
        return Finished(trial, answer(future))
    except Died as died:
        return Finished(trial, None, str(died))
