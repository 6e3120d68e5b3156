"""How much the learning rate matters to each contender, as its tuning found: one panel each on the same axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from markupsafe import Markup

from nnbench.errors import listing
from nnbench.experiments.findings import is_struck
from nnbench.experiments.records import Experiment
from nnbench.experiments.words import number, title
from nnbench.report.comparison import drawing
from nnbench.report.comparison.effort import effort
from nnbench.report.comparison.order import placed
from nnbench.report.comparison.plot import Plot, frame
from nnbench.report.comparison.scales import LOG, Scale, of_metric
from nnbench.report.comparison.section import Alert, Figure, Figures, Part, Section
from nnbench.report.comparison.summary import mean_cell, struck_cell
from nnbench.report.comparison.tuned import Tried, Tuned, decades, metric_of_tuning, tuned
from nnbench.report.comparison.written import capital, cause, plain
from nnbench.report.grids import NOTHING, Cell, Column, Grid, Group, Row
from nnbench.report.words import plural

HEIGHT = 180
ROOM = 1.3  # free at both ends of the learning rates, as a factor


def sensitivity_section(experiment: Experiment) -> Section | None:
    """None where nothing was tuned."""
    if not experiment.tuning:
        return None
    found = {place: tuned(experiment, one.name) for place, one in placed(experiment)}
    metric = metric_of_tuning(experiment.metric)
    parts: list[Part] = [*map(Alert, edges(experiment)), _told(metric)]
    if any(len(one.tried) > 1 for one in found.values()):
        panels = [_figure(experiment, place, one, found) for place, one in found.items()]
        parts.append(Figures((*panels, effort(experiment, found))))
    return Section("tuning", "Learning rates, and what was tuned", "Tuning", (*parts, _grid(experiment, found)))


def _told(metric: str) -> str:
    return (
        f"A dot is a trial of the tuning, judged by {title(metric)} after its last epoch; a cross failed. The ring is "
        "what was chosen. The wider the plateau, the less there is to tune."
    )


def edges(experiment: Experiment) -> list[str]:
    """A sentence for each end of the grid at which contenders are best: a better rate may lie beyond."""
    found = [(one.name, tuned(experiment, one.name)) for _, one in placed(experiment)] if experiment.tuning else []
    return [_edge_told(side, there) for side in ("lower", "upper") if (there := _best_at(side, found))]


def _best_at(side: str, found: Sequence[tuple[str, Tuned]]) -> list[str]:
    return [f"{name} ({plain(one.best.rate)})" for name, one in found if one.best and one.edge == side]


def _edge_told(side: str, names: Sequence[str]) -> str:
    are, rate = ("is", "a better rate") if len(names) == 1 else ("are", "better rates")
    return (
        f"{listing(names)} {are} best at the {side} end of the learning rates that were tried: {rate} may lie beyond, "
        "and the comparison may be unfair for that."
    )


def _figure(experiment: Experiment, place: int, one: Tuned, found: Mapping[int, Tuned]) -> Figure:
    plot = Plot(HEIGHT, right=14)
    metric = metric_of_tuning(experiment.metric)
    across, up = _scales(metric, found, plot)
    name = experiment.contenders[place].name
    parts = [*frame(plot, across, up, metric, "learning rate")]
    parts.append(drawing.of_contender(place, _marks(one, name, metric, across, up)))
    heading = f"{name}: {title(metric)} by learning rate"
    told = "; ".join(_reading(tried, one.better, metric) for tried in one.tried) or "no trial sets a learning rate"
    title_ = f"{name} (fails its checks)" if is_struck(experiment, name) else name
    return Figure(title_, drawing.svg(f"rates-{place + 1}", HEIGHT, heading, told, parts), _width(one, metric))


def _scales(metric: str, found: Mapping[int, Tuned], plot: Plot) -> tuple[Scale, Scale]:
    """The same for every contender, so that panels can be compared."""
    tried = [one for members in found.values() for one in members.tried]
    rates = [one.rate for one in tried] or [1e-3]
    shown = [value for one in tried for value in one.values if value is not None]
    across = Scale(min(rates) / ROOM, max(rates) * ROOM, plot.left, plot.width - plot.right, LOG)
    return across, of_metric(metric, shown, plot.bottom - 6, plot.top)


def _marks(one: Tuned, name: str, metric: str, across: Scale, up: Scale) -> Iterator[Markup]:
    middles = [(tried.rate, tried.middle(one.better)) for tried in one.tried]
    finite = [(across.at(rate), up.at(value)) for rate, value in middles if math.isfinite(value)]
    yield drawing.path(finite, "median", f"{name}: median of the trials of a rate")
    for tried in one.tried:
        x = across.at(tried.rate)
        worse = up.start if one.better == "more" else up.end
        for value, outcome in zip(tried.values, tried.outcomes, strict=True):
            if value is None:
                yield drawing.cross(x, worse, f"{name}, learning rate {plain(tried.rate)}, {cause(outcome)}")
            else:
                told = f"{name}, learning rate {plain(tried.rate)}: {number(metric, value)}"
                yield drawing.dot(x, up.at(value), "seed", told, 3.5)
        if one.chosen is not None and math.isclose(tried.rate, one.chosen) and math.isfinite(tried.middle(one.better)):
            yield drawing.dot(x, up.at(tried.middle(one.better)), "chosen", f"chosen: {plain(tried.rate)}", 7)


def _reading(tried: Tried, better: str, metric: str) -> str:
    middle = tried.middle(better)
    return f"{plain(tried.rate)}: {number(metric, middle) if math.isfinite(middle) else 'failed'}"


def _width(one: Tuned, metric: str) -> str:
    width = decades(one, metric)
    if width is None:
        return "No trial that all contenders had came to its end." if one.tried else ""
    best = plain(one.best.rate) if one.best else ""
    if not width:
        return f"Best at {best}; no other rate that was tried comes near."
    return f"Best at {best}; near it over {width:.2g} decades."


def _grid(experiment: Experiment, found: Mapping[int, Tuned]) -> Grid:
    columns = (
        Column("Contender"),
        Column("Trials", True),
        Column("Failed", True),
        Column("Chosen rate", True),
        Column("Validation, chosen", True),
        Column(capital(title(experiment.metric)), True),
    )
    rows = tuple(_row(experiment, experiment.contenders[place].name, one) for place, one in found.items())
    caption = "Chosen on validation samples, reported on the test part over all seeds"
    return Grid("tuning", caption, columns, (Group(rows),))


def _row(experiment: Experiment, name: str, one: Tuned) -> Row:
    metric = metric_of_tuning(experiment.metric)
    trials = [trial for trial in experiment.tuning if trial.trial.contender == name]
    failed = sum(value is None for tried in one.tried for value in tried.values)
    chosen = next((tried for tried in one.tried if one.chosen and math.isclose(tried.rate, one.chosen)), None)
    middle = chosen.middle(one.better) if chosen else math.nan
    cells = (
        Cell(str(len(trials)), value=len(trials)),
        Cell(str(failed), value=failed, tone="bad" if failed else "muted"),
        Cell(plain(one.chosen), _edge(one), one.chosen) if one.chosen else NOTHING,
        struck_cell(experiment, name, Cell(number(metric, middle), value=middle)) if math.isfinite(middle) else NOTHING,
        struck_cell(experiment, name, mean_cell(experiment, name, experiment.metric)),
    )
    return Row(Cell(name, plural(len(one.tried), "rate")), cells)


def _edge(one: Tuned) -> str:
    return f"{one.edge} end of the grid" if one.edge else ""
