"""Scores: values on a scale on which noise is alike whatever their level, and more is better."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from nnbench.comparison.failed import Values, finished

LONGEST = 600.0  # of a logarithm, so that it has a number


@dataclass(frozen=True)
class Scale:
    """Losses and errors vary in proportion to their size: their score is the logarithm of the distance from the ideal.

    ``ideal`` is what cannot be passed (0 of a loss, 1 of an accuracy); without one values are scores as they are, but
    for the sign. ``step`` is the smallest between any two values: an accuracy of few samples moves in steps.
    """

    sign: float
    ideal: float | None
    step: float

    def score(self, value: float) -> float:
        return self.sign * value if self.ideal is None else -math.log(self.distance(value))

    def distance(self, value: float) -> float:
        """From the ideal, half a step more, so that the ideal itself has a score."""
        return abs(value - (self.ideal or 0.0)) + self.step / 2

    def steepness(self, *parts: Sequence[float]) -> float:
        """How much the score changes with the value, at most, where these values lie."""
        return 1.0 if self.ideal is None else 1 / min(fmean(map(self.distance, part)) for part in parts)

    def unit(self, *parts: Sequence[float]) -> float:
        """The distance of the better of two contenders from the ideal, a geometric mean: what gains are measured by."""
        return 1.0 if self.ideal is None else min(math.exp(-fmean(map(self.score, part))) for part in parts)

    def gain(self, scored: float, unit: float) -> float:
        """A gain in the values' own units, the better one staying where it is: all doubt is the other's."""
        if self.ideal is None:
            return scored
        return math.copysign(unit * math.expm1(min(abs(scored), LONGEST)), scored)

    def scored(self, gain: float, unit: float) -> float:
        """The other way: a gain of 0 or more as one in score."""
        return gain if self.ideal is None else math.log1p(gain / unit)

    def ends(self, scored: float, half: float, gain: float, unit: float) -> tuple[float, float]:
        """Of an interval around ``gain``, which ``scored`` is in score, ``half`` the half of the interval there.

        Differences of means and of their logarithms are not quite the same; where they nearly are, the ends are drawn
        to the former by a factor, which leaves 0 inside or outside, otherwise they are moved.
        """
        centre, low, high = (self.gain(one, unit) for one in (scored, scored - half, scored + half))
        if gain * centre > 0 and 0.5 < gain / centre < 2:
            return low * gain / centre, high * gain / centre
        return low + gain - centre, high + gain - centre


def scale(values: Mapping[str, Values], better: str, ideal: float | None = None) -> Scale:
    """The scale of an experiment's values; one that passes the ideal, or has reached it everywhere, has none."""
    sign = 1.0 if better == "more" else -1.0
    seen = sorted({value for members in values.values() for value in finished(members)})
    step = min((after - before for before, after in pairwise(seen)), default=0.0)
    passed = ideal is not None and any(sign * (value - ideal) > 0 for value in seen)
    reached = ideal is not None and step == 0 and any(value == ideal for value in seen)
    return Scale(sign, None if passed or reached else ideal, step)
