"""A number against the level of the contenders, a dropout rate say: every seed, the means and their intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from nnbench.comparison import intervals
from nnbench.experiments.findings import is_vague, possible
from nnbench.experiments.records import Contender, Experiment, Outcome
from nnbench.experiments.words import is_share, number
from nnbench.model import Status
from nnbench.report.comparison import drawing
from nnbench.report.comparison.order import placed
from nnbench.report.comparison.plot import Plot, frame
from nnbench.report.comparison.scales import LOG, POINTS, Scale, of_metric
from nnbench.report.comparison.section import Figure
from nnbench.report.comparison.seeds import trials
from nnbench.report.comparison.written import difference, plain
from nnbench.stats import Interval

HEIGHT = 220
MANY = 10.0  # levels that span more than this factor are placed by their logarithm
WIDEST = 3.0  # of the span of all values: what an interval may take of the axis
HALF = 9.0  # pixels of the band left and right of a level


@dataclass(frozen=True)
class Quantity:
    """What is drawn: ``read`` gives it for a trial that came to its end, None where it is not known.

    ``metric`` says how it is written, ``title`` names it, ``name`` keeps the drawing's ids apart.
    """

    name: str
    metric: str
    title: str
    read: Callable[[Outcome], float | None]


def of(name: str, metric: str, title: str) -> Quantity:
    """A metric as it was measured."""
    return Quantity(name, metric, title, lambda outcome: outcome.last(metric))


def known(experiment: Experiment, quantity: Quantity) -> dict[str, list[float]]:
    """By contender what each finished trial gave; those that gave nothing are left out."""
    found = {one.name: list(_values(experiment, one, quantity)) for one in experiment.contenders}
    return {name: members for name, members in found.items() if members}


def _values(experiment: Experiment, one: Contender, quantity: Quantity) -> Iterator[float]:
    for outcome in trials(experiment, one.name):
        value = quantity.read(outcome) if outcome.status == Status.OK else None
        if value is not None and math.isfinite(value):
            yield value


def figure(
    experiment: Experiment, quantity: Quantity, below: str, marked: Sequence[str] = (), note: str = ""
) -> Figure | None:
    """``below`` is what the levels are; those ``marked`` are shaded. None where no trial gave a number."""
    found = known(experiment, quantity)
    if not found:
        return None
    plot = Plot(HEIGHT, right=14)
    means = _means(quantity, found)
    across, up = _scales(experiment, quantity, found, means, plot)
    parts = [
        *_bands(experiment, marked, across, plot),
        *frame(plot, across, up, quantity.metric, below, at=[_level(one) for one in experiment.contenders]),
        _course(experiment, means, across, up),
        *_columns(experiment, quantity, found, means, across, up),
    ]
    told = "; ".join(f"{one.name}: {_told(quantity, means.get(one.name))}" for _, one in placed(experiment))
    heading = f"{quantity.title} against {below}"
    return Figure(heading, drawing.svg(f"level-{quantity.name}", HEIGHT, heading, told, parts), note)


def _means(quantity: Quantity, found: Mapping[str, Sequence[float]]) -> dict[str, Interval]:
    """A difference of shares, unlike a share, may lie below 0."""
    means = intervals(found)
    return {name: one if quantity.metric == POINTS else possible(quantity.metric, one) for name, one in means.items()}


def _level(one: Contender) -> float:
    return one.level or 0.0


def _scales(
    experiment: Experiment,
    quantity: Quantity,
    found: Mapping[str, Sequence[float]],
    means: Mapping[str, Interval],
    plot: Plot,
) -> tuple[Scale, Scale]:
    levels = [_level(one) for one in experiment.contenders]
    low, high = min(levels), max(levels)
    kind = LOG if low > 0 and high > MANY * low else "linear"
    start, end = plot.left + 1.5 * HALF, plot.width - plot.right - 1.5 * HALF
    shown = [value for members in found.values() for value in members]
    widest = WIDEST * (max(shown) - min(shown))
    told = [one for one in means.values() if not is_vague(quantity.metric, one) and one.high - one.low <= widest]
    is_bounded = is_share(quantity.metric) and quantity.metric != POINTS
    limits = (0.0, 1.0) if is_bounded else (-math.inf, math.inf)
    shown += [end for one in told for end in (one.low, one.high) if limits[0] < end < limits[1]]
    return Scale(low, high, start, end, kind), of_metric(quantity.metric, shown, plot.bottom - 6, plot.top)


def _bands(experiment: Experiment, marked: Sequence[str], across: Scale, plot: Plot) -> Iterator[Markup]:
    """What is not told apart from the best, as one shaded column a level."""
    for one in experiment.contenders:
        if one.name in marked:
            x = across.at(_level(one))
            above, under = (
                [(x - HALF, plot.top), (x + HALF, plot.top)],
                [(x - HALF, plot.bottom), (x + HALF, plot.bottom)],
            )
            yield drawing.area(above, under, "marked")


def _course(experiment: Experiment, means: Mapping[str, Interval], across: Scale, up: Scale) -> Markup:
    points = [
        (across.at(_level(one)), up.at(means[one.name].estimate)) for _, one in placed(experiment) if one.name in means
    ]
    return drawing.path(points, "course")


def _columns(
    experiment: Experiment,
    quantity: Quantity,
    found: Mapping[str, Sequence[float]],
    means: Mapping[str, Interval],
    across: Scale,
    up: Scale,
) -> Iterator[Markup]:
    for place, one in placed(experiment):
        x = across.at(_level(one))
        parts = [
            drawing.dot(x + (-3, 3, 0)[at % 3], up.at(value), "seed", f"{one.name}: {_number(quantity, value)}", 3)
            for at, value in enumerate(found.get(one.name, ()))
        ]
        mean = means.get(one.name)
        if mean is not None and not is_vague(quantity.metric, mean):
            told = f"{one.name}: {_told(quantity, mean)}"
            parts.insert(0, drawing.line(x, up.at(mean.low), x, up.at(mean.high), "interval", told))
            parts.append(drawing.line(x - 7, up.at(mean.estimate), x + 7, up.at(mean.estimate), "mean", told))
        yield drawing.of_contender(place, parts)


def _told(quantity: Quantity, mean: Interval | None) -> str:
    if mean is None:
        return "no number"
    ends = f" ({_number(quantity, mean.low)} to {_number(quantity, mean.high)})"
    return _number(quantity, mean.estimate) + ("" if is_vague(quantity.metric, mean) else ends)


def _number(quantity: Quantity, value: float) -> str:
    return difference(POINTS, value) if quantity.metric == POINTS else number(quantity.metric, value)


def level(one: Contender) -> str:
    """A contender's level as it is written."""
    return plain(_level(one))
