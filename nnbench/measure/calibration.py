"""Fixed work that every run measures between its components, to tell a slow machine from slow code."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from nnbench.measure.clock import NANOSECONDS, REAL, Clock
from nnbench.measure.time import Block, Plan, sample
from nnbench.workload import Call

EVERY = 1.0  # seconds between two looks: about two hundredths of the time go into them
A_LOOK = Plan(budget=0.0125, least_samples=5, warm_up=0.003)


def kernels() -> dict[str, Callable[[], object]]:
    """A matrix product (bound by arithmetic) and a copy of 8 MiB (bound by memory), the same on every machine."""
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(256, 256, generator=generator) for _ in range(2))
    source = torch.randn(1 << 21, generator=generator)
    target = torch.empty_like(source)
    return {"matrix_product": lambda: left @ right, "copy": lambda: target.copy_(source)}


class Looks:
    """Looks at the calibration kernels, between one component and the next, of one process."""

    def __init__(self, clock: Clock = REAL) -> None:
        self.clock = clock
        self.kernels = kernels()
        self.latest: dict[str, float] = {}
        self._taken: int | None = None

    def look(self) -> Mapping[str, list[Block]]:
        """The samples of each kernel."""
        found = {name: sample(Call(run), A_LOOK, self.clock) for name, run in self.kernels.items()}
        self.latest = {name: min(block.cpu for block in blocks) for name, blocks in found.items()}
        self._taken = self.clock.wall()
        return found

    def look_if_due(self) -> Mapping[str, list[Block]]:
        """The same where the last look is some time ago, nothing otherwise."""
        due = self._taken is None or self.clock.wall() - self._taken > EVERY * NANOSECONDS
        return self.look() if due else {}
