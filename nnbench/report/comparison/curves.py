"""Learning curves: all contenders by epoch and by seconds, then each one with all its seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from nnbench.experiments.findings import is_struck
from nnbench.experiments.records import Experiment
from nnbench.experiments.words import number, title
from nnbench.metrics import METRICS
from nnbench.report.comparison import drawing
from nnbench.report.comparison.courses import (
    Course,
    Middle,
    Point,
    courses,
    middles,
    middles_by_seconds,
)
from nnbench.report.comparison.order import Placed, placed
from nnbench.report.comparison.plot import Plot, frame, names_beside, room_for_names
from nnbench.report.comparison.scales import BY_ERROR, ERROR, LINEAR, WHOLE, Scale, of_metric
from nnbench.report.comparison.section import Figure, Figures, Section
from nnbench.report.comparison.written import capital, cause, causes, plain

HEIGHT, SMALL = 240, 170  # pixels: of the drawing of all, of each one's
LONG_LIST = 12  # more names than this cannot be written there
WORDS = {"epoch": "epoch", "seconds": "seconds of training"}  # under an axis

Axis = Callable[[Point | Middle], float]


@dataclass(frozen=True)
class Curves:
    """A metric's courses of all contenders, in the order of the page."""

    experiment: Experiment
    metric: str
    better: str
    order: Sequence[Placed]
    found: Mapping[int, Sequence[Course]]
    medians: Mapping[str, Mapping[int, Sequence[Middle]]]  # by epoch and by seconds


def curves_section(experiment: Experiment) -> Section | None:
    """None where no trial got through an epoch with a number."""
    metrics = _metrics(experiment)
    if not metrics:
        return None
    curves = {metric: _curves(experiment, metric) for metric in metrics}
    main = curves[metrics[0]]
    together = [_together(main, "epoch"), _together(main, "seconds")]
    together += [_together(curves[metric], "epoch") for metric in metrics[1:]]
    told = (
        "Medians over seeds; a trial that failed counts as worse than every number from then on. "
        "Seconds are of training alone: evaluation and loading of data are not in them."
    )
    told += f" {BY_ERROR}" if _scale_of(main, 0, 1).kind == ERROR else ""
    each = (
        "Each contender alone by epoch: every seed, the quartiles as a band, and the others' medians in grey. A cross "
        "is where a trial failed."
    )
    by_seconds = "The same by seconds: the band and the medians are of the seeds' values at the same seconds."
    alone = {by: Figures(tuple(_alone(main, place, by) for place, _ in main.order)) for by in ("epoch", "seconds")}
    parts = (told, Figures(tuple(together)), each, alone["epoch"], by_seconds, alone["seconds"])
    return Section("curves", "How they learn", "Curves", parts)


def _metrics(experiment: Experiment) -> list[str]:
    """The metric that decides and the training loss, if some trial has a finite one."""
    epochs = [epoch for one in experiment.outcomes for epoch in one.epochs]
    wanted = dict.fromkeys((experiment.metric, "train_loss"))
    return [one for one in wanted if any(math.isfinite(epoch.values.get(one, math.nan)) for epoch in epochs)]


def _curves(experiment: Experiment, metric: str) -> Curves:
    better = experiment.better if metric == experiment.metric else METRICS[metric].better
    order = placed(experiment)
    found = {place: courses(experiment, one.name, metric) for place, one in order}
    ways = {"epoch": middles, "seconds": middles_by_seconds}
    medians = {by: {place: way(members, better) for place, members in found.items()} for by, way in ways.items()}
    return Curves(experiment, metric, better, order, found, medians)


def _scale_of(curves: Curves, top: float, bottom: float) -> Scale:
    """What the trials show that came to their end; what is beyond it is drawn at the edge."""
    every = [one for members in curves.found.values() for one in members]
    ended = [one for one in every if not one.has_failed] or every
    return of_metric(curves.metric, [point.value for one in ended for point in one.points], bottom, top)


def _across(curves: Curves, by: str, start: float, end: float) -> Scale:
    at = _axis(by)
    shown = [at(point) for members in curves.found.values() for one in members for point in one.points]
    shown = shown or [0.0]
    low = 0.0 if by == "seconds" else min(shown)
    high = max(shown) if max(shown) > low else low + 1
    return Scale(low, high, start, end, LINEAR if by == "seconds" else WHOLE)


def _axis(by: str) -> Axis:
    return (lambda point: point.seconds) if by == "seconds" else (lambda point: float(point.epoch))


