"""The guide's sigmoid in NumPy, and its derivative written for the output but given the input."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nnbench.catalog import Evidence, Variant


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


def sigmoid_derivative(x: np.ndarray) -> np.ndarray:
    return x * (1 - x)


class NumpySigmoid(torch.autograd.Function):
    """Both for torch."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.from_numpy(sigmoid(x.numpy()))

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return upstream[0] * torch.from_numpy(sigmoid_derivative(x.numpy()))


class DocumentedSigmoid(nn.Module):
    """As a module; on the CPU, and not in bfloat16, which NumPy has not."""

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = NumpySigmoid.apply(x)
        return y


def derivative_of_the_input(documented: Variant, reference: Variant) -> Evidence:
    """E02: right for x = sigmoid(...), wrong for the x that went into it."""
    x = torch.tensor([2.0], dtype=torch.float64)
    derivatives = []
    for variant in (documented, reference):
        leaf = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(variant.build()(leaf).sum(), leaf)
        derivatives.append(float(gradient))
    apply = documented.build()
    with torch.no_grad():
        slope = float((apply(x + 1e-5) - apply(x - 1e-5)) / 2e-5)
    says = f"at x = 2 its derivative is {derivatives[0]:.6g}; its values rise by {slope:.6g} there"
    says += f", and the reference's derivative is {derivatives[1]:.6g}"
    return Evidence(abs(derivatives[0] - slope) > 1e-3 > abs(derivatives[1] - slope), says)


def overflows(documented: Variant, reference: Variant) -> Evidence:
    """E14: exp(-x) of a large negative x is beyond the largest float."""
    caught = {}
    for name, variant in (("it", documented), ("the reference", reference)):
        with warnings.catch_warnings(record=True) as caught[name], np.errstate(over="warn"), torch.no_grad():
            warnings.simplefilter("always")
            value = float(variant.build()(torch.tensor([-1000.0])))
    said = [str(warning.message) for warning in caught["it"] if "overflow" in str(warning.message)]
    says = f"at x = -1000 NumPy warns: {said[0]}" if said else "at x = -1000 there is no warning of an overflow"
    return Evidence(bool(said) and not caught["the reference"], f"{says}; the reference gives {value:g} without one")


DOCUMENTED = Variant(
    "documented",
    DocumentedSigmoid,
    erratum="E02, E14",
    evidence={"E02": derivative_of_the_input, "E14": overflows},
)
