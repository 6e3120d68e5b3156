"""What earlier calls stored of commits held against an anchor, and where each commit stands by it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from nnbench import history
from nnbench.commits.log import Commit
from nnbench.commits.ranges import Level, next_place
from nnbench.duels.anchored import Series, Task
from nnbench.metrics import ANCHORED, METRICS
from nnbench.model import Measurement, Status

# Four pairs may agree by chance: their spread is pooled with what pairs of the same code were seen to differ by.
PRIOR_SPREAD = 0.005
PRIOR_WEIGHT = 4
MEDIAN = 1.2533  # a median's standard error over a mean's, of normal numbers

EXACT = tuple(name for name, metric in METRICS.items() if metric.exact)
ROWS = f"""
    SELECT "commit", run, component, variant, "case", metric, unit, "values", status, note, spec, context
    FROM runs
    WHERE machine = ? AND NOT dirty AND "commit" IN (SELECT unnest(?::VARCHAR[]))
    AND (starts_with(metric, '{ANCHORED}') OR metric IN ({", ".join("?" * len(EXACT))}))
    ORDER BY started, run
"""
ANCHORS = f"""
    SELECT context FROM runs WHERE starts_with(metric, '{ANCHORED}') GROUP BY context ORDER BY max(started) DESC
"""


@dataclass(frozen=True)
class Kept:
    """A stored row: a ratio to the anchor, the reason why there is none, or an exact counter."""

    run: str
    row: Measurement

    @property
    def series(self) -> Series:
        return self.row.component, self.row.variant, self.row.case, self.row.metric

    @property
    def is_ratio(self) -> bool:
        return self.row.metric.startswith(ANCHORED)


def kept(results: Path, machine: str, anchor: str, commits: Sequence[Commit]) -> dict[str, list[Kept]]:
    """The rows of these commits on this class of machine, by commit, oldest first: ratios to this anchor, and exact
    counters. The anchor is a full id.
    """
    found: dict[str, list[Kept]] = {}
    for row in history.table(results, ROWS, [machine, [one.id for one in commits], *EXACT]).to_pylist():
        commit, one = row.pop("commit"), Kept(row.pop("run"), _measurement(row))
        if not one.is_ratio or one.row.context.get("anchor") == anchor:
            found.setdefault(commit, []).append(one)
    return found


def _measurement(row: dict[str, object]) -> Measurement:
    values = row["values"]
    assert isinstance(values, list)
    return Measurement(**(row | {"values": tuple(values), "context": json.loads(str(row["context"]))}))  # type: ignore[arg-type]


def anchors(results: Path) -> Iterator[str]:
    """The anchors that were used, as full commit ids, the one of the newest measurement first."""
    rows = history.table(results, ANCHORS).to_pylist()
    yield from dict.fromkeys(str(json.loads(row["context"]).get("anchor", "")) for row in rows)


def levels(rows: Iterable[Measurement]) -> dict[Series, Level]:
    """Where each series stands: logarithms of ratios with their errors, and of exact counters."""
    found: dict[Series, Level] = {}
    for row in rows:
        series = row.component, row.variant, row.case, row.metric
        if row.status != Status.OK or not row.values:
            continue
        if row.metric.startswith(ANCHORED):
            found[series] = level(row.values)
        elif row.metric in EXACT:
            found[series] = Level(math.log1p(row.values[-1]))
    return found


@dataclass
class Book:
    """What is known of each commit of a range, oldest first; ``tried`` are the ids of those measured in this call.

    What failed before counts as known, unless ``retry``.
    """

    commits: Sequence[Commit]
    rows: dict[str, list[Kept]]  # by commit
    retry: bool = False
    tried: set[str] = field(default_factory=set)

    def of(self, commit: Commit) -> list[Kept]:
        return self.rows.get(commit.id, [])

    def ratios(self, commit: Commit) -> dict[Series, Kept]:
        """The newest row of each ratio; one without values only where there is no other."""
        rows = [one for one in self.of(commit) if one.is_ratio]
        return {one.series: one for one in sorted(rows, key=lambda one: bool(one.row.values))}

    def left(self, task: Task, commit: Commit) -> Task:
        """What is still to be measured of a commit."""
        if commit.id in self.tried:
            return Task((), ())
        there = self.ratios(commit)
        again = {series for series, one in there.items() if one.row.status not in (Status.OK, Status.SKIPPED)}
        return task.without(there.keys() - (again if self.retry else set()))

    def missing(self, task: Task) -> list[Commit]:
        return [commit for commit in self.commits if self.left(task, commit).contests]

    def next(self, task: Task) -> Commit | None:
        """The commit to measure next; None when there is no more."""
        missing = set(self.missing(task))
        known = {
            place: levels(one.row for one in self.of(commit))
            for place, commit in enumerate(self.commits)
            if commit not in missing
        }
        place = next_place(len(self.commits), known)
        return None if place is None else self.commits[place]

    def note(self, commit: Commit, run: str, rows: Iterable[Measurement]) -> None:
        """Take in what was measured."""
        self.tried.add(commit.id)
        found = [Kept(run, row) for row in rows if row.metric.startswith(ANCHORED) or row.metric in EXACT]
        self.rows.setdefault(commit.id, []).extend(found)


def level(ratios: Iterable[float]) -> Level:
    """The median of the ratios of process pairs, as a logarithm, and how well it is known.

    >>> level([1.0, 1.0, 1.0, 1.0]).value
    0.0
    """
    logs = [math.log(ratio) for ratio in ratios]
    middle = median(logs)
    squares = sum((value - middle) ** 2 for value in logs) + PRIOR_WEIGHT * PRIOR_SPREAD**2
    spread = math.sqrt(squares / (PRIOR_WEIGHT + len(logs) - 1))
    return Level(middle, MEDIAN * spread / math.sqrt(len(logs)))
