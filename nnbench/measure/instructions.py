"""CPU instructions: what callgrind is made to count of a workload, while this process runs under it."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from nnbench.catalog import Component
from nnbench.forked import in_a_copy
from nnbench.specs import Case
from nnbench.workload import Workload, prepare

WARM_UP, COUNTED = 9, 3  # calls; by the eighth Python has replaced its instructions by specialised ones
LONG = 0.05  # seconds under callgrind: of such a call, what Python does beside torch is too small a part to matter


@dataclass(frozen=True)
class Counting:
    """Callgrind's switch, and the clock; tests put their own in."""

    on: Callable[[], None] = torch._C._valgrind_toggle
    off: Callable[[], None] = torch._C._valgrind_toggle_and_dump_stats
    clock: Callable[[], float] = time.thread_time


def counted(component: Component, variant: str, case: Case, request: Mapping[str, Any]) -> dict[str, Any]:
    """Which process has had how many calls counted, or how it was stopped.

    Each is counted in a copy of its own of this process, so that it finds what it finds in any other run: memory,
    caches and imports do not depend on what was counted before.
    """

    component.variant(variant).resolve()  # imported here, once, and not in each copy

    def work() -> dict[str, Any]:
        gc.disable()
        workload = prepare(component, variant, case, request["seed"])
        return {"process": os.getpid(), "calls": count(workload, request["seed"])}

    return in_a_copy(work, request["seconds"], request["memory"])


def count(workload: Workload, seed: int, counting: Counting = Counting()) -> int:
    """Have some calls of all of a workload counted, each by itself, always from the same state; how many they were."""
    calls = _warm_up(workload.whole, counting.clock)
    for call in workload.calls.values():
        call.reset()
    torch.manual_seed(seed)
    repeated, run = range(calls), workload.whole
    for _ in repeated:
        counting.on()
        run()
        counting.off()
    return calls


def _warm_up(run: Callable[[], object], clock: Callable[[], float]) -> int:
    """Call until nothing is done for the first time; how many calls shall be counted. A long call is called twice."""
    run()
    start = clock()
    run()
    if clock() - start > LONG:
        return 1
    for _ in range(WARM_UP - 2):
        run()
    return COUNTED
