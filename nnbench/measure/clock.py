"""Reading time: the CPU time of this thread, which a busy neighbour does not inflate, and wall time beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """Two counters in nanoseconds; tests put their own in."""

    cpu: Callable[[], int] = time.thread_time_ns
    wall: Callable[[], int] = time.perf_counter_ns


REAL = Clock()
