"""Confusion matrices: how often each class was taken for which, darker where more often."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from nnbench.model import Measurement
from nnbench.report.drawn_axes import WIDTH, svg, text
from nnbench.report.drawn_training import trained
from nnbench.report.figures import Panel
from nnbench.report.words import grouped, plural

METRIC = "confusion"
SIDE, MARGIN = 308, 32  # pixels of the matrix, and left of and above it
MOST_WRITTEN = 12  # classes, where a cell still has room for its count
MOST_CLASSES = 100
Counts = NDArray[np.int64]


def confusion_panels(rows: Iterable[Measurement], name: str = "confusion") -> tuple[Panel, ...]:
    """One panel for each task, variant, data set and contender: the counts of all its seeds together."""
    measured = [row for row in rows if row.metric == METRIC and _classes(row)]
    groups = grouped(measured, lambda row: (trained(row), _classes(row)))
    return tuple(
        Panel(title, _drawing(title, group, f"{name}-{number}")) for number, ((title, _), group) in enumerate(groups, 1)
    )


def _classes(row: Measurement) -> int:
    """How many classes the counts are of; 0 for what is no square of finite counts, or too large to be seen."""
    size = math.isqrt(len(row.values))
    is_whole = size * size == len(row.values) and all(math.isfinite(value) and value >= 0 for value in row.values)
    return size if is_whole and size <= MOST_CLASSES else 0


def _drawing(title: str, rows: Sequence[Measurement], name: str) -> Markup:
    size = _classes(rows[0])
    counts = sum(np.array(row.values, dtype=np.int64).reshape(size, size) for row in rows)
    assert isinstance(counts, np.ndarray)
    words = _mistakes(counts)
    seeds = plural(len(rows), "training")
    height = MARGIN + SIDE + 18 * (1 + len(words))
    parts = [*_labels(size), *_cells(counts), *_said(words)]
    described = f"{counts.sum():,} predictions of {seeds}, true classes down, predicted ones across: {', '.join(words)}"
    return svg(parts, name, f"{title}: confusion matrix", described, WIDTH, height)


def _labels(size: int) -> Iterator[Markup]:
    """The classes' numbers along both sides, as many as have room."""
    cell, step = SIDE / size, math.ceil(size / MOST_WRITTEN)
    yield text(MARGIN, 11, "predicted class across, true class down", size=11)
    for place in range(0, size, step):
        yield text(MARGIN + cell * (place + 0.5), MARGIN - 6, str(place), "middle", size=11)
        yield text(MARGIN - 6, MARGIN + cell * (place + 0.5) + 4, str(place), "end", size=11)


def _cells(counts: Counts) -> Iterator[Markup]:
    """A square for each pair that occurred, as dark as its share of the true class, on a scale that shows the rare."""
    size = len(counts)
    cell, of_class = SIDE / size, np.maximum(counts.sum(axis=1), 1)
    for (true, predicted), count in np.ndenumerate(counts):
        x, y, part = MARGIN + cell * predicted, MARGIN + cell * true, count / of_class[true]
        colour, shade = ("series-1", 0.35 * part) if true == predicted else ("series-2", min(0.8 * part**0.35, 0.5))
        if count:
            yield Markup(
                '<rect x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" '
                'style="fill:var(--{colour});fill-opacity:{shade:.2f}"/>'
            ).format(x=x, y=y, side=cell - 0.5, colour=colour, shade=shade)
        if count and size <= MOST_WRITTEN:
            yield text(x + cell / 2, y + cell / 2 + 4, str(count), "middle", "ink", 11 if count < 10_000 else 9)


def _mistakes(counts: Counts) -> list[str]:
    """How many are right, and the pairs of classes that are mixed up most, in words."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    right = int(counts.trace())
    order = np.argsort(-wrong, axis=None, kind="stable")[:2]
    pairs = [tuple(int(place) for place in np.unravel_index(one, wrong.shape)) for one in order if wrong.flat[one]]
    told = [f"{true} taken for {guess}: {wrong[true, guess]:,} times" for true, guess in pairs]
    return [f"{right:,} of {counts.sum():,} right", *told]


def _said(words: Sequence[str]) -> Iterator[Markup]:
    for number, said in enumerate(words, 1):
        yield text(0, MARGIN + SIDE + 18 * number, said)
