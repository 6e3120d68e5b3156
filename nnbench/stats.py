"""Numbers in, numbers out: what a pile of timing samples says, how sure, and whether two piles differ."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median

from scipy.special import stdtrit

from nnbench.model import Verdict

GROUP = 5  # samples of which the smallest counts: what disturbs a sample only ever adds to it
CONFIDENCE = 0.99
QUANTILE = 2.5758293  # of the normal distribution, for an interval of that confidence
# Fresh processes running the same code differ by 0.3 to 1.8 % (measured; docs/methodology.md). One process cannot
# know its own spread, so the observed one is pooled with this much prior knowledge of it.
PRIOR_SPREAD = 0.015
PRIOR_WEIGHT = 4
SAFETY = 1.25  # heavier tails than the t distribution allows for

SMALLEST, LARGEST = math.log(sys.float_info.min), math.log(sys.float_info.max)
NOTHING = 1e-12  # what stands for a time of 0, which no logarithm takes

UNUSABLE = 0.05  # a noise floor above this, and times decide nothing
NOTICEABLE = 0.01  # a smaller change is never called one
NEGLIGIBLE = 0.03  # a change that is surely smaller is called "same"


@dataclass(frozen=True)
class Interval:
    """An estimate and the ends of its 99 % interval."""

    estimate: float
    low: float
    high: float

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.estimate + other.estimate, self.low + other.low, self.high + other.high)

    def __truediv__(self, other: Interval) -> Interval:
        """The quotient of two independent positive estimates; their relative errors add up as squares."""
        ratio = self.estimate / other.estimate
        below = math.hypot(math.log(self.estimate / self.low), math.log(other.high / other.estimate))
        above = math.hypot(math.log(self.high / self.estimate), math.log(other.estimate / other.low))
        return Interval(ratio, ratio * math.exp(-below), ratio * math.exp(above))

    def overlaps(self, other: Interval) -> bool:
        return self.low <= other.high and other.low <= self.high

    def widened(self, factor: float) -> Interval:
        """The interval with both ends moved out by a factor of 1 or more."""
        return Interval(self.estimate, self.low / factor, self.high * factor)


def typical(samples: Sequence[float]) -> float:
    """One process's value: the median over consecutive groups of five of each group's smallest sample.

    >>> typical([2.0, 1.0, 9.0, 1.5, 1.2, 3.0, 1.1, 1.3, 1.4, 1.6])
    1.05
    """
    whole = len(samples) - len(samples) % GROUP
    groups = [samples[start : start + GROUP] for start in range(0, whole, GROUP)]
    return median(min(group) for group in groups or [samples])


def location(rounds: Sequence[Sequence[float]]) -> Interval:
    """The typical value over processes with a 99 % interval; ``rounds`` holds each process's positive samples.

    The process is the unit, however many samples it took. The spread between processes is estimated on logarithms
    and moderated by what is known of such spreads, as Smyth (2004, doi:10.2202/1544-6115.1027) does for variances:
    with few processes the prior counts, with many the data. Ends beyond what a float holds are the last that it holds.
    """
    if not rounds or not all(rounds):
        raise ValueError("an interval needs at least one process with at least one sample")
    logs = [math.log(typical(samples) or NOTHING) for samples in rounds]
    centre = median(logs)
    half = SAFETY * _standard_error(logs)
    return Interval(_exp(centre), _exp(centre - half), _exp(centre + half))


def _exp(logarithm: float) -> float:
    return math.exp(min(max(logarithm, SMALLEST), LARGEST))


def _standard_error(logs: Sequence[float]) -> float:
    middle = mean(logs)
    squares = sum((value - middle) ** 2 for value in logs) + PRIOR_WEIGHT * PRIOR_SPREAD**2
    freedom = PRIOR_WEIGHT + len(logs) - 1
    quantile = float(stdtrit(freedom, (1 + CONFIDENCE) / 2))
    return quantile * math.sqrt(squares / freedom / len(logs))


def share(estimate: float, samples: int) -> Interval:
    """A share that was counted in so many samples, with the interval that drawing them leaves open.

    Wilson's (1927, doi:10.1080/01621459.1927.10502953): it stays within 0 and 1, and holds near both ends and for few
    samples, where the usual one is far too narrow.
    """
    root = QUANTILE**2 / samples
    middle = (estimate + root / 2) / (1 + root)
    half = math.sqrt(root * (estimate * (1 - estimate) + root / 4)) / (1 + root)
    return Interval(estimate, max(middle - half, 0.0), min(middle + half, 1.0))


def noise_floor(looks: Sequence[Sequence[float]]) -> float:
    """How far the same code is from itself: the largest, over several kernels, of the spreads of repeated looks.

    A spread is the robust standard deviation (1.4826 times the median absolute deviation) of the logarithms, so that
    0.05 stands for 5 %. Each kernel's looks are positive, two or more; kernels with fewer say nothing.
    """
    return max((_spread([math.log(look) for look in one]) for one in looks if len(one) > 1), default=math.nan)


def _spread(logs: Sequence[float]) -> float:
    middle = median(logs)
    return 1.4826 * median(abs(value - middle) for value in logs)


def compare_times(before: Interval, after: Interval, drift: float = 1.0) -> Verdict:
    """Whether a time changed. ``drift`` (1 or more) is the factor by which the machine itself may have moved.

    "slower" and "faster" are said only when the two intervals do not overlap and the ratio is surely beyond 1 %, "same"
    only when it is surely within 3 %; all else is "undecided".

    >>> compare_times(Interval(1, 0.99, 1.01), Interval(1.2, 1.19, 1.21)).verdict
    'slower'
    >>> compare_times(Interval(1, 0.9, 1.1), Interval(1.05, 1.0, 1.2)).verdict
    'undecided'
    """
    ratio = (after / before).widened(drift)
    apart = not before.widened(drift).overlaps(after)
    return Verdict(_verdict(ratio, apart), ratio.estimate, ratio.low, ratio.high)


def _verdict(ratio: Interval, apart: bool) -> str:
    if apart and ratio.low > 1 + NOTICEABLE:
        return "slower"
    if apart and ratio.high < 1 / (1 + NOTICEABLE):
        return "faster"
    if ratio.low > 1 / (1 + NEGLIGIBLE) and ratio.high < 1 + NEGLIGIBLE:
        return "same"
    return "undecided"
