"""How long a call takes: blocks of calls until the answer is narrow enough or the budget is spent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import cycle, islice
from statistics import median

from nnbench.measure.clock import NANOSECONDS, REAL, Clock, granularity
from nnbench.measure.garbage import no_garbage_collection
from nnbench.workload import Call


@dataclass(frozen=True)
class Plan:
    """When to stop. Seconds, except ``narrow`` and ``settled``, which are shares of the value.

    A block is made long against the clock's granularity, which ``fine`` times smaller changes nothing that is said, and
    short against the neighbours' time slices.
    """

    budget: float = 0.025
    block: float = 0.002
    narrow: float = 0.003
    settled: float = 0.05
    least_samples: int = 10
    warm_up: float = 0.01
    fine: float = 500.0

    def block_on(self, clock: Clock) -> float:
        """Seconds of a block that this clock can tell apart from another."""
        return max(self.block, self.fine * granularity(clock) / NANOSECONDS)


@dataclass(frozen=True)
class Block:
    """Seconds per call over one block of calls."""

    cpu: float
    wall: float


def sample(call: Call, plan: Plan = Plan(), clock: Clock = REAL) -> list[Block]:
    """Seconds per call, block by block, in the order taken; warm-up is not among them."""
    with no_garbage_collection():
        block_of(call, 1, clock)  # the first of all imports, compiles and fills caches: it tells nothing
        number = _settle(call, plan, clock)
        blocks: list[Block] = []
        end = clock.wall() + plan.budget * NANOSECONDS
        while not _enough(blocks, plan) and not (clock.wall() >= end and blocks):
            blocks.append(block_of(call, number, clock))
    return blocks


def block_of(call: Call, number: int, clock: Clock) -> Block:
    """A block of so many calls, in seconds a call."""
    call.reset()
    runs = list(islice(cycle(call.runs), number))
    wall, cpu = clock.wall(), clock.cpu()
    for run in runs:
        run()
    cpu, wall = clock.cpu() - cpu, clock.wall() - wall
    return Block(cpu / NANOSECONDS / number, wall / NANOSECONDS / number)


def _settle(call: Call, plan: Plan, clock: Clock) -> int:
    """Warm up until three blocks in a row agree or its budget is spent; gives the calls that make a block long enough.

    A block that turns out too short is made longer whenever that shows: a slow early one must not decide for the rest.
    """
    number, recent, least = 1, list[float](), plan.block_on(clock)
    end = clock.wall() + plan.warm_up * NANOSECONDS
    while True:
        block = block_of(call, number, clock)
        if block.wall * number < least:
            number, recent = _longer(number, block, least), []
            continue
        recent = [*recent[-2:], block.cpu]
        settled = len(recent) == 3 and max(recent) <= min(recent) * (1 + plan.settled)
        if settled or clock.wall() >= end:
            return number


def _longer(number: int, block: Block, least: float) -> int:
    """Calls that would have made the block long enough, and a tenth more; a clock that did not move says nothing."""
    wanted = math.ceil(least / block.wall) if block.wall > 0 else 2 * number
    return max(wanted + wanted // 10, number + 1)


def _enough(blocks: list[Block], plan: Plan) -> bool:
    """Whether the middle half of the samples is so narrow that more of them would say nothing new."""
    if len(blocks) < plan.least_samples:
        return False
    times = sorted(block.cpu for block in blocks)
    quarter = len(times) // 4
    spread = times[-1 - quarter] - times[quarter]
    return spread / len(times) ** 0.5 <= plan.narrow * median(times)
