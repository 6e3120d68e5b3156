"""The strip plot: every seed of every contender on one axis, with the mean and its interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from nnbench.experiments.findings import is_struck, is_vague
from nnbench.experiments.records import Contender, Experiment
from nnbench.experiments.words import is_share, number, title
from nnbench.report.comparison import drawing
from nnbench.report.comparison.order import placed
from nnbench.report.comparison.scales import BY_ERROR, ERROR, Scale, of_metric, short
from nnbench.report.comparison.section import Figure
from nnbench.report.comparison.seeds import failures, is_usable, means, trials, usable
from nnbench.report.comparison.written import between, capital, cause
from nnbench.report.words import plural
from nnbench.stats import Interval

ROW, AXIS, TOP = 40, 36, 2  # pixels: a contender's name over its dots, the axis below all
MARGIN, FAILURE = 8, 11  # pixels: at both ends, and what the cross of a failed trial takes
MOST_CROSSES = 6
RADIUS, APART = 3.5, 6.0  # of a dot; what its middle must be away from the next one's
LANES = (0.0, -6.0, 6.0)
WIDEST = 3.0  # of the span of all values: what an interval may take of the axis
TICK, AIR = 52, 4  # pixels that ticks lie apart, and two labels


def strip(experiment: Experiment) -> Figure:
    """One row a contender. Trials that failed are crosses beyond the worse end, so that none goes missing."""
    order = placed(experiment)
    scale, gutter = _scale(experiment)
    height = TOP + ROW * len(order) + AXIS
    rows = [part for row, (place, one) in enumerate(order) for part in _row(experiment, place, one, row, scale, gutter)]
    parts = [*_axis(experiment, scale, gutter, TOP + ROW * len(order)), *rows]
    told = "; ".join(_told(experiment, one) for _, one in order)
    heading = f"{capital(title(experiment.metric))} of every seed"
    return Figure(heading, drawing.svg("strip", height, heading, told, parts), _note(experiment, scale))


def _note(experiment: Experiment, scale: Scale) -> str:
    failed = any(failures(experiment, one.name) for one in experiment.contenders)
    cross = " A cross is a trial that failed." if failed else ""
    logarithm = f" {BY_ERROR}" if scale.kind == ERROR else ""
    return f"A dot is a seed. {_of_bars(experiment)}{cross}{logarithm}"


def _of_bars(experiment: Experiment) -> str:
    """What the bars are, and why contenders have none."""
    found = means(experiment).values()
    vague = [is_vague(experiment.metric, one) for one in found]
    if not all(vague):
        without = " Where there is none, so few seeds say nothing of it." if any(vague) else ""
        return f"The bar is the 99 % interval of the mean.{without}"
    return "So few seeds say nothing of how far their mean may be off." if vague else ""


def _scale(experiment: Experiment) -> tuple[Scale, float]:
    """The axis, and the x of the first cross; the crosses stand at the worse end."""
    most = max(len(failures(experiment, one.name)) for one in experiment.contenders)
    gutter = FAILURE * min(most, MOST_CROSSES) + (MARGIN if most else 0)
    shown = [value for one in experiment.contenders for value in usable(experiment, one.name)]
    shown += _ends(experiment, shown)
    start, end = float(MARGIN), float(drawing.WIDTH - MARGIN)
    if experiment.better == "more":
        return of_metric(experiment.metric, shown, start + gutter, end), start
    return of_metric(experiment.metric, shown, start, end - gutter), end


def _ends(experiment: Experiment, shown: list[float]) -> list[float]:
    """The ends of the intervals, but of those that are so wide that the dots would lie on each other."""
    widest = WIDEST * (max(shown) - min(shown)) if shown else 0.0
    told = [one for one in means(experiment).values() if not is_vague(experiment.metric, one)]
    narrow = [one for one in told if one.high - one.low <= widest]
    low = 0.0 if shown and min(shown) >= 0 else -math.inf  # an end where values end, or beyond, says nothing of them
    high = 1.0 if is_share(experiment.metric) else math.inf
    return [end for one in narrow for end in (one.low, one.high) if low < end < high]


def _axis(experiment: Experiment, scale: Scale, gutter: float, bottom: float) -> Iterator[Markup]:
    for tick in scale.labelled(experiment.metric, TICK, lambda label: drawing.pixels(label) + AIR):
        x = scale.at(tick)
        yield drawing.line(x, TOP, x, bottom + 3, "grid")
        anchor = "start" if x < 20 else "end" if x > drawing.WIDTH - 20 else "middle"
        yield drawing.text(x, bottom + 15, short(experiment.metric, tick), anchor, "muted")
    yield drawing.text(drawing.WIDTH - MARGIN, bottom + 31, title(experiment.metric), "end", "muted")
    if any(failures(experiment, one.name) for one in experiment.contenders):
        at_left = experiment.better == "more"
        yield drawing.text(
            gutter, bottom + 31 if at_left else bottom + 15, "failed", "start" if at_left else "end", "bad"
        )


def _row(experiment: Experiment, place: int, one: Contender, row: int, scale: Scale, gutter: float) -> Iterator[Markup]:
    top = TOP + ROW * row
    middle = top + 27
    struck = " struck" if is_struck(experiment, one.name) else ""
    told = _reading(experiment, one)
    head = drawing.text(0, top + 13, one.name, kind=f"name{struck}", room=drawing.WIDTH - drawing.pixels(told) - MARGIN)
    reading = drawing.text(drawing.WIDTH, top + 13, told, "end", f"muted{struck}")
    mean = means(experiment)
    parts = [head, reading, drawing.line(scale.start, middle, scale.end, middle, "grid")]
    if one.name in mean:
        parts += _bar(mean[one.name], middle, scale, one.name, experiment.metric)
    parts += _dots(experiment, one, middle, scale)
    parts += _crosses(experiment, one, middle, gutter)
    yield drawing.of_contender(place, parts)


def _bar(mean: Interval, middle: float, scale: Scale, name: str, metric: str) -> Iterator[Markup]:
    if is_vague(metric, mean):
        return
    told = f"{name}: mean {number(metric, mean.estimate)}, 99 % interval {between(metric, mean.low, mean.high)}"
    yield drawing.line(scale.at(mean.low), middle, scale.at(mean.high), middle, "interval", told)
    yield drawing.line(scale.at(mean.estimate), middle - 7, scale.at(mean.estimate), middle + 7, "mean", told)


def _dots(experiment: Experiment, one: Contender, middle: float, scale: Scale) -> Iterator[Markup]:
    seen = [
        (scale.at(value), f"{one.name}, seed {outcome.trial.seed}: {number(experiment.metric, value)}")
        for outcome in trials(experiment, one.name)
        if (value := outcome.last(experiment.metric)) is not None and is_usable(outcome, experiment.metric)
    ]
    for (x, told), lane in zip(seen, lanes([x for x, _ in seen]), strict=True):
        yield drawing.dot(x, middle + lane, "seed", told, RADIUS)


def lanes(places: Sequence[float]) -> list[float]:
    """How far above or below its row each dot is drawn: as little as lets it be told from those before.

    >>> lanes([10.0, 10.0, 10.0, 30.0])
    [0.0, -6.0, 6.0, 0.0]
    """
    found: dict[int, float] = {}
    for one in range(len(places)):
        near = [found[other] for other in found if abs(places[one] - places[other]) < APART]
        found[one] = min(LANES, key=lambda lane: (near.count(lane), abs(lane)))
    return [found[one] for one in range(len(places))]


def _crosses(experiment: Experiment, one: Contender, middle: float, gutter: float) -> Iterator[Markup]:
    failed = failures(experiment, one.name)
    step = FAILURE if experiment.better == "more" else -FAILURE
    for place, outcome in enumerate(failed[:MOST_CROSSES]):
        yield drawing.cross(gutter + step * (place + 0.4), middle, f"{one.name}, {cause(outcome)}")


def _reading(experiment: Experiment, one: Contender) -> str:
    """The mean in figures, and how many trials failed."""
    found, failed = usable(experiment, one.name), len(failures(experiment, one.name))
    told = f", {failed} failed" if failed else ""
    if not found:
        return f"all {failed} failed" if failed else "no trial"
    return f"{number(experiment.metric, sum(found) / len(found))}{told}"


def _told(experiment: Experiment, one: Contender) -> str:
    found, mean = usable(experiment, one.name), means(experiment).get(one.name)
    metric = experiment.metric
    seeds = ", ".join(number(metric, value) for value in found)
    spread = f" ({between(metric, mean.low, mean.high)})" if mean and not is_vague(metric, mean) else ""
    return f"{one.name}: {_reading(experiment, one)}{spread}; {plural(len(found), 'seed')}: {seeds or 'none'}"
