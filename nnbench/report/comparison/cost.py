"""What each contender costs: time a step and an epoch, state, memory; and what is got for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from markupsafe import Markup

from nnbench.experiments.records import Contender, Experiment
from nnbench.experiments.words import number, title
from nnbench.report.comparison import drawing
from nnbench.report.comparison.order import placed
from nnbench.report.comparison.plot import Plot, frame, height_for_names, names_beside, room_for_names
from nnbench.report.comparison.scales import Scale, of_metric
from nnbench.report.comparison.section import Figure, Figures, Section
from nnbench.report.comparison.seeds import is_usable, usable
from nnbench.report.comparison.summary import struck_cell
from nnbench.report.comparison.written import capital
from nnbench.report.grids import Cell, Column, Grid, Group, Row, number_cell
from nnbench.units import seconds, size

HEIGHT = 230  # pixels


@dataclass(frozen=True)
class Spent:
    """A contender's median cost and what it reached."""

    place: int
    one: Contender
    cost: float
    reached: float


def cost_section(experiment: Experiment) -> Section | None:
    """None where no trial has an epoch's seconds."""
    costs = [(heading, write, measure) for heading, write, measure in COSTS if _has(experiment, measure)]
    if not costs:
        return None
    told = (
        "Medians over seeds. Seconds depend on the machine and on what else it did: they are told here and decide "
        "nothing. The dashed line joins what no other contender beats in both."
    )
    pictures = (
        ("Time of training", _whole, "seconds"),
        ("Peak memory", _final("peak_memory"), "peak_memory"),
    )
    figures = [_figure(experiment, *one) for one in pictures if len(_spent(experiment, one[1])) > 1]
    columns = (Column("Contender"), *(Column(heading, True) for heading, _, _ in costs))
    rows = tuple(_row(experiment, one, costs) for _, one in placed(experiment))
    grid = Grid("cost", "Median cost of a training", columns, (Group(rows),), is_sortable=True)
    return Section("cost", "What it costs", "Cost", (told, *([Figures(tuple(figures))] if figures else []), grid))


Measure = Callable[[Experiment, Contender], float | None]


def _final(metric: str) -> Measure:
    def measure(experiment: Experiment, one: Contender) -> float | None:
        found = usable(experiment, one.name, metric)
        return median(found) if found else None

    return measure


def _whole(experiment: Experiment, one: Contender) -> float | None:
    ended = [trial for trial in experiment.of(one.name) if is_usable(trial, experiment.metric) and trial.epochs]
    return median([trial.epochs[-1].seconds for trial in ended]) if ended else None


def _epoch(experiment: Experiment, one: Contender) -> float | None:
    ended = [trial for trial in experiment.of(one.name) if is_usable(trial, experiment.metric) and trial.epochs]
    return median([trial.epochs[-1].seconds / max(trial.epochs[-1].number, 1) for trial in ended]) if ended else None


def _bytes(value: float) -> str:
    return f"{value:.3g} B" if value < 1024 else size(value)


COSTS: tuple[tuple[str, Callable[[float], str], Measure], ...] = (
    ("CPU time a step", seconds, _final("step_time")),
    ("Time an epoch", seconds, _epoch),
    ("Whole training", seconds, _whole),
    ("State a parameter", _bytes, _final("state_bytes")),
    ("Peak memory", size, _final("peak_memory")),
)


def _has(experiment: Experiment, measure: Measure) -> bool:
    return any(measure(experiment, one) is not None for one in experiment.contenders)


def _row(experiment: Experiment, one: Contender, costs: Sequence[tuple[str, Callable[[float], str], Measure]]) -> Row:
    cells = [number_cell(measure(experiment, one), write) for _, write, measure in costs]
    return Row(Cell(one.name), tuple(struck_cell(experiment, one.name, cell) for cell in cells))


def _spent(experiment: Experiment, measure: Measure) -> list[Spent]:
    found = []
    for place, one in placed(experiment):
        cost, reached = measure(experiment, one), usable(experiment, one.name)
        if cost is not None and reached:
            found.append(Spent(place, one, cost, median(reached)))
    return found


def _figure(experiment: Experiment, heading: str, measure: Measure, unit: str) -> Figure:
    found = _spent(experiment, measure)
    plot = Plot(height_for_names(experiment, HEIGHT), right=room_for_names(experiment))
    write = seconds if unit == "seconds" else size
    most = max(one.cost for one in found)
    across = Scale(0.0, most * 1.05 or 1.0, plot.left, plot.width - plot.right)
    up = of_metric(experiment.metric, [one.reached for one in found], plot.bottom - 4, plot.top + 4)
    scaled = _in_mebibytes(across, plot) if unit != "seconds" else across
    parts = [*frame(plot, scaled, up, experiment.metric, "seconds" if unit == "seconds" else "MiB")]
    parts.append(drawing.path(_front(found, experiment.better, across, up), "front", "beaten by none in both"))
    parts += _dots(experiment, found, across, up, write)
    ends = {one.place: (across.at(one.cost) + 6, up.at(one.reached)) for one in found}
    parts += names_beside(plot, experiment, ends)
    label = f"{capital(title(experiment.metric))} against {heading.lower()}"
    told = "; ".join(_told(experiment, one, write) for one in found)
    return Figure(label, drawing.svg(f"cost-{unit}", plot.height, label, told, parts))


def _in_mebibytes(across: Scale, plot: Plot) -> Scale:
    return Scale(across.low / 2**20, across.high / 2**20, plot.left, plot.width - plot.right)


def _front(found: Sequence[Spent], better: str, across: Scale, up: Scale) -> list[tuple[float, float]]:
    """From the cheapest on, each that is better than all that are cheaper."""
    sign = 1 if better == "more" else -1
    front: list[Spent] = []
    for one in sorted(found, key=lambda one: (one.cost, -sign * one.reached)):
        if not front or sign * one.reached > sign * front[-1].reached:
            front.append(one)
    return [(across.at(one.cost), up.at(one.reached)) for one in front]


def _dots(
    experiment: Experiment, found: Sequence[Spent], across: Scale, up: Scale, write: Callable[[float], str]
) -> Iterator[Markup]:
    for one in found:
        mark = drawing.dot(across.at(one.cost), up.at(one.reached), "seed", _told(experiment, one, write), 5)
        yield drawing.of_contender(one.place, [mark])


def _told(experiment: Experiment, one: Spent, write: Callable[[float], str]) -> str:
    return f"{one.one.name}: {number(experiment.metric, one.reached)} for {write(one.cost)}"
