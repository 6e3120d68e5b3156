"""The time that an experiment may take, and what of it further trials would."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from nnbench.experiments.records import Trial

LEAST_COST = 0.3  # of a training on all samples, however few it is on: what it is evaluated on stays


@dataclass
class Purse:
    """The time that may be spent, and what trials have cost so far; rounds that it does not reach are not begun."""

    budget: float  # seconds from now on; 0 for no end
    clock: Callable[[], float] = time.monotonic
    began: float = field(init=False)
    # Of finished trials, by contender and the share of the samples that they are trained on.
    seconds: dict[tuple[str, float], list[float]] = field(default_factory=dict)
    # What one that is under way will take in all, as far as it has come; by the same.
    paces: dict[tuple[str, float], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.began = self.clock()

    @property
    def left(self) -> float:
        return self.began + self.budget - self.clock() if self.budget else float("inf")

    def note(self, trial: Trial, seconds: float) -> None:
        """A trial is finished."""
        self.seconds.setdefault(_like(trial), []).append(seconds)

    def note_pace(self, trial: Trial, seconds: float) -> None:
        """A trial that goes on as it has begun will take so long."""
        self.paces[_like(trial)] = seconds

    def cost(self, trial: Trial) -> float:
        """What a trial will take: as long as those before of its contender, or as the others on as many samples, or its
        part of what all samples take; 0 while nothing is known.
        """
        own, share = self._known(lambda like: like == _like(trial)), _share(trial)
        alike = own or self._known(lambda like: like[1] == share)
        if alike:
            return fmean(alike)
        whole = self._known(lambda like: like[1] == 1.0)
        return max(share, LEAST_COST) * fmean(whole) if whole else 0.0

    def _known(self, chosen: Callable[[tuple[str, float]], bool]) -> list[float]:
        """Of those chosen what they took, or where none is finished how long they will take at their pace."""
        found = [seconds for like, each in self.seconds.items() if chosen(like) for seconds in each]
        return found or [seconds for like, seconds in self.paces.items() if chosen(like)]

    @property
    def knows(self) -> bool:
        """Whether anything is known of what trials take."""
        return bool(self.seconds or self.paces)

    def reaches(self, trials: Sequence[Trial], ahead: float, width: int, share: float = 1.0) -> bool:
        """Whether these can be done, so many side by side, after ``ahead`` seconds of work that is under way."""
        needed = (ahead + sum(self.cost(one) for one in trials)) / max(width, 1)
        spared = (1.0 - share) * self.budget
        return self.left - spared > 0 and needed <= self.left - spared


def _like(trial: Trial) -> tuple[str, float]:
    """What trials have in common that take about as long."""
    return trial.contender, _share(trial)


def _share(trial: Trial) -> float:
    return float(trial.changes.get("train_share", 1.0))
