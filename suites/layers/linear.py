"""The fully connected layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from nnbench.suites.layers.affine import AffineLayer
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("layers")


class Linear(AffineLayer):
    """Affine map of the last dimension.

    ``y = x W^T + b``: x (..., in_features), weight (out_features, in_features), bias (out_features,),
    y (..., out_features). ``RuntimeError`` where the last dimension is another. Source: torch.nn.Linear.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__((out_features, in_features), bias, device, dtype)
        self.in_features = in_features
        self.out_features = out_features

    extra_repr = nn.Linear.extra_repr

    def forward(self, x: Tensor) -> Tensor:
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


def linear_oracle(
    x: np.ndarray,
    *,
    weight: np.ndarray,
    bias: np.ndarray | bool | None = None,
    in_features: int,
    out_features: int,
) -> np.ndarray:
    return np.inner(x, weight) + (bias if isinstance(bias, np.ndarray) else 0)


suite.component(
    "linear",
    reference=Linear,
    variants={"torch": nn.Linear, "keras": "nnbench.suites._keras.layers:Dense"},
    oracle=linear_oracle,
    cases=[
        case(randn(32, 784), in_features=784, out_features=128),
        case(randn(32, 10), in_features=10, out_features=5),
        case(randn(128, 768), in_features=768, out_features=3072),  # a base transformer's feed-forward, 128 positions
        case(randn(3, 4, 5), in_features=5, out_features=2, bias=False, timed=False),
    ],
    documented=["handout", "guide", "deepdive", "fundamentals", "pytorch"],
    properties=["batch_independent"],
)
