"""Penalties on the size of weights, to be added to a loss."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nnbench.catalog import Evidence, Suite, Variant
from nnbench.specs import case, randn

suite = Suite("regularizers")


class Penalty(nn.Module):
    """The sum of one term a parameter; ``_term`` is the penalty of one of them."""

    def forward(self, *parameters: Tensor) -> Tensor:
        if not parameters:
            raise ValueError("a penalty takes one parameter at least")
        total = self._term(parameters[0])
        for parameter in parameters[1:]:
            total = total + self._term(parameter)
        return total

    def _term(self, parameter: Tensor) -> Tensor:
        raise NotImplementedError


def refuse_negative(**factors: float) -> None:
    for name, factor in factors.items():
        if not factor >= 0:
            raise ValueError(f"{name} is 0 or more, not {factor}")


class L1(Penalty):
    """Sum of absolute weights.

    ``l1 * sum |w|`` over all elements of all parameters: parameters of any shapes, a tensor without dimensions comes
    out; the slope at w = 0 is taken as 0. ``ValueError`` for a negative factor and without parameters.
    Source: keras.regularizers.L1; Tibshirani (1996).
    """

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__()
        refuse_negative(l1=l1)
        self.l1 = l1

    def _term(self, parameter: Tensor) -> Tensor:
        return self.l1 * parameter.abs().sum()


class L2(Penalty):
    """Sum of squared weights.

    ``l2 * sum w^2`` over all elements of all parameters: parameters of any shapes, a tensor without dimensions comes
    out. Its gradient is 2 l2 w: added to the loss it is SGD's weight decay of 2 l2. ``ValueError`` for a negative
    factor and without parameters. Source: keras.regularizers.L2; Hoerl and Kennard (1970).
    """

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__()
        refuse_negative(l2=l2)
        self.l2 = l2

    def _term(self, parameter: Tensor) -> Tensor:
        return self.l2 * (parameter * parameter).sum()


class L1L2(Penalty):
    """Sum of absolute weights and of squared weights.

    ``l1 * sum |w| + l2 * sum w^2`` over all elements of all parameters: parameters of any shapes, a tensor without
    dimensions comes out; the slope of |w| at w = 0 is taken as 0. ``ValueError`` for negative factors and without
    parameters. Source: keras.regularizers.L1L2; Zou and Hastie (2005).
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        super().__init__()
        refuse_negative(l1=l1, l2=l2)
        self.l1, self.l2 = l1, l2

    def _term(self, parameter: Tensor) -> Tensor:
        return self.l1 * parameter.abs().sum() + self.l2 * (parameter * parameter).sum()


