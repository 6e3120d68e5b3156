"""Gated by themselves: the input times a smooth step of it."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from nnbench.suites.activations.pointwise import ACTIVATIONS, SMALL, TRANSFORMER, Pointwise, logistic, rounded_once
from scipy import special
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case

suite = Suite("activations")
register = functools.partial(suite.component, properties=["batch_independent", "elementwise"])


class GELU(nn.Module):
    """Gaussian error linear unit.

    ``x * P(Z <= x) = x/2 * (1 + erf(x / sqrt 2))`` for a standard normal ``Z``, any shape; with ``approximate="tanh"``
    ``x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))``. Another ``approximate`` raises ``RuntimeError``.
    Source: torch.nn.GELU; Hendrycks and Gimpel, arXiv:1606.08415.
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        if approximate not in ("none", "tanh"):
            raise RuntimeError(f"approximate is 'none' or 'tanh', not {approximate!r}")
        self.approximate = approximate

    @rounded_once
    def forward(self, x: Tensor) -> Tensor:
        if self.approximate == "none":
            return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


def gelu_oracle(x: np.ndarray, approximate: str = "none") -> np.ndarray:
    if approximate == "none":
        return x * special.ndtr(x)
    # (1 + tanh z) / 2 is the logistic function of 2z.
    return x * special.expit(2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))


class SiLU(Pointwise):
    """Sigmoid linear unit, also called Swish.

    ``x / (1 + exp(-x))``, for any shape. ``inplace=True`` raises ``NotImplementedError``.
    Source: torch.nn.SiLU; Ramachandran, Zoph and Le, arXiv:1710.05941.
    """

    @rounded_once
    def forward(self, x: Tensor) -> Tensor:
        return x * logistic(x)


def silu_oracle(x: np.ndarray) -> np.ndarray:
    return x * special.expit(x)


class Mish(Pointwise):
    """Self-regularized activation of Misra.

    ``x * tanh(log(1 + exp(x)))``, for any shape. ``inplace=True`` raises ``NotImplementedError``.
    Source: torch.nn.Mish; Misra, arXiv:1908.08681.
    """

    @rounded_once
    def forward(self, x: Tensor) -> Tensor:
        softplus = x.logaddexp(torch.zeros_like(x))  # log(exp(x) + exp(0)) that cannot overflow
        return x * torch.tanh(softplus)


def mish_oracle(x: np.ndarray) -> np.ndarray:
    # softplus(x) is -log(logistic(-x)).
    return x * np.tanh(-special.log_expit(-x))


register(
    "gelu",
    reference=GELU,
    variants={"torch": nn.GELU, "keras": "nnbench.suites._keras.activations:GELU"},
    oracle=gelu_oracle,
    cases=[
        case(ACTIVATIONS),
        case(TRANSFORMER),
        case(SMALL, timed=False),
        case(SMALL, approximate="tanh", timed=False),
    ],
    documented=["deepdive", "pytorch"],
)
register(
    "silu",
    reference=SiLU,
    variants={"torch": nn.SiLU, "keras": "nnbench.suites._keras.activations:SiLU"},
    oracle=silu_oracle,
    cases=[case(ACTIVATIONS), case(TRANSFORMER), case(SMALL, timed=False)],
    documented=["deepdive", "pytorch"],
)
register(
    "mish",
    reference=Mish,
    variants={"torch": nn.Mish, "keras": "nnbench.suites._keras.activations:Mish"},
    oracle=mish_oracle,
    cases=[case(ACTIVATIONS), case(TRANSFORMER), case(SMALL, timed=False)],
    documented=["deepdive"],
)
