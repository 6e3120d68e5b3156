"""Stochastic gradient descent."""

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
    refuse_negative,
    side_by_side,
    uphill,
)
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import case

suite = Suite("optimizers")


class SGD(Stepwise):
    """Stochastic gradient descent with momentum.

    ``g = gradient + weight_decay * p``; ``b = g`` at the first step, then ``b = momentum * b + (1 - dampening) * g``;
    ``p = p - lr * b``, with ``nesterov`` ``p = p - lr * (g + momentum * b)``, without momentum ``p = p - lr * g``.
    ``maximize`` turns the gradient round. State: ``momentum_buffer`` (b). ``ValueError`` for negative settings and for
    ``nesterov`` without momentum or with dampening; ``NotImplementedError`` for ``foreach``, ``fused``,
    ``differentiable``, sparse gradients and complex parameters. Source: torch.optim.SGD; Sutskever et al. (2013).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        refuse_learning_rate(lr)
        refuse_negative(momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("nesterov needs a momentum above 0 and no dampening")
        settings = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        switches = {"nesterov": nesterov, "maximize": maximize}
        implementation = {"foreach": foreach, "differentiable": differentiable, "fused": fused}
        super().__init__(params, {**settings, **switches, **implementation})

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        momentum = group["momentum"]
        g = uphill(parameter, gradient, group)
        if momentum == 0:
            parameter.sub_(group["lr"] * g)
            return
        state = self.state[parameter]
        if state.get("momentum_buffer") is None:
            state["momentum_buffer"] = g.clone()
        else:
            state["momentum_buffer"].mul_(momentum).add_((1 - group["dampening"]) * g)
        b = state["momentum_buffer"]
        parameter.sub_(group["lr"] * (g + momentum * b if group["nesterov"] else b))


def sgd_oracle(parameters: Arrays, gradients: list[Arrays], **settings: Any) -> list[Arrays]:
    """Sutskever's form: a velocity in units of the parameter, v = momentum * v - lr * g, is added at every step."""
    return side_by_side(_sgd_path, parameters, gradients, **settings)


def _sgd_path(
    position: np.ndarray,
    gradients: Arrays,
    lr: float = 1e-3,
    momentum: float = 0,
    dampening: float = 0,
    weight_decay: float = 0,
    nesterov: bool = False,
    maximize: bool = False,
) -> Iterator[np.ndarray]:
    velocity, share = np.zeros_like(position), 1.0
    for gradient in gradients:
        uphill = (-gradient if maximize else gradient) + weight_decay * position
        velocity = momentum * velocity - lr * share * uphill
        share = 1 - dampening if momentum else 1.0  # the first step is never dampened
        position = position + (momentum * velocity - lr * uphill if nesterov else velocity)
        yield position


OPTIONS: list[dict[str, Any]] = [
    {},
    {"lr": 0.1, "weight_decay": 0.2, "maximize": True},
    {"lr": 0.1, "dampening": 0.5},
    {"lr": 0.1, "momentum": 0.9, "dampening": 0.3},
    {"lr": 0.1, "momentum": 1.0},
    {"lr": 0.1, "momentum": 0.5, "nesterov": True, "weight_decay": 0.2, "maximize": True},
]

suite.component(
    "sgd",
    kind="optimizer",
    reference=SGD,
    variants={"torch": torch.optim.SGD, "keras": "nnbench.suites._keras.optimizers:SGD"},
    oracle=sgd_oracle,
    cases=[
        case(*LAYER, lr=0.01),
        case(*LAYER, lr=0.01, momentum=0.9),
        case(*LAYER, lr=0.01, momentum=0.9, nesterov=True),
        case(*LAYER, lr=0.01, momentum=0.9, weight_decay=1e-4),
        case(*LAYER, lr=0.1),
        case(*LARGER_LAYER, lr=0.01, momentum=0.9),
        *(case(*SMALL_LAYER, dtype="float64", timed=False, **chosen) for chosen in OPTIONS),
        case(*MANY_PARAMETERS, dtype="float64", timed=False, lr=0.1, momentum=0.9),
    ],
    documented=["guide", "deepdive", "fundamentals", "pytorch"],
)
