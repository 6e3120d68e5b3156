"""Which commit of a range to measure next: the ends, then always the middle of the gap across which most changed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CLEAR = 4.0  # times its uncertainty: a difference that is looked into before others
NOTICEABLE = math.log(1.01)  # a smaller change of what is noisy is not looked for
LEAST_ERROR = 0.001  # of what is noise-free: how it ranks beside what is not


@dataclass(frozen=True)
class Level:
    """Where a series stands at one commit: a logarithm, and its standard error (0 for an exact count)."""

    value: float
    error: float = 0.0


Levels = Mapping[Any, Level]  # by series


@dataclass(frozen=True)
class Gap:
    """Commits that are not measured yet: all places between ``older`` and ``newer``, which are.

    ``moved`` is by how much they visibly differ, and ``is_telling`` says whether one of the two ends has levels.
    """

    older: int
    newer: int
    moved: float
    is_telling: bool

    @property
    def middle(self) -> int:
        return (self.older + self.newer) // 2

    @property
    def urgency(self) -> tuple[float, bool, int, int]:
        return self.moved, self.is_telling, self.newer - self.older, self.newer


def next_place(number: int, known: Mapping[int, Levels]) -> int | None:
    """The place of the commit to measure next, 0 being the oldest of so many; None when all are known.

    ``known`` has the levels of the commits that are done, none for one that gave nothing. First the newest, then the
    oldest, then the middle of the gap whose ends differ most in units of their uncertainty; where no gap's ends
    visibly differ, the widest, the newer of two.

    >>> next_place(9, {}), next_place(9, {8: {}}), next_place(9, {8: {}, 0: {}})
    (8, 0, 4)
    """
    if number - 1 not in known:
        return number - 1 if number else None
    if 0 not in known:
        return 0
    gaps = list(_gaps(known))
    return max(gaps, key=lambda gap: gap.urgency).middle if gaps else None


def _gaps(known: Mapping[int, Levels]) -> Iterator[Gap]:
    """The gaps, with the difference across each: between the nearest commits on both sides that have a series.

    Some commits cannot run, and lie between those that tell.
    """
    places = sorted(known)
    before = _latest(known[place] for place in places)
    after = _latest(known[place] for place in reversed(places))[::-1]
    for number, (older, newer) in enumerate(itertools.pairwise(places)):
        if newer - older > 1:
            is_telling = bool(known[older] or known[newer])
            yield Gap(older, newer, difference(before[number], after[number + 1]), is_telling)


def _latest(found: Iterable[Levels]) -> list[Levels]:
    """For each of these, the last level of every series so far."""
    last: dict[Any, Level] = {}
    return [last := {**last, **one} for one in found]


def difference(before: Levels, after: Levels) -> float:
    """The largest visible difference of a series between two commits, in units of its uncertainty; 0 if there is none.

    >>> difference({"a": Level(0.0, 0.01), "b": Level(3.0)}, {"a": Level(0.1, 0.01), "b": Level(3.0)})
    7.0710678118654755
    """
    return max((_visible(before[series], after[series]) for series in before.keys() & after.keys()), default=0.0)


def _visible(before: Level, after: Level) -> float:
    size = abs(after.value - before.value)
    error = math.hypot(before.error, after.error)
    if error and (size < NOTICEABLE or size < CLEAR * error):
        return 0.0
    return size / max(error, LEAST_ERROR)
