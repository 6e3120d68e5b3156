"""The report's drawings, one small panel a component, narrow enough for a phone: speeds and times on log axes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from nnbench.model import Status
from nnbench.report import drawn_dots
from nnbench.report.drawn_axes import WIDTH, svg, text
from nnbench.report.drawn_dots import AXIS_HEIGHT, CASE_ROW, DOT_ROW, MARKERS, Axis
from nnbench.report.races import Speed, speeds
from nnbench.report.words import Thing, elide, factor, grouped, ratio, span
from nnbench.stats import Interval
from nnbench.tables import Key, Line
from nnbench.units import seconds

SPEED_WIDTH, TIME_MARGIN = 52, 24  # right of the axis: speeds as numbers, or half a tick's label
LONGEST_CASE, LONGEST_NAME = 44, 11


@dataclass(frozen=True)
class Panel:
    """One component's drawing."""

    title: str
    svg: Markup


@dataclass(frozen=True)
class Series:
    """How one variant is drawn everywhere: ``colour`` names a CSS variable."""

    variant: str
    colour: str
    marker: str

    @property
    def outline(self) -> str:
        """The marker as the path of a key of 16 by 16."""
        return f"M8 8{self.marker}"


def speed_panels(found: Sequence[Line]) -> tuple[Panel, ...]:
    """Speed relative to torch of every other variant, all panels on one scale."""
    relative = speeds(found)
    shown = [line for line in found if line.key in relative and relative[line.key].word != "torch"]
    shown = [line for line in shown if _can_be_drawn(relative[line.key].interval)]
    axis = Axis(*drawn_dots.ends([*(relative[line.key].interval for line in shown), Interval(1, 0.5, 2)]), SPEED_WIDTH)
    return tuple(
        Panel(component, _speed_panel(f"speed-{number}", component, group, relative, axis))
        for number, (component, group) in enumerate(grouped(shown, lambda line: line.component), 1)
    )


def _speed_panel(name: str, component: str, found: Sequence[Line], relative: Mapping[Key, Speed], axis: Axis) -> Markup:
    cases = grouped(found, lambda line: line.case)
    bottom = _height(cases)
    blocks = [(top, len(group)) for top, _, group in _placed(cases)]
    parts = [*drawn_dots.grid(axis, blocks, bottom, lambda tick: _short(f"{ratio(tick)}x"), strong=1.0)]
    told: list[str] = []
    for top, case, group in _placed(cases):
        parts.append(text(0, top - 6, elide(case, LONGEST_CASE), colour="ink"))
        for place, line in enumerate(group):
            speed = relative[line.key]
            parts += _speed_row(axis, top + DOT_ROW * place + DOT_ROW / 2, line.variant, speed)
            told.append(f"{line.variant}, {case}: {factor(speed.interval)}, {speed.word}")
    label = f"{component}: speed relative to torch"
    return svg(parts, name, label, "; ".join(told), height=bottom + AXIS_HEIGHT)


def _speed_row(axis: Axis, middle: float, variant: str, speed: Speed) -> Iterator[Markup]:
    colour = "muted" if speed.word == "tie" else speed.word
    yield text(0, middle + 4, elide(variant, LONGEST_NAME))
    yield text(WIDTH, middle + 4, f"{ratio(speed.interval.estimate)}x", "end", colour)
    draw = drawn_dots.ring if speed.word == "tie" else drawn_dots.dot
    yield draw(axis, speed.interval, middle, colour)


def time_panels(found: Sequence[Line]) -> tuple[Panel, ...]:
    """CPU time per call of every variant by case and mode, each panel on its own scale."""
    right = [line for line in found if line.status == Status.OK and line.times]
    look = {series.variant: series for series in series_of(right)}
    return tuple(
        Panel(component, _time_panel(f"times-{number}", component, group, look))
        for number, (component, group) in enumerate(grouped(right, lambda line: line.component), 1)
    )


def series_of(found: Iterable[Line]) -> tuple[Series, ...]:
    """A look for each variant that has times: the reference and torch first, then as they came."""
    names = dict.fromkeys(line.variant for line in found if line.status == Status.OK and line.times)
    order = sorted(names, key=lambda name: {"reference": 0, "torch": 1}.get(name, 2))
    return tuple(
        Series(name, f"series-{place % len(MARKERS) + 1}", MARKERS[place % len(MARKERS)])
        for place, name in enumerate(order)
    )


def _time_panel(name: str, component: str, found: Sequence[Line], look: Mapping[str, Series]) -> Markup:
    groups = dict(grouped(found, lambda line: line.case))
    modes = [
        (case, list(dict.fromkeys(mode for line in group for mode in line.times))) for case, group in groups.items()
    ]
    times = [time for line in found for time in line.times.values() if _can_be_drawn(time)]
    axis, bottom = Axis(*drawn_dots.ends(times), TIME_MARGIN), _height(modes)
    blocks = [(top, len(names)) for top, _, names in _placed(modes)]
    parts = [*drawn_dots.grid(axis, blocks, bottom, lambda tick: _short(seconds(tick)))]
    told: list[str] = []
    for top, case, names in _placed(modes):
        parts.append(text(0, top - 6, elide(case, LONGEST_CASE), colour="ink"))
        for place, mode in enumerate(names):
            middle = top + DOT_ROW * place + DOT_ROW / 2
            parts.append(text(0, middle + 4, mode))
            for line, y in _apart(groups[case], mode, middle):
                series, time = look[line.variant], line.times[mode]
                parts.append(drawn_dots.dot(axis, time, y, series.colour, series.marker))
                told.append(f"{line.variant}, {case}, {mode}: {seconds(time.estimate)} ({span(time, seconds)})")
    return svg(parts, name, f"{component}: CPU time per call", "; ".join(told), height=bottom + AXIS_HEIGHT)


def _apart(group: Sequence[Line], mode: str, middle: float) -> Iterator[tuple[Line, float]]:
    """The lines that have a time in this mode, each at a height of its own around the middle."""
    shown = [line for line in group if mode in line.times and _can_be_drawn(line.times[mode])]
    for place, line in enumerate(shown):
        yield line, middle + 6.0 * (place - (len(shown) - 1) / 2) / max(1, len(shown) - 1)


def _height(cases: Sequence[tuple[str, Sequence[Any]]]) -> int:
    return sum(CASE_ROW + DOT_ROW * len(rows) for _, rows in cases)


def _placed(cases: Sequence[tuple[str, list[Thing]]]) -> Iterator[tuple[int, str, list[Thing]]]:
    """Where each case's rows begin, in pixels from the top; its label stands above."""
    bottom = 0
    for case, rows in cases:
        top = bottom + CASE_ROW
        bottom = top + DOT_ROW * len(rows)
        yield top, case, rows


def _can_be_drawn(interval: Interval) -> bool:
    ends = (interval.estimate, interval.low, interval.high)
    return all(math.isfinite(end) and end > 0 for end in ends)


def _short(number: str) -> str:
    """A number for an axis, without digits that say nothing.

    >>> _short("1.00 ms"), _short("1.50x"), _short("100 µs")
    ('1 ms', '1.5x', '100 µs')
    """
    return re.sub(r"(\.\d*?)0+(?!\d)", r"\1", number).replace(".x", "x").replace(". ", " ")
