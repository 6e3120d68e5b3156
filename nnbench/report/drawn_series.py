"""Series: what a network predicted of the test part, against what it was."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from markupsafe import Markup

from nnbench.model import Measurement
from nnbench.report.drawn_axes import Axes, Look, ends, frame, key, line, svg
from nnbench.report.drawn_training import trained
from nnbench.report.figures import Panel
from nnbench.report.words import grouped

LOOKS = {"actual": Look("actual", "muted"), "predicted": Look("predicted", "series-2")}


def series_panels(rows: Iterable[Measurement], name: str = "series") -> tuple[Panel, ...]:
    """One panel for each task, variant, data set and contender: that of its first seed."""
    measured = [row for row in rows if row.metric in LOOKS and len(row.values) > 1]
    found = []
    for title, group in grouped(measured, trained):
        seeds = grouped(group, lambda row: str(row.context.get("seed", "")))
        pairs = [(seed, {row.metric: row for row in of_seed}) for seed, of_seed in seeds]
        whole = [(seed, pair) for seed, pair in pairs if _is_pair(pair)]
        found += [(f"{title}, seed {seed}", pair) for seed, pair in whole[:1]]
    return tuple(
        Panel(title, _drawing(title, pair, f"{name}-{number}")) for number, (title, pair) in enumerate(found, 1)
    )


def _is_pair(pair: Mapping[str, Measurement]) -> bool:
    return pair.keys() == LOOKS.keys() and len({len(row.values) for row in pair.values()}) == 1


def _drawing(title: str, pair: Mapping[str, Measurement], name: str) -> Markup:
    places = [float(place) for place in range(1, len(pair["actual"].values) + 1)]
    axes = Axes((1.0, places[-1]), ends(value for row in pair.values() for value in row.values))
    lines = [line(axes, places, pair[metric].values, look) for metric, look in LOOKS.items()]
    parts = [*frame(axes, counted=True), *lines, *key(LOOKS.values())]
    return svg(parts, name, f"{title}: predicted against actual", _told(pair))


def _told(pair: Mapping[str, Measurement]) -> str:
    """How far off, in words."""
    both = list(zip(pair["predicted"].values, pair["actual"].values, strict=True))
    off = [abs(guess - is_so) for guess, is_so in both if math.isfinite(guess) and math.isfinite(is_so)]
    mean = f"; off by {sum(off) / len(off):.3g} on average, {max(off):.3g} at most" if off else ""
    return f"{len(both):,} points of the test part, in order{mean}"
