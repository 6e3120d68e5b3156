"""Weight decay, coupled (through the gradient) and decoupled (beside it)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("regularizers")
RULES = ("sgd", "adam")


class WeightDecay(torch.optim.Optimizer):
    """Weight decay in the gradient or beside it, under SGD's or Adam's rule.

    Coupled: ``p = p - lr * rule(gradient + weight_decay * p)``, the gradient of ``weight_decay / 2 * sum p^2`` is added
    to the loss's. ``decoupled``: ``p = (1 - lr * weight_decay) * p - lr * rule(gradient)``. Rule "sgd": rule(g) = b,
    ``b = g`` at the first step, then ``b = momentum * b + g``; without momentum b = g, and coupled and decoupled are
    one. Rule "adam": ``m = b1 * m + (1 - b1) * g``, ``v = b2 * v + (1 - b2) * g^2`` and rule(g) =
    ``(m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)`` at step t: a coupled decay is divided by the gradients' size,
    too, and weakest where they are largest. State: ``momentum_buffer``; ``step``, ``exp_avg``, ``exp_avg_sq``.
    ``ValueError`` for another rule, for negative settings, betas outside 0 to 1 and a momentum for Adam;
    ``NotImplementedError`` for sparse gradients and complex parameters.
    Source: torch.optim.SGD, Adam and AdamW; Loshchilov and Hutter, arXiv:1711.05101.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        weight_decay: float = 1e-2,
        rule: str = "sgd",
        decoupled: bool = False,
        momentum: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        refuse_settings(lr, weight_decay, rule, momentum, betas, eps)
        self.rule, self.decoupled = rule, decoupled
        own = {"momentum": momentum} if rule == "sgd" else {"betas": betas, "eps": eps}
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay} | own)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Step every parameter that has a gradient; returns the loss of ``closure``, which computes the gradients."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    refuse_unusual(parameter)
                    self._update(parameter, parameter.grad, group)
        return loss

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        lr, decay = group["lr"], group["weight_decay"]
        if self.decoupled:
            parameter.mul_(1 - lr * decay)
        else:
            gradient = gradient + decay * parameter
        direction = momentum_direction if self.rule == "sgd" else adam_direction
        parameter.sub_(lr * direction(gradient, self.state[parameter], group))