def _together(curves: Curves, by: str) -> Figure:
    is_named = len(curves.order) <= LONG_LIST
    plot = Plot(HEIGHT, right=room_for_names(curves.experiment)) if is_named else Plot(HEIGHT)
    across, up = _across(curves, by, plot.left, plot.width - plot.right), _scale_of(curves, plot.top, plot.bottom)
    parts = [*frame(plot, across, up, curves.metric, WORDS[by])]
    ends: dict[int, tuple[float, float]] = {}
    for place, one in curves.order:
        line = _line(curves.medians[by][place], by, across, up)
        ends |= {place: line[-1]} if line else {}
        parts.append(
            drawing.of_contender(
                place, [drawing.path(line, "median", one.name), *_crosses(curves, place, by, across, up)]
            )
        )
    parts += names_beside(plot, curves.experiment, ends) if is_named else []
    heading = f"{capital(title(curves.metric))} by {by}"
    told = "; ".join(_told(curves, place, one.name, by) for place, one in curves.order)
    return Figure(heading, drawing.svg(f"curves-{curves.metric}-{by}", HEIGHT, heading, told, parts))


def _line(found: Sequence[Middle], by: str, across: Scale, up: Scale) -> list[tuple[float, float]]:
    at = _axis(by)
    return [(across.at(at(one)), up.at(one.value)) for one in found if math.isfinite(one.value)]


def _crosses(curves: Curves, place: int, by: str, across: Scale, up: Scale) -> Iterator[Markup]:
    """Where trials failed; one without a number did at the start, at the worse end of the axis."""
    at, name = _axis(by), dict(curves.order)[place].name
    worse = up.start if curves.better == "more" else up.end
    for one in curves.found[place]:
        if one.has_failed:
            last = one.points[-1] if one.points else None
            x, y = (across.at(at(last)), up.at(last.value)) if last else (across.start, worse)
            yield drawing.cross(x, y, f"{name}, {cause(one.outcome)}")


def _alone(curves: Curves, place: int, by: str) -> Figure:
    plot = Plot(SMALL)
    one = dict(curves.order)[place]
    across, up = _across(curves, by, plot.left, plot.width - plot.right), _scale_of(curves, plot.top, plot.bottom)
    medians = curves.medians[by]
    others = [drawing.path(_line(found, by, across, up), "other") for other, found in medians.items() if other != place]
    parts = [*frame(plot, across, up, curves.metric, WORDS[by]), *others]
    own = [*_band(medians[place], by, across, up), *_seeds(curves, place, by, across, up)]
    parts.append(drawing.of_contender(place, own))
    heading = one.name + (" (fails its checks)" if is_struck(curves.experiment, one.name) else "")
    label = f"{one.name}: {title(curves.metric)} by {by}, every seed"
    told = _told(curves, place, one.name, by)
    failed = "; ".join(causes([course.outcome for course in curves.found[place] if course.has_failed]))
    name = f"seeds-{place + 1}" if by == "epoch" else f"seeds-{by}-{place + 1}"
    return Figure(heading, drawing.svg(name, SMALL, label, told, parts), capital(failed) if by == "epoch" else "")


def _band(found: Sequence[Middle], by: str, across: Scale, up: Scale) -> Iterator[Markup]:
    at = _axis(by)
    above = [(across.at(at(one)), up.at(one.high)) for one in found]
    below = [(across.at(at(one)), up.at(one.low)) for one in found]
    yield drawing.area(above, below, "band")


def _seeds(curves: Curves, place: int, by: str, across: Scale, up: Scale) -> Iterator[Markup]:
    at = _axis(by)
    for one in curves.found[place]:
        points = [(across.at(at(point)), up.at(point.value)) for point in one.points]
        last = number(curves.metric, one.points[-1].value) if one.points else "nothing"
        yield drawing.path(points, "faint", f"seed {one.outcome.trial.seed}: ends with {last}")
    yield drawing.path(_line(curves.medians[by][place], by, across, up), "median", "median of the seeds")
    yield from _crosses(curves, place, by, across, up)


def _told(curves: Curves, place: int, name: str, by: str) -> str:
    at = _axis(by)
    found = [one for one in curves.medians[by][place] if math.isfinite(one.value)]
    if not found:
        return f"{name}: no median"
    first, last = found[0], found[-1]
    start, end = number(curves.metric, first.value), number(curves.metric, last.value)
    return f"{name}: median {start} at {plain(at(first))}, {end} at {plain(at(last))} ({by})"
