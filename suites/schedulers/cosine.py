"""The rate along a cosine."""

from __future__ import annotations

import math

import numpy as np
import torch
from nnbench.suites.schedulers.schedule import Rate, Schedule, rates_in_use, refuse_not_positive
from torch.optim import Optimizer

from nnbench.catalog import Suite
from nnbench.specs import case

suite = Suite("schedulers")


class CosineAnnealingLR(Schedule):
    """The rate falls along half a cosine in ``T_max`` epochs, and rises along it again in the next ``T_max``.

    ``s(t) = (1 + cos(pi t / T_max)) / 2``; ``rate = eta_min + (rate - eta_min) * s(t) / s(t - 1)``, so alone
    ``eta_min + (initial_lr - eta_min) * s(t)`` at epoch t. The quotient is applied to the rate found in the group, so
    that several schedulers on one optimizer multiply; only after a trough, where nothing is left to be multiplied, is
    ``(initial_lr - eta_min) * s(t)`` added instead, without what other schedulers did before. State: that of torch's.
    ``ValueError`` unless ``T_max`` is above 0.
    Source: torch.optim.lr_scheduler.CosineAnnealingLR; Loshchilov and Hutter, arXiv:1608.03983.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        refuse_not_positive(T_max=T_max)
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def _coming_rates(self) -> list[Rate]:
        rates = rates_in_use(self.optimizer)
        if self._is_initial:
            return rates
        before, after = self._share(self.last_epoch - 1), self._share(self.last_epoch)
        if before == 0:
            firsts = zip(rates, self.base_lrs, strict=True)  # equivalent: what takes the rates counts them as well
            return [rate + (first - self.eta_min) * after for rate, first in firsts]
        return [self.eta_min + (rate - self.eta_min) * (after / before) for rate in rates]

    def _get_closed_form_lr(self) -> list[Rate]:
        return [self.eta_min + (rate - self.eta_min) * self._share(self.last_epoch) for rate in self.base_lrs]

    def _share(self, epoch: int) -> float:
        """(1 + cos(pi epoch / T_max)) / 2 as a sine's square: exactly 0 in the trough, and precise beside it."""
        return math.sin(math.pi / 2 * (1 - epoch % (2 * self.T_max) / self.T_max)) ** 2


def cosine_annealing_lr_oracle(initial_rate: float, steps: np.ndarray, T_max: int, eta_min: float = 0.0) -> np.ndarray:
    """The square of half the sum of two arrows of length 1, one at rest and one that turns."""
    sum_of_arrows = 1 + np.exp(1j * np.pi * steps / T_max)
    return eta_min + (initial_rate - eta_min) * np.square(np.abs(sum_of_arrows) / 2)


suite.component(
    "cosine_annealing_lr",
    kind="scheduler",
    reference=CosineAnnealingLR,
    variants={"torch": torch.optim.lr_scheduler.CosineAnnealingLR},
    oracle=cosine_annealing_lr_oracle,
    cases=[
        case(T_max=100),
        case(T_max=200, eta_min=1e-5),  # a whole training on CIFAR-10
        case(T_max=7, eta_min=0.001, timed=False),
        case(T_max=1, timed=False),
    ],
    documented=["deepdive", "pytorch"],
)
