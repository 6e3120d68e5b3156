"""Rectifiers: linear above zero, and less below."""

from __future__ import annotations

import functools

import numpy as np
import torch
from nnbench.suites.activations.pointwise import ACTIVATIONS, SMALL, TRANSFORMER, Pointwise, rounded_once
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case

suite = Suite("activations")
register = functools.partial(suite.component, properties=["batch_independent", "elementwise"])


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
        # Only one of them is not 0. Of a large x the exponential would be inf, and its gradient 0 * inf = NaN.
        above, below = torch.where(x <= 0, 0, x), torch.where(x <= 0, x, 0)
        return above + self.alpha * torch.expm1(below)


def elu_oracle(x: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0))


register(
    "relu",
    reference=ReLU,
    variants={"torch": nn.ReLU, "keras": "nnbench.suites._keras.activations:ReLU"},
    oracle=relu_oracle,
    cases=[case(ACTIVATIONS), case(TRANSFORMER), case(SMALL, timed=False)],
    documented=["handout", "guide", "deepdive", "fundamentals", "pytorch"],
)
register(
    "leaky_relu",
    reference=LeakyReLU,
    variants={"torch": nn.LeakyReLU, "keras": "nnbench.suites._keras.activations:LeakyReLU"},
    oracle=leaky_relu_oracle,
    cases=[
        *(case(ACTIVATIONS, negative_slope=slope) for slope in (0.01, 0.1)),
        case(TRANSFORMER, negative_slope=0.01),
        case(SMALL, timed=False),
        case(SMALL, negative_slope=-0.2, timed=False),
    ],
    documented=["deepdive", "fundamentals", "pytorch"],
)
register(
    "elu",
    reference=ELU,
    variants={"torch": nn.ELU, "keras": "nnbench.suites._keras.activations:ELU"},
    oracle=elu_oracle,
    cases=[
        case(ACTIVATIONS, alpha=1.0),
        case(TRANSFORMER, alpha=1.0),
        case(SMALL, timed=False),
        case(SMALL, alpha=0.5, timed=False),
    ],
    documented=["fundamentals"],
)
