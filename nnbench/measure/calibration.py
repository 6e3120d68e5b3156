"""Fixed work that every run measures beside its components, to tell a slow machine from slow code."""

from __future__ import annotations

from collections.abc import Callable

import torch


def kernels() -> dict[str, Callable[[], object]]:
    """A matrix product (bound by arithmetic) and a copy of 8 MiB (bound by memory), the same on every machine."""
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(256, 256, generator=generator) for _ in range(2))
    source = torch.randn(1 << 21, generator=generator)
    target = torch.empty_like(source)
    return {"matrix_product": lambda: left @ right, "copy": lambda: target.copy_(source)}
