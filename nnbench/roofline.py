"""How far a time is from what the machine can do: the roofline, from FLOPs and bytes that must be moved.

Source: Williams, Waterman and Patterson, "Roofline: an insightful visual performance model" (2009).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from nnbench.ceilings import DTYPES, Ceilings, of_run
from nnbench.model import Status
from nnbench.stats import Interval
from nnbench.units import seconds

ARITHMETIC, MEMORY = "arithmetic", "memory"
# How much faster than the ceilings a time must be to be refused: those are measured, too (docs/methodology.md).
MARGIN = 0.25
IMPOSSIBLE = "faster than this machine can be: a measuring error"


class Measured(Protocol):
    """What is asked of a line of the tables."""

    @property
    def case(self) -> str: ...
    @property
    def times(self) -> Mapping[str, Interval]: ...
    @property
    def counters(self) -> Mapping[str, int]: ...
    @property
    def total(self) -> Interval | None: ...


@dataclass(frozen=True)
class Work:
    """What one call has to do at least. ``calls`` is how many timed calls share it (forward and backward are two)."""

    flops: int
    moved: int
    dtype: str = "float32"
    calls: int = 1


@dataclass(frozen=True)
class Share:
    """Of the time taken, the share that the machine needs at least, ``least`` seconds; ``nearer`` is the ceiling that
    decides it, arithmetic or memory.
    """

    share: float
    least: float
    nearer: str


def share(line: Measured, ceilings: Ceilings | None, threads: int = 1) -> Share | None:
    """A line's share of the nearer ceiling; None where its work, its time or the machine's ceilings are not known."""
    work = work_of(line)
    if ceilings is None or threads not in ceilings.threads or work is None or line.total is None:
        return None
    by = {
        ARITHMETIC: work.flops / rate(ceilings, threads, work.dtype),
        MEMORY: work.moved / bandwidth(ceilings, threads, work.moved / work.calls),
    }
    nearer = max(by, key=by.__getitem__)
    return Share(by[nearer] / line.total.estimate, by[nearer], nearer)


def work_of(line: Measured) -> Work | None:
    """What a line's counters say the CPU must do; None where they were not taken or count nothing, and on a GPU."""
    flops, moved = (line.counters.get(name, 0) for name in ("flops", "moved_bytes"))
    if not (flops or moved) or "cuda" in line.case.split(","):
        return None
    return Work(flops, moved, dtype_of(line.case), max(len(line.times), 1))


def dtype_of(case: str) -> str:
    """The dtype that a case's label names; float32, which it does not name, otherwise.

    >>> dtype_of("64x1024,normalized_shape=1024,bfloat16")
    'bfloat16'
    """
    return next((part for part in reversed(case.split(",")) if part in DTYPES), "float32")


def rate(ceilings: Ceilings, threads: int, dtype: str) -> float:
    """FLOPs a second in a dtype or in a wider one, on so many threads or fewer.

    Where the machine has slow units for a type, or none, a component may convert to a wider one; a busy machine may
    have been slower on two threads than on one.
    """
    fitting = DTYPES[: DTYPES.index(dtype) + 1] if dtype in DTYPES else DTYPES
    found = [ceilings.arithmetic[count].get(name, 0.0) for count in _up_to(ceilings, threads) for name in fitting]
    return max(found) or _highest(ceilings.arithmetic, threads)


def bandwidth(ceilings: Ceilings, threads: int, moved: float) -> float:
    """Bytes a second of a pass that moves so many bytes: between measured sizes by interpolation of the logarithms.

    A pass over fewer bytes is never slower: it lies in the same caches, or in nearer ones.
    """
    return max(_between(_falling(ceilings.moving[count]), moved) for count in _up_to(ceilings, threads))


def _up_to(ceilings: Ceilings, threads: int) -> list[int]:
    return [count for count in ceilings.threads if count <= threads]


def _falling(points: tuple[tuple[int, float], ...]) -> list[tuple[int, float]]:
    best, falling = 0.0, list[tuple[int, float]]()
    for size, value in reversed(points):
        best = max(best, value)
        falling.append((size, best))
    return falling[::-1]


def _between(points: list[tuple[int, float]], moved: float) -> float:
    if moved <= points[0][0]:
        return points[0][1]
    for (small, above), (large, below) in pairwise(points):
        if moved <= large:
            way = math.log(moved / small) / math.log(large / small)
            return math.exp((1 - way) * math.log(above) + way * math.log(below))
    return points[-1][1]


def least_possible(work: Work, ceilings: Ceilings, threads: int) -> float:
    """Seconds below which no honest time can lie: at the highest rate of any dtype and of any size.

    On several threads, at as many times that of one thread, where that is more than was measured.
    """
    moving = {count: max(value for _, value in points) for count, points in ceilings.moving.items()}
    arithmetic = {count: max(rates.values()) for count, rates in ceilings.arithmetic.items()}
    return max(work.flops / _scaled(arithmetic, threads), work.moved / _scaled(moving, threads))


def _scaled(by_threads: Mapping[int, float], threads: int) -> float:
    return max(value * max(threads / count, 1.0) for count, value in by_threads.items() if count <= threads)


def _highest(by_threads: Mapping[int, Mapping[str, float]], threads: int) -> float:
    return max(max(rates.values()) for count, rates in by_threads.items() if count <= threads)


def refusal(line: Measured, ceilings: Ceilings | None, threads: int = 1) -> str:
    """Why a line's time cannot be true, or nothing; the upper end of its interval has to be impossible, too."""
    work = work_of(line)
    if ceilings is None or threads not in ceilings.threads or work is None or line.total is None:
        return ""
    least = least_possible(work, ceilings, threads)
    if line.total.high >= least * (1 - MARGIN):
        return ""
    return f"{IMPOSSIBLE} ({seconds(line.total.estimate)} measured, {seconds(least)} needed at least)"


LineType = TypeVar("LineType", bound=Any)


def without_impossible(lines: Iterable[LineType], machine: Mapping[str, Any]) -> tuple[LineType, ...]:
    """The lines of a run on this machine; those with an impossible time have none, and failed with the reason."""
    ceilings, threads = of_run(machine), threads_of(machine)
    told = ((line, refusal(line, ceilings, threads) if line.status == Status.OK else "") for line in lines)
    return tuple(
        replace(line, times={}, throughput=None, speed=None, status=Status.FAILED, note=note) if note else line
        for line, note in told
    )


def shares(lines: Iterable[Any], machine: Mapping[str, Any]) -> dict[Any, Share]:
    """The share of each line of a run on this machine that has one, by the line's key."""
    ceilings, threads = of_run(machine), threads_of(machine)
    found = ((line.key, share(line, ceilings, threads)) for line in lines)
    return {key: one for key, one in found if one is not None}


def threads_of(machine: Mapping[str, Any]) -> int:
    threads = machine.get("threads", 1)
    return threads if isinstance(threads, int) else 1
