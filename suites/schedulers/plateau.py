"""The rate falls when a metric has stopped improving."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, SupportsFloat

import numpy as np
import torch
from nnbench.suites.schedulers.schedule import rates_in_use, refuse_no_optimizer, set_rate
from torch import nn
from torch.optim import Optimizer

from nnbench.catalog import Evidence, Suite, Variant
from nnbench.specs import case, rand

suite = Suite("schedulers")
TorchReduceLROnPlateau = torch.optim.lr_scheduler.ReduceLROnPlateau


class ReduceLROnPlateau(TorchReduceLROnPlateau):
    """The rate falls by a factor when a metric has not improved for more than ``patience`` epochs.

    With ``mode`` "min" an epoch is good if its metric is below ``best * (1 - threshold)``, or with ``threshold_mode``
    "abs" below ``best - threshold``; with "max" above the same with a plus. A NaN is never good. When bad epochs in a
    row exceed ``patience``, each group's rate becomes ``max(factor * rate, min_lr)`` unless that is within ``eps`` of
    it, and none of the next ``cooldown`` epochs is bad. ``min_lr`` is a number or one a group. State: that of torch's.
    ``ValueError`` for a ``factor`` of 1 or more, unknown modes and a ``min_lr`` for other groups, ``TypeError`` for no
    optimizer, ``RuntimeError`` if groups came later that ``min_lr`` has no number for.
    Source: torch.optim.lr_scheduler.ReduceLROnPlateau.
    """

    # Training loops ask for torch's class to know who wants a metric, so it is a base; all that it does is done here.

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: Sequence[float] | float = 0,
        eps: float = 1e-8,
    ) -> None:
        if not factor < 1:
            raise ValueError(f"factor is below 1, not {factor}")
        refuse_no_optimizer(optimizer)
        self.optimizer = optimizer
        self.factor, self.patience, self.cooldown, self.eps = factor, patience, cooldown, eps
        self.default_min_lr: Any = None if isinstance(min_lr, Sequence) else min_lr
        self.min_lrs = _floors(min_lr, len(optimizer.param_groups))
        self.last_epoch = 0
        self._last_lr = rates_in_use(optimizer)
        self._init_is_better(mode, threshold, threshold_mode)
        self._reset()

    def _init_is_better(self, mode: str, threshold: float, threshold_mode: str) -> None:
        refuse_unknown_modes(mode, threshold_mode)
        self.mode, self.threshold, self.threshold_mode = mode, threshold, threshold_mode
        self.mode_worse = math.inf if mode == "min" else -math.inf

    def _reset(self) -> None:
        """Forget the metrics seen."""
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take an epoch's metric. ``epoch`` is deprecated in torch: it warns and sets ``last_epoch``."""
        if epoch is not None:
            warnings.warn("the epoch argument of step() is deprecated: leave it out", stacklevel=2)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self._count(float(metrics))
        if self.num_bad_epochs > self.patience:
            self._reduce_lr(self.last_epoch)
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = rates_in_use(self.optimizer)

    def _count(self, metric: float) -> None:
        good = self._is_better(metric, self.best)
        self.best = metric if good else self.best
        self.num_bad_epochs = 0 if good or self.in_cooldown else self.num_bad_epochs + 1
        self.cooldown_counter -= self.in_cooldown

    @property
    def in_cooldown(self) -> bool:
        """Whether the coming epoch cannot be a bad one."""
        return self.cooldown_counter > 0

    def _is_better(self, a: float, best: float) -> bool:
        sign = 1 if self.mode == "max" else -1
        border = best + sign * self.threshold if self.threshold_mode == "abs" else best * (1 + sign * self.threshold)
        return a > border if self.mode == "max" else a < border

    def _reduce_lr(self, epoch: int) -> None:
        groups = self.optimizer.param_groups
        if len(self.min_lrs) != len(groups):
            if self.default_min_lr is None:
                raise RuntimeError(f"min_lrs has {len(self.min_lrs)} rates for {len(groups)} groups: give each its own")
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, floor in zip(groups, self.min_lrs, strict=True):  # equivalent: as many were made above
            rate = float(group["lr"])
            lower = max(rate * self.factor, floor)  # equivalent: the larger of two numbers, whichever comes first
            if rate - lower > self.eps:
                set_rate(group, lower)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state, one of torch's ReduceLROnPlateau too."""
        self.__dict__.update(state_dict)
        refuse_unknown_modes(self.mode, self.threshold_mode)


def refuse_unknown_modes(mode: str, threshold_mode: str) -> None:
    for name, value, known in (("mode", mode, ("min", "max")), ("threshold_mode", threshold_mode, ("rel", "abs"))):
        if value not in known:
            raise ValueError(f"{name} is one of {', '.join(known)}, not {value!r}")


def _floors(min_lr: Sequence[float] | float, groups: int) -> list[float]:
    if not isinstance(min_lr, Sequence):
        return [min_lr] * groups
    if len(min_lr) != groups:
        raise ValueError(f"min_lr is one rate for all or one for each of {groups} groups, not {len(min_lr)}")
    return list(min_lr)


