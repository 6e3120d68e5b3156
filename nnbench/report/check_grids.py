"""The report's tables of checks as plain values: what failed, what showed as expected, and how many ended how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nnbench.model import Check, CheckStatus, Run
from nnbench.report.correctness import NAMES, SHOWN
from nnbench.report.failures import Failure, Repeat, also_in, failures
from nnbench.report.grids import LONGEST_NOTE, NOTHING, Cell, Column, Grid, Group, Row, named, number_cell
from nnbench.report.words import elide, grouped


def failures_grid(checks: Sequence[Check], repeat: Repeat) -> Grid:
    """The checks that failed or prove nothing, each with the command that repeats it."""
    bad = [check for check in checks if not check.is_right]
    return _checks_grid("failures", "Checks that failed or prove nothing", bad, repeat)


def errata_grid(checks: Sequence[Check], repeat: Repeat) -> Grid:
    """The errata, and other libraries' known differences, that showed as they should."""
    shown = [check for check in checks if check.status == CheckStatus.EXPECTED]
    return _checks_grid("errata", "Errata of the documents and known differences, shown as expected", shown, repeat)


def _checks_grid(name: str, caption: str, checks: Sequence[Check], repeat: Repeat) -> Grid:
    columns = (
        Column("Variant and case"),
        Column("Check"),
        Column("Status"),
        Column("Error", True),
        Column("Allowed", True),
        Column("Evidence and the command that repeats it"),
    )
    groups = tuple(
        Group(tuple(_check_row(failure, repeat) for failure in group), component)
        for component, group in grouped(failures(checks), lambda failure: failure.row.component)
    )
    return Grid(name, caption, columns, groups)


def _check_row(failure: Failure, repeat: Repeat) -> Row:
    check, also = failure.row, also_in(failure)
    tone = "muted" if check.status == CheckStatus.EXPECTED else "bad"
    evidence = elide(check.note, LONGEST_NOTE) or "none"
    return Row(
        named(check.variant, check.case, check.component),
        (
            Cell(check.check),
            Cell(str(check.status), check.erratum, tone=tone),
            number_cell(check.error, _three_digits),
            number_cell(check.allowance, _three_digits),
            Cell(f"{evidence} ({also})" if also else evidence, repeat(failure), is_detail_code=True),
        ),
    )


def _three_digits(value: float) -> str:
    return f"{value:.3g}"


def counts_grid(run: Run) -> Grid:
    """How many checks ended how, by check."""
    counts = Counter((check.check, check.status) for check in run.checks)
    statuses = [status for status in SHOWN if any(ended == status for _, ended in counts)]
    rows = tuple(
        Row(Cell(name), tuple(_count_cell(counts[name, status], status) for status in statuses))
        for name in dict.fromkeys(check.check for check in run.checks)
    )
    columns = (Column("Check"), *(Column(NAMES[status].capitalize(), True) for status in statuses))
    return Grid("counts", "Checks by how they ended", columns, (Group(rows),))


def _count_cell(number: int, status: str) -> Cell:
    bad = number and status in (CheckStatus.FAILED, CheckStatus.MISTRUSTED)
    return Cell(f"{number:,}", value=number, tone="bad" if bad else "") if number else NOTHING
