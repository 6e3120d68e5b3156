"""Rectifiers: linear above zero, and less below."""

from __future__ import annotations

import functools

import numpy as np
import torch
from nnbench.suites.activations.pointwise import ACTIVATIONS, TRANSFORMER, Pointwise, rounded_once
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case

suite = Suite("activations")
register = functools.partial(suite.component, properties=["batch_independent"])


class ReLU(Pointwise):
    """Rectified linear unit: the positive part of its input.

    ``max(x, 0)``, with gradient 0 at 0, for any shape. ``inplace=True`` raises ``NotImplementedError``.
    Source: torch.nn.ReLU; Nair and Hinton (2010).
    """

    @rounded_once
    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x <= 0, 0, x)  # x * (x > 0) would make NaN of -inf


def relu_oracle(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


class LeakyReLU(Pointwise):
    """Rectified linear unit with a small slope below zero.

    ``x`` where ``x > 0``, else ``negative_slope * x``, for any shape. ``inplace=True`` raises ``NotImplementedError``.
    Source: torch.nn.LeakyReLU; Maas, Hannun and Ng (2013).
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    @rounded_once
    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x > 0, x, self.negative_slope * x)


def leaky_relu_oracle(x: np.ndarray, negative_slope: float = 0.01) -> np.ndarray:
    return np.maximum(x, 0) + negative_slope * np.minimum(x, 0)


class ELU(Pointwise):
    """Exponential linear unit.

    ``x`` where ``x > 0``, else ``alpha * (exp(x) - 1)``, for any shape. ``inplace=True`` raises
    ``NotImplementedError``. Source: torch.nn.ELU; Clevert, Unterthiner and Hochreiter, arXiv:1511.07289.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    @rounded_once
    def forward(self, x: Tensor) -> Tensor:
        # Without the first where, exp of a large x would be inf, and 0 * inf would make its gradient NaN.
        below = torch.where(x <= 0, x, 0)
        return torch.where(x <= 0, self.alpha * torch.expm1(below), x)


def elu_oracle(x: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0))


register(
    "relu",
    reference=ReLU,
    variants={"torch": nn.ReLU, "keras": "nnbench.suites._keras.activations:ReLU"},
    oracle=relu_oracle,
    cases=[case(ACTIVATIONS), case(TRANSFORMER)],
    documented=["handout", "guide", "deepdive", "fundamentals", "pytorch"],
)
register(
    "leaky_relu",
    reference=LeakyReLU,
    variants={"torch": nn.LeakyReLU, "keras": "nnbench.suites._keras.activations:LeakyReLU"},
    oracle=leaky_relu_oracle,
    cases=[*(case(ACTIVATIONS, negative_slope=slope) for slope in (0.01, 0.1)), case(TRANSFORMER, negative_slope=0.01)],
    documented=["deepdive", "fundamentals", "pytorch"],
)
register(
    "elu",
    reference=ELU,
    variants={"torch": nn.ELU, "keras": "nnbench.suites._keras.activations:ELU"},
    oracle=elu_oracle,
    cases=[case(ACTIVATIONS, alpha=1.0), case(TRANSFORMER, alpha=1.0)],
    documented=["fundamentals"],
)
