"""Rates that fall by a factor: every so many epochs, or at each."""

from __future__ import annotations

import numpy as np
import torch
from nnbench.suites.schedulers.schedule import Rate, Schedule, rates_in_use, refuse_not_positive
from torch.optim import Optimizer

from nnbench.catalog import Suite
from nnbench.specs import case

suite = Suite("schedulers")


class StepLR(Schedule):
    """The rate falls by a factor every ``step_size`` epochs.

    ``rate = gamma * rate`` at each epoch t > 0 that ``step_size`` divides, so alone ``initial_lr * gamma^floor(t /
    step_size)``. The factor is applied to the rate found in the group: several schedulers on one optimizer multiply.
    State: that of torch's. ``ValueError`` unless ``step_size`` is above 0. Source: torch.optim.lr_scheduler.StepLR.
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        refuse_not_positive(step_size=step_size)
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _coming_rates(self) -> list[Rate]:
        rates = rates_in_use(self.optimizer)
        falls = self.last_epoch != 0 and self.last_epoch % self.step_size == 0
        return [rate * self.gamma for rate in rates] if falls else rates

    def _get_closed_form_lr(self) -> list[Rate]:
        falls = self.last_epoch // self.step_size
        return [rate * self.gamma**falls for rate in self.base_lrs]


def step_lr_oracle(initial_rate: float, steps: np.ndarray, step_size: int, gamma: float = 0.1) -> np.ndarray:
    return initial_rate * np.power(float(gamma), np.floor_divide(steps, step_size))


class ExponentialLR(Schedule):
    """The rate falls by a factor at every epoch.

    ``rate = gamma * rate``, so alone ``initial_lr * gamma^t`` at epoch t. The factor is applied to the rate found in
    the group: several schedulers on one optimizer multiply. State: that of torch's.
    Source: torch.optim.lr_scheduler.ExponentialLR.
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _coming_rates(self) -> list[Rate]:
        rates = rates_in_use(self.optimizer)
        return rates if self._is_initial else [rate * self.gamma for rate in rates]

    def _get_closed_form_lr(self) -> list[Rate]:
        return [rate * self.gamma**self.last_epoch for rate in self.base_lrs]


def exponential_lr_oracle(initial_rate: float, steps: np.ndarray, gamma: float) -> np.ndarray:
    return initial_rate * np.power(float(gamma), steps)


suite.component(
    "step_lr",
    kind="scheduler",
    reference=StepLR,
    variants={"torch": torch.optim.lr_scheduler.StepLR},
    oracle=step_lr_oracle,
    cases=[
        case(step_size=30, gamma=0.1),
        case(step_size=2, gamma=0.94),  # Inception's, arXiv:1512.00567
        case(step_size=30, timed=False),
        case(step_size=1, gamma=1.01, timed=False),
    ],
    documented=["deepdive", "pytorch"],
)
suite.component(
    "exponential_lr",
    kind="scheduler",
    reference=ExponentialLR,
    variants={"torch": torch.optim.lr_scheduler.ExponentialLR},
    oracle=exponential_lr_oracle,
    cases=[
        case(gamma=0.95),
        case(gamma=0.99),  # for hundreds of epochs: 0.95 leaves 5e-6 of the rate after 240
        case(gamma=1.01, timed=False),
    ],
    documented=["pytorch"],
)
