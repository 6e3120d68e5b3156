"""Keras' schedules in torch's protocol: rates as a function of the batches seen, to be stepped once a batch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from nnbench.suites.schedulers.schedule import Rate, Schedule, refuse_no_optimizer, refuse_not_positive
from torch.optim import Optimizer

from nnbench.catalog import Suite
from nnbench.specs import case

suite = Suite("schedulers")


class Decay(Schedule):
    """The schedule owns the rate: every group starts at ``initial_learning_rate``, and follows ``_rate(batches)``.

    As with torch's OneCycleLR, it overwrites ``initial_lr``, and what other schedulers do to the rate meanwhile.
    """

    def __init__(self, optimizer: Optimizer, initial_learning_rate: float, decay_steps: int, last_epoch: int) -> None:
        refuse_no_optimizer(optimizer)
        refuse_not_positive(decay_steps=decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        if last_epoch == -1:
            for group in optimizer.param_groups:
                group["initial_lr"] = initial_learning_rate
        super().__init__(optimizer, last_epoch)

    def _coming_rates(self) -> list[Rate]:
        return [self._rate(self.last_epoch)] * len(self.optimizer.param_groups)

    def _rate(self, batches: int) -> float:
        raise NotImplementedError


class ExponentialDecay(Decay):
    """The rate falls by a factor every ``decay_steps`` batches, smoothly or in a staircase.

    ``initial_learning_rate * decay_rate^(t / decay_steps)`` after t calls of ``step``, one a batch; ``staircase`` takes
    the whole part of the exponent. It sets the rate of every group, whatever was there: schedulers beside it have no
    effect. ``ValueError`` unless ``decay_steps`` is above 0.
    Source: keras.optimizers.schedules.ExponentialDecay, as a torch scheduler.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.decay_rate = decay_rate
        self.staircase = staircase
        super().__init__(optimizer, initial_learning_rate, decay_steps, last_epoch)

    def _rate(self, batches: int) -> float:
        periods = batches // self.decay_steps if self.staircase else batches / self.decay_steps
        return self.initial_learning_rate * self.decay_rate**periods


def exponential_decay_oracle(
    initial_rate: float,
    steps: np.ndarray,
    initial_learning_rate: float,
    decay_steps: int,
    decay_rate: float,
    staircase: bool = False,
) -> np.ndarray:
    """The optimizer's own rate does not enter."""
    whole, rest = np.divmod(steps, decay_steps)
    part = 0 * rest if staircase else rest / decay_steps
    return initial_learning_rate * np.power(float(decay_rate), whole) * np.exp(part * np.log(decay_rate))


class CosineDecay(Decay):
    """The rate falls along half a cosine to a share of its peak and stays there, after a linear rise if one is wanted.

    After t calls of ``step``, one a batch: ``peak * (alpha + (1 - alpha) * (1 + cos(pi p)) / 2)`` with the share
    ``p = min(t / decay_steps, 1)`` of the way and ``peak = initial_learning_rate``. With a ``warmup_target`` the rate
    first rises in ``warmup_steps`` equal steps from ``initial_learning_rate`` to the target; the target is then the
    peak, and t counts from there. It sets the rate of every group, whatever was there: schedulers beside it have no
    effect.
    ``ValueError`` unless ``decay_steps`` is above 0, and for ``warmup_steps`` below 0 or without a target.
    Source: keras.optimizers.schedules.CosineDecay, as a torch scheduler; Loshchilov and Hutter, arXiv:1608.03983.
    """

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
        if warmup_steps < 0 or (warmup_steps and warmup_target is None):
            raise ValueError(f"warmup_steps is 0, or above 0 with a warmup_target; not {warmup_steps}, {warmup_target}")
        self.alpha = alpha
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps
        super().__init__(optimizer, initial_learning_rate, decay_steps, last_epoch)

    def _rate(self, batches: int) -> float:
        peak = self.initial_learning_rate if self.warmup_target is None else self.warmup_target
        if batches < self.warmup_steps:
            return self.initial_learning_rate + (peak - self.initial_learning_rate) * (batches / self.warmup_steps)
        way = (batches - self.warmup_steps) / self.decay_steps
        left = max(1 - way, 0)  # equivalent: the larger of two numbers, whichever comes first
        share = math.sin(math.pi / 2 * left) ** 2  # (1 + cos(pi p)) / 2 that ends at exactly 0
        return peak * (self.alpha + (1 - self.alpha) * share)


def cosine_decay_oracle(
    initial_rate: float,
    steps: np.ndarray,
    initial_learning_rate: float,
    decay_steps: int,
    alpha: float = 0.0,
    warmup_target: float | None = None,
    warmup_steps: int = 0,
) -> np.ndarray:
    """The optimizer's own rate does not enter."""
    peak = initial_learning_rate if warmup_target is None else warmup_target
    rise = np.interp(steps, [-1, 0, warmup_steps or 1], [initial_learning_rate, initial_learning_rate, peak])
    angle = np.pi * np.clip(steps - warmup_steps, 0, decay_steps) / decay_steps
    fall = peak * ((1 + alpha) / 2 + (1 - alpha) / 2 * np.cos(angle))
    return np.where(steps < warmup_steps, rise, fall)


WARMED_UP: dict[str, Any] = {"initial_learning_rate": 0.0, "warmup_target": 0.001, "warmup_steps": 40}

suite.component(
    "exponential_decay",
    kind="scheduler",
    reference=ExponentialDecay,
    variants={"keras": "nnbench.suites._keras.schedulers:ExponentialDecay"},
    oracle=exponential_decay_oracle,
    cases=[
        case(initial_learning_rate=0.001, decay_steps=1000, decay_rate=0.9),
        case(initial_learning_rate=0.045, decay_steps=50, decay_rate=0.94, staircase=True),
        case(initial_learning_rate=0.01, decay_steps=7, decay_rate=1.05, timed=False),
    ],
    documented=["guide"],
)
suite.component(
    "cosine_decay",
    kind="scheduler",
    reference=CosineDecay,
    variants={"keras": "nnbench.suites._keras.schedulers:CosineDecay"},
    oracle=cosine_decay_oracle,
    cases=[
        case(initial_learning_rate=0.001, decay_steps=1000),
        case(**WARMED_UP, decay_steps=160, alpha=0.1),  # a rise, the fall, and what stays
        case(**WARMED_UP | {"initial_learning_rate": 1e-4}, decay_steps=160, alpha=0.1),
        case(initial_learning_rate=1e-4, warmup_target=1e-3, decay_steps=160),  # the target is the peak all the same
        case(initial_learning_rate=0.001, warmup_target=0.0, warmup_steps=7, decay_steps=30, alpha=0.5, timed=False),
    ],
    documented=["fundamentals"],
)
