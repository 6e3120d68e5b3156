"""Errors of predicted values."""

from __future__ import annotations

import numpy as np
import torch
from nnbench.suites.metrics.inputs import refuse_other_shapes
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import InputSpec, case, randn

suite = Suite("metrics")


def mae(predictions: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error.

    ``mean(|predictions - target|)`` over all elements: predictions and target of one shape, a tensor without dimensions
    comes out; NaN for no elements and where one is NaN. ``ValueError`` where the shapes differ.
    Source: sklearn.metrics.mean_absolute_error.
    """
    refuse_other_shapes(predictions, target)
    return (predictions - target).abs().mean()


def mse(predictions: Tensor, target: Tensor) -> Tensor:
    """Mean squared error.

    ``mean((predictions - target)^2)`` over all elements: predictions and target of one shape, a tensor without
    dimensions comes out; NaN for no elements and where one is NaN. ``ValueError`` where the shapes differ.
    Source: sklearn.metrics.mean_squared_error.
    """
    refuse_other_shapes(predictions, target)
    return ((predictions - target) ** 2).mean()


def mae_oracle(predictions: np.ndarray, target: np.ndarray) -> float:
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(target.ravel(), predictions.ravel()))


def mse_oracle(predictions: np.ndarray, target: np.ndarray) -> float:
    from sklearn.metrics import mean_squared_error

    return float(mean_squared_error(target.ravel(), predictions.ravel()))


def values(*shape: int) -> tuple[InputSpec, InputSpec]:
    return randn(*shape, requires_grad=False), randn(*shape, requires_grad=False)


CASES = [case(*values(32)), case(*values(32, 10)), case(*values(100_000))]

suite.component(
    "mae",
    kind="metric",
    reference=mae,
    variants={"torch": torch.nn.functional.l1_loss},
    oracle=mae_oracle,
    cases=CASES,
    documented=["guide", "fundamentals"],
)
suite.component(
    "mse",
    kind="metric",
    reference=mse,
    variants={"torch": torch.nn.functional.mse_loss},
    oracle=mse_oracle,
    cases=CASES,
    documented=["guide", "fundamentals"],
)
