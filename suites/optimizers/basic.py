"""Optimizers, each a few lines of arithmetic on one parameter."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("optimizers")

# They choose among torch's implementations of the same steps; the references have only one.
IMPLEMENTATIONS = ("foreach", "fused", "capturable", "differentiable")


class Stepwise(torch.optim.Optimizer):
    """The loop over parameters; ``_update`` steps one of them. A parameter without a gradient stays as it is."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with settings of their own; also where the constructor's arguments arrive."""
        for name in IMPLEMENTATIONS:
            chosen = param_group.get(name, self.defaults.get(name))
            if chosen:
                raise NotImplementedError(f"{name}={chosen!r} is not supported: there is one implementation only")
        super().add_param_group(param_group)

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
        raise NotImplementedError


def refuse_unusual(parameter: Tensor) -> None:
    if parameter.grad is not None and parameter.grad.is_sparse:
        raise NotImplementedError("sparse gradients are not supported")
    if parameter.is_complex():
        raise NotImplementedError("complex parameters are not supported")


def refuse_learning_rate(lr: float | Tensor) -> None:
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError(f"lr is a number or a tensor of one element, not of {lr.numel()}")
    if not lr >= 0:
        raise ValueError(f"lr is 0 or more, not {lr}")


def refuse_negative(**settings: float) -> None:
    for name, value in settings.items():
        if not value >= 0:
            raise ValueError(f"{name} is 0 or more, not {value}")


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
        super().__init__(params, settings | switches | implementation)

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        momentum = group["momentum"]
        g = -gradient if group["maximize"] else gradient
        if group["weight_decay"] != 0:
            g = g + group["weight_decay"] * parameter
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
        super().__init__(params, settings | switches | implementation)

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            # As torch has it: the count in the default dtype or float32, on the CPU.
            count_dtype = torch.float64 if torch.get_default_dtype() == torch.float64 else torch.float32
            state["step"] = torch.tensor(0.0, dtype=count_dtype)
            state |= {name: torch.zeros_like(parameter) for name in moments(group)}
        state["step"].add_(1)
        t, lr, (beta1, beta2) = state["step"].item(), group["lr"], group["betas"]
        g = -gradient if group["maximize"] else gradient
        if group["decoupled_weight_decay"]:
            parameter.mul_(1 - lr * group["weight_decay"])
        elif group["weight_decay"] != 0:
            g = g + group["weight_decay"] * parameter
        m = state["exp_avg"].mul_(beta1).add_((1 - beta1) * g)
        v = state["exp_avg_sq"].mul_(beta2).add_((1 - beta2) * g * g)
        if group["amsgrad"]:
            v = state["max_exp_avg_sq"].copy_(torch.maximum(state["max_exp_avg_sq"], v))
        deviation = v.sqrt() / math.sqrt(1 - beta2**t)
        parameter.sub_(lr / (1 - beta1**t) * m / (deviation + group["eps"]))


def moments(group: dict[str, Any]) -> tuple[str, ...]:
    return ("exp_avg", "exp_avg_sq", *(["max_exp_avg_sq"] if group["amsgrad"] else []))


def two_shares(betas: Sequence[float | Tensor]) -> tuple[float, float]:
    """Both betas as floats; like torch, refuses what is outside 0 to 1 and a mixture of floats and tensors."""
    first, second = betas
    for place, beta in enumerate(betas):
        if not 0 <= beta < 1:
            raise ValueError(f"betas[{place}] is at least 0 and below 1, not {beta}")
    if not any(isinstance(first, kind) and isinstance(second, kind) for kind in (float, Tensor)):
        raise ValueError("betas are two floats or two tensors of one element")
    return float(first), float(second)


Arrays = list[np.ndarray]


def sgd_oracle(parameters: Arrays, gradients: list[Arrays], **settings: Any) -> list[Arrays]:
    """Sutskever's form: a velocity in units of the parameter, v = momentum * v - lr * g, is added at every step."""
    paths = [
        _sgd_path(parameter, [step[place] for step in gradients], **settings)
        for place, parameter in enumerate(parameters)
    ]
    return [list(step) for step in zip(*paths, strict=True)]


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


def adam_oracle(parameters: Arrays, gradients: list[Arrays], **settings: Any) -> list[Arrays]:
    """Moments as weighted means over all gradients so far, beta^(t-k) the weight of step k: that is bias correction."""
    paths = [
        _adam_path(parameter, [step[place] for step in gradients], **settings)
        for place, parameter in enumerate(parameters)
    ]
    return [list(step) for step in zip(*paths, strict=True)]


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


LAYER = (randn(256, 128), randn(256))
LARGER_LAYER = (randn(1024, 1024), randn(1024))

suite.component(
    "sgd",
    kind="optimizer",
    reference=SGD,
    variants={"torch": torch.optim.SGD},
    oracle=sgd_oracle,
    cases=[
        case(*LAYER, lr=0.01),
        case(*LAYER, lr=0.01, momentum=0.9),
        case(*LAYER, lr=0.01, momentum=0.9, nesterov=True),
        case(*LAYER, lr=0.01, momentum=0.9, weight_decay=1e-4),
        case(*LAYER, lr=0.1),
        case(*LARGER_LAYER, lr=0.01, momentum=0.9),
    ],
    documented=["guide", "deepdive", "fundamentals", "pytorch"],
)
suite.component(
    "adam",
    kind="optimizer",
    reference=Adam,
    variants={"torch": torch.optim.Adam},
    oracle=adam_oracle,
    cases=[
        case(*LAYER, lr=0.001),
        case(*LAYER, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-4),
        case(*LAYER, lr=0.001, eps=1e-7),
        case(*LARGER_LAYER, lr=0.001),
    ],
    documented=["handout", "guide", "deepdive", "fundamentals", "pytorch"],
)
