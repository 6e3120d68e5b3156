"""How long torch.compile takes over a component: its first call less its second."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from nnbench.failures import NotMeasurable
from nnbench.measure.clock import NANOSECONDS, REAL, Clock
from nnbench.workload import Workload


def compile_time(workload: Workload, clock: Clock = REAL) -> float:
    """Seconds of wall time that the first compiled forward call takes beyond the second.

    What earlier compilations left in this process is forgotten first. Raises ``NotMeasurable`` where nothing is there
    to compile, and what the compiler raises.
    """
    if not isinstance(workload.made, nn.Module):
        raise NotMeasurable("only modules are compiled")
    torch._dynamo.reset()
    compiled = torch.compile(workload.calls["forward"].run)
    first, second = _seconds(compiled, clock), _seconds(compiled, clock)
    return max(first - second, 0.0)


def _seconds(call: Callable[[], object], clock: Clock) -> float:
    before = clock.wall()
    call()
    return (clock.wall() - before) / NANOSECONDS
