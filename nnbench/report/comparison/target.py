"""Time to target: which share of the seeds had got to a level by when. Those that never got there are not left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from markupsafe import Markup

from nnbench.experiments.findings import is_struck
from nnbench.experiments.records import Experiment, Outcome
from nnbench.experiments.words import is_share, title
from nnbench.report.comparison import drawing
from nnbench.report.comparison.courses import quantile
from nnbench.report.comparison.order import placed
from nnbench.report.comparison.plot import Plot, frame, height_for_names, names_beside, room_for_names
from nnbench.report.comparison.scales import Scale, short
from nnbench.report.comparison.section import Figure, Figures, Section
from nnbench.report.comparison.seeds import trials, usable
from nnbench.report.grids import Cell, Column, Grid, Group, Row
from nnbench.report.words import plural
from nnbench.units import duration

PARTS = (0.1, 0.4, 0.7)  # of all the trials' last values: three targets, from easy to hard
HEIGHT = 190  # pixels


@dataclass(frozen=True)
class Arrival:
    """When a trial first got to the target; infinite seconds and no epoch where it never did."""

    seed: int
    seconds: float = math.inf
    epoch: int | None = None


def target_section(experiment: Experiment) -> Section | None:
    """None where no trial came to its end, or the metric is not known by epoch."""
    levels = targets(experiment)
    if not levels or not any(experiment.metric in epoch.values for one in experiment.outcomes for epoch in one.epochs):
        return None
    told = (
        f"The targets are levels of {title(experiment.metric)} that nine, six and three in ten of all trials "
        "end with or pass. A trial that failed or never got there counts as not there, so its line ends below 100 %."
    )
    figures = Figures(tuple(_figure(experiment, level, place) for place, level in enumerate(levels, 1)))
    return Section("target", "Time to target", "Time to target", (told, figures, _grid(experiment, levels)))


def targets(experiment: Experiment) -> list[float]:
    """Up to three round levels, from easy to hard; the same trials give the same targets."""
    ends = sorted(value for one in experiment.contenders for value in usable(experiment, one.name))
    if not ends:
        return []
    is_more = experiment.better == "more"
    levels = [quantile(ends, part if is_more else 1 - part) for part in PARTS]
    return list(dict.fromkeys(rounded(level, experiment) for level in levels))


def rounded(level: float, experiment: Experiment) -> float:
    """A level that is no harder and has two digits; of a share that shall be large, two digits of what it lacks."""
    if experiment.better == "less":
        return _two_digits(level, math.ceil)
    if is_share(experiment.metric) and level <= 1:
        return round(1 - _two_digits(1 - level, math.ceil), 10)
    return _two_digits(level, math.floor)


def _two_digits(value: float, rounding: Callable[[float], int]) -> float:
    if value == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    return round(rounding(round(value / step, 6)) * step, 12)


def arrivals(experiment: Experiment, contender: str, level: float) -> list[Arrival]:
    """Of every trial of a contender; seconds are of training alone."""
    return [_arrival(one, experiment, level) for one in trials(experiment, contender)]


def _arrival(outcome: Outcome, experiment: Experiment, level: float) -> Arrival:
    for epoch in outcome.epochs:
        value = epoch.values.get(experiment.metric, math.nan)
        if (value >= level) if experiment.better == "more" else (value <= level):
            return Arrival(outcome.trial.seed, epoch.seconds, epoch.number)
    return Arrival(outcome.trial.seed)


def _end(experiment: Experiment) -> float:
    return max(epoch.seconds for one in experiment.outcomes for epoch in one.epochs) or 1.0


def _figure(experiment: Experiment, level: float, place: int) -> Figure:
    plot = Plot(height_for_names(experiment, HEIGHT), right=room_for_names(experiment))
    end = _end(experiment)
    across = Scale(0.0, end, plot.left, plot.width - plot.right)
    up = Scale(0.0, 1.0, plot.bottom, plot.top)
    parts = [*frame(plot, across, up, "share_accuracy", "seconds of training")]
    found = {at: arrivals(experiment, one.name, level) for at, one in placed(experiment)}
    names = {at: one.name for at, one in placed(experiment)}
    parts += [drawing.of_contender(at, [_stairs(members, names[at], across, up, end)]) for at, members in found.items()]
    ends = {at: (across.end, up.at(_share_there(members))) for at, members in found.items()}
    parts += names_beside(plot, experiment, ends)
    heading = f"Share of seeds that got to {short(experiment.metric, level)}"
    told = "; ".join(f"{names[at]}: {_told(members)}" for at, members in found.items())
    return Figure(heading, drawing.svg(f"target-{place}", plot.height, heading, told, parts))


def _stairs(found: Sequence[Arrival], name: str, across: Scale, up: Scale, end: float) -> Markup:
    times = sorted(one.seconds for one in found if math.isfinite(one.seconds))
    shares = [(0.0, 0.0), *((time, count / len(found)) for count, time in enumerate(times, 1))]
    shares.append((end, _share_there(found)))
    points = [(across.at(time), up.at(share)) for time, share in shares]
    return drawing.path(drawing.steps(points), "median", f"{name}: {_told(found)}")


def _share_there(found: Sequence[Arrival]) -> float:
    return sum(map(_is_there, found)) / max(len(found), 1)


def _is_there(one: Arrival) -> bool:
    return math.isfinite(one.seconds)


def _told(found: Sequence[Arrival]) -> str:
    there = [one for one in found if _is_there(one)]
    if not there:
        return f"none of {plural(len(found), 'seed')} got there"
    first = _seconds(min(one.seconds for one in there))
    return f"{len(there)} of {plural(len(found), 'seed')} got there, the first after {first}"


def _seconds(value: float) -> str:
    """Three digits, zeros at the end too; whole seconds where these are many.

    >>> _seconds(0.06), _seconds(2.0), _seconds(75.0)
    ('0.0600 s', '2.00 s', '75.0 s')
    """
    return f"{value:#.3g} s" if 0 < value < 99.5 else duration(value)


def _grid(experiment: Experiment, levels: Sequence[float]) -> Grid:
    columns = (Column("Contender"), *(Column(f"To {short(experiment.metric, level)}", True) for level in levels))
    rows = tuple(
        Row(
            Cell(one.name),
            tuple(_cell(arrivals(experiment, one.name, level), is_struck(experiment, one.name)) for level in levels),
        )
        for _, one in placed(experiment)
    )
    caption = "Median seconds to each target, failures counted; epochs and how many seeds got there below"
    return Grid("target", caption, columns, (Group(rows),), is_sortable=True)


def _cell(found: Sequence[Arrival], is_wrong: bool) -> Cell:
    """The median over all trials: where fewer than half got there, it is not known."""
    there = sum(map(_is_there, found))
    told = f"{there} of {len(found)}"
    middle = median([one.seconds for one in found]) if found else math.inf
    if not math.isfinite(middle):
        return Cell("not reached" if not there else "longer", told, tone="muted")
    epochs = median([math.inf if one.epoch is None else one.epoch for one in found])
    return Cell(_seconds(middle), f"epoch {epochs:g}; {told}", middle, "struck" if is_wrong else "")