def reduce_lr_on_plateau_oracle(
    initial_rate: float,
    steps: np.ndarray,
    mode: str = "min",
    factor: float = 0.1,
    patience: int = 10,
    threshold: float = 1e-4,
    threshold_mode: str = "rel",
    cooldown: int = 0,
    min_lr: Sequence[float] | float = 0,
    eps: float = 1e-8,
    group: int = 0,
) -> np.ndarray:
    """Looked up in the whole script: first its good epochs, then where they and the cooldowns leave gaps too long."""
    sign = 1 if mode == "min" else -1
    kept, less = (1.0, threshold) if threshold_mode == "abs" else (1 - sign * threshold, 0.0)
    good = _good_epochs(sign * steps, kept, less)  # the highest of all is the lowest of all with signs changed
    floor = min_lr[group] if isinstance(min_lr, Sequence) else min_lr
    rates = np.full(len(steps), float(initial_rate))
    for epoch in _plateaus(good, len(steps), patience, cooldown):
        lower = max(rates[epoch] * factor, floor)
        if rates[epoch] - lower > eps:
            rates[epoch:] = lower
    return rates


def _good_epochs(losses: np.ndarray, kept: float, less: float) -> np.ndarray:
    """Leaps from one good epoch to the next: the first behind it below ``kept`` times its loss less ``less``."""
    good: list[int] = []
    while True:
        behind, best = (good[-1] + 1, losses[good[-1]]) if good else (0, np.inf)
        low_enough = np.flatnonzero(losses[behind:] < best * kept - less)
        if not len(low_enough):
            return np.array(good, dtype=int)
        good.append(behind + int(low_enough[0]))


def _plateaus(good: np.ndarray, epochs: int, patience: int, cooldown: int) -> list[int]:
    """The epochs at which too many have passed since the last good one, and since the last plateau's cooldown."""
    last_good = np.searchsorted(good, np.arange(epochs), side="right") - 1
    since = np.concatenate([[-1], good])[last_good + 1]
    found: list[int] = []
    rested = -1
    while True:
        too_long = np.flatnonzero(np.arange(epochs) - np.maximum(since, rested) > patience)
        too_long = too_long[too_long > (found[-1] if found else -1)]
        if not len(too_long):
            return found
        found.append(int(too_long[0]))
        rested = found[-1] + cooldown


class VerbosePlateau(TorchReduceLROnPlateau):
    """As the documents build it, with ``verbose=True``."""

    def __init__(self, optimizer: Optimizer, **arguments: Any) -> None:
        super().__init__(optimizer, **{"verbose": True, **arguments})


def verbose_raises(documented: Variant, reference: Variant) -> Evidence:
    """E09: torch has no such argument any more."""
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    reference.build(optimizer=optimizer, patience=3)
    try:
        documented.build(optimizer=optimizer, patience=3)
    except TypeError as error:
        says = f"in torch {torch.__version__} it raises TypeError ({error}); without verbose it is built"
        return Evidence("verbose" in str(error), says)
    return Evidence(False, f"in torch {torch.__version__} it is built and raises nothing")


LOSSES = rand(200, requires_grad=False)

suite.component(
    "reduce_lr_on_plateau",
    kind="scheduler",
    reference=ReduceLROnPlateau,
    variants={
        "torch": TorchReduceLROnPlateau,
        "keras": Variant(
            "keras",
            "nnbench.suites._keras.schedulers:ReduceLROnPlateau",
            difference="it waits one epoch less, and an improvement is larger than an absolute min_delta",
        ),
        "documented": Variant("documented", VerbosePlateau, erratum="E09", evidence={"E09": verbose_raises}),
    },
    oracle=reduce_lr_on_plateau_oracle,
    cases=[
        case(LOSSES, patience=3),
        case(LOSSES, mode="min", factor=0.1, patience=10),
        case(LOSSES, factor=0.5, patience=3, min_lr=1e-7),
        case(LOSSES, factor=0.5, patience=5, min_lr=1e-7),
        case(LOSSES, mode="max", patience=3, threshold=0.1),
        # falls by less than eps do not happen; behind one that does, losses may stand still for long
        case(LOSSES, patience=2, threshold=0.1, threshold_mode="abs", eps=1e-3, cooldown=30),
        # an accuracy in percent, and a pause after each fall
        case(rand(400, requires_grad=False), mode="max", patience=2, threshold=0.1, threshold_mode="abs", cooldown=4),
        case(LOSSES, timed=False),
        case(LOSSES, factor=0.3, patience=1, min_lr=[1e-3, 2e-3], timed=False),
        case(LOSSES, factor=0.5, patience=0, threshold=0.0, cooldown=1, timed=False),
        case(LOSSES, mode="max", factor=0.5, patience=2, threshold=0.0, threshold_mode="abs", timed=False),
        case(LOSSES, factor=0.9999998995, patience=40, timed=False),  # the first fall is just above eps
        case(LOSSES, factor=0.5, patience=3, eps=0.0015, timed=False),  # the lower rate's would be of just that
    ],
    documented=["handout", "guide", "fundamentals", "pytorch"],
)
