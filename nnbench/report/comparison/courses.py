"""The course of a training, epoch by epoch, of every seed of a contender, and their median and quartiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from nnbench.experiments.records import Experiment, Outcome
from nnbench.model import Status
from nnbench.report.comparison.seeds import trials

MOST_TIMES = 60  # at which a line by seconds is drawn


@dataclass(frozen=True)
class Point:
    epoch: int
    seconds: float
    value: float


@dataclass(frozen=True)
class Course:
    """One trial's points; ``outcome`` says how it ended."""

    outcome: Outcome
    points: tuple[Point, ...]

    @property
    def has_failed(self) -> bool:
        return self.outcome.status != Status.OK


@dataclass(frozen=True)
class Middle:
    """The seeds at an epoch: median seconds, median value and quartiles; infinite where failed trials decide.

    ``epoch`` is 0 where they are taken at the same seconds instead.
    """

    epoch: int
    seconds: float
    value: float
    low: float
    high: float


def courses(experiment: Experiment, contender: str, metric: str) -> list[Course]:
    """Every trial of the contender that has the metric after some epoch; what is not finite is left out."""
    return [Course(one, _points(one, metric)) for one in trials(experiment, contender)]


def _points(outcome: Outcome, metric: str) -> tuple[Point, ...]:
    return tuple(
        Point(epoch.number, epoch.seconds, epoch.values[metric])
        for epoch in outcome.epochs
        if math.isfinite(epoch.values.get(metric, math.nan))
    )


def middles(found: Sequence[Course], better: str) -> list[Middle]:
    """The seeds together, epoch by epoch.

    A trial that failed counts as worse than every number from then on; one that stopped early keeps its last value.
    """
    worst = -math.inf if better == "more" else math.inf
    epochs = sorted({point.epoch for one in found for point in one.points})
    return [_middle(found, epoch, worst) for epoch in epochs]


def _middle(found: Sequence[Course], epoch: int, worst: float) -> Middle:
    there = [point for one in found for point in one.points if point.epoch == epoch]
    values = sorted(_value_at(one, epoch, worst) for one in found)
    seconds = median([point.seconds for point in there])
    return Middle(epoch, seconds, median(values), quantile(values, 0.25), quantile(values, 0.75))


def _value_at(one: Course, epoch: int, worst: float) -> float:
    upto = [point for point in one.points if point.epoch <= epoch]
    if not upto or (upto[-1].epoch < epoch and one.has_failed):
        return worst
    return upto[-1].value


def middles_by_seconds(found: Sequence[Course], better: str) -> list[Middle]:
    """The seeds together at the same seconds of training, from when every one of them has a value.

    Between two epochs a trial is on the line between their values; failures count as they do by epoch.
    """
    worst = -math.inf if better == "more" else math.inf
    return [_middle_at(found, seconds, worst) for seconds in _common_seconds(found)]


def _common_seconds(found: Sequence[Course]) -> list[float]:
    """When epochs ended; evenly apart where these are too many to draw."""
    begun = [one.points[0].seconds for one in found if one.points]
    if not begun:
        return []
    first = max(begun)
    times = sorted({point.seconds for one in found for point in one.points if point.seconds >= first})
    if len(times) <= MOST_TIMES:
        return times
    step = (times[-1] - first) / (MOST_TIMES - 1)
    return [*(first + step * place for place in range(MOST_TIMES - 1)), times[-1]]


def _middle_at(found: Sequence[Course], seconds: float, worst: float) -> Middle:
    values = sorted(_value_after(one, seconds, worst) for one in found)
    return Middle(0, seconds, median(values), quantile(values, 0.25), quantile(values, 0.75))


def _value_after(one: Course, seconds: float, worst: float) -> float:
    if not one.points or (one.has_failed and seconds > one.points[-1].seconds):
        return worst
    for before, after in pairwise(one.points):
        if before.seconds <= seconds < after.seconds:
            part = (seconds - before.seconds) / (after.seconds - before.seconds)
            return before.value + part * (after.value - before.value)
    return one.points[-1].value


def quantile(ordered: Sequence[float], part: float) -> float:
    """The quantile of ordered values, linear between neighbours; infinite where it leans on an infinite one.

    >>> quantile([1.0, 2.0, 3.0], 0.25), quantile([1.0, math.inf], 0.5)
    (1.5, inf)
    """
    place = part * (len(ordered) - 1)
    below, above = ordered[math.floor(place)], ordered[math.ceil(place)]
    if below == above:
        return below
    if math.isinf(below) or math.isinf(above):
        return below if math.isinf(below) else above
    return below + (above - below) * (place - math.floor(place))
