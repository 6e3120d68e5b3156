"""Blocks on request: what a worker holds ready for a duel, and the samples that it takes when it is its turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from nnbench.catalog import Component
from nnbench.measure import calibration
from nnbench.measure.clock import REAL, Clock
from nnbench.measure.device import refuse_host_work
from nnbench.measure.garbage import no_garbage_collection
from nnbench.measure.time import Block, block_of
from nnbench.specs import Case
from nnbench.workload import Call, prepare

ENOUGH = 3  # samples of full length make a mode warm
LONG = 0.1  # seconds of a call that is warm after one


@dataclass(frozen=True)
class Pace:
    """How long a mode takes once it is warm: ``seconds`` a call, and the ``number`` of calls that make a sample."""

    number: int
    seconds: float


@cache
def _gpu_clock() -> Clock:
    from nnbench.measure import cuda  # what a machine without a GPU does without

    return cuda.clock(cuda.bench())


@dataclass
class Bench:
    """The calls that are held ready, by the name that the asker gave their workload."""

    calls: dict[str, Mapping[str, Call]] = field(default_factory=dict)
    clock: Clock = REAL
    clocks: dict[str, Clock] = field(default_factory=dict)  # of what works elsewhere than on the CPU
    gpu: Callable[[], Clock] = _gpu_clock

    def make_ready(
        self, name: str, component: Component, variant: str, case: Case, seed: int, sample: float
    ) -> dict[str, Pace]:
        """Build a variant, warm up each of its modes and tell its pace for samples of ``sample`` seconds."""
        if case.device != "cpu":
            refuse_host_work(component)
            self.clocks[name] = self.gpu()
        return self._keep(name, prepare(component, variant, case, seed).calls, sample)

    def make_kernel_ready(self, name: str, kernel: str, sample: float) -> dict[str, Pace]:
        """The same for one of the calibration kernels: the same code whatever is compared."""
        return self._keep(name, {"call": Call(calibration.kernels()[kernel])}, sample)

    def _keep(self, name: str, calls: Mapping[str, Call], sample: float) -> dict[str, Pace]:
        with no_garbage_collection():
            paces = {mode: _pace(call, sample, self._clock(name)) for mode, call in calls.items()}
        self.calls[name] = calls
        return paces

    def block(self, name: str, mode: str, number: int, samples: int) -> list[Block]:
        """So many samples of so many calls, in seconds a call. The caches, the other side's until now, are warmed."""
        call, clock = self.calls[name][mode], self._clock(name)
        with no_garbage_collection():
            if number > 1:
                block_of(call, len(call.runs), clock)
            return [block_of(call, number, clock) for _ in range(samples)]

    def release(self) -> None:
        """Let go of every workload."""
        self.calls.clear()
        self.clocks.clear()

    def _clock(self, name: str) -> Clock:
        return self.clocks.get(name, self.clock)


def _pace(call: Call, sample: float, clock: Clock) -> Pace:
    """Warm up, lengthening samples until they are long enough.

    The fastest sample decides how many calls make one, so that no neighbour's burst makes the others too short.
    """
    block_of(call, 1, clock)  # the first call of all imports, compiles and fills caches
    number, fastest, long_enough = 1, math.inf, 0
    while True:
        taken = block_of(call, number, clock).wall
        fastest = min(fastest, taken)
        if taken * number < sample:
            number = max(2 * number, min(_calls(sample, taken), 16 * number))
            continue
        long_enough += 1
        if long_enough >= ENOUGH or fastest >= LONG:
            return Pace(_calls(sample, fastest), fastest)


def _calls(sample: float, seconds: float) -> int:
    """Calls that fill a sample; a clock that did not move says nothing."""
    return max(1, math.ceil(sample / seconds)) if seconds > 0 else 1
