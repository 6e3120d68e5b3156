"""``nnbench diff``: what changed between two runs, or between two commits."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from nnbench.changes import Change, changes, drift
from nnbench.cli import named_run, options, output
from nnbench.metrics import METRICS
from nnbench.model import Run, plain
from nnbench.units import by_unit

EXAMPLE = """\b
Example:
  nnbench diff latest~1 latest
  nnbench diff 20261120T0801 20261120T0930 --all
  nnbench diff v1.0 HEAD               the newest run of each commit on this machine
"""

LEAST_DRIFT = 1.0005  # what is less would be written as 0.0 %
UNCHANGED = ("same", "undecided")


@click.command("diff", epilog=EXAMPLE)
@click.argument("before", metavar="RUN|REV")
@click.argument("after", metavar="RUN|REV")
@click.option("--all", "everything", is_flag=True, help="Show what did not change, too.")
@click.option("--strict", is_flag=True, help="Exit with 4 when a time is undecided.")
@options.as_json
@options.results
def command(before: str, after: str, everything: bool, strict: bool, as_json: bool, results: Path) -> int:
    """Compare two runs or commits: times by intervals, counts exactly.

    A RUN is an id or the start of one, latest, latest~1, or a file; a REV is a commit, of which the newest run on
    this machine is taken. Exits with 1 when something is slower, worse or broken. "slower" is never said where the two
    intervals overlap.
    """
    output.open_results(results)
    first, second = (named_run.find(results, text, Path.cwd()) for text in (before, after))
    found = changes(first, second)
    if as_json:
        output.print_json([plain(change) | plain(change.verdict) for change in found])
    else:
        _print(first, second, found, everything)
    if any(change.is_worse for change in found):
        return output.SOMETHING_WRONG
    if all(change.verdict.verdict.startswith("only ") for change in found):
        output.warn("nothing was compared: the two runs measured nothing in common")
        return output.NOT_MEASURED
    return output.UNDECIDED if strict and any(c.verdict.verdict == "undecided" for c in found) else 0


def _print(first: Run, second: Run, found: Sequence[Change], everything: bool) -> None:
    shown = [change for change in found if everything or change.verdict.verdict not in UNCHANGED]
    table = output.table(
        "component", "case", "variant", "metric", "before", "after", "ratio", "99 % interval", "verdict", "note",
        right=["before", "after", "ratio", "99 % interval"],
    )  # fmt: skip
    for change in shown:
        output.add_row(table, *_cells(change))
    console = output.console()
    if shown:
        console.print(table)
    counts = Counter(change.verdict.verdict for change in found)
    console.print(
        "\n" + (", ".join(f"{number} {verdict}" for verdict, number in counts.most_common()) or "nothing in common")
    )
    console.print(_about(first, second))


def _about(first: Run, second: Run) -> str:
    moved = drift(first, second)
    if math.isinf(moved):
        machine = (
            "The machines, thread counts or calibration kernels of the two differ, or one was too noisy, so times are "
            "not compared."
        )
    elif moved < LEAST_DRIFT:
        machine = "The calibration kernels of the two runs do not differ beyond doubt."
    else:
        machine = (
            f"The calibration kernels of the two runs differ by {100 * (moved - 1):.1f} % beyond doubt; "
            "every interval is wider by that much."
        )
    commits = " and ".join(f"{run.id} ({run.commit[:10] or 'no commit'}{'+' * run.dirty})" for run in (first, second))
    incomplete = [run for run in (first, second) if run.ended != "complete"]
    cut_short = [f"{run.id} was {run.ended}, so that it may lack cases." for run in incomplete]
    return " ".join([f"{commits}.", machine, *cut_short])


def _ends(change: Change) -> list[str]:
    """Before and after; written out in full where they differ by less than three digits show, and are exact."""
    sides = [side.estimate if side else None for side in (change.before, change.after)]
    written = ["" if value is None else by_unit(value, change.unit) for value in sides]
    if change.metric in METRICS and METRICS[change.metric].exact and sides[0] != sides[1] and written[0] == written[1]:
        return ["" if value is None else f"{value:,.0f}" for value in sides]
    return written


def _cells(change: Change) -> list[str]:
    ends = _ends(change)
    verdict = change.verdict
    known = math.isfinite(verdict.ratio)
    is_exact = change.metric in METRICS and METRICS[change.metric].exact
    interval = f"{verdict.low:.3f} to {verdict.high:.3f}" if math.isfinite(verdict.low) and not is_exact else ""
    ratio = f"{verdict.ratio:.3f}" if known else ""
    return [
        change.component,
        change.case,
        change.variant,
        change.metric,
        *ends,
        ratio,
        interval,
        verdict.verdict,
        change.note,
    ]
