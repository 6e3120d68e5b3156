"""The report's drawings, one small panel a component, narrow enough for a phone: speeds and times on log axes."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from nnbench.model import Status
from nnbench.report.inline_svg import SENTINELS, inline
from nnbench.report.races import Speed, speeds
from nnbench.report.words import Thing, clean, elide, factor, grouped, ratio, span
from nnbench.stats import Interval
from nnbench.tables import Key, Line
from nnbench.units import seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 340  # pixels: a phone's width less its margins
NAME_WIDTH, SPEED_WIDTH, TIME_MARGIN = 82, 52, 24  # left for names; right for speeds as numbers, or half a tick's label
CASE_ROW, DOT_ROW, AXIS_HEIGHT = 26, 20, 23
TICK_WIDTH = 50  # what a tick's label needs
LONGEST_CASE, LONGEST_NAME = 46, 11
# Matplotlib's name of each marker, and its outline in a key of 16 by 16.
MARKERS = {
    "o": "M12 8a4 4 0 1 1-8 0a4 4 0 1 1 8 0z",
    "s": "M4 4h8v8h-8z",
    "^": "M8 3.5l4.5 9h-9z",
    "D": "M8 3l5 5l-5 5l-5-5z",
    "v": "M8 12.5l4.5-9h-9z",
    "P": "M6.3 3h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3v-3.4h3.3z",
}
SETTINGS: Mapping[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "nnbench", "font.size": 12.0}


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
        return MARKERS[self.marker]


@contextmanager
def _settings() -> Iterator[None]:
    """Matplotlib's own defaults and ours, whatever the user's matplotlibrc says; put back afterwards."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        for name, value in SETTINGS.items():
            matplotlib.rcParams[name] = value
        warnings.filterwarnings("ignore", message="Glyph")  # the browser's fonts will have it
        yield


def speed_panels(found: Sequence[Line]) -> tuple[Panel, ...]:
    """Speed relative to torch of every other variant, all panels on one scale."""
    relative = speeds(found)
    shown = [line for line in found if line.key in relative and relative[line.key].word != "torch"]
    shown = [line for line in shown if _can_be_drawn(relative[line.key].interval)]
    ends = _ends([relative[line.key].interval for line in shown] + [Interval(1, 0.5, 2)])
    with _settings():
        return tuple(
            Panel(component, _speed_panel(f"speed-{number}", component, group, relative, ends))
            for number, (component, group) in enumerate(grouped(shown, lambda line: line.component), 1)
        )


def _speed_panel(
    name: str, component: str, found: Sequence[Line], relative: Mapping[Key, Speed], ends: tuple[float, float]
) -> Markup:
    cases = grouped(found, lambda line: line.case)
    figure, axes = _canvas(_height(cases), ends, SPEED_WIDTH)
    _draw_ticks(axes, lambda tick: f"{ratio(tick)}x", SPEED_WIDTH)
    told: list[str] = []
    for top, case, group in _placed(cases):
        _write(axes, 0, top - 6, elide(case, LONGEST_CASE), "ink")
        _draw_grid(axes, top, len(group), SPEED_WIDTH, strong=1.0)
        for place, line in enumerate(group):
            speed = relative[line.key]
            _draw_speed(axes, top + DOT_ROW * place + DOT_ROW / 2, line.variant, speed)
            told.append(f"{line.variant}, {case}: {factor(speed.interval)}, {speed.word}")
    return _finished(figure, name, f"{component}: speed relative to torch", "; ".join(told))


def _draw_speed(axes: Axes, middle: float, variant: str, speed: Speed) -> None:
    colour = "muted" if speed.word == "tie" else speed.word
    _write(axes, 0, middle + 4, elide(variant, LONGEST_NAME), "muted")
    _write(axes, 1, middle + 4, f"{ratio(speed.interval.estimate)}x", colour, "right")
    _draw_dot(axes, speed.interval, middle, "o", colour, "paper" if speed.word == "tie" else colour)


def time_panels(found: Sequence[Line]) -> tuple[Panel, ...]:
    """CPU time per call of every variant by case and mode, each panel on its own scale."""
    right = [line for line in found if line.status == Status.OK and line.times]
    look = {series.variant: series for series in series_of(right)}
    with _settings():
        return tuple(
            Panel(component, _time_panel(f"times-{number}", component, group, look))
            for number, (component, group) in enumerate(grouped(right, lambda line: line.component), 1)
        )


def series_of(found: Iterable[Line]) -> tuple[Series, ...]:
    """A look for each variant that has times: the reference and torch first, then as they came."""
    names = dict.fromkeys(line.variant for line in found if line.status == Status.OK and line.times)
    order = sorted(names, key=lambda name: {"reference": 0, "torch": 1}.get(name, 2))
    markers = tuple(MARKERS)
    return tuple(
        Series(name, f"series-{place % len(markers) + 1}", markers[place % len(markers)])
        for place, name in enumerate(order)
    )


def _time_panel(name: str, component: str, found: Sequence[Line], look: Mapping[str, Series]) -> Markup:
    groups = dict(grouped(found, lambda line: line.case))
    modes = [
        (case, list(dict.fromkeys(mode for line in group for mode in line.times))) for case, group in groups.items()
    ]
    times = [time for line in found for time in line.times.values() if _can_be_drawn(time)]
    figure, axes = _canvas(_height(modes), _ends(times), TIME_MARGIN)
    _draw_ticks(axes, seconds, TIME_MARGIN)
    told: list[str] = []
    for top, case, names in _placed(modes):
        _write(axes, 0, top - 6, elide(case, LONGEST_CASE), "ink")
        _draw_grid(axes, top, len(names), TIME_MARGIN)
        for place, mode in enumerate(names):
            middle = top + DOT_ROW * place + DOT_ROW / 2
            _write(axes, 0, middle + 4, mode, "muted")
            told += _draw_times(axes, middle, mode, groups[case], look)
    return _finished(figure, name, f"{component}: CPU time per call", "; ".join(told))


