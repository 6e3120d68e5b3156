"""Toy optimizers for the checks of optimizers: right ones, with the places where wrong ones differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

import nnbench
from nnbench import Suite, case, randn
from nnbench.checks.battery import check

SEED = 7
INPUTS = (randn(6, 3), randn(6, 3), randn(5))


class Descent(torch.optim.Optimizer):
    """Gradient descent; wrong ones override ``move`` or what is around it."""

    def __init__(self, params, lr=0.001, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        loss = self.loss_of(closure)
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self.move(parameter, parameter.grad, self.state[parameter], group)
        return loss

    def loss_of(self, closure):
        with torch.enable_grad():
            return None if closure is None else closure()

    def move(self, parameter, gradient, state, group):
        parameter -= group["lr"] * (gradient + group["weight_decay"] * parameter)


class Momentum(Descent):
    """The buffer starts as the first gradient, whole; later ones are dampened."""

    def __init__(self, params, lr=0.001, momentum=0.0, dampening=0.0, weight_decay=0.0):
        settings = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        torch.optim.Optimizer.__init__(self, params, settings)

    def move(self, parameter, gradient, state, group):
        gradient = gradient + group["weight_decay"] * parameter
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = self.first(gradient, group)
        else:
            state["momentum_buffer"].mul_(group["momentum"]).add_((1 - group["dampening"]) * gradient)
        parameter -= group["lr"] * state["momentum_buffer"]

    def first(self, gradient, group):
        return gradient.clone()


class Adam(Descent):
    """Adam with coupled weight decay."""

    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        torch.optim.Optimizer.__init__(self, params, settings)

    def move(self, parameter, gradient, state, group):
        gradient = gradient + group["weight_decay"] * parameter
        if not state:
            state.update(step=0, exp_avg=torch.zeros_like(parameter), exp_avg_sq=torch.zeros_like(parameter))
        state["step"] += 1
        parameter -= group["lr"] * self.direction(gradient, state, group)

    def direction(self, gradient, state, group):
        first, second = (beta ** self.steps_so_far(state) for beta in group["betas"])
        m, v = self.moments(gradient, state, group)
        return m / (1 - first) / ((v / (1 - second)).sqrt() + group["eps"])

    def steps_so_far(self, state):
        return state["step"]

    def moments(self, gradient, state, group):
        beta1, beta2 = group["betas"]
        m = state["exp_avg"].mul_(beta1).add_((1 - beta1) * gradient)
        v = state["exp_avg_sq"].mul_(beta2).add_((1 - beta2) * gradient**2)
        return m, v


class AdamW(Adam):
    """Adam with decoupled weight decay."""

    def move(self, parameter, gradient, state, group):
        parameter *= 1 - group["lr"] * group["weight_decay"]
        super().move(parameter, gradient, state, group | {"weight_decay": 0.0})


@dataclass(frozen=True)
class Family:
    """A right toy, torch's counterpart, an oracle, and the settings of the case."""

    right: type
    torchs: type
    oracle: Any
    settings: dict[str, Any]


def oracle_of(identifier):
    return nnbench.component(identifier).oracle


FAMILIES = {
    "descent": Family(Descent, torch.optim.SGD, oracle_of("optimizers.sgd"), {"lr": 0.01, "weight_decay": 0.1}),
    "momentum": Family(
        Momentum,
        torch.optim.SGD,
        oracle_of("optimizers.sgd"),
        {"lr": 0.01, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1},
    ),
    "adam": Family(Adam, torch.optim.Adam, oracle_of("optimizers.adam"), {"lr": 0.01, "weight_decay": 0.1}),
    "adamw": Family(AdamW, torch.optim.AdamW, oracle_of("optimizers.adamw"), {"lr": 0.01, "weight_decay": 0.1}),
}


def component(reference, *, cases, variants=None, oracle=None):
    return Suite("toy").component(
        "thing", reference=reference, variants=variants, kind="optimizer", cases=cases, oracle=oracle
    )


def of_family(family, *, reference=None, dtype="float32", **variants):
    """A component of the family's kind, its reference the right one unless another is given."""
    cases = [case(*INPUTS, dtype=dtype, **family.settings)]
    return component(
        reference or family.right, cases=cases, variants={"torch": family.torchs, **variants}, oracle=family.oracle
    )


def checked(made, variant="reference", seed=SEED):
    """Each check's row, by the check's name; what a signature promises is looked at elsewhere."""
    return {row.check: row for row in check(made, variant, made.cases[0], seed) if row.check != "defaults"}


def row_of(name, made, variant):
    """One check's row: the first one of the name."""
    return next(row for row in check(made, variant, made.cases[0], SEED) if row.check == name)


def statuses(rows):
    return {row.status for row in rows.values()}