def momentum_direction(g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    if not group["momentum"]:
        return g
    before = state.get("momentum_buffer")
    state["momentum_buffer"] = g.clone() if before is None else group["momentum"] * before + g
    return state["momentum_buffer"]


def adam_direction(g: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    if not state:
        state |= {"step": torch.tensor(0.0), "exp_avg": torch.zeros_like(g), "exp_avg_sq": torch.zeros_like(g)}
    state["step"] += 1
    t, (beta1, beta2) = state["step"].item(), group["betas"]
    m = state["exp_avg"].mul_(beta1).add_((1 - beta1) * g)
    v = state["exp_avg_sq"].mul_(beta2).add_((1 - beta2) * g * g)
    deviation = v.sqrt() / math.sqrt(1 - beta2**t)
    return m / (1 - beta1**t) / (deviation + group["eps"])


def refuse_settings(
    lr: float, weight_decay: float, rule: str, momentum: float, betas: tuple[float, float], eps: float
) -> None:
    if rule not in RULES:
        raise ValueError(f"rule is one of {', '.join(RULES)}, not {rule!r}")
    for name, value in {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "eps": eps}.items():
        if not value >= 0:
            raise ValueError(f"{name} is 0 or more, not {value}")
    if not all(0 <= beta < 1 for beta in betas):
        raise ValueError(f"betas are at least 0 and below 1, not {betas}")
    if rule == "adam" and momentum != 0:
        raise ValueError("momentum is SGD's; Adam's are the betas")


def refuse_unusual(parameter: Tensor) -> None:
    if parameter.grad is not None and parameter.grad.is_sparse:
        raise NotImplementedError("sparse gradients are not supported")
    if parameter.is_complex():
        raise NotImplementedError("complex parameters are not supported")


class DecoupledSGD(torch.optim.SGD):
    """torch's SGD, with the weights made smaller before each of its steps instead of through the gradient."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        decays = [group["weight_decay"] for group in self.param_groups]
        for group, decay in zip(self.param_groups, decays, strict=True):
            moving = [parameter for parameter in group["params"] if parameter.grad is not None]
            if moving:
                torch._foreach_mul_(moving, 1 - group["lr"] * decay)
            group["weight_decay"] = 0.0
        super().step()
        for group, decay in zip(self.param_groups, decays, strict=True):
            group["weight_decay"] = decay
        return loss


class TorchWeightDecay:
    """The optimizer of torch's that a rule and ``decoupled`` stand for; SGD's decoupled one is composed of torch's."""

    def __new__(
        cls,
        params: Any,
        lr: float = 1e-3,
        weight_decay: float = 1e-2,
        rule: str = "sgd",
        decoupled: bool = False,
        momentum: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> Any:
        if rule == "sgd":
            sgd = DecoupledSGD if decoupled else torch.optim.SGD
            return sgd(params, lr=lr, momentum=momentum, weight_decay=weight_decay)
        adam = torch.optim.AdamW if decoupled else torch.optim.Adam
        return adam(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)


Arrays = list[np.ndarray]


def weight_decay_oracle(parameters: Arrays, gradients: list[Arrays], **settings: Any) -> list[Arrays]:
    """Every step from all gradients so far: a buffer is their sum with powers of the momentum or beta as weights."""
    paths = [
        _path(parameter, [step[place] for step in gradients], **settings) for place, parameter in enumerate(parameters)
    ]
    return [list(step) for step in zip(*paths, strict=True)]


def _path(
    position: np.ndarray,
    gradients: Arrays,
    lr: float = 1e-3,
    weight_decay: float = 1e-2,
    rule: str = "sgd",
    decoupled: bool = False,
    momentum: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> Iterator[np.ndarray]:
    past: Arrays = []
    for gradient in gradients:
        past.append(gradient if decoupled else gradient + weight_decay * position)
        if rule == "sgd":
            direction = _discounted(past, momentum)
        else:
            # Sums of weights times gradients over sums of weights: nothing has to be corrected for starting at zero.
            mean = _discounted(past, betas[0]) / _discounted([np.ones(())] * len(past), betas[0])
            squares = [np.square(one) for one in past]
            mean_square = _discounted(squares, betas[1]) / _discounted([np.ones(())] * len(past), betas[1])
            direction = mean / (np.sqrt(mean_square) + eps)
        position = position - lr * (direction + (weight_decay * position if decoupled else 0))
        yield position


def _discounted(past: Arrays, factor: float) -> np.ndarray:
    """The latest whole, the one before times the factor, the one before that times its square, and so on."""
    weights = np.power(float(factor), np.arange(len(past))[::-1])
    return np.einsum("t,t...->...", weights, np.stack(past))


LAYER = (randn(256, 128), randn(256))
LARGER_LAYER = (randn(512, 1024), randn(1024))
FORMS: list[dict[str, Any]] = [
    {"lr": 0.01, "weight_decay": 1e-4, "rule": "sgd", "momentum": 0.9},
    {"lr": 0.01, "weight_decay": 1e-4, "rule": "sgd", "momentum": 0.9, "decoupled": True},
    {"lr": 0.001, "weight_decay": 1e-4, "rule": "adam"},
    {"lr": 0.001, "weight_decay": 0.01, "rule": "adam", "betas": (0.8, 0.99), "eps": 1e-3},
    {"lr": 0.001, "weight_decay": 0.01, "rule": "adam", "decoupled": True},
]
SMALL_LAYER = (randn(3, 2), randn(3))
OPTIONS: list[dict[str, Any]] = [
    {},
    {"lr": 0.1, "weight_decay": 0.2, "momentum": 0.9, "decoupled": True},
    {"rule": "adam"},
    {"rule": "adam", "lr": 0.1, "weight_decay": 0.2, "betas": (0.5, 0.6), "eps": 0.01, "decoupled": True},
]

suite.component(
    "weight_decay",
    kind="optimizer",
    reference=WeightDecay,
    variants={"torch": TorchWeightDecay},
    oracle=weight_decay_oracle,
    cases=[
        case(*LAYER, lr=0.01, weight_decay=1e-4, rule="sgd"),
        *(case(*LAYER, **form) for form in FORMS),
        case(*LARGER_LAYER, **FORMS[-1]),
        *(case(*SMALL_LAYER, dtype="float64", timed=False, **chosen) for chosen in OPTIONS),
    ],
    documented=["handout", "deepdive", "pytorch"],
)
