"""Scales of the drawings: from values to pixels, and the ticks that are written beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from nnbench.experiments.words import MINUS, is_share

LINEAR, WHOLE, LOG, ERROR = "linear", "whole", "log", "error"
WIDE = 3.0  # errors or losses that span more than this factor are drawn by their logarithm
LEAST_ERROR = 1e-4  # of 1, where an error is none at all
BY_ERROR = "The axis follows the logarithm of the error, as the best would lie on one line otherwise."
POINTS = "points_accuracy"  # what two shares differ by, told in points
ROOM = 0.04  # of the span, left free at both ends
SHARES = (0, 0.2, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)
BETWEEN = (0.1, 0.3, 0.4, 0.6, 0.85, 0.92, 0.94, 0.96, 0.985, 0.992, 0.994, 0.996)  # where there is room for more
FEWEST = 3  # ticks that say how an axis runs
CLOSER = (1.0, 0.75, 0.55)  # how far ticks are drawn together where there would be fewer


@dataclass(frozen=True)
class Scale:
    """Values between ``low`` and ``high`` on pixels between ``start`` and ``end``; those outside come to its ends.

    ``kind``: linear, whole (linear, its ticks whole numbers), log, or error: a share of 1 by the logarithm of what it
    lacks.
    """

    low: float
    high: float
    start: float
    end: float
    kind: str = LINEAR

    def at(self, value: float) -> float:
        low, high = self._straight(self.low), self._straight(self.high)
        part = (self._straight(value) - low) / (high - low) if high > low else 0.5
        return self.start + (self.end - self.start) * min(max(part, 0.0), 1.0)

    def _straight(self, value: float) -> float:
        if math.isinf(value) or self.kind in (LINEAR, WHOLE):
            return value
        if self.kind == LOG:
            return math.log10(max(value, 1e-300))
        return -math.log10(max(1 - value, LEAST_ERROR))

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def ticks(self, least: float) -> list[float]:
        """Round values at least so many pixels apart, from the lower end."""
        found: list[float] = []
        for value in self._round_values(least):
            if self.holds(value) and all(abs(self.at(value) - self.at(other)) >= least for other in found):
                found.append(value)
        return found

    def labelled(self, metric: str, least: float, room: Callable[[str], float]) -> list[float]:
        """Ticks so many pixels apart, or nearer where that leaves too few of them and ``room`` of each label allows."""
        for part in CLOSER:
            found = self.ticks(part * least)
            if len(found) >= FEWEST and max(room(short(metric, value)) for value in found) <= part * least:
                return found
        return self.ticks(least)

    def _round_values(self, least: float) -> Iterable[float]:
        if self.kind == ERROR:
            return (*SHARES, *BETWEEN)
        if self.kind == LOG:
            return _decades(self.low, self.high)
        step = 1.0 if self.kind == WHOLE else 0.0
        return _steps(self.low, self.high, max(int(abs(self.end - self.start) / least), 1), step)


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten first, then what lies between them."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [factor * 10.0**exponent for factor in (1, 3, 2, 5, 1.5, 4, 7) for exponent in exponents]


def _steps(low: float, high: float, most: int, least: float) -> list[float]:
    """Multiples of 1, 2, 2.5 or 5 times a power of ten, at most so many steps and none below ``least``."""
    if high <= low:
        return [low]
    rough = max((high - low) / most, least)
    unit = 10.0 ** math.floor(math.log10(rough))
    factors = (1, 2, 5, 10) if least else (1, 2, 2.5, 5, 10)
    step = next(unit * factor for factor in factors if unit * factor >= rough * (1 - 1e-9))
    return [
        round(place * step, 12) for place in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    ]


def of_metric(metric: str, shown: Sequence[float], start: float, end: float) -> Scale:
    """A scale that holds all values of a metric with a little room, logarithmic where they span much."""
    finite = [value for value in shown if math.isfinite(value)]
    if not finite:
        return Scale(0.0, 1.0, start, end)
    low, high = min(finite), max(finite)
    if is_share(metric) and high <= 1 and (1 - low) > WIDE * max(1 - high, LEAST_ERROR):
        return _roomy_error(low, high, start, end)
    if not is_share(metric) and low > 0 and high > WIDE * low:
        room = (high / low) ** ROOM
        return Scale(low / room, high * room, start, end, LOG)
    room = ROOM * (high - low) or abs(low) * ROOM or 0.1
    top = min(high + room, 1.0) if is_share(metric) and high <= 1 else high + room
    return Scale(max(low - room, 0.0) if low >= 0 else low - room, top, start, end)


def _roomy_error(low: float, high: float, start: float, end: float) -> Scale:
    least = max(1 - high, LEAST_ERROR)
    room = ((1 - low) / least) ** ROOM
    return Scale(max(1 - (1 - low) * room, 0.0), 1 - max(least / room, LEAST_ERROR), start, end, ERROR)


def short(metric: str, value: float) -> str:
    """A tick's label.

    >>> short("test_accuracy", 0.975), short("test_loss", 0.05)
    ('97.5 %', '0.05')
    >>> short(POINTS, -0.005), short("test_loss", 1e-4)
    ('−0.5', '1e-4')
    """
    if is_share(metric):
        return f"{100 * value:.6g}{'' if metric == POINTS else ' %'}".replace("-", MINUS)
    text = f"{value:.0e}" if 0 < value < 0.001 else f"{value:.3g}"
    return text.replace("e-0", "e-").replace("e+0", "e")
