"""The report's drawings of history: one small panel a series, its runs as dots, its levels as lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from markupsafe import Markup, escape

from nnbench.model import Run
from nnbench.report.figures import Panel
from nnbench.report.words import clean, elide, plural
from nnbench.trends.findings import BETTER, SUSPICION, WORSE, Finding
from nnbench.trends.points import CALIBRATED, EXACT, Floats
from nnbench.trends.series import Key, Series
from nnbench.trends.series_words import commit, two_values, value
from nnbench.trends.trainings import Lost

WIDTH, HEIGHT = 340, 110  # pixels: a phone's width less its margins
LEFT, RIGHT, TOP, BOTTOM = 62, 8, 10, 24
LINE = 16  # pixels of a line of text below the drawing
MOST_TOLD = 4  # changes in words below it
LEAST_SPAN = 0.1  # of the median: noise shall not look like mountains
MOST_DOTS = 200  # more runs than this are drawn as medians of neighbours
MOST_PANELS = 40  # of those that changed, and of the others
LONGEST_TITLE = 90
COLOURS = {WORSE: "var(--slower)", BETTER: "var(--faster)"}


@dataclass(frozen=True)
class Trends:
    """What a run's page shows of the runs before it: a sentence, and panels of what changed and of what did not."""

    sentence: str
    changed: tuple[Panel, ...]
    steady: tuple[Panel, ...]


def trends(run: Run, found: Sequence[Series], told: Iterable[Finding]) -> Trends | None:
    """The series that this run goes on with, up to it; None where no earlier run holds one of them."""
    upto = [one.part(one.started <= _start(one, run)) for one in found if (one.runs == run.id).any()]
    shown = [one for one in upto if len(one) > 1 and not one.is_kernel]
    if not shown:
        return None
    by_key: dict[Key, list[Finding]] = {}
    for one in told:
        if one.verdict != SUSPICION:
            by_key.setdefault(one.key, []).append(one)
    dated = {one.key: _upto(one, by_key.get(one.key, [])) for one in shown}
    changed = [one for one in shown if dated[one.key]]
    steady = sorted((one for one in shown if not dated[one.key]), key=lambda one: one.basis == EXACT)
    return Trends(
        sentence=_sentence(shown, changed),
        changed=tuple(_panels("changed", changed, dated)),
        steady=tuple(_panels("steady", steady, dated)),
    )


def _start(series: Series, run: Run) -> np.datetime64:
    return np.datetime64(series.started[series.runs == run.id][0])


def _upto(series: Series, told: Sequence[Finding]) -> list[Finding]:
    runs = set(series.runs)
    return [one for one in told if one.run in runs]


def _sentence(shown: Sequence[Series], changed: Sequence[Series]) -> str:
    runs = {name for one in shown for name in one.runs}
    left = len(shown) - min(len(changed), MOST_PANELS) - min(len(shown) - len(changed), MOST_PANELS)
    more = f" {left:,} of them are left out here: nnbench trend shows them." if left else ""
    goes = "goes" if len(shown) == 1 else "go"
    back = f"{plural(len(shown), 'number')} of this run {goes} back over {plural(len(runs), 'run')}"
    return f"{back}; {len(changed):,} changed.{more}"


def _panels(name: str, found: Sequence[Series], dated: Mapping[Key, Sequence[Finding]]) -> Iterator[Panel]:
    for number, one in enumerate(found[:MOST_PANELS], 1):
        title = f"{one.key.component}@{one.key.variant}, {one.key.metric}, {one.key.place}"
        yield Panel(elide(clean(title), LONGEST_TITLE), drawing(one, dated[one.key], f"trend-{name}-{number}"))


def drawing(series: Series, told: Sequence[Finding] = (), name: str = "trend") -> Markup:
    """A series as an ``svg`` element for HTML, with the levels between the changes told; equal series, equal bytes.

    ``name`` keeps its ids apart from those of the page's others.
    """
    places = [place for place in (_place(series, one) for one in told) if 0 < place < len(series)]
    scale = _Scale(len(series), *_ends(series.values))
    parts = [*_axis(series, scale), *_dots(series.values, scale), *_levels(series.values, sorted({*places}), scale)]
    parts += [mark for one in told for mark in _mark(one, _place(series, one), scale)]
    parts += [_cross(scale.x(_between(series, one))) for one in series.lost]
    words = _in_words(series, told)
    parts += [_text(LEFT, HEIGHT + LINE * line - 6, said, "start") for line, said in enumerate(words[-MOST_TOLD:], 1)]
    height = HEIGHT + LINE * len(words[-MOST_TOLD:])
    label = clean(f"{series.key.target}, {series.key.metric}: {len(series)} runs")
    return Markup(
        '<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{label}" '
        'aria-describedby="{name}-description"><desc id="{name}-description">{told}</desc>{parts}</svg>'
    ).format(width=WIDTH, height=height, label=label, name=name, told=_told(series, told), parts=Markup("").join(parts))


def _place(series: Series, one: Finding) -> int:
    found = np.flatnonzero(series.runs == one.run)
    return int(found[0]) if len(found) else -1