def _draw_times(
    axes: Axes, middle: float, mode: str, group: Sequence[Line], look: Mapping[str, Series]
) -> Iterator[str]:
    """Draw one mode of one case, its variants a little apart, and tell what was drawn."""
    shown = [line for line in group if mode in line.times and _can_be_drawn(line.times[mode])]
    for place, line in enumerate(shown):
        series, time = look[line.variant], line.times[mode]
        shift = 6.0 * (place - (len(shown) - 1) / 2) / max(1, len(shown) - 1)
        _draw_dot(axes, time, middle + shift, series.marker, series.colour, series.colour)
        yield f"{line.variant}, {line.case}, {mode}: {seconds(time.estimate)} ({span(time, seconds)})"


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


def _ends(intervals: Sequence[Interval]) -> tuple[float, float]:
    """The scale that holds all intervals, with some air."""
    low = min((interval.low for interval in intervals), default=0.5)
    high = max((interval.high for interval in intervals), default=2.0)
    air = max((high / low) ** 0.06, 1.05)
    return low / air, high * air


def _ticks(low: float, high: float, width: float) -> list[float]:
    """Round numbers between the ends, as many as have room for their labels on an axis of ``width`` pixels.

    >>> _ticks(0.4, 2.5, 250)
    [0.5, 1.0, 2.0]
    """
    scale = width / math.log10(high / low)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for heads in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        ticks = [float(f"{head}e{decade}") for decade in decades for head in heads]
        inside = [tick for tick in ticks if low <= tick <= high]
        if all(scale * math.log10(right / left) >= TICK_WIDTH for left, right in pairwise(inside)):
            return inside
    return inside[:: math.ceil(TICK_WIDTH / scale)]


def _canvas(height: int, ends: tuple[float, float], margin: int) -> tuple[Figure, Axes]:
    """A figure whose y axis counts pixels downwards and whose x axis is logarithmic."""
    from matplotlib.figure import Figure

    whole = height + AXIS_HEIGHT
    figure = Figure(figsize=(WIDTH / 72, whole / 72), dpi=72)
    figure.patch.set_visible(False)
    width = WIDTH - NAME_WIDTH - margin
    axes = figure.add_axes((NAME_WIDTH / WIDTH, AXIS_HEIGHT / whole, width / WIDTH, height / whole))
    axes.patch.set_visible(False)
    axes.spines[:].set_visible(False)
    axes.set_xscale("log")
    axes.set_xlim(*ends)
    axes.set_ylim(height, 0)
    axes.set_yticks([])
    return figure, axes


def _draw_ticks(axes: Axes, write: Callable[[float], str], margin: int) -> None:
    """Label the axis at its bottom; ``write`` makes a text of a number."""
    from matplotlib.ticker import NullLocator

    ticks = _ticks(*axes.get_xlim(), WIDTH - NAME_WIDTH - margin)
    axes.set_xticks(ticks, labels=[_short(write(tick)) for tick in ticks], color=SENTINELS["muted"])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(length=0, pad=5)


def _short(number: str) -> str:
    """A number for an axis, without digits that say nothing.

    >>> _short("1.00 ms"), _short("1.50x"), _short("100 µs")
    ('1 ms', '1.5x', '100 µs')
    """
    return re.sub(r"(\.\d*?)0+(?!\d)", r"\1", number).replace(".x", "x").replace(". ", " ")


def _draw_grid(axes: Axes, top: float, rows: int, margin: int, strong: float | None = None) -> None:
    """Lines at the ticks behind one case's rows, so that none crosses a label; ``strong`` is the line that matters."""
    bottom = top + DOT_ROW * rows
    ticks = [tick for tick in _ticks(*axes.get_xlim(), WIDTH - NAME_WIDTH - margin) if tick != strong]
    axes.vlines(ticks, top, bottom, color=SENTINELS["grid"], linewidth=1)
    if strong is not None:
        axes.vlines([strong], top, bottom, color=SENTINELS["muted"], linewidth=1.2)


def _write(axes: Axes, side: float, y: float, text: str, colour: str, align: str = "left") -> None:
    """Text on the drawing's left (0) or right (1) edge, as it is: no mathematics, no line breaks."""
    from matplotlib.transforms import blended_transform_factory

    figure = axes.get_figure(root=True)
    assert figure is not None
    flat = " ".join(clean(text).split())
    where = blended_transform_factory(figure.transFigure, axes.transData)
    axes.text(side, y, flat, color=SENTINELS[colour], ha=align, va="baseline", transform=where, parse_math=False)


def _draw_dot(axes: Axes, interval: Interval, y: float, marker: str, colour: str, face: str) -> None:
    line = SENTINELS[colour]
    axes.plot([interval.low, interval.high], [y, y], color=line, linewidth=1.6, solid_capstyle="butt")
    axes.plot([interval.estimate], [y], marker, markersize=6.5, color=line, mfc=SENTINELS[face], markeredgewidth=1.4)


def _finished(figure: Figure, name: str, label: str, description: str) -> Markup:
    """The drawing as SVG for the page."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    target = io.StringIO()
    FigureCanvasSVG(figure).print_svg(target, metadata={"Date": None})
    return inline(target.getvalue(), name, clean(label), clean(description))
