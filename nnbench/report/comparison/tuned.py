"""What tuning tried, and what it says of the learning rate: the best, how wide it is, and where the grid ended."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from nnbench.experiments.records import Experiment, Outcome
from nnbench.experiments.words import is_share
from nnbench.model import Status
from nnbench.report.comparison.seeds import is_usable

NEAR = 0.01  # a point of a share, or a hundredth of anything else


@dataclass(frozen=True)
class Tried:
    """A learning rate with what its trials ended with on validation samples; None for one that failed."""

    rate: float
    values: tuple[float | None, ...]
    outcomes: tuple[Outcome, ...]
    is_eligible: bool = True  # whether every contender had its turn in the same round

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
        """The best of those that could be chosen; of equals the one that was."""
        finite = [one for one in self.eligible if math.isfinite(one.middle(self.better))]
        sign = 1 if self.better == "more" else -1
        return max(finite, key=lambda one: (sign * one.middle(self.better), self.is_chosen(one)), default=None)

    @property
    def eligible(self) -> tuple[Tried, ...]:
        return tuple(one for one in self.tried if one.is_eligible)

    def is_chosen(self, one: Tried) -> bool:
        return self.chosen is not None and math.isclose(one.rate, self.chosen)

    @property
    def edge(self) -> str:
        """ "lower" or "upper" where the best rate is the last one of the grid: a better one may lie beyond."""
        best, tried = self.best, self.eligible
        if best is None or len(tried) < 2:
            return ""
        return {tried[0].rate: "lower", tried[-1].rate: "upper"}.get(best.rate, "")


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
    whole = _whole(experiment, contender)
    tried = tuple(
        Tried(
            rate, _values(found, metric), tuple(found), whole is None or any(math.isclose(rate, one) for one in whole)
        )
        for rate, found in sorted(by_rate.items())
    )
    finals = experiment.of(contender)
    return Tuned(tried, rate_of(finals[0].trial.changes) if finals else None, experiment.better)


def _whole(experiment: Experiment, contender: str) -> list[float] | None:
    """The contender's rates of the rounds that every contender had, as only these are chosen from; None: unknown.

    All grids are alike: a place in the one of a contender is the round of that place in those of the others.
    """
    grids = experiment.protocol.get("grid")
    if not isinstance(grids, Mapping) or any(one.name not in grids for one in experiment.contenders):
        return None
    given_up = {one.trial.contender for one in experiment.tuning if one.status == Status.SKIPPED}
    names = [one.name for one in experiment.contenders if one.name not in given_up]
    tried: dict[str, list[float]] = {}
    for one in experiment.tuning:
        tried.setdefault(one.trial.contender, []).append(rate_of(one.trial.changes) or math.nan)
    return [
        rate
        for place, rate in enumerate(grids[contender])
        if all(_has(tried.get(name, ()), grids[name], place) for name in names)
    ]


def _has(tried: Sequence[float], grid: Sequence[float], place: int) -> bool:
    return place < len(grid) and any(math.isclose(rate, grid[place]) for rate in tried)


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
