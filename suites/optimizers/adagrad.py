"""Adagrad: steps in units of the root of all squared gradients so far."""

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
    new_count,
    refuse_learning_rate,
    refuse_negative,
    side_by_side,
    uphill,
)
from torch import Tensor

from nnbench.catalog import Suite, Variant
from nnbench.specs import case

suite = Suite("optimizers")


class Adagrad(Stepwise):
    """Gradient descent in units of the root of all squared gradients so far.

    ``g = gradient + weight_decay * p``; ``s = s + g^2``, from ``initial_accumulator_value`` on;
    ``p = p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)`` at step t. ``maximize`` turns the gradient round.
    State, there from the start: ``step`` (t), ``sum`` (s). ``ValueError`` for negative settings;
    ``NotImplementedError`` for ``foreach``, ``fused``, ``differentiable``, a group's own
    ``initial_accumulator_value``, sparse gradients and complex parameters.
    Source: torch.optim.Adagrad; Duchi, Hazan and Singer (2011).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        refuse_learning_rate(lr)
        refuse_negative(lr_decay=lr_decay, weight_decay=weight_decay, eps=eps)
        refuse_negative(initial_accumulator_value=initial_accumulator_value)
        settings = {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay}
        switches = {"initial_accumulator_value": initial_accumulator_value, "maximize": maximize}
        implementation = {"foreach": foreach, "differentiable": differentiable, "fused": fused}
        super().__init__(params, {**settings, **switches, **implementation})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with settings of their own, except for what the sums start with, and their state."""
        name = "initial_accumulator_value"
        if param_group.get(name, self.defaults[name]) != self.defaults[name]:
            raise NotImplementedError(f"{name} of one group is not supported (torch ignores it): give it for all")
        super().add_param_group(param_group)
        for parameter in self.param_groups[-1]["params"]:
            initial = torch.full_like(parameter, self.defaults[name])
            self.state[parameter] = {"step": new_count(), "sum": initial}

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state, g = self.state[parameter], uphill(parameter, gradient, group)
        t = state["step"].add_(1).item()
        s = state["sum"].add_(g * g)
        rate = group["lr"] / (1 + (t - 1) * group["lr_decay"])
        parameter.sub_(rate * g / (s.sqrt() + group["eps"]))


def adagrad_oracle(parameters: Arrays, gradients: list[Arrays], **settings: Any) -> list[Arrays]:
    """The root of the sum as the length of a vector that each gradient adds a right angle to."""
    return side_by_side(_adagrad_path, parameters, gradients, **settings)


def _adagrad_path(
    position: np.ndarray,
    gradients: Arrays,
    lr: float = 1e-2,
    lr_decay: float = 0,
    weight_decay: float = 0,
    initial_accumulator_value: float = 0,
    eps: float = 1e-10,
    maximize: bool = False,
) -> Iterator[np.ndarray]:
    length, slowness = np.full_like(position, np.sqrt(initial_accumulator_value)), 1.0
    for gradient in gradients:
        slope = (-gradient if maximize else gradient) + weight_decay * position
        length = np.hypot(length, slope)
        position = position - lr * slope / (slowness * (length + eps))
        slowness += lr_decay
        yield position


OPTIONS: list[dict[str, Any]] = [
    {},
    {"lr": 0.1, "lr_decay": 0.5},
    {"lr": 0.1, "initial_accumulator_value": 0.3},
    {"lr": 0.1, "eps": 0.01, "weight_decay": 0.2, "maximize": True},
    {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 2.0, "eps": 0.001, "weight_decay": 0.2},
]

suite.component(
    "adagrad",
    kind="optimizer",
    reference=Adagrad,
    variants={
        "torch": torch.optim.Adagrad,
        "keras": Variant(
            "keras",
            "nnbench.suites._keras.optimizers:Adagrad",
            difference="its sum of squares starts at 0.1 by default (torch's at 0) and its default epsilon is 1e-7 "
            "(torch's is 1e-10), which it adds under the root, not beside it; its default learning rate is 0.001 "
            "(torch's is 0.01)",
        ),
    },
    oracle=adagrad_oracle,
    cases=[
        case(*LAYER, lr=0.01),
        case(*LARGER_LAYER, lr=0.01),
        *(case(*SMALL_LAYER, dtype="float64", timed=False, **chosen) for chosen in OPTIONS),
        case(*MANY_PARAMETERS, dtype="float64", timed=False, lr=0.1),
    ],
    documented=["guide"],
)
