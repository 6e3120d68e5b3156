"""RMSprop: steps in units of the gradient's running root mean square."""

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
    average_in,
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


class RMSprop(Stepwise):
    """Gradient descent in units of the gradient's running root mean square.

    ``g = gradient + weight_decay * p``; ``v = alpha * v + (1 - alpha) * g^2``; ``d = sqrt(v) + eps``, with ``centered``
    ``a = alpha * a + (1 - alpha) * g`` and ``d = sqrt(v - a^2) + eps``; ``p = p - lr * g / d``, with momentum
    ``b = momentum * b + g / d`` and ``p = p - lr * b``. v, a and b start at 0. ``maximize`` turns the gradient round.
    State: ``step``, ``square_avg`` (v), ``momentum_buffer`` (b), ``grad_avg`` (a). ``ValueError`` for negative
    settings; ``NotImplementedError`` for ``foreach``, ``capturable``, ``differentiable``, sparse gradients and complex
    parameters. Source: torch.optim.RMSprop; Tieleman and Hinton (2012); Graves, arXiv:1308.0850 (centered).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        refuse_learning_rate(lr)
        refuse_negative(eps=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
        settings = {"lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "weight_decay": weight_decay}
        switches = {"centered": centered, "maximize": maximize}
        implementation = {"capturable": capturable, "foreach": foreach, "differentiable": differentiable}
        super().__init__(params, {**settings, **switches, **implementation})

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = new_count()
        state["step"].add_(1)
        alpha, g = group["alpha"], uphill(parameter, gradient, group)
        spread = average_in(state, "square_avg", parameter).mul_(alpha).add_((1 - alpha) * g * g)
        if group["centered"]:
            a = average_in(state, "grad_avg", parameter).mul_(alpha).add_((1 - alpha) * g)
            spread = (spread - a * a).clamp(min=0)  # rounding can leave a variance of 0 a little below
        direction = g / (spread.sqrt() + group["eps"])
        if group["momentum"]:
            buffer = average_in(state, "momentum_buffer", parameter)
            direction = buffer.mul_(group["momentum"]).add_(direction)
        parameter.sub_(group["lr"] * direction)


def rmsprop_oracle(parameters: Arrays, gradients: list[Arrays], **settings: Any) -> list[Arrays]:
    """The running variance by the square of each gradient's distance from the mean so far, without a cancellation."""
    return side_by_side(_rmsprop_path, parameters, gradients, **settings)


def _rmsprop_path(
    position: np.ndarray,
    gradients: Arrays,
    lr: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0,
    momentum: float = 0,
    centered: bool = False,
    maximize: bool = False,
) -> Iterator[np.ndarray]:
    mean, variance, velocity = np.zeros_like(position), np.zeros_like(position), np.zeros_like(position)
    for gradient in gradients:
        slope = (-gradient if maximize else gradient) + weight_decay * position
        variance = alpha * (variance + (1 - alpha) * np.square(slope - mean))
        mean = alpha * mean + (1 - alpha) * slope
        deviation = np.sqrt(variance if centered else variance + np.square(mean))
        velocity = momentum * velocity - lr * slope / (deviation + eps)
        position = position + velocity
        yield position


OPTIONS: list[dict[str, Any]] = [
    {},
    {"lr": 0.1, "eps": 0.01, "weight_decay": 0.2, "maximize": True},
    {"lr": 0.1, "momentum": 0.9},
    {"lr": 0.1, "centered": True},
    {"lr": 0.1, "alpha": 0.5, "momentum": 0.5, "centered": True, "eps": 0.01, "weight_decay": 0.2},
]

suite.component(
    "rmsprop",
    kind="optimizer",
    reference=RMSprop,
    variants={
        "torch": torch.optim.RMSprop,
        "keras": Variant(
            "keras",
            "nnbench.suites._keras.optimizers:RMSprop",
            difference="its default rho is 0.9 (torch's alpha is 0.99) and its default epsilon 1e-7 (torch's is 1e-8), "
            "which it adds under the root, not beside it; its default learning rate is 0.001 (torch's is 0.01)",
        ),
    },
    oracle=rmsprop_oracle,
    cases=[
        case(*LAYER, lr=0.01, alpha=0.99),
        case(*LAYER, lr=0.001, alpha=0.9),
        case(*LAYER, lr=0.01),
        case(*LARGER_LAYER, lr=0.01, alpha=0.99),
        *(case(*SMALL_LAYER, dtype="float64", timed=False, **chosen) for chosen in OPTIONS),
        case(*MANY_PARAMETERS, dtype="float64", timed=False, lr=0.1, momentum=0.9),
    ],
    documented=["guide", "deepdive", "fundamentals"],
)
