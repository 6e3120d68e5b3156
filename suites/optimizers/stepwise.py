"""What optimizers share: the loop over parameters, refusals, and the oracles' walk along each parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nnbench.specs import randn

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


def new_count() -> Tensor:
    """Of the steps of one parameter. As torch has it: in the default dtype or float32, on the CPU."""
    dtype = torch.float64 if torch.get_default_dtype() == torch.float64 else torch.float32
    return torch.tensor(0.0, dtype=dtype)


def average_in(state: dict[str, Any], name: str, parameter: Tensor) -> Tensor:
    """What the state keeps under this name: a tensor like the parameter, of zeros at first."""
    if name not in state:
        state[name] = torch.zeros_like(parameter)
    kept: Tensor = state[name]
    return kept


def uphill(parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> Tensor:
    """The gradient of what is made smaller: turned round by ``maximize``, plus ``weight_decay * p``."""
    g = -gradient if group["maximize"] else gradient
    return g + group["weight_decay"] * parameter if group["weight_decay"] != 0 else g


Arrays = list[np.ndarray]


def side_by_side(
    walk: Callable[..., Iterator[np.ndarray]], parameters: Arrays, gradients: list[Arrays], **settings: Any
) -> list[Arrays]:
    """An oracle's answer, all parameters after each step, from its walk along one parameter."""
    paths = [
        walk(parameter, [step[place] for step in gradients], **settings) for place, parameter in enumerate(parameters)
    ]
    return [list(step) for step in zip(*paths, strict=True)]


SMALL_LAYER = (randn(3, 2), randn(3))  # for options that only the checks look at
MANY_PARAMETERS = (randn(), *[randn(3)] * 12)  # one without a dimension, and more than the others have
LAYER = (randn(256, 128), randn(256))
LARGER_LAYER = (randn(512, 1024), randn(1024))
