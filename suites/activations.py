"""Activation functions, each from its formula in exponentials, comparisons and arithmetic."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy import special
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("activations")


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


class Sigmoid(nn.Module):
    """Logistic function.

    ``1 / (1 + exp(-x))``, for any shape. Source: torch.nn.Sigmoid.
    """

    @rounded_once
    def forward(self, x: Tensor) -> Tensor:
        return logistic(x)


class Tanh(nn.Module):
    """Hyperbolic tangent.

    ``(exp(x) - exp(-x)) / (exp(x) + exp(-x))``, for any shape. Source: torch.nn.Tanh.
    """

    @rounded_once
    def forward(self, x: Tensor) -> Tensor:
        # The formula multiplied by exp(-|x|), in m = exp(-2|x|) - 1: exact near 0, and nothing overflows.
        m = torch.expm1(2 * torch.where(x < 0, x, -x))
        return torch.where(x < 0, m, -m) / (2 + m)


class Softmax(nn.Module):
    """Exponentials that sum to one along a dimension.

    ``exp(x_i - max x) / sum_j exp(x_j - max x)`` along ``dim``, for any shape. ``dim=None`` warns and takes the
    dimension that torch would: 0 for 0, 1 or 3 dimensions, else 1. Source: torch.nn.Softmax.
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    @rounded_once
    def forward(self, x: Tensor) -> Tensor:
        dim = guessed_dimension(x) if self.dim is None else self.dim
        if x.numel() == 0:
            return x.clone()  # a dimension of size 0 has no maximum
        # The maximum cancels out, so it needs no gradient.
        exponentials = torch.exp(x - x.detach().amax(dim, keepdim=True))
        return exponentials / exponentials.sum(dim, keepdim=True)


def guessed_dimension(x: Tensor) -> int:
    warnings.warn("Softmax without dim takes a guessed dimension; name it", stacklevel=4)
    return 0 if x.dim() in (0, 1, 3) else 1


def softmax_oracle(x: np.ndarray, dim: int) -> np.ndarray:
    return special.softmax(x, axis=dim) if x.size else x


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
        softplus = torch.logaddexp(x, torch.zeros_like(x))  # log(exp(x) + exp(0)) that cannot overflow
        return x * torch.tanh(softplus)


def mish_oracle(x: np.ndarray) -> np.ndarray:
    # softplus(x) is -log(logistic(-x)).
    return x * np.tanh(-special.log_expit(-x))


ACTIVATIONS = randn(64, 1024)
TRANSFORMER = randn(4, 128, 768)  # a base transformer's: batch, positions, features
VOCABULARY = randn(16, 32768)  # a language model's scores: positions, words
register = functools.partial(suite.component, properties=["batch_independent"])

register(
    "relu",
    reference=ReLU,
    variants={"torch": nn.ReLU},
    oracle=relu_oracle,
    cases=[case(ACTIVATIONS), case(TRANSFORMER)],
    documented=["handout", "guide", "deepdive", "fundamentals", "pytorch"],
)
register(
    "leaky_relu",
    reference=LeakyReLU,
    variants={"torch": nn.LeakyReLU},
    oracle=leaky_relu_oracle,
    cases=[*(case(ACTIVATIONS, negative_slope=slope) for slope in (0.01, 0.1)), case(TRANSFORMER, negative_slope=0.01)],
    documented=["deepdive", "fundamentals", "pytorch"],
)
register(
    "elu",
    reference=ELU,
    variants={"torch": nn.ELU},
    oracle=elu_oracle,
    cases=[case(ACTIVATIONS, alpha=1.0), case(TRANSFORMER, alpha=1.0)],
    documented=["fundamentals"],
)
register(
    "sigmoid",
    reference=Sigmoid,
    variants={"torch": nn.Sigmoid},
    oracle=special.expit,
    cases=[case(ACTIVATIONS), case(TRANSFORMER)],
    documented=["guide", "deepdive", "fundamentals", "pytorch"],
)
register(
    "tanh",
    reference=Tanh,
    variants={"torch": nn.Tanh},
    oracle=np.tanh,
    cases=[case(ACTIVATIONS), case(TRANSFORMER)],
    documented=["guide", "deepdive", "fundamentals", "pytorch"],
)
register(
    "softmax",
    reference=Softmax,
    variants={"torch": nn.Softmax},
    oracle=softmax_oracle,
    cases=[case(ACTIVATIONS, dim=1), case(VOCABULARY, dim=1)],
    documented=["guide", "fundamentals", "pytorch"],
)
register(
    "gelu",
    reference=GELU,
    variants={"torch": nn.GELU},
    oracle=gelu_oracle,
    cases=[case(ACTIVATIONS), case(TRANSFORMER)],
    documented=["deepdive", "pytorch"],
)
register(
    "silu",
    reference=SiLU,
    variants={"torch": nn.SiLU},
    oracle=silu_oracle,
    cases=[case(ACTIVATIONS), case(TRANSFORMER)],
    documented=["deepdive", "pytorch"],
)
register(
    "mish",
    reference=Mish,
    variants={"torch": nn.Mish},
    oracle=mish_oracle,
    cases=[case(ACTIVATIONS), case(TRANSFORMER)],
    documented=["deepdive"],
)
