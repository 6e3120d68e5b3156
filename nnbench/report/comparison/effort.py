"""How many trials of tuning it takes: what the best of so many reaches on average."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from markupsafe import Markup

from nnbench.experiments.records import Experiment
from nnbench.experiments.words import number, title
from nnbench.report.comparison import drawing
from nnbench.report.comparison.plot import Plot, frame, height_for_names, names_beside, room_for_names
from nnbench.report.comparison.scales import WHOLE, Scale, of_metric
from nnbench.report.comparison.section import Figure
from nnbench.report.comparison.tuned import Tuned, expected_best, metric_of_tuning

HEIGHT = 180  # pixels
NOTE = "On average over which of the rates are tried; a trial that failed counts as the worst of all trials."


def effort(experiment: Experiment, found: Mapping[int, Tuned]) -> Figure:
    """Expected best value by number of trials, a line each contender of which some trial came to its end."""
    metric = metric_of_tuning(experiment.metric)
    best = {
        place: [expected_best(values, experiment.better, count) for count in range(1, len(values) + 1)]
        for place, values in _reached(experiment, found).items()
    }
    plot = Plot(height_for_names(experiment, HEIGHT), right=room_for_names(experiment))
    most = max(map(len, best.values()), default=2)
    across = Scale(1.0, float(max(most, 2)), plot.left, plot.width - plot.right, WHOLE)
    up = of_metric(metric, [value for values in best.values() for value in values], plot.bottom, plot.top)
    parts = [*frame(plot, across, up, metric, "trials of tuning"), *_lines(experiment, best, across, up)]
    ends = {place: (across.at(len(values)), up.at(values[-1])) for place, values in best.items()}
    parts += names_beside(plot, experiment, ends)
    heading = "The best of so many trials"
    told = "; ".join(_told(experiment, place, metric, values) for place, values in best.items())
    label = f"{heading}: {title(metric)}"
    return Figure(heading, drawing.svg("effort", plot.height, label, told, parts), NOTE)


def _reached(experiment: Experiment, found: Mapping[int, Tuned]) -> dict[int, list[float]]:
    """By contender what its trials reached; those of which none came to an end are left out."""
    tried = {place: [value for one in members.tried for value in one.values] for place, members in found.items()}
    finished = [value for values in tried.values() for value in values if value is not None]
    if not finished:
        return {}
    worst = min(finished) if experiment.better == "more" else max(finished)
    return {
        place: [worst if value is None else value for value in values]
        for place, values in tried.items()
        if any(value is not None for value in values)
    }


def _lines(experiment: Experiment, best: Mapping[int, list[float]], across: Scale, up: Scale) -> Iterator[Markup]:
    for place, values in best.items():
        points = [(across.at(count), up.at(value)) for count, value in enumerate(values, 1)]
        yield drawing.of_contender(place, [drawing.path(points, "median", experiment.contenders[place].name)])


def _told(experiment: Experiment, place: int, metric: str, values: list[float]) -> str:
    name = experiment.contenders[place].name
    return f"{name}: {number(metric, values[0])} with one trial, {number(metric, values[-1])} with {len(values)}"