class TorchSums(nn.Module):
    """Each penalty out of torch's losses, the distance of the weights from zeros.

    ``torch.linalg.vector_norm`` would say the same, but loses two digits of float32 over half a million weights.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        super().__init__()
        self.l1, self.l2 = l1, l2

    def forward(self, *parameters: Tensor) -> Tensor:
        return torch.stack([self._of_one(parameter) for parameter in parameters]).sum()

    def _of_one(self, parameter: Tensor) -> Tensor:
        absolute, squared = (from_zeros(loss, parameter) for loss in (nn.functional.l1_loss, nn.functional.mse_loss))
        return self.l1 * absolute + self.l2 * squared


class TorchL1(TorchSums):
    """The absolute weights alone."""

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)

    def _of_one(self, parameter: Tensor) -> Tensor:
        return self.l1 * from_zeros(nn.functional.l1_loss, parameter)


class TorchL2(TorchSums):
    """The squared weights alone."""

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)

    def _of_one(self, parameter: Tensor) -> Tensor:
        return self.l2 * from_zeros(nn.functional.mse_loss, parameter)


def from_zeros(loss: Callable[..., Tensor], parameter: Tensor) -> Tensor:
    return loss(parameter, parameter.new_zeros(()).expand_as(parameter), reduction="sum")


class SumOfNorms(nn.Module):
    """As the documents have L2: ``l2 * sum ||w||``, the norms themselves, not their squares."""

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__()
        self.l2 = l2

    def forward(self, *parameters: Tensor) -> Tensor:
        return self.l2 * torch.stack([torch.linalg.vector_norm(parameter) for parameter in parameters]).sum()


def oracle(*parameters: np.ndarray, l1: float = 0.0, l2: float = 0.0) -> np.floating:
    """The signs' and the weights' own inner products with all weights in one vector."""
    everything = np.concatenate([parameter.ravel() for parameter in parameters])
    return l1 * np.dot(np.sign(everything), everything) + l2 * np.dot(everything, everything)


def pull(variant: Variant, weights: Tensor) -> tuple[float, float]:
    """A penalty with the factor 0.01, and the length of its gradient."""
    leaf = weights.clone().requires_grad_()
    penalty = variant.build(l2=0.01)(leaf)
    (gradient,) = torch.autograd.grad(penalty, leaf)
    return float(penalty.detach()), float(torch.linalg.vector_norm(gradient))


def growth_with_the_weights(documented: Variant, reference: Variant) -> Evidence:
    """E06: ten times the weights are 100 times the squares, and pulled at ten times as hard."""
    small = torch.tensor([3.0, 4.0], dtype=torch.float64)
    told, right = ([pull(variant, scale * small) for scale in (1, 10)] for variant in (documented, reference))
    figures = [
        f"{penalties[0]:.3g} and {penalties[1]:.3g}, gradients of length {pulls[0]:.3g} and {pulls[1]:.3g}"
        for penalties, pulls in (zip(*found, strict=True) for found in (told, right))
    ]
    says = (
        f"For the weights (3, 4) and (30, 40) with l2 = 0.01 the documents give {figures[0]}: large weights are pulled "
        f"at no harder than small ones. 0.01 (3^2 + 4^2) is 0.25, and the reference gives {figures[1]}."
    )
    return Evidence(abs(told[1][0] / told[0][0] - 100) > 1, says)


LAYER = (randn(256, 128), randn(256))
LARGER_LAYER = (randn(512, 1024), randn(1024))
TINY_LAYER = (randn(3, 2), randn(3))

suite.component(
    "l1",
    kind="regularizer",
    reference=L1,
    variants={"torch": TorchL1, "keras": "nnbench.suites._keras.regularizers:L1"},
    oracle=functools.partial(oracle, l1=0.01),
    cases=[case(*LAYER, l1=0.01), case(*LAYER, l1=0.003), case(*LARGER_LAYER, l1=0.01), case(*TINY_LAYER, timed=False)],
    documented=["fundamentals"],
)
documented_l2: dict[str, Any] = {
    "documented": Variant("documented", SumOfNorms, erratum="E06", evidence={"E06": growth_with_the_weights})
}
suite.component(
    "l2",
    kind="regularizer",
    reference=L2,
    variants={"torch": TorchL2, "keras": "nnbench.suites._keras.regularizers:L2", **documented_l2},
    oracle=functools.partial(oracle, l2=0.01),
    cases=[case(*LAYER, l2=0.01), case(*LAYER, l2=1e-4), case(*LARGER_LAYER, l2=0.01), case(*TINY_LAYER, timed=False)],
    documented=["fundamentals", "pytorch"],
)
suite.component(
    "l1_l2",
    kind="regularizer",
    reference=L1L2,
    variants={"torch": TorchSums, "keras": "nnbench.suites._keras.regularizers:L1L2"},
    oracle=oracle,
    cases=[
        case(*LAYER, l1=0.01, l2=0.01),
        case(*LAYER, l1=0.01, l2=0.003),
        case(*LARGER_LAYER, l1=0.01, l2=0.01),
        case(*TINY_LAYER, l1=0.01, timed=False),
        case(*TINY_LAYER, l2=0.01, timed=False),
    ],
    documented=["fundamentals"],
)
