"""Adaptive moment estimation, with the weight decay in the gradient or, where asked for, beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
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
)
from torch import Tensor

from nnbench.catalog import Suite, Variant
from nnbench.specs import case

suite = Suite("optimizers")


class Adam(Stepwise):
    """Adaptive moment estimation.

    ``g = gradient + weight_decay * p``, or ``g = gradient`` and ``p = p - lr * weight_decay * p`` first with
    ``decoupled_weight_decay``; ``m = b1 * m + (1 - b1) * g``; ``v = b2 * v + (1 - b2) * g^2``;
    ``p = p - lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)`` at step t, with ``amsgrad`` the largest v so far in
    place of v. ``maximize`` turns the gradient round. State: ``step`` (t), ``exp_avg`` (m), ``exp_avg_sq`` (v),
    ``max_exp_avg_sq``. ``ValueError`` for negative settings and betas outside 0 to 1; ``NotImplementedError`` for
    ``foreach``, ``fused``, ``capturable``, ``differentiable``, sparse gradients and complex parameters.
    Source: torch.optim.Adam; Kingma and Ba, arXiv:1412.6980; Reddi, Kale and Kumar, arXiv:1904.09237 (amsgrad);
    Loshchilov and Hutter, arXiv:1711.05101 (decoupled weight decay).
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        refuse_learning_rate(lr)
        refuse_negative(eps=eps, weight_decay=weight_decay)
        settings = {"lr": lr, "betas": two_shares(betas), "eps": eps, "weight_decay": weight_decay}
        switches = {"amsgrad": amsgrad, "maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay}
        implementation = {
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, {**settings, **switches, **implementation})

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = new_count()
        state["step"].add_(1)
        t, lr, (beta1, beta2) = state["step"].item(), group["lr"], group["betas"]
        g = -gradient if group["maximize"] else gradient
        if group["decoupled_weight_decay"]:
            parameter.mul_(1 - lr * group["weight_decay"])
        elif group["weight_decay"]:
            g = g + group["weight_decay"] * parameter
        m = average_in(state, "exp_avg", parameter).mul_(beta1).add_((1 - beta1) * g)
        v = average_in(state, "exp_avg_sq", parameter).mul_(beta2).add_((1 - beta2) * g * g)
        if group["amsgrad"]:
            largest = average_in(state, "max_exp_avg_sq", parameter)
            v = largest.copy_(largest.maximum(v))
        deviation = v.sqrt() / math.sqrt(1 - beta2**t)
        parameter.sub_(lr / (1 - beta1**t) * m / (deviation + group["eps"]))


def two_shares(betas: Sequence[float | Tensor]) -> tuple[float, float]:
    """Both betas as floats; like torch, refuses what is outside 0 to 1 and a mixture of floats and tensors."""
    first, second = betas
    for place, beta in enumerate(betas):
        if not 0 <= beta < 1:
            raise ValueError(f"betas[{place}] is at least 0 and below 1, not {beta}")
    if not any(isinstance(first, kind) and isinstance(second, kind) for kind in (float, Tensor)):
        raise ValueError("betas are two floats or two tensors of one element")
    return float(first), float(second)


def adam_oracle(parameters: Arrays, gradients: list[Arrays], **settings: Any) -> list[Arrays]:
    """Moments as weighted means over all gradients so far, beta^(t-k) the weight of step k: that is bias correction."""
    return side_by_side(_adam_path, parameters, gradients, **settings)


def _adam_path(
    position: np.ndarray,
    gradients: Arrays,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0,
    amsgrad: bool = False,
    maximize: bool = False,
    decoupled_weight_decay: bool = False,
) -> Iterator[np.ndarray]:
    first, second, largest = np.zeros_like(position), np.zeros_like(position), np.zeros_like(position)
    weight1 = weight2 = 0.0
    for gradient in gradients:
        uphill = -gradient if maximize else gradient
        uphill = uphill + (0 if decoupled_weight_decay else weight_decay) * position
        # Sums of weights times gradients over sums of weights: nothing has to be corrected for starting at zero.
        first, weight1 = betas[0] * first + uphill, betas[0] * weight1 + 1
        second, weight2 = betas[1] * second + np.square(uphill), betas[1] * weight2 + 1
        largest = np.maximum(largest, second) if amsgrad else second
        shrunk = position - (lr * weight_decay if decoupled_weight_decay else 0) * position
        position = shrunk - lr * (first / weight1) / (np.sqrt(largest / weight2) + eps)
        yield position


OPTIONS: list[dict[str, Any]] = [
    {},
    {"lr": 0.1, "betas": (0.5, 0.6), "eps": 0.01, "maximize": True},
    {"lr": 0.1, "weight_decay": 0.2, "maximize": True},
    {"lr": 0.1, "betas": (0.99, 0.5), "amsgrad": True},
    {"lr": 0.1, "betas": (0.0, 0.0), "amsgrad": True, "weight_decay": 0.2},
]
DECOUPLED: list[dict[str, Any]] = [
    {"lr": 0.1, "decoupled_weight_decay": True},
    {"lr": 0.1, "weight_decay": 0.2, "amsgrad": True, "decoupled_weight_decay": True},
]

EPSILON_FIRST = "its default epsilon is 1e-7 (torch's is 1e-8), which it adds before the bias correction"

suite.component(
    "adam",
    kind="optimizer",
    reference=Adam,
    variants={
        "torch": torch.optim.Adam,
        "keras": Variant(
            "keras",
            "nnbench.suites._keras.optimizers:Adam",
            difference=f"{EPSILON_FIRST}; its weight decay is always decoupled",
        ),
    },
    oracle=adam_oracle,
    cases=[
        case(*LAYER, lr=0.001),
        case(*LAYER, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-4),
        case(*LAYER, lr=0.001, eps=1e-7),
        case(*LARGER_LAYER, lr=0.001),
        *(case(*SMALL_LAYER, dtype="float64", timed=False, **chosen) for chosen in OPTIONS + DECOUPLED),
        case(*MANY_PARAMETERS, dtype="float64", timed=False, lr=0.1),
    ],
    documented=["handout", "guide", "deepdive", "fundamentals", "pytorch"],
)
