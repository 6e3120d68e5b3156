"""Keras' optimizers behind the interface of torch's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import torch
from nnbench.suites._keras.adapter import like, refuse_other
from torch import Tensor, nn

from nnbench.failures import NotMeasurable

Group = dict[str, Any]


@dataclass
class Made:
    """What steps one group: Keras' optimizer, and its variables, which lie where the parameters lie."""

    optimizer: Any
    variables: tuple[Any, ...]
    settings: Group
    rate: float

    def fits(self, group: Group) -> bool:
        """Whether the group still has these settings and its parameters lie where they lay."""
        places = [parameter.data_ptr() for parameter in group["params"]]
        return self.settings == settings_of(group) and places == [v.value.data_ptr() for v in self.variables]


class KerasOptimizer(torch.optim.Optimizer):
    """One Keras optimizer a group, made at its first step; subclasses say which, with which arguments.

    Arguments have torch's names, and where they are left open Keras' defaults. ``state`` shows Keras' own variables
    under Keras' names: ``step`` (its iterations, one number a group), ``momentum``, ``velocity`` and so on.
    """

    def make(self, group: Group) -> Any:
        raise NotImplementedError

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Step every parameter that has a gradient; returns the loss of ``closure``, which computes the gradients."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for place, group in enumerate(self.param_groups):
            gradients = [parameter.grad for parameter in group["params"]]
            if any(gradient is not None for gradient in gradients):
                self._step(place, group, gradients)
        return loss

    def _step(self, place: int, group: Group, gradients: list[Tensor | None]) -> None:
        with like(group["params"][0]):
            made = self._made(place, group)
            rate = float(group["lr"])
            if made.rate != rate:
                made.optimizer.learning_rate = made.rate = rate
            pairs = [(g, v) for g, v in zip(gradients, made.variables, strict=True) if g is not None]
            made.optimizer.apply([g for g, _ in pairs], [v for _, v in pairs])

    def _made(self, place: int, group: Group) -> Made:
        every: dict[int, Made] = self.__dict__.setdefault("_keras_optimizers", {})
        if place not in every or not every[place].fits(group):
            every[place] = self._make(group)
        return every[place]

    def _make(self, group: Group) -> Made:
        """A Keras optimizer that goes on from the state that is there."""
        if len({parameter.dtype for parameter in group["params"]}) > 1:
            raise NotMeasurable("Keras' optimizers step parameters of one dtype at a time")
        optimizer = self.make(group)
        variables = tuple(
            keras.Variable(nn.Parameter(parameter.detach()), name=f"p{number}")
            for number, parameter in enumerate(group["params"])
        )
        optimizer.build(list(variables))
        for number, parameter in enumerate(group["params"]):
            prefix = f"p{number}_"
            own = {v.name.removeprefix(prefix): v for v in optimizer.variables if v.name.startswith(prefix)}
            for name, variable in {"step": optimizer.iterations, **own}.items():
                if name in self.state[parameter]:
                    variable.assign(self.state[parameter][name])
                self.state[parameter][name] = variable.value.data
        return Made(optimizer, variables, settings_of(group), float(group["lr"]))

    def load_state_dict(self, state_dict: Any) -> None:
        """Go on from a state: the Keras optimizers are made anew from it."""
        super().load_state_dict(state_dict)
        self.__dict__.pop("_keras_optimizers", None)


def settings_of(group: Group) -> Group:
    """All but the learning rate, which may change at any time."""
    return {name: value for name, value in group.items() if name not in ("params", "lr", "initial_lr")}


class SGD(KerasOptimizer):
    """Keras' momentum is in units of the parameter, and its weight decay apart from the gradient."""

    def __init__(
        self,
        params: Any,
        lr: float | None = None,
        momentum: float = 0.0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        maximize: bool = False,
    ) -> None:
        refuse_other("SGD", dampening=(dampening, 0), maximize=(maximize, False))
        if lr is None:
            raise NotMeasurable("no lr is given: Keras' SGD then takes 0.01, torch's 0.001")
        settings = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "nesterov": nesterov}
        refuse_decay_beside_momentum(settings)
        super().__init__(params, settings)

    def make(self, group: Group) -> Any:
        refuse_decay_beside_momentum(group)
        return keras.optimizers.SGD(
            float(group["lr"]),
            momentum=float(group["momentum"]),
            nesterov=group["nesterov"],
            weight_decay=group["weight_decay"] or None,
        )


def refuse_decay_beside_momentum(group: Group) -> None:
    if group["momentum"] and group["weight_decay"]:
        raise NotMeasurable("weight_decay with momentum: Keras' SGD decays the parameter apart from the momentum")


class Adam(KerasOptimizer):
    """Keras adds epsilon before the bias correction, and decays weights apart from the gradient in any case."""

    counterpart = "Adam"

    def __init__(
        self,
        params: Any,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
        weight_decay: float = 0,
        amsgrad: bool = False,
        maximize: bool = False,
        *,
        decoupled_weight_decay: bool = False,
    ) -> None:
        refuse_other(self.counterpart, maximize=(maximize, False))
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        super().__init__(params, settings)

    def make(self, group: Group) -> Any:
        beta_1, beta_2 = group["betas"]
        return getattr(keras.optimizers, self.counterpart)(
            float(group["lr"]),
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=group["eps"],
            weight_decay=group["weight_decay"] or None,
            amsgrad=group["amsgrad"],
        )


class AdamW(Adam):
    """As ``Adam``, with a weight decay of 0.004 unless told otherwise."""

    counterpart = "AdamW"

    def __init__(
        self,
        params: Any,
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
        weight_decay: float = 0.004,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize)


class RMSprop(KerasOptimizer):
    """Keras adds epsilon under the root, and decays weights apart from the gradient."""

    def __init__(
        self,
        params: Any,
        lr: float = 0.001,
        alpha: float = 0.9,
        eps: float = 1e-7,
        weight_decay: float = 0,
        momentum: float = 0.0,
        centered: bool = False,
        maximize: bool = False,
    ) -> None:
        refuse_other("RMSprop", maximize=(maximize, False))
        settings = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, settings | {"momentum": momentum, "centered": centered})

    def make(self, group: Group) -> Any:
        return keras.optimizers.RMSprop(
            float(group["lr"]),
            rho=group["alpha"],
            momentum=float(group["momentum"]),
            epsilon=group["eps"],
            centered=group["centered"],
            weight_decay=group["weight_decay"] or None,
        )


class Adagrad(KerasOptimizer):
    """Keras starts from an accumulator of 0.1, and adds epsilon under the root."""

    def __init__(
        self,
        params: Any,
        lr: float = 0.001,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0.1,
        eps: float = 1e-7,
        maximize: bool = False,
    ) -> None:
        refuse_other("Adagrad", lr_decay=(lr_decay, 0), maximize=(maximize, False))
        settings = {"lr": lr, "weight_decay": weight_decay, "eps": eps}
        super().__init__(params, settings | {"initial_accumulator_value": initial_accumulator_value})

    def make(self, group: Group) -> Any:
        return keras.optimizers.Adagrad(
            float(group["lr"]),
            initial_accumulator_value=group["initial_accumulator_value"],
            epsilon=group["eps"],
            weight_decay=group["weight_decay"] or None,
        )
