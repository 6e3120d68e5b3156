"""What ``nnbench history`` says: a row a commit, where two neighbours differ, and what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from nnbench.cli import output
from nnbench.cli.crossing import Crossing
from nnbench.cli.history_steps import Shown, numbered, ratio, steps_told
from nnbench.commits.log import Commit
from nnbench.commits.worktrees import Revision
from nnbench.duels.anchored import series_of
from nnbench.duels.kept import EXACT, Kept, level
from nnbench.metrics import ANCHORED
from nnbench.model import Status

WIDEST = 2.0  # times its lower end, an interval of so few pairs that it says nothing


def tell(crossing: Crossing, anchor: Revision, suites: Sequence[str], patterns: Sequence[str], as_json: bool) -> None:
    """Everything that is known of the range now, earlier calls included."""
    if crossing.task is None:
        return
    shown = _shown(crossing)
    if as_json:
        output.print_json([_json_row(commit, one, anchor) for commit, rows in shown for one in rows])
    else:
        _print(crossing, shown, anchor, suites, patterns)
    counted = {one.row.metric for rows in crossing.book.rows.values() for one in rows}
    if crossing.stored:
        names = ", ".join(name for name in EXACT if name in counted) or "none"
        output.warn(f"stored {numbered(len(crossing.stored), 'run')} in {crossing.results}; exact counters: {names}")


def _shown(crossing: Crossing) -> Shown:
    """The commits of which something is known, newest first, each with its row of each ratio asked for."""
    assert crossing.task is not None
    asked = {series_of(contest) for contest in crossing.task.contests}
    found = []
    for commit in reversed(crossing.book.commits):
        rows = [one for series, one in crossing.book.ratios(commit).items() if series in asked]
        if rows:
            found.append((commit, rows))
    return found


def _json_row(commit: Commit, one: Kept, anchor: Revision) -> dict[str, Any]:
    told = ratio(one)
    return {
        "commit": commit.id,
        "committed": commit.committed,
        "subject": commit.subject,
        "component": one.row.component,
        "variant": one.row.variant,
        "case": one.row.case,
        "mode": one.row.metric.removeprefix(ANCHORED),
        "anchor": anchor.commit,
        "ratio": told.ratio,
        "low": told.low,
        "high": told.high,
        "values": one.row.values,
        "status": one.row.status,
        "note": one.row.note,
        "run": one.run,
    }


def _print(crossing: Crossing, shown: Shown, anchor: Revision, suites: Sequence[str], patterns: Sequence[str]) -> None:
    console = output.console()
    table = output.table("commit", "subject", "most changed", "mode", f"/ {anchor.name}", "99 % interval", right=RIGHT)
    table.columns[4].justify = "right"
    for commit, rows in shown:
        output.add_row(table, commit.short, commit.subject, *_cells(rows))
    if shown:
        console.print(table)
    left = len(crossing.book.commits) - len(shown)
    console.print(f"\n{numbered(len(shown), 'commit')} measured, {left} of the range not yet." if left else "")
    for said in steps_told(crossing.book, shown, suites):
        console.print(said, soft_wrap=True)
    wanted = patterns or [shown[0][1][0].row.component] if shown else patterns
    trend = f"`nnbench trend {' '.join(map(shlex.quote, wanted))}`"
    console.print(f"Next: {trend} shows them in order, `nnbench regressions` what is beyond doubt.")


RIGHT = ("99 % interval",)


def _cells(rows: Sequence[Kept]) -> list[str]:
    """The series that is furthest from the anchor in units of its uncertainty; the reason where none was measured."""
    measured = [one for one in rows if one.row.status == Status.OK and one.row.values]
    if not measured:
        return [f"{rows[0].row.status}: {rows[0].row.note}", "", "", ""]
    most = max(measured, key=_distance)
    told = ratio(most)
    interval = f"{told.low:.3f} to {told.high:.3f}" if told.high < WIDEST * told.low else ""
    mode = most.row.metric.removeprefix(ANCHORED)
    return [f"{most.row.component}@{most.row.variant} [{most.row.case}]", mode, f"{told.ratio:.3f}", interval]


def _distance(one: Kept) -> float:
    stands = level(one.row.values)
    return abs(stands.value) / stands.error
