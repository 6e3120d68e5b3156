"""Small drawings by hand: two linear axes with round ticks, lines and dots, as SVG in the page's own colours."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from nnbench.report.words import clean

WIDTH, HEIGHT = 340, 210  # pixels: a phone's width less its margins
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 26, 24  # around the axes; the key stands above them
KEY_LETTER, KEY_SAMPLE, KEY_GAP = 6.8, 18, 14  # pixels of a letter of the key, of its piece of line, and between two
MOST_UP = 6  # ticks at the left: with so many allowed, there are never fewer than three
AIR = 0.05  # of the span, at either end of the vertical axis
DASHES = ("none", "6 4", "2 3")


@dataclass(frozen=True)
class Look:
    """How a line is drawn, everywhere the same: ``colour`` names a CSS variable, ``dash`` one of ``DASHES``."""

    name: str
    colour: str
    dash: int = 0


@dataclass(frozen=True)
class Axes:
    """Pixels of numbers: both ends of each axis."""

    x: tuple[float, float]
    y: tuple[float, float]

    def across(self, number: float) -> float:
        low, high = self.x
        return LEFT + (WIDTH - LEFT - RIGHT) * (number - low) / (high - low)

    def down(self, number: float) -> float:
        low, high = self.y
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - number) / (high - low)


def ends(numbers: Iterable[float], air: float = AIR) -> tuple[float, float]:
    """The ends of an axis that holds all numbers that are finite; 0 and 1 where there are none.

    >>> ends([2.0, 4.0, float("inf")], air=0.5)
    (1.0, 5.0)
    """
    finite = [number for number in numbers if math.isfinite(number)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    more = air * (high - low) or 0.5 * (abs(low) or 1.0)
    return low - more if air or low == high else low, high + more if air or low == high else high


def ticks(low: float, high: float, most: int = 5, heads: Sequence[float] = (1, 2, 2.5, 5)) -> list[float]:
    """Round numbers between the ends, at most so many, as multiples of a head and a power of ten.

    >>> ticks(-5, 5), ticks(0.91, 0.99, 4)
    ([-4.0, -2.0, 0.0, 2.0, 4.0], [0.92, 0.94, 0.96, 0.98])
    """
    decade = math.floor(math.log10((high - low) / most))
    for head in (*heads, 10, 20):
        step = head * 10.0**decade
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [round(step * place, 12 - decade) for place in range(first, last + 1)]
    return []


def whole(low: float, high: float) -> list[float]:
    """The ticks that are whole numbers."""
    return [tick for tick in ticks(low, high, heads=(1, 2, 5)) if tick == round(tick)]


def frame(axes: Axes, write: Callable[[float], str] | None = None, counted: bool = False) -> Iterator[Markup]:
    """The grid with its numbers; ``write`` makes a text of those at the left, ``counted`` numbers run along below."""
    for tick in ticks(*axes.y, MOST_UP):
        yield _path(
            f"M{LEFT} {axes.down(tick):.1f}H{WIDTH - RIGHT}", Look("", "muted" if tick == 0 else "grid"), 1.0, 1.0
        )
        yield text(LEFT - 6, axes.down(tick) + 4, (write or _short)(tick), "end")
    for tick in whole(*axes.x) if counted else ticks(*axes.x):
        x = axes.across(tick)
        yield _path(f"M{x:.1f} {TOP}V{HEIGHT - BOTTOM}", Look("", "grid"), 1.0, 1.0)
        yield text(x, HEIGHT - 8, _short(tick), "middle")


def _short(number: float) -> str:
    return f"{number:g}".replace("-", "\N{MINUS SIGN}")


def line(axes: Axes, xs: Sequence[float], ys: Sequence[float], look: Look, faint: float = 1.0) -> Markup:
    """A line through the points, broken where a number is not finite; what stands alone is a dot."""
    path, is_drawing = "", False
    finite = [math.isfinite(y) for y in ys]
    for place, (x, y) in enumerate(zip(xs, ys, strict=True)):
        if not finite[place]:
            is_drawing = False
            continue
        path += f"{'L' if is_drawing else 'M'}{axes.across(x):.1f} {axes.down(y):.1f}"
        alone = not is_drawing and not any(finite[place + 1 : place + 2])
        path += "h0" if alone else ""
        is_drawing = True
    return _path(path, look, 2.0 if len(ys) > 1 else 5.0, faint)


def _path(path: str, look: Look, width: float, faint: float) -> Markup:
    return Markup(
        '<path d="{path}" style="fill:none;stroke:var(--{colour});stroke-width:{width:g};stroke-dasharray:{dash};'
        'stroke-opacity:{faint:g};stroke-linecap:round"/>'
    ).format(path=path, colour=look.colour, width=width, dash=DASHES[look.dash], faint=faint)


def text(x: float, y: float, said: str, anchor: str = "start", colour: str = "muted", size: int = 12) -> Markup:
    return Markup(
        '<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="fill:var(--{colour});font-size:{size}px">'
        "{said}</text>"
    ).format(x=x, y=y, anchor=anchor, colour=colour, size=size, said=clean(said))


def key(looks: Iterable[Look]) -> Iterator[Markup]:
    """What each line is, above the axes."""
    x = float(LEFT)
    for look in looks:
        yield _path(f"M{x:.1f} 10h{KEY_SAMPLE}", look, 2.0, 1.0)
        yield text(x + KEY_SAMPLE + 5, 14, look.name, colour="ink")
        x += KEY_SAMPLE + 5 + KEY_LETTER * len(look.name) + KEY_GAP


def svg(
    parts: Iterable[Markup], name: str, label: str, description: str, width: int = WIDTH, height: int = HEIGHT
) -> Markup:
    """The parts as an ``svg`` element for HTML; ``name`` keeps its ids apart from those of the page's others.

    ``label`` is what a screen reader calls it and ``description`` what it reads out.
    """
    return Markup(
        '<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{label}" '
        'aria-describedby="{name}-description"><desc id="{name}-description">{told}</desc>{parts}</svg>'
    ).format(
        width=width,
        height=height,
        label=clean(label),
        name=name,
        told=clean(description),
        parts=Markup("").join(parts),
    )
