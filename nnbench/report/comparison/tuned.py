"""What tuning tried, and what it says of the learning rate: the best, how wide it is, and where the grid ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from nnbench.experiments.records import Experiment, Outcome
from nnbench.experiments.words import is_share
from nnbench.report.comparison.seeds import is_usable

NEAR = 0.01  # a point of a share, or a hundredth of anything else


@dataclass(frozen=True)
class Tried:
    """A learning rate with what its trials ended with on validation samples; None for one that failed."""

    rate: float
    values: tuple[float | None, ...]
    outcomes: tuple[Outcome, ...]

    def middle(self, better: str) -> float:
        worst = -math.inf if better == "more" else math.inf
        return median([worst if value is None else value for value in self.values])


@dataclass(frozen=True)
class Tuned:
    """A contender's rates, ascending. ``chosen`` is the rate of its final trials, None where they name none."""

    tried: tuple[Tried, ...]
    chosen: float | None
    better: str

    @property
    def best(self) -> Tried | None:
        finite = [one for one in self.tried if math.isfinite(one.middle(self.better))]
        sign = 1 if self.better == "more" else -1
        return max(finite, key=lambda one: sign * one.middle(self.better), default=None)

    @property
    def edge(self) -> str:
        """ "lower" or "upper" where the best rate is the last one of the grid: a better one may lie beyond."""
        best = self.best
        if best is None or len(self.tried) < 2:
            return ""
        return {self.tried[0].rate: "lower", self.tried[-1].rate: "upper"}.get(best.rate, "")


def metric_of_tuning(metric: str) -> str:
    """The metric on validation samples that stands for one of the test."""
    return metric.replace("test_", "validation_", 1)


def tuned(experiment: Experiment, contender: str) -> Tuned:
    """The contender's tuning trials by learning rate; those that set none are left out."""
    metric = metric_of_tuning(experiment.metric)
    by_rate: dict[float, list[Outcome]] = {}
    for one in experiment.tuning:
        rate = rate_of(one.trial.changes)
        if one.trial.contender == contender and rate is not None:
            by_rate.setdefault(rate, []).append(one)
    tried = tuple(Tried(rate, _values(found, metric), tuple(found)) for rate, found in sorted(by_rate.items()))
    finals = experiment.of(contender)
    return Tuned(tried, rate_of(finals[0].trial.changes) if finals else None, experiment.better)


def _values(found: Sequence[Outcome], metric: str) -> tuple[float | None, ...]:
    return tuple(one.last(metric) if is_usable(one, metric) else None for one in found)


def rate_of(changes: Any) -> float | None:
    rate = changes.get("lr")
    return float(rate) if isinstance(rate, int | float) and rate > 0 else None


def decades(found: Tuned, metric: str) -> float | None:
    """How many decades of learning rates around the best stay near it; None where nothing trained."""
    best = found.best
    if best is None:
        return None
    top = best.middle(found.better)
    room = NEAR if is_share(metric) else NEAR * abs(top)
    place = found.tried.index(best)
    low = high = place
    while low > 0 and _is_near(found.tried[low - 1], top, room, found.better):
        low -= 1
    while high < len(found.tried) - 1 and _is_near(found.tried[high + 1], top, room, found.better):
        high += 1
    return math.log10(found.tried[high].rate / found.tried[low].rate)


def _is_near(one: Tried, top: float, room: float, better: str) -> bool:
    return abs(one.middle(better) - top) <= room


def expected_best(found: Sequence[float], better: str, draws: int) -> float:
    """What the best of so many trials reaches on average, drawn with replacement; Dodge et al., EMNLP 2019, eq. 6.

    >>> expected_best([0.9, 0.8], "more", 2)
    0.875
    """
    ordered = sorted(found, reverse=better == "less")
    count = len(ordered)
    weights = [(place / count) ** draws - ((place - 1) / count) ** draws for place in range(1, count + 1)]
    return math.fsum(weight * value for weight, value in zip(weights, ordered, strict=True))
