"""Histories of trainings: losses and accuracies epoch by epoch, every seed a line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from markupsafe import Markup

from nnbench.model import Measurement
from nnbench.report.drawn_axes import Axes, Look, ends, frame, key, line, svg, text
from nnbench.report.figures import Panel
from nnbench.report.words import grouped, plural
from nnbench.units import share

TRAINING, VALIDATION, TEST = (
    Look("training", "series-1"),
    Look("validation", "series-3", 2),
    Look("test", "series-2", 1),
)
# What is drawn in one panel: its title, and the look of each metric.
QUANTITIES: Mapping[str, Mapping[str, Look]] = {
    "loss": {"train_loss": TRAINING, "validation_loss": VALIDATION, "test_loss": TEST},
    "accuracy": {"validation_accuracy": VALIDATION, "test_accuracy": TEST},
}
FAINT = 0.55  # of a line among those of other seeds
Points = list[tuple[int, float]]  # epoch and value


def history_panels(rows: Iterable[Measurement], name: str = "training") -> tuple[Panel, ...]:
    """One panel a quantity of each task, variant, data set and contender that was trained for two epochs or more."""
    epochs = [row for row in rows if "epoch" in row.context and len(row.values) == 1]
    return tuple(
        Panel(f"{title}: {quantity} by epoch", drawn)
        for number, (title, of_one) in enumerate(grouped(epochs, trained), 1)
        for quantity, drawn in _drawings(title, of_one, f"{name}-{number}")
    )


def trained(row: Measurement) -> str:
    """What was trained, on what, and as what contender of a comparison."""
    parts = [f"{row.component}@{row.variant}", str(row.context.get("data", "")), str(row.context.get("contender", ""))]
    return ", ".join(part for part in parts if part)


def _drawings(title: str, rows: Sequence[Measurement], name: str) -> Iterator[tuple[str, Markup]]:
    for quantity, looks in QUANTITIES.items():
        found = {metric: _by_seed(rows, metric) for metric in looks}
        if any(len(points) > 1 for seeds in found.values() for points in seeds):
            yield quantity, _drawing(title, quantity, found, f"{name}-{quantity}")


def _by_seed(rows: Sequence[Measurement], metric: str) -> list[Points]:
    of_it = [row for row in rows if row.metric == metric]
    seeds = grouped(of_it, lambda row: str(row.context.get("seed", "")))
    return [sorted((int(row.context["epoch"]), row.values[0]) for row in group) for _, group in seeds]


def _drawing(title: str, quantity: str, found: Mapping[str, Sequence[Points]], name: str) -> Markup:
    there = {metric: seeds for metric, seeds in found.items() if seeds}
    points = [point for seeds in there.values() for one in seeds for point in one]
    axes = Axes(ends((epoch for epoch, _ in points), air=0.0), ends(value for _, value in points))
    write = share_of if quantity == "accuracy" else "{:g}".format
    parts, looks = [*frame(axes, write, counted=True)], QUANTITIES[quantity]
    for metric, seeds in there.items():
        faint = FAINT if len(seeds) > 1 else 1.0
        parts += [line(axes, [x for x, _ in one], [y for _, y in one], looks[metric], faint) for one in seeds]
        parts += [cross for one in seeds for cross in _broken_off(axes, one)]
    told = "; ".join(_told(looks[metric].name, seeds, quantity) for metric, seeds in there.items())
    return svg([*parts, *key(looks[metric] for metric in there)], name, f"{title}: {quantity} by epoch", told)


def _broken_off(axes: Axes, points: Points) -> Iterator[Markup]:
    """A cross where the last finite number stands of what ended without one."""
    finite = [point for point in points if math.isfinite(point[1])]
    if finite and not math.isfinite(points[-1][1]):
        epoch, value = finite[-1]
        yield text(axes.across(epoch), axes.down(value) + 6, "×", "middle", "bad", 20)


def share_of(number: float) -> str:
    """A share as an axis has it.

    >>> share_of(0.985)
    '98.5 %'
    """
    return f"{100 * number:.4g} %"


def _told(name: str, seeds: Sequence[Points], quantity: str) -> str:
    """A metric's way in words: where it began and where it ended, over all seeds."""
    write = share if quantity == "accuracy" else "{:.4g}".format
    first, last = ([one[place][1] for one in seeds if math.isfinite(one[place][1])] for place in (0, -1))
    lost = len(seeds) - len(last)
    began, ended = (_span(values, write) for values in (first, last))
    many = f" of {plural(len(seeds), 'seed')}" if len(seeds) > 1 else ""
    return f"{name}{many}: first {began}, last {ended}" + (f", {lost} not finite at the end" if lost else "")


def _span(values: Sequence[float], write: Callable[[float], str]) -> str:
    if not values:
        return "nothing finite"
    low, high = write(min(values)), write(max(values))
    return low if low == high else f"{low} to {high}"
