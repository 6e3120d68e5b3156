"""Reading time: the CPU time of this thread, which a busy neighbour does not inflate, and wall time beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

READINGS, STEPS = 20_000, 50  # a coarse clock stands still through thousands of readings


@dataclass(frozen=True)
class Clock:
    """Two counters in nanoseconds; tests put their own in."""

    cpu: Callable[[], int] = time.thread_time_ns
    wall: Callable[[], int] = time.perf_counter_ns


REAL = Clock()
NANOSECONDS = 1e9


class Stopwatch:
    """Adds up the wall time spent inside its ``with`` blocks, in seconds."""

    def __init__(self, clock: Clock = REAL) -> None:
        self.seconds = 0.0
        self._clock = clock
        self._started = 0

    def __enter__(self) -> Stopwatch:
        self._started = self._clock.wall()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += (self._clock.wall() - self._started) / NANOSECONDS


@lru_cache(maxsize=8)
def granularity(clock: Clock = REAL) -> int:
    """Nanoseconds below which the clock tells nothing: the larger of its steps, each at its smallest, reading included.

    A step is what two readings in a row differ by, where they do; 0 for a counter that stands still meanwhile.
    """
    return max(_smallest_step(clock.cpu), _smallest_step(clock.wall))


def _smallest_step(counter: Callable[[], int]) -> int:
    steps, before = list[int](), counter()
    for _ in range(READINGS):
        now = counter()
        if now > before:
            steps.append(now - before)
        if len(steps) == STEPS:
            break
        before = now
    return min(steps, default=0)
