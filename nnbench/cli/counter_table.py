"""The exact counters of a component as text: a block for each case, in it a row a counter and a column a variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from nnbench.metrics import METRICS
from nnbench.tables import Line
from nnbench.units import by_unit

LONGEST_NAME = 12  # of a variant, so that three of them go into 80 columns


def print_counters(found: Sequence[Line]) -> None:
    """Nothing where nothing was counted."""
    cases: dict[tuple[str, str], dict[str, Mapping[str, int]]] = {}
    for line in found:
        if line.counters:
            cases.setdefault((line.component, line.case), {})[line.variant] = line.counters
    if cases:
        click.secho("\nExact counters of one call of the whole (forward and backward, a step, or a call):", bold=True)
    for (_, case), counters in cases.items():
        click.echo(f"{case}")
        for row in counter_rows(counters):
            click.echo(row)


def counter_rows(counters: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A head with the variants, then a row for each counter that one of them has."""
    metrics = [name for name, one in METRICS.items() if one.exact and any(name in had for had in counters.values())]
    titles = ["", *(METRICS[metric].title for metric in metrics)]
    width = max(map(len, titles))
    columns = [_column(variant, had, metrics) for variant, had in counters.items()]
    return [
        "  ".join(["  " + title.ljust(width), *cells]).rstrip() for title, *cells in zip(titles, *columns, strict=True)
    ]


def _column(variant: str, had: Mapping[str, int], metrics: Sequence[str]) -> list[str]:
    name = variant if len(variant) <= LONGEST_NAME else variant[: LONGEST_NAME - 1] + "…"
    cells = [name, *(by_unit(had[metric], METRICS[metric].unit) if metric in had else "" for metric in metrics)]
    width = max(map(len, cells))
    return [cell.rjust(width) for cell in cells]
