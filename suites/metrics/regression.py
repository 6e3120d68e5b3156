"""Errors of predicted values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from nnbench.suites.metrics.inputs import refuse_other_shapes
from nnbench.suites.metrics.parts import REFUSED, SAMPLES, Inputs, drive_of, oracle_of, with_nan
from torch import Tensor, nn

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


def torch_mae(predictions: Tensor, target: Tensor) -> Tensor:
    """torch's loss would broadcast, and warn of it once."""
    refuse_other_shapes(predictions, target)
    return nn.functional.l1_loss(predictions, target)


def torch_mse(predictions: Tensor, target: Tensor) -> Tensor:
    refuse_other_shapes(predictions, target)
    return nn.functional.mse_loss(predictions, target)


def mae_oracle(predictions: np.ndarray, target: np.ndarray) -> float:
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(target.ravel(), predictions.ravel()))


def mse_oracle(predictions: np.ndarray, target: np.ndarray) -> float:
    from sklearn.metrics import mean_squared_error

    return float(mean_squared_error(target.ravel(), predictions.ravel()))


def parts(predictions: Tensor, target: Tensor) -> dict[str, Inputs]:
    """As drawn; one NaN; no elements; targets of shape (N, 1)."""
    return {
        "drawn": (predictions, target),
        "nan": (with_nan(predictions, every=SAMPLES), target),
        "none": (predictions[:0], target[:0]),
        "column": (predictions, target[:, None]),
    }


def of_part(oracle: Callable[..., float]) -> Callable[..., Any]:
    """An oracle that knows what scikit-learn refuses to be asked."""

    def judge(predictions: np.ndarray, target: np.ndarray) -> Any:
        if predictions.shape != target.shape:
            return REFUSED
        if not predictions.size or np.isnan(predictions).any():
            return float("nan")
        return oracle(predictions, target)

    return judge


def values(*shape: int) -> tuple[InputSpec, InputSpec]:
    return randn(*shape, requires_grad=False), randn(*shape, requires_grad=False)


CASES = [case(*values(32)), case(*values(32, 10)), case(*values(SAMPLES)), case(*values(100_000))]

suite.component(
    "mae",
    kind="metric",
    reference=mae,
    variants={"torch": torch_mae, "torchmetrics": "nnbench.suites._torchmetrics.metrics:mae"},
    oracle=oracle_of(parts, mae_oracle, of_part(mae_oracle)),
    drive=drive_of(parts),
    cases=CASES,
    documented=["guide", "fundamentals"],
)
suite.component(
    "mse",
    kind="metric",
    reference=mse,
    variants={"torch": torch_mse, "torchmetrics": "nnbench.suites._torchmetrics.metrics:mse"},
    oracle=oracle_of(parts, mse_oracle, of_part(mse_oracle)),
    drive=drive_of(parts),
    cases=CASES,
    documented=["guide", "fundamentals"],
)
