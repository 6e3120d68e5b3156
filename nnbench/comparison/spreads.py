"""How far values lie apart between seeds: few seeds say little of that, so each estimate leans on the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from scipy.special import digamma, polygamma

LEANS = 2.0  # what the others say counts at most so many times as much as what an estimate says itself
FEWEST = 3  # estimates; two say too little of one another


@dataclass(frozen=True)
class Spread:
    """A variance and its degrees of freedom."""

    variance: float
    freedom: float


def steadied(own: Sequence[Spread], others: float, leans: float = LEANS) -> list[Spread]:
    """Each variance drawn towards what all have in common, and the more so the less they differ.

    Empirical Bayes for variances: Smyth, 2004, doi:10.2202/1544-6115.1027, section 6.2. ``others`` are the degrees of
    freedom that the rest of an experiment has beyond one estimate's own: no more can be borrowed. All variances are
    above 0.
    """
    if len(own) < FEWEST or others <= 0:
        return list(own)
    common, weight = _common(own)
    return [_drawn(one, common, min(weight, leans * one.freedom, others)) for one in own]


def _drawn(one: Spread, common: float, weight: float) -> Spread:
    freedom = weight + one.freedom
    return Spread((weight * common + one.freedom * one.variance) / freedom, freedom)


def _common(own: Sequence[Spread]) -> tuple[float, float]:
    """The variance that the estimates have in common, and how many degrees of freedom that knowledge is worth."""
    logs = [math.log(one.variance) - digamma(one.freedom / 2) + math.log(one.freedom / 2) for one in own]
    centre = fmean(logs)
    by_chance = fmean(float(polygamma(1, one.freedom / 2)) for one in own)
    excess = variance(logs) - by_chance
    if excess <= 0:
        return sum(one.freedom * one.variance for one in own) / sum(one.freedom for one in own), math.inf
    weight = 2 * _trigamma_inverse(excess)
    return math.exp(centre + float(digamma(weight / 2)) - math.log(weight / 2)), weight


def _trigamma_inverse(value: float) -> float:
    """The number whose trigamma is ``value``: Newton's method on its reciprocal, which is nearly straight."""
    if value < 1e-7:
        return 1 / value
    found = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, found))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, found))
        found += step
        if abs(step) < 1e-10 * found:
            break
    return found
