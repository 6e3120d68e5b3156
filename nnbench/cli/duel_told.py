"""What ``nnbench duel`` says: its rows as JSON, its table, and the counts below it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

from nnbench.cli import output
from nnbench.duels.contest import Outcome
from nnbench.model import Status
from nnbench.stats import UNUSABLE
from nnbench.units import seconds


def json_row(outcome: Outcome) -> dict[str, Any]:
    """One contest in plain values; ``verdict`` is the status where there is no verdict, and the numbers are null."""
    contest, verdict = outcome.contest, outcome.verdict
    return {
        "component": contest.component,
        "case": contest.case,
        "mode": contest.mode,
        "a": contest.a_variant,
        "b": contest.b_variant,
        "verdict": _said(outcome),
        "ratio": verdict.ratio,
        "low": verdict.low,
        "high": verdict.high,
        "status": outcome.status,
        "note": outcome.note,
        "pairs": len(outcome.values),
        "floor": outcome.floor,
        "clock": "wall" if contest.is_parallel else "cpu",
        "a_samples": outcome.a_samples,
        "b_samples": outcome.b_samples,
    }


def _said(outcome: Outcome) -> str:
    return outcome.verdict.verdict if outcome.status == Status.OK else outcome.status


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """A table with a row a contest, and below it how many ended how and how well the machine agreed with itself."""
    console = output.console()
    table = output.table(*COLUMNS, right=COLUMNS[4:7])
    for outcome in _together(outcomes):
        output.add_row(table, *_cells(outcome))
    if outcomes:
        console.print(table)
    counts = Counter(map(_said, outcomes))
    console.print("\n" + (", ".join(f"{number} {said}" for said, number in counts.most_common()) or "nothing decided"))
    if any(outcome.status == Status.OK for outcome in outcomes):
        console.print(f"The last column but one says what B is against A. {_about_noise(outcomes)}", soft_wrap=True)


COLUMNS = ("component [case]", "mode", "A", "B", "A takes", "B / A", "99 % interval", "B is", "")


def _together(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Contests of one component and case below each other, though they ended at different times."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.contest.component, outcome.contest.case), []).append(outcome)
    return [outcome for group in groups.values() for outcome in group]


def _cells(outcome: Outcome) -> list[str]:
    contest, verdict = outcome.contest, outcome.verdict
    known = math.isfinite(verdict.ratio)
    return [
        f"{contest.component} [{contest.case}]",
        contest.mode,
        contest.a_variant,
        contest.b_variant,
        seconds(median(min(pair) for pair in outcome.a_samples)) if outcome.a_samples else "",
        f"{verdict.ratio:.3f}" if known else "",
        f"{verdict.low:.3f} to {verdict.high:.3f}" if known and verdict.low > 0 else "",
        _said(outcome),
        outcome.note or _counted(len(outcome.values)),
    ]


def _counted(pairs: int) -> str:
    return f"{pairs} pair" if pairs == 1 else f"{pairs} pairs"


def _about_noise(outcomes: Sequence[Outcome]) -> str:
    floor = floor_of(outcomes)
    said = f"The same code on both sides differed by {floor:.1%} from pair to pair (the noise floor)."
    return f"{said} Unusable: above {UNUSABLE:.0%} nothing is decided." if floor > UNUSABLE else said


def floor_of(outcomes: Sequence[Outcome]) -> float:
    """The noise floor that the last of them saw, as a share."""
    return next((outcome.floor for outcome in reversed(outcomes) if outcome.status == Status.OK), 0.0)


def exit_code(outcomes: Sequence[Outcome], is_wrong: bool, is_gate: bool, is_strict: bool) -> int:
    """0 fine; 1 wrong or, for a gate, slower; 3 not measured; 4 too noisy or, where it is strict, undecided."""
    said = {_said(outcome) for outcome in outcomes}
    if is_wrong or (is_gate and "slower" in said):
        return output.SOMETHING_WRONG
    if any(outcome.status not in (Status.OK, Status.SKIPPED, Status.WRONG) for outcome in outcomes):
        return output.NOT_MEASURED
    if floor_of(outcomes) > UNUSABLE or (is_strict and "undecided" in said):
        return output.UNDECIDED
    return 0
