"""The verdict of a duel: numbers of process pairs in, faster, slower, same or undecided out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, stdev

from scipy.special import stdtrit

from nnbench.model import Verdict

LEAST_SPREAD = 0.002  # pairs that agree better than this do so by chance
SAFETY = 1.25  # for tails heavier than the t distribution's, and for looking after each pair
QUANTILE = 0.998
CLEAR = 1.25  # times the threshold: what looks larger than this is neither called "same" early nor left undecided
LARGEST = 700.0  # logarithm of what a float can hold
OWN_ERROR = 0.75  # share of what pairs are uncertain by themselves that they must differ by, or they agree by chance
MEDIAN = 1.2533  # a median's standard error over a mean's, of normal numbers
NORMAL = 1.4826  # a normal distribution's standard deviation over its median absolute deviation


@dataclass(frozen=True)
class Rule:
    """When a contest is decided. ``threshold`` is the smallest change that is called one, as a share.

    Below ``least_pairs`` nothing is said; at ``most_pairs`` what is clear enough is said, the rest is undecided.
    """

    threshold: float = 0.01
    least_pairs: int = 4
    most_pairs: int = 20

    @property
    def negligible(self) -> float:
        """What is surely smaller, and looks like no change, is called "same"."""
        return self.threshold + 0.02

    @property
    def clear(self) -> float:
        """What looks at least as large as this is a change, once it is surely not nothing."""
        return CLEAR * self.threshold


def pair_value(minima: Sequence[tuple[float, float]]) -> float:
    """What one pair of processes says: the median over its blocks of log(B / A), from the minima of both sides' blocks.

    >>> pair_value([(1.0, 1.0), (2.0, 2.0), (1.0, 9.0)])
    0.0
    """
    return median(math.log(b / a) for a, b in minima)


def pair_error(minima: Sequence[tuple[float, float]]) -> float:
    """How uncertain a pair's value is by how its own blocks differ: the standard error of their median, robust.

    >>> pair_error([(1.0, 1.0), (2.0, 2.0), (1.0, 9.0)])
    0.0
    """
    return MEDIAN * _deviation([math.log(b / a) for a, b in minima]) / math.sqrt(len(minima))


def _deviation(values: Sequence[float]) -> float:
    middle = median(values)
    return NORMAL * median(abs(value - middle) for value in values)


def spread(values: Sequence[float], error: float = 0.0) -> float:
    """How far pairs differ: robust against a few wild ones, but never below half their standard deviation.

    Nor below most of what they are uncertain by themselves, ``error``: four pairs that agree better do so by chance.
    """
    return max(_deviation(values), stdev(values) / 2, OWN_ERROR * error, LEAST_SPREAD)


def half_width(values: Sequence[float], error: float = 0.0) -> float:
    """Half the interval around the median of two or more pairs, on the scale of logarithms."""
    quantile = float(stdtrit(len(values) - 1, QUANTILE))
    return SAFETY * quantile * spread(values, error) / math.sqrt(len(values))


def estimate(values: Sequence[float], verdict: str, error: float = 0.0) -> Verdict:
    """A verdict with the ratio that these pairs show and its interval; without one that is known below two pairs."""
    if not values:
        return Verdict(verdict, math.nan, math.nan, math.nan)
    middle = median(values)
    half = half_width(values, error) if len(values) > 1 else math.inf
    high = math.exp(middle + half) if middle + half < LARGEST else math.inf
    return Verdict(verdict, math.exp(middle), math.exp(middle - half), high)


def decide(values: Sequence[float], rule: Rule, is_last: bool = False, error: float = 0.0) -> Verdict:
    """What the pairs so far say of B against A; "undecided" asks for another pair, unless this was the last.

    ``values`` are those of ``pair_value``, one for each fresh pair of processes, ``error`` what is typical of their
    ``pair_error``.

    >>> decide([0.1, 0.101, 0.099, 0.1], Rule()).verdict
    'slower'
    >>> decide([0.0, 0.001, -0.001, 0.0], Rule()).verdict
    'same'
    >>> decide([0.1, 0.101, 0.099], Rule()).verdict
    'undecided'
    """
    if len(values) < max(rule.least_pairs, 2):
        return estimate(values, "undecided", error)
    middle, half = median(values), half_width(values, error)
    is_last = is_last or len(values) >= rule.most_pairs
    said = _said(abs(middle), half, "slower" if middle > 0 else "faster", is_last, rule)
    return estimate(values, said, error)


def _said(size: float, half: float, direction: str, is_last: bool, rule: Rule) -> str:
    """The verdict on a change of this size, on the scale of logarithms.

    What looks like a change is not called "same" though it be small: more pairs may show it. With the last pair such
    a size will do, if its interval is beyond no change at all.
    """
    looks_changed = size > math.log1p(rule.clear)
    if size - half > math.log1p(rule.threshold):
        return direction
    if size + half < math.log1p(rule.negligible) and not looks_changed:
        return "same"
    if is_last and looks_changed and size > half:
        return direction
    return "undecided"


def noise_floor(values: Sequence[float]) -> float:
    """How far one pair is off for the same code on both sides, as a share: a robust standard deviation around 1.

    >>> round(noise_floor([0.0, 0.01, -0.01]), 4)
    0.0149
    """
    return math.expm1(NORMAL * median(map(abs, values))) if values else 0.0
