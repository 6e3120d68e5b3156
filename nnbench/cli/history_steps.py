"""Where two measured neighbours of a range differ: ratios beyond doubt, and exact counters that are not the same."""

from __future__ import annotations

import itertools
import math
import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from nnbench.commits.log import Commit
from nnbench.duels.anchored import Series
from nnbench.duels.kept import Book, Kept
from nnbench.duels.verdicts import estimate, half_width
from nnbench.metrics import ANCHORED, METRICS
from nnbench.model import Status, Verdict
from nnbench.stats import NOTICEABLE
from nnbench.units import by_unit

MOST = 5  # lines of either kind

Shown = Sequence[tuple[Commit, list[Kept]]]  # newest first, with the ratios asked for


def ratio(one: Kept) -> Verdict:
    """A stored ratio with its interval; without a verdict."""
    return estimate([math.log(value) for value in one.row.values], "")


def numbered(count: int, noun: str) -> str:
    """
    >>> numbered(1, "commit"), numbered(2, "commit")
    ('1 commit', '2 commits')
    """
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"


@dataclass(frozen=True)
class Step:
    """A series at two measured commits, with none that could be measured between them; ``skipped`` were not yet."""

    older: Commit
    newer: Commit
    before: Kept
    after: Kept
    skipped: int

    @property
    def target(self) -> str:
        row = self.after.row
        return f"{row.component}@{row.variant}[{row.case}]"

    @property
    def surplus(self) -> float:
        """How far two ratios differ beyond doubt and what is noticeable; not above 0 where they do not."""
        ends = [[math.log(value) for value in one.row.values] for one in (self.before, self.after)]
        if min(map(len, ends)) < 2:
            return 0.0
        moved = math.log(ratio(self.after).ratio / ratio(self.before).ratio)
        return abs(moved) - math.hypot(*map(half_width, ends)) - math.log1p(NOTICEABLE)

    @property
    def where(self) -> str:
        if not self.skipped:
            return f"by {self.newer.short}"
        left = numbered(self.skipped, "commit")
        return f"between {self.older.short} and {self.newer.short}, {left} between them not measured"


def steps_told(book: Book, shown: Shown, suites: Sequence[str]) -> Iterator[str]:
    """The clearest differences of ratios, then the counters that differ, a sentence each."""
    found = [step for step in _steps(book, shown) if step.surplus > 0]
    clearest = sorted(found, key=lambda step: -step.surplus)
    yield from _at_most([_ratio_told(step, suites) for step in clearest])
    asked = {one.series[:3] for _, rows in shown for one in rows}
    counts = [(commit, [one for one in book.of(commit) if _is_count(one, asked)]) for commit, _ in shown]
    yield from _at_most(_counts_told([step for step in _steps(book, counts) if _differ(step)]))


def _at_most(told: Sequence[str]) -> Iterator[str]:
    yield from told[:MOST]
    if len(told) > MOST:
        yield f"and {len(told) - MOST} more like these"


def _steps(book: Book, shown: Shown) -> Iterator[Step]:
    """Each series at each two commits that it has values at, with none that has between them; oldest first."""
    places = {commit: place for place, commit in enumerate(book.commits)}
    points: dict[Series, dict[Commit, Kept]] = {}
    for commit, rows in reversed(shown):
        for one in rows:
            if one.row.status == Status.OK and one.row.values:
                points.setdefault(one.series, {})[commit] = one
    known = {places[commit] for commit, _ in shown}
    for of_series in points.values():
        for (older, before), (newer, after) in itertools.pairwise(of_series.items()):
            between = set(range(places[older] + 1, places[newer]))
            yield Step(older, newer, before, after, len(between - known))


def _is_count(one: Kept, asked: Collection[tuple[str, ...]]) -> bool:
    return not one.is_ratio and one.series[:3] in asked


def _differ(step: Step) -> bool:
    return step.before.row.values[-1] != step.after.row.values[-1]


def _ratio_told(step: Step, suites: Sequence[str]) -> str:
    named = " ".join(f"--suite {shlex.quote(suite)}" for suite in suites)
    revisions = f"--rev {step.older.short} --rev {step.newer.short}"
    command = f"nnbench duel {revisions} {shlex.quote(step.target)} {named}".strip()
    moved = f"{ratio(step.before).ratio:.3f} to {ratio(step.after).ratio:.3f}"
    mode = step.after.row.metric.removeprefix(ANCHORED)
    return f"{step.target} {mode}: {moved} {step.where}; `{command}` confirms it"


def _counts_told(steps: Iterable[Step]) -> list[str]:
    """One sentence for all counters of a target that changed at one place."""
    groups: dict[tuple[str, str], list[str]] = {}
    for step in steps:
        unit = METRICS[step.after.row.metric].unit
        before, after = (by_unit(one.row.values[-1], unit) for one in (step.before, step.after))
        groups.setdefault((step.target, step.where), []).append(f"{step.after.row.metric} {before} to {after}")
    return [f"{target}: {', '.join(changed)} {where}, counted exactly" for (target, where), changed in groups.items()]
