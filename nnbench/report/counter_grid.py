"""The report's table of exact counters: a column for each that the run took, a row for each line that has any."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nnbench.metrics import METRICS
from nnbench.report.grids import Cell, Column, Grid, Group, Row, named, number_cell
from nnbench.report.words import grouped
from nnbench.tables import Line
from nnbench.units import by_unit

ELSEWHERE = ("parameters", "flops")  # columns of the table of all lines


def counter_grid(found: Sequence[Line]) -> Grid | None:
    """Grouped by component like the table of all lines; None where no other counter was taken than that one shows."""
    exact = [name for name, one in METRICS.items() if one.exact and name not in ELSEWHERE]
    metrics = [metric for metric in exact if any(metric in line.counters for line in found)]
    if not metrics:
        return None
    counted = [line for line in found if any(metric in line.counters for metric in metrics)]
    columns = (Column("Variant and case"), *(Column(_title(metric), True) for metric in metrics))
    groups = tuple(
        Group(tuple(_row(line, metrics) for line in group), component)
        for component, group in grouped(counted, lambda line: line.component)
    )
    return Grid("counters", "Exact counters of one call of the whole", columns, groups, is_sortable=True)


def _title(metric: str) -> str:
    title = METRICS[metric].title
    return title[:1].upper() + title[1:]


def _row(line: Line, metrics: Sequence[str]) -> Row:
    cells: list[Cell] = [
        number_cell(line.counters.get(metric), partial(by_unit, unit=METRICS[metric].unit)) for metric in metrics
    ]
    return Row(named(line.variant, line.case, line.component), tuple(cells))
