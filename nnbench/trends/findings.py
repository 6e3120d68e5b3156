"""Findings: what is to be said of a series, and how a move in it is judged by the direction of its metric."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nnbench.metrics import METRICS
from nnbench.trends.points import EXACT
from nnbench.trends.series import Key, Series

WORSE, BETTER, SUSPICION, CHANGED = "worse", "better", "suspicion", "changed"
# What a finding rests on.
COUNTED, DATED, NEWEST, DUEL, PAIRS = "count", "change point", "newest run", "duel", "pairs beside the anchor"
NEAREST = 2  # runs by which a date may be off
BACK = 0.015  # a level this near to what it was, as a share, is back there


@dataclass(frozen=True)
class Finding:
    """One change of one series: after the commit ``previous``, and not after ``commit``, of which ``run`` is.

    ``place`` is that run's index in the series, ``stands`` False for what was undone later.
    """

    key: Key
    basis: str
    unit: str
    verdict: str
    before: float
    after: float
    previous: str
    commit: str
    dirty: bool
    run: str
    previous_run: str
    started: np.datetime64
    place: int
    evidence: str
    note: str = ""
    stands: bool = True

    @property
    def ratio(self) -> float:
        """After over before; infinite where there was nothing before."""
        if self.before == 0:
            return 1.0 if self.after == 0 else math.inf
        return self.after / self.before

    @property
    def fails(self) -> bool:
        """Whether this is what an exit code should tell of."""
        return self.verdict == WORSE and self.stands


def finding(series: Series, place: int, before: float, after: float, evidence: str) -> Finding:
    """A move of a series from one level to another, first seen at ``place``, with its verdict."""
    return Finding(
        key=series.key,
        basis=series.basis,
        unit=series.unit,
        verdict=judged(series.key, series.unit, before, after),
        before=before,
        after=after,
        previous=str(series.commits[place - 1]),
        commit=str(series.commits[place]),
        dirty=bool(series.dirty[place]),
        run=str(series.runs[place]),
        previous_run=str(series.runs[place - 1]),
        started=series.started[place],
        place=place,
        evidence=evidence,
    )


def better(key: Key, unit: str) -> str:
    """Which direction is better: "less", "more" or "neither"; what is not ours is better with less time or memory."""
    if key.metric in METRICS:
        return METRICS[key.metric].better
    return "less" if unit in ("s", "B") else "neither"


def judged(key: Key, unit: str, before: float, after: float) -> str:
    """Worse or better, or just changed where neither direction is better."""
    direction = better(key, unit)
    if direction == "neither":
        return CHANGED
    return WORSE if (after > before) == (direction == "less") else BETTER


def is_back(found: Finding, level: float) -> bool:
    """Whether a level is what it was before the change, or better still."""
    margin = 0.0 if found.basis == EXACT else BACK * abs(found.before)
    if better(found.key, found.unit) == "more":
        return level >= found.before - margin
    return level <= found.before + margin


def is_accuracy(series: Series) -> bool:
    return series.key.metric.endswith("accuracy")
