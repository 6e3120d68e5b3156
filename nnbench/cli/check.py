"""``nnbench check``: is it right."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence

import click

from nnbench import runner
from nnbench.cli import options, output
from nnbench.cli.progress import Progress
from nnbench.discovery import sources
from nnbench.model import Check, CheckStatus, plain
from nnbench.plan import select

EXAMPLE = """\b
Example:
  nnbench check 'layers.*'
  nnbench check layers.linear@torch --seed 7 --json
"""


@click.command("check", epilog=EXAMPLE)
@options.selection
@options.as_json
@options.worker
def command(
    patterns: tuple[str, ...],
    expression: str,
    suites: tuple[str, ...],
    as_json: bool,
    timeout: float,
    memory_limit: int,
    seed: int | None,
) -> int:
    """Check every variant against its reference, and the reference against something independent.

    Exits with 1 when a check fails or a case proves nothing (mistrusted).
    """
    with runner.Session(sources(suites), options.limits(timeout, memory_limit)) as session:
        everything = session.components()
        output.warn_of(session.problems)
        targets = select(everything, patterns, expression)
        rows: list[Check] = []
        with Progress(runner.check_steps(targets)) as progress:
            for event in runner.check(session, targets, runner.Settings(seed=seed)):
                progress.update(event.doing, event.steps)
                if isinstance(event.row, Check):
                    rows.append(event.row)
    output.print_json([plain(row) for row in rows]) if as_json else _print(rows, suites)
    if any(not row.is_right for row in rows):
        return output.SOMETHING_WRONG
    return output.NOT_MEASURED if session.problems else 0


def _print(rows: Sequence[Check], suites: Sequence[str]) -> None:
    statuses = [status.value for status in CheckStatus]
    groups: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        groups.setdefault((row.component, row.variant), Counter())[row.status] += 1
    table = output.table("component", "variant", *statuses, right=statuses)
    for (component, variant), counts in groups.items():
        output.add_row(table, component, variant, *(str(counts[status] or "") for status in statuses))
    console = output.console()
    console.print(table)
    for row in rows:
        if not row.is_right:
            console.print(f"\n{failure(row, suites)}", markup=False, soft_wrap=True)
    totals = Counter(row.status for row in rows)
    console.print("\n" + ", ".join(f"{totals[status]} {status}" for status in statuses if totals[status]))


def failure(row: Check, suites: Sequence[str] = ()) -> str:
    """What is wrong, and the one line that repeats it."""
    size = "" if row.error is None else f" (error {row.error:.3g}, allowed {row.allowance:.3g})"
    return (
        f"{row.component}@{row.variant} [{row.case}] {row.check} {row.status}: {row.note}{size}\n"
        f"  repeat: {repeat(row, suites)}"
    )


def repeat(row: Check, suites: Sequence[str] = ()) -> str:
    """The command that repeats a check with its seed."""
    key = f"{row.component}@{row.variant}[{row.case}]"
    named = [part for suite in suites for part in ("--suite", suite)]
    return shlex.join(["nnbench", "check", key, *named, "--seed", str(row.seed)])
