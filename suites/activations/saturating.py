"""What saturates: sigmoid, tanh and softmax."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import torch
from nnbench.suites.activations.documented_sigmoid import DOCUMENTED
from nnbench.suites.activations.pointwise import ACTIVATIONS, SMALL, TRANSFORMER, logistic, rounded_once
from scipy import special
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("activations")
register = functools.partial(suite.component, properties=["batch_independent", "elementwise"])


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
        # The maximum cancels out, so it needs no gradient; a dimension of size 0 has none.
        largest = x.detach().amax(dim, keepdim=True) if x.numel() else x
        exponentials = torch.exp(x - largest)
        return exponentials / exponentials.sum(dim, keepdim=True)


def guessed_dimension(x: Tensor) -> int:
    warnings.warn("Softmax without dim takes a guessed dimension; name it", stacklevel=4)
    return 0 if x.dim() < 2 or x.dim() == 3 else 1


def softmax_oracle(x: np.ndarray, dim: int | None = None) -> np.ndarray:
    if dim is None:
        dim = {0: 0, 1: 0, 3: 0}.get(x.ndim, 1)
    return special.softmax(x, axis=dim) if x.size else x


register(
    "sigmoid",
    reference=Sigmoid,
    variants={"torch": nn.Sigmoid, "keras": "nnbench.suites._keras.activations:Sigmoid", "documented": DOCUMENTED},
    oracle=special.expit,
    cases=[case(ACTIVATIONS), case(TRANSFORMER), case(SMALL, timed=False)],
    documented=["guide", "deepdive", "fundamentals", "pytorch"],
)
register(
    "tanh",
    reference=Tanh,
    variants={"torch": nn.Tanh, "keras": "nnbench.suites._keras.activations:Tanh"},
    oracle=np.tanh,
    cases=[case(ACTIVATIONS), case(TRANSFORMER), case(SMALL, timed=False)],
    documented=["guide", "deepdive", "fundamentals", "pytorch"],
)
register(
    "softmax",
    reference=Softmax,
    variants={"torch": nn.Softmax, "keras": "nnbench.suites._keras.activations:Softmax"},
    oracle=softmax_oracle,
    cases=[
        case(ACTIVATIONS, dim=1),
        case(randn(16, 32768), dim=1),  # a language model's scores of words
        case(SMALL, dim=0, timed=False),
        case(randn(3, 5, 4), dim=-2, timed=False),
        *(case(randn(shape), timed=False) for shape in ((6,), (7, 5), (3, 5, 4), (2, 5, 3, 4))),
        case(randn(4, 0), dim=1, timed=False),
    ],
    properties=[],  # along dimension 0 the samples share what sums to one
    documented=["guide", "fundamentals", "pytorch"],
)
