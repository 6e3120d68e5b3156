"""The table of the contenders: what each reached, how sure that is, and what became of its trials."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import median

from nnbench.experiments.findings import is_struck
from nnbench.experiments.records import Contender, Experiment
from nnbench.experiments.verdicts import verdict
from nnbench.experiments.words import number, title
from nnbench.report.comparison.order import placed
from nnbench.report.comparison.section import Folded, Section
from nnbench.report.comparison.seeds import failures, means, usable, values
from nnbench.report.comparison.written import between, capital, cause
from nnbench.report.grids import NOTHING, Cell, Column, Grid, Group, Row, number_cell

BESIDE = ("train_accuracy", "test_loss", "calibration_error")  # shown where the trials have them

MOST_TOLD = 4  # failures; more of them unfold


def summary_section(experiment: Experiment) -> Section | None:
    """Every contender with the failures of its trials in words."""
    if not experiment.contenders:
        return None
    failed = [
        f"{one.name}, {cause(outcome)}." for one in experiment.contenders for outcome in failures(experiment, one.name)
    ]
    folded = [Folded(f"{len(failed)} trials failed", tuple(failed))] if len(failed) > MOST_TOLD else failed
    return Section("contenders", "Every contender", "Contenders", (_grid(experiment), *folded))


def _grid(experiment: Experiment) -> Grid:
    beside = [
        metric
        for metric in BESIDE
        if metric != experiment.metric and any(usable(experiment, one.name, metric) for one in experiment.contenders)
    ]
    columns = (
        Column("Contender"),
        Column(capital(title(experiment.metric)), True),
        Column("Median", True),
        *(Column(capital(title(metric)), True) for metric in beside),
        Column("Seeds", True),
        Column("Not told apart from"),
    )
    groups = verdict(experiment).groups
    rows = tuple(_row(experiment, one, beside, groups) for _, one in placed(experiment))
    caption = "Means over the seeds that came to their end, with 99 % intervals"
    return Grid("contenders", caption, columns, (Group(rows),), is_sortable=True)


def _row(experiment: Experiment, one: Contender, beside: list[str], groups: tuple[tuple[str, ...], ...]) -> Row:
    cells = (
        mean_cell(experiment, one.name, experiment.metric),
        number_cell(_median(experiment, one.name), lambda value: number(experiment.metric, value)),
        *(mean_cell(experiment, one.name, metric) for metric in beside),
    )
    struck = is_struck(experiment, one.name)
    numbers = tuple(struck_cell(experiment, one.name, cell) for cell in cells)
    header = Cell(one.name, "fails its checks" if struck else one.component, is_detail_code=not struck)
    peers = list(dict.fromkeys(name for group in groups if one.name in group for name in group))
    told = ", ".join(name for name in peers if name != one.name)
    return Row(header, (*numbers, _seeds(experiment, one.name), Cell(told) if told else NOTHING))


def mean_cell(experiment: Experiment, contender: str, metric: str) -> Cell:
    """The mean over the trials that came to their end, its interval below."""
    mean = means(experiment, metric).get(contender)
    if mean is None:
        return NOTHING
    ends = "" if math.isinf(mean.low) else between(metric, mean.low, mean.high)
    return Cell(number(metric, mean.estimate), ends, mean.estimate)


def struck_cell(experiment: Experiment, contender: str, cell: Cell) -> Cell:
    """The cell, its number struck out where the contender's implementation fails its checks."""
    return replace(cell, tone="struck") if is_struck(experiment, contender) and cell != NOTHING else cell


def _median(experiment: Experiment, contender: str) -> float | None:
    found = usable(experiment, contender)
    return median(found) if found else None


def _seeds(experiment: Experiment, contender: str) -> Cell:
    found = values(experiment, contender)
    failed = found.count(None)
    return Cell(str(len(found)), f"{failed} failed" if failed else "", len(found), "bad" if failed else "")
