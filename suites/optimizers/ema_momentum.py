"""Momentum as a running mean of the gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from nnbench.suites.optimizers.stepwise import (
    LARGER_LAYER,
    LAYER,
    MANY_PARAMETERS,
    SMALL_LAYER,
    Arrays,
    Stepwise,
    refuse_learning_rate,
    side_by_side,
)
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import case

suite = Suite("optimizers")


class EMAMomentum(Stepwise):
    """Gradient descent along an exponential moving average of the gradients.

    ``m = beta * m + (1 - beta) * gradient``, from 0 on and without a correction for that; ``p = p - lr * m``. State:
    ``momentum_buffer`` (m); from the second step on it is torch.optim.SGD with ``momentum=beta, dampening=beta``, whose
    first step alone is not dampened. ``ValueError`` for a negative ``lr`` and a ``beta`` that is not at least 0 and
    below 1; ``NotImplementedError`` for sparse gradients and complex parameters.
    Source: the first moment of Kingma and Ba, arXiv:1412.6980.
    """

    def __init__(self, params: Any, lr: float | Tensor = 1e-2, beta: float = 0.9) -> None:
        refuse_learning_rate(lr)
        if not 0 <= beta < 1:
            raise ValueError(f"beta is at least 0 and below 1, not {beta}")
        super().__init__(params, {"lr": lr, "beta": beta})

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state, beta = self.state[parameter], group["beta"]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        m = state["momentum_buffer"].mul_(beta).add_((1 - beta) * gradient)
        parameter.sub_(group["lr"] * m)


def ema_momentum_oracle(parameters: Arrays, gradients: list[Arrays], **settings: Any) -> list[Arrays]:
    """Each gradient's part in the whole way: n steps after it, 1 - beta^n of it has been walked."""
    return side_by_side(_ema_momentum_path, parameters, gradients, **settings)


def _ema_momentum_path(
    position: np.ndarray, gradients: Arrays, lr: float = 1e-2, beta: float = 0.9
) -> Iterator[np.ndarray]:
    for steps in range(1, len(gradients) + 1):
        walked = 1 - beta ** np.arange(steps, 0, -1)
        yield position - lr * np.tensordot(walked, np.stack(gradients[:steps]), axes=1)


suite.component(
    "ema_momentum",
    kind="optimizer",
    reference=EMAMomentum,
    oracle=ema_momentum_oracle,
    cases=[
        case(*LAYER, lr=0.01, beta=0.9),
        case(*LARGER_LAYER, lr=0.01, beta=0.9),
        case(*SMALL_LAYER, dtype="float64", timed=False),
        case(*SMALL_LAYER, dtype="float64", timed=False, lr=0.1, beta=0.0),
        case(*MANY_PARAMETERS, dtype="float64", timed=False, lr=0.1),
    ],
    documented=["deepdive"],
)
