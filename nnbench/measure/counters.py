"""Exact counters: free of noise, so that any change is real."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nnbench.workload import Workload


def flops(call: Callable[[], object]) -> int:
    """Floating-point operations of one call, as torch counts them: matrix products, convolutions and attention.

    Elementwise work counts as nothing. Source: ``torch.utils.flop_counter``.
    """
    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops())


@dataclass(frozen=True)
class Counter:
    """One exact number, and by operator what makes it up, where operators do."""

    metric: str
    value: int
    by_operator: Mapping[str, int] = field(default_factory=dict)


def count(workload: Workload) -> Iterator[Counter]:
    """What can be counted of a workload's kind."""
    if isinstance(workload.made, nn.Module):
        yield Counter("parameters", sum(parameter.numel() for parameter in workload.made.parameters()))
        yield Counter("flops", flops(workload.calls["forward"].run))
