"""Component against check: all cases and seeds of a check folded into one verdict, as the rows come."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nnbench.model import EVIDENCE, Check, CheckStatus, Status
from nnbench.report.words import grouped

# Of a check's cases the one that comes first here counts.
WORST_FIRST = (
    CheckStatus.FAILED,
    CheckStatus.MISTRUSTED,
    CheckStatus.EXPECTED,
    CheckStatus.PASSED,
    CheckStatus.SKIPPED,
)
SHOWN = (
    CheckStatus.PASSED,
    CheckStatus.FAILED,
    CheckStatus.MISTRUSTED,
    CheckStatus.EXPECTED,
    CheckStatus.SKIPPED,
)
SIGNS = {
    CheckStatus.PASSED: "✓",
    CheckStatus.FAILED: "✗",
    CheckStatus.MISTRUSTED: "?",
    CheckStatus.EXPECTED: "≠",
    CheckStatus.SKIPPED: "·",
}
NAMES = {status: status.value for status in CheckStatus} | {CheckStatus.SKIPPED: "does not apply"}
MEANINGS = {
    CheckStatus.PASSED: "passed",
    CheckStatus.FAILED: "failed",
    CheckStatus.MISTRUSTED: "mistrusted: the case could not have failed",
    CheckStatus.EXPECTED: "expected: fails as an erratum or a known difference says",
    CheckStatus.SKIPPED: "does not apply",
}
EVIDENCE_COLUMN = "evidence"
MOST_NAMED = 12  # of seeds or of variants that failed
NOT_ASKED = "blank: not asked, as its kind has no such check or it gave no answer"

Who = tuple[str, str]  # component and variant


@dataclass(frozen=True)
class Verdict:
    """One check of one variant in all its cases: the one that counts most, how many were made, how many applied.

    ``reasons`` say why it does not apply where it does not.
    """

    worst: Check
    made: int = 1
    applied: int = 0
    reasons: tuple[str, ...] = ()

    @property
    def status(self) -> CheckStatus:
        return CheckStatus(self.worst.status)


@dataclass(frozen=True)
class Gap:
    """Checks that do not apply to the same variants for the same reason; ``is_partial``: in some of their cases."""

    checks: tuple[str, ...]
    to: tuple[Who, ...]
    is_partial: bool = False


@dataclass
class Correctness:
    """The table of what was checked, grown a row at a time.

    Of the rows only those are kept that are not right and, under the first seed, those that fail as expected.
    """

    verdicts: dict[Who, dict[str, Verdict]] = field(default_factory=dict)
    blocks: dict[str, list[str]] = field(default_factory=dict)  # columns by kind, which its first check stands for
    counts: dict[Who, Counter[str]] = field(default_factory=dict)
    wrong: list[Check] = field(default_factory=list)
    expected: list[Check] = field(default_factory=list)
    missing: Counter[str] = field(default_factory=Counter)  # cases that were skipped whole, by their reason
    unavailable: dict[Who, str] = field(default_factory=dict)  # variants of which nothing could be seen
    differences: dict[Who, str] = field(default_factory=dict)
    seeds: dict[int, int] = field(default_factory=dict)  # how many checks were not right under each
    _before: tuple[Who, str] | None = None  # whose the row before this one is, and in which case
    _kind: str = ""
    _behind: str = ""  # the column of its kind that came last

    def add(self, row: Check) -> None:
        who = row.component, row.variant
        self.counts.setdefault(who, Counter())[row.status] += 1
        self.seeds[row.seed] = self.seeds.get(row.seed, 0) + (not row.is_right)
        if row.cause == Status.SKIPPED and not self._goes_on(who, row.case):
            self.missing[row.note] += 1
            if who not in self.verdicts:
                self.unavailable.setdefault(who, row.note)
            return
        self.unavailable.pop(who, None)
        if not row.is_right:
            self.wrong.append(row)
        if row.status == CheckStatus.EXPECTED:
            self._expect(who, row)
        self._fold(who, row)

    def _expect(self, who: Who, row: Check) -> None:
        # Under many seeds an erratum shows as often: the first time will do.
        if len(self.seeds) == 1:
            self.expected.append(row)
        if not row.erratum:
            self.differences.setdefault(who, row.note.partition(":")[0])

    def _fold(self, who: Who, row: Check) -> None:
        name = column_of(row.check)
        self._place(who, row.case, name)
        found = self.verdicts.setdefault(who, {})
        found[name] = _folded(found.get(name), row)

    def _place(self, who: Who, case: str, name: str) -> None:
        """A check that is new gets its column among those of its kind, behind the one that was made before it."""
        if not self._goes_on(who, case):
            self._before, self._kind, self._behind = (who, case), name, ""
        block = self.blocks.setdefault(self._kind, [])
        if not any(name in others for others in self.blocks.values()):
            block.insert(block.index(self._behind) + 1 if self._behind else len(block), name)
        if name in block:
            self._behind = name

    def _goes_on(self, who: Who, case: str) -> bool:
        return self._before == (who, case)

    @property
    def columns(self) -> list[str]:
        """The checks, kind by kind in the order in which they are made; the errata's evidence last."""
        names = [name for block in self.blocks.values() for name in block]
        return sorted(names, key=lambda name: name == EVIDENCE_COLUMN)

    @property
    def people(self) -> list[Who]:
        """Every variant that was looked at, in the order in which they came."""
        return list(self.counts)

    @property
    def totals(self) -> Counter[str]:
        return sum(self.counts.values(), Counter())

    @property
    def is_right(self) -> bool:
        return not self.wrong


