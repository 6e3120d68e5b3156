"""Keras' schedules and its plateau callback behind the interface of torch's schedulers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, SupportsFloat

import keras
from nnbench.suites._keras.adapter import DOUBLE, like, refuse_other
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


class Schedule(LRScheduler):
    """Every group's rate is what a Keras schedule says of the number of steps so far."""

    def __init__(self, optimizer: Optimizer, schedule: Any, last_epoch: int = -1) -> None:
        self.schedule = schedule
        if last_epoch == -1:
            for group in optimizer.param_groups:
                group["initial_lr"] = schedule.initial_learning_rate
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        with like(DOUBLE):
            rate = float(self.schedule(self.last_epoch))
        return [rate for _ in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """All but the schedule, which has no memory."""
        return {name: value for name, value in super().state_dict().items() if name != "schedule"}


class ExponentialDecay(Schedule):
    def __init__(
        self,
        optimizer: Optimizer,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        schedule = keras.optimizers.schedules.ExponentialDecay
        super().__init__(optimizer, schedule(initial_learning_rate, decay_steps, decay_rate, staircase), last_epoch)


class CosineDecay(Schedule):
    def __init__(
        self,
        optimizer: Optimizer,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        warmup_target: float | None = None,
        warmup_steps: int = 0,
        last_epoch: int = -1,
    ) -> None:
        schedule = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate, decay_steps, alpha, warmup_target=warmup_target, warmup_steps=warmup_steps
        )
        super().__init__(optimizer, schedule, last_epoch)


class ReduceLROnPlateau:
    """Keras' callback; each group is to it one of a model's several optimizers.

    ``threshold`` is Keras' ``min_delta``, an absolute one. Keras has no ``eps``.
    """

    memory = ("best", "wait", "cooldown_counter")

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "abs",
        cooldown: int = 0,
        min_lr: float = 0,
        eps: float = 0.0,
    ) -> None:
        refuse_other("ReduceLROnPlateau", threshold_mode=(threshold_mode, "abs"), eps=(eps, 0.0))
        refuse_other("ReduceLROnPlateau", min_lr=(min_lr, min_lr if isinstance(min_lr, float | int) else 0.0))
        self.optimizer = optimizer
        self.callback = keras.callbacks.ReduceLROnPlateau(
            "loss", factor, patience, mode=mode, min_delta=threshold, cooldown=cooldown, min_lr=min_lr
        )
        self.callback.on_train_begin()
        self.last_epoch = 0

    def step(self, metrics: SupportsFloat) -> None:
        """Take an epoch's metric."""
        rates = SimpleNamespace(optimizers=[GroupRate(group) for group in self.optimizer.param_groups])
        self.callback.set_model(SimpleNamespace(optimizer=rates))
        with like(DOUBLE):
            self.callback.on_epoch_end(self.last_epoch, {"loss": float(metrics)})
        self.last_epoch += 1

    def get_last_lr(self) -> list[float]:
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        return {"last_epoch": self.last_epoch} | {name: getattr(self.callback, name) for name in self.memory}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state."""
        self.last_epoch = state_dict["last_epoch"]
        for name in self.memory:
            setattr(self.callback, name, state_dict[name])


class GroupRate:
    """A parameter group in the part of an optimizer."""

    name = "group"

    def __init__(self, group: dict[str, Any]) -> None:
        self.group = group

    @property
    def learning_rate(self) -> float:
        return float(self.group["lr"])

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.group["lr"] = rate
