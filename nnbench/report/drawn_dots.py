"""Rows of dots with their intervals on a logarithmic axis, as SVG in the page's own colours."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from nnbench.report.drawn_axes import WIDTH, text
from nnbench.stats import Interval

NAME_WIDTH = 82  # pixels left of the axis
CASE_ROW, DOT_ROW, AXIS_HEIGHT = 26, 20, 23
TICK_WIDTH = 50  # what a tick's label needs
# What follows the middle of a dot in a path.
MARKERS = (
    "m4 0a4 4 0 1 1-8 0a4 4 0 1 1 8 0z",
    "m-4-4h8v8h-8z",
    "m0-4.5l4.5 9h-9z",
    "m0-5l5 5l-5 5l-5-5z",
    "m0 4.5l4.5-9h-9z",
    "m-1.7-5h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3v-3.4h3.3z",
)


@dataclass(frozen=True)
class Axis:
    """Pixels of numbers from ``low`` to ``high``, both above zero; ``margin`` pixels are left at the right."""

    low: float
    high: float
    margin: int

    @property
    def width(self) -> float:
        return WIDTH - NAME_WIDTH - self.margin

    def across(self, number: float) -> float:
        start, end = math.log(self.low), math.log(self.high)
        return NAME_WIDTH + self.width * (math.log(number) - start) / (end - start)


def ends(intervals: Sequence[Interval]) -> tuple[float, float]:
    """The ends of an axis that holds all intervals, with some air."""
    low = min((interval.low for interval in intervals), default=0.5)
    high = max((interval.high for interval in intervals), default=2.0)
    air = max((high / low) ** 0.06, 1.05)
    return low / air, high * air


def ticks(low: float, high: float, width: float) -> list[float]:
    """Round numbers between the ends, as many as have room for their labels on an axis of ``width`` pixels.

    >>> ticks(0.4, 2.5, 250)
    [0.5, 1.0, 2.0]
    """
    scale = width / math.log10(high / low)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for heads in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        found = [float(f"{head}e{decade}") for decade in decades for head in heads]
        inside = [tick for tick in found if low <= tick <= high]
        if all(scale * math.log10(right / left) >= TICK_WIDTH for left, right in pairwise(inside)):
            return inside
    return inside[:: math.ceil(TICK_WIDTH / scale)]


def grid(
    axis: Axis, rows: Iterable[tuple[float, int]], bottom: float, write: Callable[[float], str], strong: float = 0.0
) -> Iterator[Markup]:
    """Lines at the ticks behind each block of rows, given by its top and number, so that none crosses a label.

    ``bottom`` is where the rows end and the ticks are written; ``strong`` is the tick that matters.
    """
    found = ticks(axis.low, axis.high, axis.width)
    blocks = [(top, DOT_ROW * count) for top, count in rows]
    plain = [axis.across(tick) for tick in found if tick != strong]
    yield _path("".join(f"M{x:.1f} {top}v{height}" for x in plain for top, height in blocks), "grid", 1)
    if strong:
        yield _path("".join(f"M{axis.across(strong):.1f} {top}v{height}" for top, height in blocks), "muted", 1.2)
    for tick in found:
        yield text(axis.across(tick), bottom + 16, write(tick), "middle")


def dot(axis: Axis, interval: Interval, y: float, colour: str, marker: str = MARKERS[0]) -> Markup:
    """An estimate with its interval."""
    return _interval(axis, interval, y, colour) + Markup('<path d="{}" style="fill:var(--{})"/>').format(
        f"M{axis.across(interval.estimate):.1f} {y:.1f}{marker}", colour
    )


def ring(axis: Axis, interval: Interval, y: float, colour: str) -> Markup:
    """An estimate with its interval, of which nothing can be said."""
    return _interval(axis, interval, y, colour) + Markup(
        '<circle cx="{:.1f}" cy="{:.1f}" r="3.3" style="fill:var(--paper);stroke:var(--{});stroke-width:1.4"/>'
    ).format(axis.across(interval.estimate), y, colour)


def _interval(axis: Axis, interval: Interval, y: float, colour: str) -> Markup:
    return _path(f"M{axis.across(interval.low):.1f} {y:.1f}H{axis.across(interval.high):.1f}", colour, 1.6)


def _path(path: str, colour: str, width: float) -> Markup:
    return Markup('<path d="{}" style="fill:none;stroke:var(--{});stroke-width:{:g}"/>').format(path, colour, width)
