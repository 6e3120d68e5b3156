"""What losses share: the reduction, refusals, a warning, and arithmetic wide enough for half types."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor, nn

REDUCTIONS = ("none", "mean", "sum")


class Loss(nn.Module):
    """What torch's losses have in common: ``reduction``, and two deprecated arguments that are refused."""

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__()
        for name, value in {"size_average": size_average, "reduce": reduce}.items():
            if value is not None:
                raise NotImplementedError(f"{name}={value!r} is deprecated in torch and not supported: use reduction")
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction is one of {', '.join(REDUCTIONS)}, not {reduction!r}")
        self.reduction = reduction

    def _reduced(self, losses: Tensor) -> Tensor:
        """The mean, the sum, or the losses as they are."""
        if self.reduction == "none":
            return losses
        return losses.mean() if self.reduction == "mean" else losses.sum()


def warn_of_other_shape(loss: Loss, input: Tensor, target: Tensor) -> None:  # noqa: A002  torch's name for it
    """Once where a loss that broadcasts is given shapes that differ: a forgotten dimension makes N x N losses."""
    if input.shape != target.shape:
        shapes = f"an input {tuple(input.shape)} and a target {tuple(target.shape)}"
        warnings.warn(f"{type(loss).__name__} broadcasts {shapes}", stacklevel=3)


def in_wide_arithmetic(x: Tensor) -> Tensor:
    """Half types in float32: sums of many terms need it, and torch's own kernels do the same."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def reduced(losses: np.ndarray, reduction: str) -> np.ndarray:
    """The oracles' mean, sum, or losses as they are."""
    if reduction == "none":
        return losses
    return np.asarray(np.sum(losses) / (losses.size if reduction == "mean" else 1))
