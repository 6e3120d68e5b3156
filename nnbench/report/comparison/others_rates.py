"""The learning rate that each contender was trained with, epoch by epoch."""

from __future__ import annotations

from statistics import median

from nnbench.experiments.records import Experiment
from nnbench.report.comparison import drawing
from nnbench.report.comparison.courses import courses
from nnbench.report.comparison.order import placed
from nnbench.report.comparison.plot import Plot, frame, height_for_names, names_beside, room_for_names
from nnbench.report.comparison.scales import WHOLE, Scale, of_metric
from nnbench.report.comparison.section import Figure, Figures, Section
from nnbench.report.comparison.written import plain

HEIGHT = 230
RATE = "learning_rate"
Rates = dict[int, list[tuple[int, float]]]  # by the contender's place: epoch and rate


def rates_section(experiment: Experiment) -> Section | None:
    """None where every trial keeps its rate."""
    found = {place: _rates(experiment, one.name) for place, one in placed(experiment)}
    if not any(len({rate for _, rate in rates}) > 1 for rates in found.values()):
        return None
    told = "The rate of each epoch, the median over seeds: on a plateau, seeds part ways."
    return Section(
        "rates", "The learning rate over the epochs", "Rates", (told, Figures((_figure(experiment, found),)))
    )


def _rates(experiment: Experiment, contender: str) -> list[tuple[int, float]]:
    by_epoch: dict[int, list[float]] = {}
    for course in courses(experiment, contender, RATE):
        for point in course.points:
            by_epoch.setdefault(point.epoch, []).append(point.value)
    return [(epoch, median(rates)) for epoch, rates in sorted(by_epoch.items())]


def _figure(experiment: Experiment, found: Rates) -> Figure:
    plot = Plot(height_for_names(experiment, HEIGHT), right=room_for_names(experiment))
    every = [point for points in found.values() for point in points]
    last = max(epoch for epoch, _ in every)
    across = Scale(1, max(last, 2), plot.left, plot.width - plot.right, WHOLE)
    up = of_metric(RATE, [rate for _, rate in every if rate > 0], plot.bottom - 4, plot.top + 4)
    parts, ends = [*frame(plot, across, up, RATE, "epoch")], {}
    for place, points in found.items():
        if points:
            line = [(across.at(epoch), up.at(rate)) for epoch, rate in points]
            name = experiment.contenders[place].name
            parts.append(drawing.of_contender(place, [drawing.path(drawing.steps(line), "median", name)]))
            ends[place] = line[-1]
    parts += names_beside(plot, experiment, ends)
    told = "; ".join(f"{experiment.contenders[place].name}: {_told(points)}" for place, points in found.items())
    return Figure("Learning rate by epoch", drawing.svg("rates", plot.height, "Learning rate by epoch", told, parts))


def _told(points: list[tuple[int, float]]) -> str:
    if not points:
        return "no epoch"
    first, last = points[0][1], points[-1][1]
    return plain(first) if first == last else f"from {plain(first)} to {plain(last)}"
