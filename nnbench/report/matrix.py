"""Component against check for a page: a sign a cell, and everything behind it in the cell's title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nnbench.model import CheckStatus
from nnbench.report.correctness import (
    MEANINGS,
    NAMES,
    NOT_ASKED,
    SHOWN,
    SIGNS,
    Correctness,
    Gap,
    Verdict,
    Who,
    gaps,
)
from nnbench.report.failures import Failure, Repeat
from nnbench.report.words import elide, grouped, plural

LONGEST_NOTE = 300
LISTS = {
    CheckStatus.FAILED: "#failures-table",
    CheckStatus.MISTRUSTED: "#failures-table",
    CheckStatus.EXPECTED: "#errata-table",
}


@dataclass(frozen=True)
class Mark:
    """A cell: its sign, what it means in a word, all that is known of it, and the list that has more."""

    sign: str
    status: str
    word: str
    title: str
    link: str = ""


@dataclass(frozen=True)
class Line:
    """A variant's marks, one a column, None where its kind has no such check; or why nothing could be seen of it."""

    component: str
    variant: str
    marks: tuple[Mark | None, ...] = ()
    unavailable: str = ""


@dataclass(frozen=True)
class Unapplied:
    """A reason, how many checks and variants it holds for, and which."""

    reason: str
    checks: str
    number: str
    places: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Matrix:
    columns: tuple[str, ...]
    groups: tuple[tuple[Line, ...], ...]  # by component
    legend: tuple[tuple[str, str, str], ...]  # sign, status, meaning
    blank: str
    unapplied: tuple[Unapplied, ...]
    unavailable: tuple[tuple[str, tuple[str, ...]], ...]


def matrix_of(table: Correctness, repeat: Repeat) -> Matrix:
    """The table as a page shows it."""
    lines = [_line(table, who, repeat) for who in table.people]
    whole = grouped(table.unavailable.items(), lambda item: item[1])
    return Matrix(
        tuple(table.columns),
        tuple(tuple(some) for _, some in grouped(lines, lambda line: line.component)),
        tuple((SIGNS[status], status.value, MEANINGS[status]) for status in SHOWN if table.totals[status]),
        NOT_ASKED,
        tuple(_unapplied(reason, some) for reason, some in gaps(table)),
        tuple((reason, tuple(_name(who) for who, _ in some)) for reason, some in whole),
    )


def _name(who: Who) -> str:
    return "@".join(who)


def _line(table: Correctness, who: Who, repeat: Repeat) -> Line:
    if who not in table.verdicts:
        return Line(*who, unavailable=table.unavailable[who])
    found = table.verdicts[who]
    return Line(*who, tuple(_mark(name, found[name], repeat) if name in found else None for name in table.columns))


def _mark(name: str, verdict: Verdict, repeat: Repeat) -> Mark:
    status = verdict.status
    title = "\n".join(_told(name, verdict, repeat))
    return Mark(SIGNS[status], status.value, NAMES[status], title, LISTS.get(status, ""))


def _told(name: str, verdict: Verdict, repeat: Repeat) -> list[str]:
    """The lines behind a cell: what, the sizes, the words, where it does not apply, the command that repeats it."""
    row = verdict.worst
    lines = [f"{name} of {row.component}@{row.variant}: {NAMES[verdict.status]}"]
    if verdict.status == CheckStatus.SKIPPED:
        return lines + [elide(reason, LONGEST_NOTE) for reason in verdict.reasons]
    if row.error is not None and row.allowance is not None:
        worst = f", the worst of {verdict.applied}" if verdict.applied > 1 else ""
        lines.append(f"error {row.error:.2g} of {row.allowance:.2g} allowed{worst}")
    lines += [elide(row.note, LONGEST_NOTE)] if row.note else []
    lines += [f"does not apply in some cases: {elide('; '.join(verdict.reasons), LONGEST_NOTE)}"] * bool(
        verdict.reasons
    )
    return [*lines, f"repeat: {repeat(Failure(row))}"]


def _unapplied(reason: str, some: Sequence[Gap]) -> Unapplied:
    checks = dict.fromkeys(name for gap in some for name in gap.checks)
    variants = {who for gap in some for who in gap.to}
    places = ((_head(gap), tuple(map(_name, gap.to))) for gap in some)
    return Unapplied(reason, ", ".join(checks), plural(len(variants), "variant"), tuple(places))


def _head(gap: Gap) -> str:
    return ", ".join(gap.checks) + (" in some cases of" if gap.is_partial else " for")
