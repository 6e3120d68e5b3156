"""Tables of what was measured beside the metric that decides: a row for each contender, means over its seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from nnbench.experiments.findings import is_struck
from nnbench.experiments.records import Contender, Experiment, Outcome
from nnbench.report.comparison.order import placed
from nnbench.report.comparison.seeds import is_usable, trials
from nnbench.report.grids import Cell, Column, Grid, Group, Row, number_cell

Read = Callable[[Outcome], float | None]
OWN_SECTIONS = ("optimizers", "dropout")  # pages that are made of other sections


@dataclass(frozen=True)
class Quantity:
    """A column: what is read of each trial, and how its mean is written."""

    title: str
    read: Read
    write: Callable[[float], str]


def final(metric: str) -> Read:
    """The figure that was measured once, at the end."""

    def read(outcome: Outcome) -> float | None:
        return outcome.final[metric][0] if outcome.final.get(metric) else None

    return read


def after(epoch: int, metric: str) -> Read:
    """The figure after an epoch, counted from 0, or from the last one as -1."""

    def read(outcome: Outcome) -> float | None:
        return outcome.epochs[epoch].values.get(metric) if outcome.epochs else None

    return read


def means_of(experiment: Experiment, one: Contender, read: Read) -> float | None:
    """The mean over the trials that came to their end; None where none has it."""
    ended = [outcome for outcome in trials(experiment, one.name) if is_usable(outcome, experiment.metric)]
    found = [value for outcome in ended if (value := read(outcome)) is not None and math.isfinite(value)]
    return mean(found) if found else None


def table(experiment: Experiment, name: str, caption: str, quantities: Sequence[Quantity]) -> Grid | None:
    """Those quantities that any trial has; None where there is none."""
    known = [one for one in quantities if _is_known(experiment, one)]
    if not known:
        return None
    columns = (Column("Contender"), *(Column(one.title, True) for one in known))
    rows = tuple(_row(experiment, one, known) for _, one in placed(experiment))
    return Grid(name, caption, columns, (Group(rows),), is_sortable=True)


def _is_known(experiment: Experiment, quantity: Quantity) -> bool:
    return any(means_of(experiment, one, quantity.read) is not None for one in experiment.contenders)


def _row(experiment: Experiment, one: Contender, quantities: Sequence[Quantity]) -> Row:
    cells = [number_cell(means_of(experiment, one, quantity.read), quantity.write) for quantity in quantities]
    if is_struck(experiment, one.name):
        cells = [replace(cell, tone="struck") for cell in cells]
    return Row(Cell(one.name), tuple(cells))
