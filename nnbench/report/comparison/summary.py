"""The table of the contenders: what each reached, how sure that is, and what became of its trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from nnbench.experiments.findings import is_struck, is_vague
from nnbench.experiments.records import Contender, Experiment
from nnbench.experiments.verdicts import verdict
from nnbench.experiments.words import number, title
from nnbench.report.comparison.order import placed
from nnbench.report.comparison.section import Folded, Section
from nnbench.report.comparison.seeds import failures, means, usable, values
from nnbench.report.comparison.written import between, capital, causes
from nnbench.report.grids import NOTHING, Cell, Column, Grid, Group, Row, number_cell

# Shown where the trials have them, under these headings.
BESIDE = {"train_accuracy": "Training accuracy", "test_loss": "Test loss", "calibration_error": "Calibration error"}

FEW, MANY = 3, 6  # other contenders: so few are named one by one in any case, of more than so many some
MOST_TOLD = 4  # causes of failures; more of them unfold


def summary_section(experiment: Experiment) -> Section | None:
    """Every contender with the failures of its trials in words."""
    if not experiment.contenders:
        return None
    by_name = {one.name: failures(experiment, one.name) for one in experiment.contenders}
    failed = [f"{name}, {told}." for name, outcomes in by_name.items() for told in causes(outcomes)]
    count = sum(map(len, by_name.values()))
    folded = [Folded(f"{count} trials failed", tuple(failed))] if len(failed) > MOST_TOLD else failed
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
        *(Column(BESIDE[metric], True) for metric in beside),
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
    told = _peers(experiment, one.name, groups)
    return Row(header, (*numbers, _seeds(experiment, one.name), Cell(told) if told else NOTHING))


def _peers(experiment: Experiment, contender: str, groups: tuple[tuple[str, ...], ...]) -> str:
    """Those that share a group with a contender; the others where these are fewer."""
    peers = {name for group in groups if contender in group for name in group} - {contender}
    others = [one.name for _, one in placed(experiment) if one.name != contender]
    apart = [name for name in others if name not in peers]
    if len(others) <= FEW or len(apart) >= len(peers):
        return _named([name for name in others if name in peers])
    return f"all but {_named(apart)}" if apart else "all others"


def _named(names: Sequence[str]) -> str:
    return (
        ", ".join(names) if len(names) <= MANY else f"{', '.join(names[: MANY - 1])} and {len(names) - MANY + 1} more"
    )


def mean_cell(experiment: Experiment, contender: str, metric: str) -> Cell:
    """The mean over the trials that came to their end, its interval below."""
    mean = means(experiment, metric).get(contender)
    if mean is None:
        return NOTHING
    if is_vague(metric, mean):
        return Cell(number(metric, mean.estimate), "" if math.isinf(mean.low) else "too few seeds", mean.estimate)
    ends = between(metric, mean.low, mean.high)
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