@dataclass(frozen=True)
class _Scale:
    """Pixels of places and values."""

    count: int
    low: float
    high: float

    def x(self, place: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (place / (self.count - 1) if self.count > 1 else 0.5)

    def y(self, number: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (number - self.low) / (self.high - self.low))


def _ends(values: Floats) -> tuple[float, float]:
    """The scale's ends: those of the values, or a tenth of their median where they lie closer together."""
    low, high = float(values.min()), float(values.max())
    least = LEAST_SPAN * abs(float(np.median(values))) or 1.0
    air = max(least - (high - low), 0.0) / 2
    return (low - air if low < 0 else max(low - air, 0.0)), high + air


def _axis(series: Series, scale: _Scale) -> Iterator[Markup]:
    """The ends of the scale at the left, the first and the last day below."""
    for end in (scale.low, scale.high):
        yield _line(LEFT, WIDTH - RIGHT, scale.y(end), scale.y(end), "var(--grid)", 1)
        yield _text(0, scale.y(end) + 4, _written(end, series), "start")
    first, last = (str(when.astype("datetime64[D]")) for when in (series.started.min(), series.started.max()))
    yield _text(LEFT, HEIGHT - 6, first, "start")
    if first != last:
        yield _text(WIDTH - RIGHT, HEIGHT - 6, last, "end")


def _dots(values: Floats, scale: _Scale) -> Iterator[Markup]:
    """One dot a run, or a median of neighbouring runs where there are very many, as one path."""
    places = np.arange(len(values), dtype=float)
    if len(values) > MOST_DOTS:
        places, values = _medians(values, MOST_DOTS)
    path = "".join(f"M{scale.x(x):.1f} {scale.y(y):.1f}h0" for x, y in zip(places, values, strict=True))
    yield Markup('<path d="{}" style="fill:none;stroke:var(--muted);stroke-width:4;stroke-linecap:round"/>').format(
        path
    )


def _medians(values: Floats, count: int) -> tuple[Floats, Floats]:
    """The middles and the medians of so many stretches of neighbours, as equally long as may be.

    >>> _medians(np.array([1.0, 9.0, 2.0, 5.0, 7.0]), 2)
    (array([1. , 3.5]), array([2., 6.]))
    """
    edges = np.array([part[0] for part in np.array_split(np.arange(len(values)), count)] + [len(values)])
    starts, sizes = edges[:-1], np.diff(edges)
    ordered = values[np.lexsort((values, np.repeat(np.arange(count), sizes)))]
    return starts + (sizes - 1) / 2, (ordered[starts + (sizes - 1) // 2] + ordered[starts + sizes // 2]) / 2


def _levels(values: Floats, places: Sequence[int], scale: _Scale) -> Iterator[Markup]:
    """The median between each two changes."""
    for start, end in pairwise([0, *places, len(values)]):
        middle = scale.y(float(np.median(values[start:end])))
        yield _line(
            scale.x(max(start - 0.4, 0)), scale.x(min(end - 0.6, len(values) - 1)), middle, middle, "var(--ink)", 2
        )


def _mark(one: Finding, place: int, scale: _Scale) -> Iterator[Markup]:
    if 0 < place < scale.count:
        x = scale.x(place - 0.5)
        yield _line(x, x, TOP - 4, HEIGHT - BOTTOM + 4, COLOURS.get(one.verdict, "var(--muted)"), 1.5)


def _between(series: Series, lost: Lost) -> float:
    """Where a training without a value stands: half a place before the next that has one."""
    return float(np.clip((series.started < lost.started).sum() - 0.5, 0, max(len(series) - 1, 0)))


def _cross(x: float) -> Markup:
    y, arm = HEIGHT - BOTTOM, 4
    path = f"M{x - arm:.1f} {y - arm}L{x + arm:.1f} {y + arm}M{x - arm:.1f} {y + arm}L{x + arm:.1f} {y - arm}"
    return Markup('<path d="{}" style="fill:none;stroke:{};stroke-width:2"/>').format(path, COLOURS[WORSE])


def _line(x1: float, x2: float, y1: float, y2: float, colour: str, width: float) -> Markup:
    return Markup(
        '<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" style="fill:none;stroke:{colour};stroke-width:{width}"/>'
    ).format(x1=x1, x2=x2, y1=y1, y2=y2, colour=colour, width=width)


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup(
        '<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="fill:var(--muted);font-size:12px">{text}</text>'
    ).format(x=x, y=y, anchor=anchor, text=text)


def _written(number: float, series: Series) -> str:
    return value(number, series.key, series.unit, series.basis)


def _told(series: Series, told: Sequence[Finding]) -> Markup:
    """The drawing in words."""
    first, last = _written(float(series.values[0]), series), _written(float(series.values[-1]), series)
    how = " at the machine's usual speed" if series.basis == CALIBRATED else ""
    return escape(clean(f"from {first} to {last}{how}" + "".join(f"; {said}" for said in _in_words(series, told))))


def _in_words(series: Series, told: Sequence[Finding]) -> list[str]:
    """Each change in a few words, with its commit; first where trainings ended, and which gave no value."""
    ends = [two_values(one.before, one.after, one.key, one.unit, one.basis) for one in told]
    changes = [
        f"{one.verdict}: {before} to {after} at {clean(commit(one.commit, one.dirty, one.run))}"
        for one, (before, after) in zip(told, ends, strict=True)
    ]
    return [*_of_trainings(series), *changes]


def _of_trainings(series: Series) -> list[str]:
    """Between which epochs they ended, and the newest that gave no value."""
    epochs = sorted({int(one) for one in series.epochs})
    said = [f"ended after {epochs[0]} to {epochs[-1]} epochs"] if len(epochs) > 1 else []
    if series.lost:
        newest = series.lost[-1]
        more = f", and {len(series.lost) - 1} earlier" if len(series.lost) > 1 else ""
        said.append(f"{newest.why} at {clean(commit(newest.commit, newest.dirty, newest.run))}{more}")
    return said
