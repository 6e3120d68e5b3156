"""Drawing by hand: the parts of an SVG in the page's own colours, as text that is equal for equal numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from markupsafe import Markup

from nnbench.report.words import clean, elide

WIDTH = 340  # pixels: a phone's width less its margins
COLOURS = 8  # series-1 to series-8 of the style sheets; more contenders take them again, dashed
# Pixels of a letter at the page's 12, in the widest of the fonts that a page may be shown in.
NARROW, WIDE = frozenset(" !'(),-./:;I[]fijlrt|"), frozenset("%+<=>@MW\N{HORIZONTAL ELLIPSIS}mw")
JOINTS = " _-.,=@"  # of a name that is too long for a line
LETTERS = {"narrow": 5.0, "capital": 9.3, "wide": 11.5, "other": 7.7}
Points = Sequence[tuple[float, float]]


def svg(name: str, height: float, label: str, told: str, parts: Iterable[Markup], width: float = WIDTH) -> Markup:
    """The drawing as an element for HTML. ``label`` names it to a screen reader, ``told`` is what it reads out.

    ``name`` keeps its ids apart from those of the page's others.
    """
    return Markup(
        '<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img" '
        'aria-label="{label}" aria-describedby="{name}-description"><desc id="{name}-description">{told}</desc>'
        "{parts}</svg>"
    ).format(width=width, height=height, label=clean(label), name=name, told=clean(told), parts=Markup("").join(parts))


def of_contender(place: int, parts: Iterable[Markup], more: str = "") -> Markup:
    """What belongs to the contender at this place: its colour, and what the page's filter shows or hides."""
    return Markup('<g class="{look} {more}" data-contender="{place}">{parts}</g>').format(
        look=look(place), more=more, place=place, parts=Markup("").join(parts)
    )


def look(place: int) -> str:
    """The class that gives a contender its colour, and its dashes when the colours are used up."""
    return f"s{place % COLOURS + 1}{' again' if place >= COLOURS else ''}"


def text(x: float, y: float, words: str, anchor: str = "start", kind: str = "", room: float = WIDTH) -> Markup:
    """Words at a place, cut in their middle where they need more than ``room`` pixels."""
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>').format(
        x, y, anchor, kind, fitted(clean(words), room)
    )


def fitted(words: str, room: float) -> str:
    """The words, cut in their middle until they need no more than so many pixels; three letters always stay.

    >>> fitted("sgd", 80), fitted("momentum with a schedule", 80)
    ('sgd', 'mome…dule')
    """
    most = len(words)
    while most > 3 and pixels(elide(words, most)) > room:
        most -= 1
    return elide(words, most)


def in_lines(words: str, room: float) -> list[str]:
    """The words as one line, or as two where they need more than ``room`` pixels and have a joint to part them at.

    >>> in_lines("SGD with momentum", 112), in_lines("softmax_regression", 112), in_lines("momentum", 20)
    (['SGD with', 'momentum'], ['softmax_', 'regression'], ['momentum'])
    """
    joints = [place for place, letter in enumerate(words[:-1], start=1) if letter in JOINTS]
    if pixels(words) <= room or not joints:
        return [words]
    parted = [[words[:place].rstrip(" "), words[place:]] for place in joints]
    return min(parted, key=lambda lines: max(map(pixels, lines)))


def pixels(words: str) -> float:
    """How wide these words may be."""
    return sum(map(_pixels, words))


def _pixels(letter: str) -> float:
    kind = "narrow" if letter in NARROW else "wide" if letter in WIDE else "capital" if letter.isupper() else "other"
    return LETTERS[kind]


def line(x1: float, y1: float, x2: float, y2: float, kind: str, told: str = "") -> Markup:
    return path([(x1, y1), (x2, y2)], kind, told)


def path(points: Points, kind: str, told: str = "") -> Markup:
    """A line through points; one point alone is a dot."""
    if not points:
        return Markup("")
    ends = points if len(points) > 1 else [points[0], points[0]]
    return Markup('<path class="{}" d="M{}">{}</path>').format(kind, _joined(ends), _title(told))


def area(above: Points, below: Points, kind: str) -> Markup:
    """What lies between two lines."""
    if not above:
        return Markup("")
    return Markup('<path class="{}" d="M{}Z"/>').format(kind, _joined([*above, *reversed(below)]))


def _joined(points: Points) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def steps(points: Points) -> list[tuple[float, float]]:
    """The points of a staircase that stays at a value until the next begins."""
    corners = [corner for (x, y), (after, _) in pairwise(points) for corner in ((x, y), (after, y))]
    return [*corners, *points[-1:]]


def dot(x: float, y: float, kind: str, told: str, radius: float = 4) -> Markup:
    return Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{:g}">{}</circle>').format(
        kind, x, y, radius, _title(told)
    )


def cross(x: float, y: float, told: str, arm: float = 3.5) -> Markup:
    """The sign of a trial that failed."""
    return Markup(
        '<path class="failure" d="M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}M{a:.1f} {d:.1f}L{c:.1f} {b:.1f}">{told}</path>'
    ).format(a=x - arm, b=y - arm, c=x + arm, d=y + arm, told=_title(told))


def _title(told: str) -> Markup:
    return Markup("<title>{}</title>").format(clean(told)) if told else Markup("")
