"""Whether the implementations behind the contenders are right: numbers of a wrong one say nothing of its method."""

from __future__ import annotations

from nnbench.experiments.records import Checked, Contender, Experiment
from nnbench.report.comparison.section import Section
from nnbench.report.grids import NOTHING, Cell, Column, Grid, Group, Row
from nnbench.report.words import elide, plural

LONGEST_REASON = 400


def correctness_section(experiment: Experiment) -> Section | None:
    """None where nothing is known of any contender."""
    if not experiment.checks:
        return None
    rows = tuple(_row(one, experiment.checks.get(one.name)) for one in experiment.contenders)
    columns = (Column("Contender"), Column("Implementation"), Column("Checks"))
    grid = Grid("correctness", "The checks of the implementation behind each contender", columns, (Group(rows),))
    told = (
        "Before anything is compared, each implementation is checked against independent ones in double precision, "
        "step by step. Where one fails, its numbers are struck out on this page."
    )
    return Section("correctness", "Are the implementations right?", "Correctness", (told, grid))


def _row(one: Contender, checked: Checked | None) -> Row:
    if checked is None:
        return Row(Cell(one.name), (Cell(one.component, is_code=True) if one.component else NOTHING, NOTHING))
    return Row(
        Cell(one.name), (Cell(checked.component, is_code=True) if checked.component else NOTHING, _result(checked))
    )


def _result(checked: Checked) -> Cell:
    if checked.failed:
        all_checks = checked.passed + len(checked.failed)
        told = f"{len(checked.failed)} of {plural(all_checks, 'check')} failed"
        return Cell(told, elide("; ".join(checked.failed), LONGEST_REASON), tone="bad")
    if checked.unknown:
        return Cell("unknown", checked.unknown, tone="muted")
    return Cell(f"{plural(checked.passed, 'check')} passed", tone="good")
