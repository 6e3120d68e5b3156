"""Exact counters: free of noise, so that any change is real."""

from __future__ import annotations

from collections.abc import Callable

from torch.utils.flop_counter import FlopCounterMode


def flops(call: Callable[[], object]) -> int:
    """Floating-point operations of one call, as torch counts them: matrix products, convolutions and attention.

    Elementwise work counts as nothing. Source: ``torch.utils.flop_counter``.
    """
    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops())