def fold(rows: Iterable[Check]) -> Correctness:
    """The table of these rows."""
    table = Correctness()
    for row in rows:
        table.add(row)
    return table


def column_of(check: str) -> str:
    """The column of a check: the errata's evidence shares one.

    >>> column_of("evidence_E03"), column_of("mode")
    ('evidence', 'mode')
    """
    return EVIDENCE_COLUMN if check.startswith(EVIDENCE) else check


def _folded(found: Verdict | None, row: Check) -> Verdict:
    applies = row.status != CheckStatus.SKIPPED
    reasons = () if applies else (row.note,)
    if found is None:
        return Verdict(row, applied=int(applies), reasons=reasons)
    return Verdict(
        min(found.worst, row, key=_rank),
        found.made + 1,
        found.applied + applies,
        found.reasons + tuple(reason for reason in reasons if reason not in found.reasons),
    )


def _rank(row: Check) -> tuple[int, float]:
    """Less is worse; of equal statuses, nearest to the allowance or furthest beyond it."""
    return WORST_FIRST.index(CheckStatus(row.status)), -closeness(row)


def closeness(row: Check) -> float:
    """The error as a share of its allowance; below every other where nothing was measured."""
    if row.error is None or row.allowance is None:
        return -1.0
    if math.isnan(row.error):
        return float("inf")
    return row.error / row.allowance if row.allowance else float("inf") if row.error else 0.0


def gaps(table: Correctness) -> list[tuple[str, list[Gap]]]:
    """What does not apply: the reasons, each with the checks and variants that it holds for."""
    places: dict[tuple[str, str], list[tuple[Who, bool]]] = {}
    for who, found in table.verdicts.items():
        for name, verdict in found.items():
            for reason in verdict.reasons:
                places.setdefault((reason, name), []).append((who, verdict.applied > 0))
    told: dict[str, list[Gap]] = {}
    order = {name: place for place, name in enumerate(table.columns)}
    for (reason, name), found_at in sorted(places.items(), key=lambda item: order[item[0][1]]):
        for partial, some in grouped(found_at, lambda one: one[1]):
            told.setdefault(reason, []).append(Gap((name,), tuple(who for who, _ in some), partial))
    return [(reason, _joined(some)) for reason, some in told.items()]


def _joined(found: Sequence[Gap]) -> list[Gap]:
    """Checks that do not apply to the very same variants, told together."""
    alike = grouped(found, lambda gap: (gap.to, gap.is_partial))
    return [Gap(tuple(gap.checks[0] for gap in some), to, partial) for (to, partial), some in alike]


def counted(totals: Counter[str]) -> str:
    """How many checks ended how.

    >>> counted(Counter(passed=4, skipped=1))
    '4 passed, 1 does not apply'
    """
    return ", ".join(ended(totals))


def ended(totals: Counter[str]) -> list[str]:
    """How many ended in each way that occurs, in words."""
    skipped = "does not apply" if totals[CheckStatus.SKIPPED] == 1 else "do not apply"
    words = NAMES | {CheckStatus.SKIPPED: skipped}
    return [f"{totals[status]:,} {words[status]}" for status in SHOWN if totals[status]]


def of_seeds(table: Correctness) -> str:
    """How many checks failed under how many of several seeds."""
    bad = [seed for seed, number in table.seeds.items() if number]
    made = table.totals.total() - table.totals[CheckStatus.SKIPPED]
    failed = sum(table.seeds.values())
    if not failed:
        return f"0 of {made:,} checks failed under {len(table.seeds)} seeds: no false alarm."
    under = f"under {len(bad)} of {len(table.seeds)} seeds ({_first(list(map(str, bad)))})"
    return " ".join([f"{failed:,} of {made:,} checks failed, {under}.", *_meaning(table, made)])


def _meaning(table: Correctness, made: int) -> list[str]:
    """What fails under every seed does not fail by chance; what fails under some may."""
    people = grouped(table.wrong, lambda row: (row.component, row.variant))
    always = [("@".join(who), rows) for who, rows in people if len(_failed_under(rows)) == len(table.seeds)]
    they_are = "it is" if len(always) == 1 else "they are"
    told = [f"{_first([name for name, _ in always])} failed under every seed: {they_are} wrong."] * bool(always)
    left = len(table.wrong) - sum(len(rows) for _, rows in always)
    alarms = "Where the others are right, theirs" if always else "Where the component is right, these"
    return told + [f"{alarms} are false alarms: {left / made:.2g} of the checks."] * bool(left)


def _failed_under(rows: Sequence[Check]) -> set[int]:
    return {row.seed for row in rows if row.status == CheckStatus.FAILED}


def _first(names: Sequence[str]) -> str:
    more = max(0, len(names) - MOST_NAMED)
    return f"{', '.join(names[:MOST_NAMED])}{f' and {more} more' if more else ''}"
