"""What schedulers share: the rates of an optimizer, read and written, and torch's protocol around a rule."""

from __future__ import annotations

import warnings
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

Rate = float | Tensor


class Schedule(LRScheduler):
    """A rule for the rates in torch's protocol; ``_coming_rates`` is the rule.

    ``LRScheduler`` counts the epochs, writes the rates into the groups and keeps the state. It is torch's own because
    training loops, ``SequentialLR`` and ``ChainedScheduler`` ask for it. The first step is taken at construction: with
    ``last_epoch=-1`` to epoch 0, and with k, for groups that hold their ``initial_lr``, to epoch k + 1.
    """

    def get_lr(self) -> list[Rate]:
        """The rates of the epoch that a step leads to; those in use are ``get_last_lr``."""
        if not self._get_lr_called_within_step:
            warnings.warn("get_lr() is for step() to call; the rates in use are get_last_lr()", stacklevel=2)
        return self._coming_rates()

    def _coming_rates(self) -> list[Rate]:
        raise NotImplementedError


def rates_in_use(optimizer: Optimizer) -> list[Rate]:
    """The rate of each group; copies, as a tensor in a group is filled anew at every change."""
    rates = [group["lr"] for group in optimizer.param_groups]
    return [rate.clone() if isinstance(rate, Tensor) else rate for rate in rates]


def set_rate(group: dict[str, Any], rate: float) -> None:
    """A tensor stays the same tensor: a compiled step reads the rate from it."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def refuse_no_optimizer(optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer is a torch.optim.Optimizer, not {type(optimizer).__name__}")


def refuse_not_positive(**lengths: float) -> None:
    for name, value in lengths.items():
        if not value > 0:
            raise ValueError(f"{name} is above 0, not {value}")
