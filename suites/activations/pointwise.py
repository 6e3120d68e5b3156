"""What activations share: rounding once, the refusal to work in place, the logistic function, and their cases."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from nnbench.specs import randn

ACTIVATIONS = randn(64, 1024)
SMALL = randn(7, 5)  # for the checks alone
TRANSFORMER = randn(4, 128, 768)  # a base transformer's: batch, positions, features


def rounded_once(forward: Callable[[Any, Tensor], Tensor]) -> Callable[[Any, Tensor], Tensor]:
    """Compute half types in float32 and round the result once, as torch's own kernels do."""

    @functools.wraps(forward)
    def in_wide_arithmetic(self: Any, x: Tensor) -> Tensor:
        if x.dtype not in (torch.float16, torch.bfloat16):
            return forward(self, x)
        return forward(self, x.float()).to(x.dtype)

    return in_wide_arithmetic


class Pointwise(nn.Module):
    """An activation that torch offers to compute in place; the references refuse ``inplace=True``."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        if inplace:
            raise NotImplementedError("inplace=True is not supported: the references return a new tensor")
        self.inplace = inplace


def logistic(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), which is exp(x) / (1 + exp(x)): by the exponential that does not overflow."""
    shrinking = torch.exp(torch.where(x < 0, x, -x))  # the gradient of -abs(x) would be 0 at 0
    return torch.where(x < 0, shrinking, 1) / (1 + shrinking)
