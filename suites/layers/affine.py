"""What layers with a weight and a bias share."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn


class AffineLayer(nn.Module):
    """A weight and, unless ``bias`` is false, a bias; both start uniform within 1 / sqrt(inputs of one output)."""

    bias: nn.Parameter | None

    def __init__(self, shape: tuple[int, ...], bias: bool, device: Any, dtype: torch.dtype | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(shape[0], device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the weight, then the bias, from torch's distribution: Kaiming's for a slope of sqrt(5)."""
        fan_in = self.weight[:1].numel()
        bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
        for parameter in self.parameters():
            parameter.uniform_(-bound, bound)
