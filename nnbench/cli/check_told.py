"""What ``nnbench check`` says below its table: what failed and how to repeat it, what was skipped, the counts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rich.console import Console

from nnbench.cli import options, output
from nnbench.cli.check_table import print_table
from nnbench.model import Check
from nnbench.processes.process import Limits
from nnbench.report import failures
from nnbench.report.correctness import Correctness, counted, of_seeds
from nnbench.report.failures import Failure, Repeat


def print_checks(table: Correctness, repeat: Repeat) -> None:
    """The table, the failures, what was skipped whole, known differences, and how many checks ended how."""
    console = output.console()
    print_table(table, console)
    for found in failures.failures(table.wrong):
        _say(console, told(found, repeat, with_seed=len(table.seeds) > 1))
    for note, number in table.missing.items():
        _say(console, f"skipped whole, {number} {'case' if number == 1 else 'cases'}: {note}")
    for (component, variant), note in table.differences.items():
        _say(console, f"{component}@{variant} fails as expected: {note}")
    if len(table.seeds) > 1:
        _say(console, of_seeds(table))
    _say(console, counted(table.totals))


def _say(console: Console, text: str) -> None:
    console.print(f"\n{text}", markup=False, soft_wrap=True)


def told(found: Failure, repeat: Repeat, with_seed: bool = False) -> str:
    """What is wrong, under which seed where there are several, where else, and the one line that repeats it."""
    row, also = found.row, failures.also_in(found)
    size = "" if row.error is None else f" (error {row.error:.3g}, allowed {row.allowance:.3g})"
    seed = f" under seed {row.seed}" if with_seed else ""
    head = f"{row.component}@{row.variant} [{row.case}] {row.check} {row.status}{seed}: {row.note}{size}"
    return "\n  ".join([head, *([also] if also else []), f"repeat: {repeat(found)}"])


def failure(row: Check, repeat: Repeat) -> str:
    """What is wrong, and the one line that repeats it."""
    return told(Failure(row), repeat)


def repeater(
    suites: Sequence[str],
    limits: Limits,
    candidate: str = "",
    only: Sequence[str] = (),
    placed: Sequence[str] = (),
) -> Repeat:
    """How a failure is repeated by whoever gave these suites, limits, checks and place (device, dtype), and held this
    candidate against a component.
    """
    given = [part for suite in suites for part in ("--suite", suite)] + options.given(limits) + list(placed)
    return partial(failures.repeat, given=given, candidate=candidate, asked=only)
