"""How well changes are found: the F1 score over steps put in, and false alarms where nothing changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from made_up import STEPS, History
from scipy.stats import chi2

NEAR = 5  # points that a date may be off


@dataclass
class Score:
    """What a detector said of some histories."""

    hits: Counter[float] = field(default_factory=Counter)
    asked: Counter[float] = field(default_factory=Counter)
    extra: int = 0  # beside the step, in histories with one
    alarms: int = 0  # in histories without
    points: int = 0  # of histories without

    def add(self, history: History, found: list[int]) -> None:
        if history.step == 0:
            self.alarms += len(found)
            self.points += len(history.values)
            return
        near = sum(abs(index - history.place) <= NEAR for index in found)
        self.asked[history.step] += 1
        self.hits[history.step] += min(near, 1)
        self.extra += len(found) - min(near, 1)

    @property
    def f1(self) -> float:
        hits = sum(self.hits.values())
        missed = sum(self.asked.values()) - hits
        return 2 * hits / (2 * hits + missed + self.extra)

    @property
    def alarm_rate(self) -> float:
        return rate(self.alarms, self.points)

    @property
    def most_alarms(self) -> float:
        return upper(self.alarms, self.points)

    def found(self) -> str:
        return " / ".join(f"{self.hits[step] / max(self.asked[step], 1):.2f}" for step in STEPS)


def rate(count: int, points: int) -> float:
    """So many in so many, per 1,000."""
    return 1000 * count / max(points, 1)


def upper(count: int, points: int) -> float:
    """The upper end of the 95 % interval of a rate per 1,000 (one-sided, Poisson)."""
    return rate(1, points) * float(chi2.ppf(0.95, 2 * (count + 1)) / 2)


def score(histories: Iterable[tuple[History, list[int]]]) -> Score:
    total = Score()
    for history, found in histories:
        total.add(history, found)
    return total
