"""Means over seeds with their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, variance

from scipy.special import stdtrit

from nnbench.comparison.failed import Values, finished
from nnbench.comparison.scores import scale
from nnbench.comparison.spreads import Spread, steadied
from nnbench.stats import Interval

CONFIDENCE = 0.99
LEANS = 1.0  # less than for differences: noise that the seeds share makes the spreads of all contenders alike


def interval(values: Sequence[float]) -> Interval:
    """The mean of one contender's finished trials with its 99 % interval, Student's t; infinite ends for a single one.

    >>> interval([1.0, 1.0, 1.0])
    Interval(estimate=1.0, low=1.0, high=1.0)
    """
    if len(values) < 2:
        return Interval(fmean(values), -math.inf, math.inf)
    return around(fmean(values), Spread(variance(values), len(values) - 1), len(values))


def intervals(values: Mapping[str, Values]) -> dict[str, Interval]:
    """The means of several contenders, whose spreads steady each other; those with no finished trial are left out.

    Seeds that came to the same value are no proof that all do: no spread is less than the steps of the values give.
    """
    found = {name: finished(members) for name, members in values.items()}
    many = {name: members for name, members in found.items() if len(members) > 1}
    least = scale(values, "more").step ** 2 / 6
    own = {name: max(variance(members), least) for name, members in many.items()}
    known = {name: Spread(own[name], len(many[name]) - 1) for name in many if own[name] > 0}
    others = sum(one.freedom for one in known.values()) - max((one.freedom for one in known.values()), default=0)
    spreads = dict(zip(known, steadied(list(known.values()), others, LEANS), strict=True))
    return {
        name: around(fmean(members), spreads[name], len(members)) if name in spreads else interval(members)
        for name, members in found.items()
        if members
    }


def around(mean: float, spread: Spread, count: int, confidence: float = CONFIDENCE) -> Interval:
    """The interval of a mean of ``count`` values that lie so far apart."""
    half = half_width(spread, count, confidence)
    return Interval(mean, mean - half, mean + half)


def half_width(spread: Spread, count: int, confidence: float = CONFIDENCE) -> float:
    return float(stdtrit(spread.freedom, (1 + confidence) / 2)) * math.sqrt(spread.variance / count)
