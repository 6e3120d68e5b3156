"""Adaptive moment estimation with the weight decay beside the gradient."""

from __future__ import annotations

from typing import Any

import torch
from nnbench.suites.optimizers.adam import EPSILON_FIRST, OPTIONS, Adam, adam_oracle
from nnbench.suites.optimizers.stepwise import LARGER_LAYER, LAYER, MANY_PARAMETERS, SMALL_LAYER, Arrays
from torch import Tensor

from nnbench.catalog import Suite, Variant
from nnbench.specs import case

suite = Suite("optimizers")


class AdamW(Adam):
    """Adaptive moment estimation with decoupled weight decay.

    ``p = p - lr * weight_decay * p``, then Adam's step, in which the decay has no part: Adam with
    ``decoupled_weight_decay`` and a ``weight_decay`` of 0.01 unless told otherwise. A state of Adam's that is loaded
    is continued with decoupled decay. State and errors are Adam's.
    Source: torch.optim.AdamW; Loshchilov and Hutter, arXiv:1711.05101.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            maximize=maximize,
            foreach=foreach,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True


def adamw_oracle(
    parameters: Arrays, gradients: list[Arrays], weight_decay: float = 1e-2, **settings: Any
) -> list[Arrays]:
    return adam_oracle(parameters, gradients, weight_decay=weight_decay, decoupled_weight_decay=True, **settings)


suite.component(
    "adamw",
    kind="optimizer",
    reference=AdamW,
    variants={
        "torch": torch.optim.AdamW,
        "keras": Variant(
            "keras",
            "nnbench.suites._keras.optimizers:AdamW",
            difference=f"{EPSILON_FIRST}; its default weight decay is 0.004 (torch's is 0.01)",
        ),
    },
    oracle=adamw_oracle,
    cases=[
        case(*LAYER, lr=0.001, weight_decay=0.01),
        case(*LAYER, lr=0.001),
        case(*LARGER_LAYER, lr=0.001, weight_decay=0.01),
        *(case(*SMALL_LAYER, dtype="float64", timed=False, **chosen) for chosen in OPTIONS),
        case(*MANY_PARAMETERS, dtype="float64", timed=False, lr=0.1),
    ],
    documented=["handout", "deepdive"],
)
