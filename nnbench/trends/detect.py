"""Change points: a series of positive numbers in the order of time in, the places where its level changed out.

Kernel change-point detection proposes, a test that allows for autocorrelated noise disposes; docs/detection.md has what
was measured, docs/decisions/008-change-points.md why it is done so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnbench.trends.noise import LEAST_DEVIATION, NORMAL, block_variance, clip, long_run_variance, robust_deviation

Array = NDArray[np.float64]

LEAST_POINTS = 6  # of a series of which anything can be said
SHORT = 64  # points below which a close look costs little
QUANTILES = 64  # of a window's values, of which all distances give the bandwidth
CERTAIN = 0.5  # share of what blocks show of wandering that is taken for granted; they are few, and know it poorly
TOGETHER = 3  # newest points of which the median is looked at, beside the newest alone
MEDIAN_OF_THREE = 0.67  # standard deviation of the median of three normal numbers
TREND = 3  # degree of the polynomial that a drift may be


@dataclass(frozen=True)
class Settings:
    """What is called a change. Lengths in points, effects as shares of the level before."""

    penalty: float = 1.25  # times ln n: what each proposed change must gain
    window: int = 500
    step: int = 250
    least_level: int = 6
    least_z: float = 5.0
    least_effect: float = 0.015
    least_jump: float = 1.5  # standard errors that a step must be beside a smooth trend, or it is a drift
    lags: int = 20  # of the long-run variance
    block: int = 10  # points of the blocks that say how much levels wander without a change
    clip: float = 3.5  # robust standard deviations, of residuals
    suspicion_z: float = 3.0
    suspicion_effect: float = 0.02
    suspicion_level: int = 30  # the newest point is held against at most so many before it
    screen: float = 0.75  # share of ``least_z`` that a series must show to be looked at closely

    def among(self, series: int) -> Settings:
        """These settings where so many series are asked at once: the alarms of all of them do not add up.

        Of normal tails, raising z to sqrt(z^2 + 2 ln m) divides the chance of a false alarm by m.
        """
        return replace(self, least_z=math.sqrt(self.least_z**2 + 2 * math.log(max(series, 1))))


@dataclass(frozen=True)
class Change:
    """The level changed at ``index``, the first point of the new one, between two segments of these medians."""

    index: int
    before: float
    after: float
    z: float

    @property
    def ratio(self) -> float:
        return self.after / self.before


@dataclass(frozen=True)
class Suspicion:
    """From ``index`` on (one point, or three) it is ``after``, so many robust deviations off the level ``before``."""

    index: int
    before: float
    after: float
    z: float

    @property
    def ratio(self) -> float:
        return self.after / self.before


DEFAULT = Settings()


def changes(values: ArrayLike, settings: Settings = DEFAULT) -> list[Change]:
    """Every lasting change of level of one series (positive, oldest first), the earliest first.

    Raises ``ValueError`` where a value is not positive and finite, or the series has more than one axis.

    >>> [change.index for change in changes([1.0, 1.01, 0.99] * 10 + [1.2, 1.21, 1.19] * 10)]
    [30]
    """
    logs = _logarithms(values)
    if len(logs) < 2 * settings.least_level or np.ptp(logs) < math.log1p(settings.least_effect):
        return []
    fit = _Fit(logs, settings, [0, *_proposed(logs, settings), len(logs)])
    while fit.drops_the_weakest():
        pass
    return fit.changes()


def _logarithms(values: ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"a series has one axis, this has {array.ndim}")
    if not (np.isfinite(array).all() and (array > 0).all()):
        raise ValueError("a series holds positive, finite numbers; leave out what was not measured")
    return np.log(array)


def _proposed(logs: Array, settings: Settings) -> list[int]:
    """Where a kernel says that the distribution changed: windows that overlap, each by itself."""
    last = max(len(logs) - settings.window, 0)
    starts = [*range(0, last, settings.step), last]
    found = {start + index for start in starts for index in _in_window(logs[start : start + settings.window], settings)}
    return sorted(found)


def _in_window(logs: Array, settings: Settings) -> list[int]:
    from ruptures.detection.kernelcpd import KernelCPD  # half a second to import, with SciPy's statistics

    if logs.min() == logs.max():
        return []
    detector = KernelCPD(kernel="rbf", min_size=settings.least_level, params={"gamma": _gamma(logs)})
    return [int(end) for end in detector.fit(logs).predict(pen=settings.penalty * math.log(len(logs)))[:-1]]


def _gamma(logs: Array) -> float:
    """One over the median of the squared distances (of those above zero where most are zero), by quantiles."""
    values = np.quantile(logs, np.linspace(0, 1, QUANTILES)) if len(logs) > QUANTILES else logs
    squares = np.square(values[:, None] - values[None, :])[np.triu_indices(len(values), 1)]
    typical = np.median(squares) or np.median(squares[squares > 0])
    return float(1 / max(typical, LEAST_DEVIATION**2))


class _Fit:
    """A series as levels between proposed changes, of which the least likely is dropped again and again.

    A level is a median plus the mean of what is left, clipped: nearly as sharp as a mean, nearly as robust as a median.
    """

    def __init__(self, logs: Array, settings: Settings, bounds: list[int]) -> None:
        self.logs, self.settings, self.bounds = logs, settings, bounds
        self.floor = CERTAIN * block_variance(logs, settings.block)
        self.medians = [float(np.median(logs[start:end])) for start, end in pairwise(bounds)]
        self._look()

    def _look(self) -> None:
        """Estimate the noise, and the levels, from what the present segments leave."""
        lengths = np.diff(self.bounds)
        residuals = self.logs - np.repeat(self.medians, lengths)
        self.limit = self.settings.clip * robust_deviation(residuals)
        clipped = np.clip(residuals, -self.limit, self.limit)
        shifts = np.add.reduceat(clipped, self.bounds[:-1]) / lengths
        self.levels = [median + float(shift) for median, shift in zip(self.medians, shifts, strict=True)]
        self.smooth = np.repeat(self.medians, lengths) + clipped
        noise = clipped - np.repeat(shifts, lengths)
        self.variance = max(long_run_variance(noise, self.settings.lags), self.floor)

    def drops_the_weakest(self) -> bool:
        """Drop what is too weak, then what is too small, then what is a drift; whether there was any.

        Dropping only ever adds to the noise: what is too weak now is so too once the noise is estimated anew.
        """
        settings = self.settings
        dropped = (
            self._drops_below(settings.least_z, self._strengths)
            or self._drops_below(math.log1p(settings.least_effect), lambda: np.abs(np.diff(self.medians)))
            or self._drops_below(settings.least_jump, self._jumps)
        )
        if dropped:
            self._look()
        return dropped

    def _drops_below(self, least: float, measured: Callable[[], Array]) -> bool:
        before = len(self.bounds)
        while len(self.bounds) > 2 and (values := measured()).min() < least:
            self._merge(int(np.argmin(values)))
        return len(self.bounds) < before

    def _merge(self, place: int) -> None:
        """Drop the change at this place: the segments on its two sides become one."""
        del self.bounds[place + 1]
        part = self.logs[self.bounds[place] : self.bounds[place + 1]]
        median = float(np.median(part))
        self.medians[place : place + 2] = [median]
        self.levels[place : place + 2] = [median + float(np.clip(part - median, -self.limit, self.limit).mean())]

    def _strengths(self) -> Array:
        """The difference of each two neighbouring levels over its standard error under autocorrelated noise."""
        lengths = np.diff(self.bounds)
        return np.abs(np.diff(self.levels)) / np.sqrt(self.variance * (1 / lengths[:-1] + 1 / lengths[1:]))

    def _jumps(self) -> Array:
        """What is left of each step, in standard errors, beside a cubic trend over the segments on its two sides."""
        sides = zip(self.bounds[:-2], self.bounds[1:-1], self.bounds[2:], np.diff(self.levels), strict=True)
        return np.array([np.sign(step) * self._jump(start, place, end) for start, place, end, step in sides])

    def _jump(self, start: int, place: int, end: int) -> float:
        trend, _ = np.linalg.qr(np.vander(np.linspace(-1, 1, end - start), TREND + 1))
        step = np.repeat([0.0, 1.0], [place - start, end - place])
        own = step - trend @ (trend.T @ step)
        return float(own @ self.smooth[start:end] / math.sqrt(own @ own * self.variance))

    def changes(self) -> list[Change]:
        medians = np.exp(self.medians)
        rows = zip(self.bounds[1:-1], medians[:-1], medians[1:], self._strengths(), strict=True)
        return [Change(index, float(before), float(after), float(z)) for index, before, after, z in rows]


def suspicion(values: ArrayLike, settings: Settings = DEFAULT) -> Suspicion | None:
    """Whether the newest point of a series, or the middle one of the newest three, is far from what went before.

    It may well be noise: confirm it. Three points together show what is too small for one, and one wild point does not
    move their median.

    >>> suspicion([1.0, 1.01, 0.99, 1.0, 1.01, 0.99, 1.2]).index
    6
    """
    logs = _logarithms(values)
    return next((found for count in (1, TOGETHER) if (found := _off(logs, count, settings))), None)


def _off(logs: Array, count: int, settings: Settings) -> Suspicion | None:
    """Whether the newest so many points are off the level before them."""
    first = len(logs) - count
    before = logs[max(first - settings.suspicion_level, 0) : max(first, 0)]
    if len(before) < LEAST_POINTS - 1:
        return None
    level, newest = float(np.median(before)), float(np.median(logs[first:]))
    deviation = max(robust_deviation(before - level), LEAST_DEVIATION) * (1 if count == 1 else MEDIAN_OF_THREE)
    z = abs(newest - level) / deviation
    if z <= settings.suspicion_z or abs(newest - level) <= math.log1p(settings.suspicion_effect):
        return None
    return Suspicion(begun(logs[:first], level, newest), math.exp(level), math.exp(newest), z)


def begun(logs: Array, old: float, new: float) -> int:
    """Where the level after these points began: with the last of them that are nearer to it than to the old one."""
    is_new = np.abs(logs - new) < np.abs(logs - old)
    still_old = np.flatnonzero(~is_new)
    return int(still_old[-1]) + 1 if len(still_old) else 0


def many(series: Sequence[ArrayLike], settings: Settings = DEFAULT) -> list[list[Change]]:
    """The changes of each of many series, as ``changes(one, settings.among(len(series)))``, most without a close look.

    What ``wanders`` lets go costs a few numpy calls; what it keeps costs five milliseconds for a thousand points.
    """
    strict = settings.among(len(series))
    return [changes(one, strict) if wanders(one, strict) else [] for one in series]


def wanders(values: ArrayLike, settings: Settings = DEFAULT) -> bool:
    """Whether a series is worth a close look: somewhere some points in a row are off the others.

    Their mean, of clipped values, is held against the noise between neighbouring points, which no change of level
    reaches; what correlates is looked at. A change that is kept has ``least_z``, here ``screen`` of that is enough.
    A short series tells its noise poorly, and is always looked at.
    """
    logs = _logarithms(values)
    if len(logs) < 2 * settings.least_level or np.ptp(logs) < math.log1p(settings.least_effect):
        return False
    if len(logs) < SHORT:
        return True
    clipped = clip(logs - np.median(logs), settings.clip)
    noise = min(NORMAL * float(np.median(np.abs(np.diff(logs)))) / math.sqrt(2), float(np.std(clipped)))
    enough = settings.screen * settings.least_z * noise
    return noise == 0 or _farthest(clipped - clipped.mean()) >= enough


def _farthest(centred: Array) -> float:
    """The largest, over runs of points up to half of all, of their sum over the square root of how many are free."""
    total = len(centred)
    sums = np.concatenate(([0.0], np.cumsum(centred)))
    farthest = 0.0
    for length in _lengths(total // 2):
        off = float(np.abs(sums[length:] - sums[:-length]).max())
        farthest = max(farthest, off / math.sqrt(length * (1 - length / total)))
    return farthest


def _lengths(most: int) -> list[int]:
    """Lengths of runs, a factor of about the square root of two apart."""
    steps = range(int(2 * math.log2(most)) + 1)
    return sorted({round(2 ** (step / 2)) for step in steps if 2 <= 2 ** (step / 2) <= most})
