"""Schedules that are wrong as people get them wrong, each held against the cases of the component that it would be."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from nnbench.suites.schedulers.cosine import CosineAnnealingLR
from nnbench.suites.schedulers.decay import CosineDecay, ExponentialDecay
from nnbench.suites.schedulers.multiplicative import ExponentialLR, StepLR
from nnbench.suites.schedulers.plateau import ReduceLROnPlateau

import nnbench
from nnbench.catalog import Variant
from nnbench.checks.battery import check

SEED = 3


def failed(identifier: str, wrong: type) -> Iterator[str]:
    """The checks that it fails, case by case."""
    component = nnbench.component(identifier)
    variants = MappingProxyType({**component.variants, "wrong": Variant("wrong", wrong)})
    tried = replace(component, variants=variants)
    for case in tried.cases:
        yield from (row.check for row in check(tried, "wrong", case, SEED) if not row.is_right)


def groups_of(schedule: Any) -> list[dict[str, Any]]:
    return schedule.optimizer.param_groups


class StepsAnEpochLate(StepLR):
    def _coming_rates(self) -> list[Any]:
        falls = self.last_epoch > 1 and self.last_epoch % self.step_size == 1 % self.step_size
        return [group["lr"] * self.gamma if falls else group["lr"] for group in groups_of(self)]


class StepsAnEpochEarly(StepLR):
    def _coming_rates(self) -> list[Any]:
        falls = (self.last_epoch + 1) % self.step_size == 0
        return [group["lr"] * self.gamma if falls else group["lr"] for group in groups_of(self)]


class StepsAtTheStart(StepLR):
    """The epoch 0 is one that step_size divides."""

    def _coming_rates(self) -> list[Any]:
        falls = self.last_epoch % self.step_size == 0
        return [group["lr"] * self.gamma if falls else group["lr"] for group in groups_of(self)]


class StepsFromTheInitialRate(StepLR):
    """Whatever stands in the groups: two on one optimizer do not multiply."""

    def _coming_rates(self) -> list[Any]:
        return self._get_closed_form_lr()


class StepsOnceClosed(StepLR):
    """Sent to an epoch it makes one fall of many."""

    def _get_closed_form_lr(self) -> list[Any]:
        return [rate * self.gamma ** (self.last_epoch >= self.step_size) for rate in self.base_lrs]


class FallsAtTheStart(ExponentialLR):
    def _coming_rates(self) -> list[Any]:
        return [group["lr"] * self.gamma for group in groups_of(self)]


class CompoundsTwice(ExponentialLR):
    """The whole power of the factor, on what the last epochs have left already."""

    def _coming_rates(self) -> list[Any]:
        return [group["lr"] * self.gamma**self.last_epoch for group in groups_of(self)]


class CompoundsTwiceBesideAnother(ExponentialLR):
    """Right alone: when it finds another rate than it left, it takes the fall of that for one of its own."""

    def _coming_rates(self) -> list[Any]:
        if self._is_initial:
            return [group["lr"] for group in groups_of(self)]
        found = [group["lr"] for group in groups_of(self)]
        factors = [1 if rate == left else self.gamma for rate, left in zip(found, self._last_lr, strict=True)]
        return [rate * self.gamma * factor for rate, factor in zip(found, factors, strict=True)]


class RestartsAtTheTrough(CosineAnnealingLR):
    """Warm restarts: from the trough back to the top, where the rate should rise along the cosine."""

    def _share(self, epoch: int) -> float:
        return math.sin(math.pi / 2 * (1 - epoch % self.T_max / self.T_max)) ** 2


class RestartsAnEpochLate(CosineAnnealingLR):
    def _share(self, epoch: int) -> float:
        return math.sin(math.pi / 2 * (1 - epoch % (2 * self.T_max + 1) / self.T_max)) ** 2


class StaysInTheTrough(CosineAnnealingLR):
    def _share(self, epoch: int) -> float:
        return math.sin(math.pi / 2 * max(1 - epoch / self.T_max, 0)) ** 2


class AnnealsFromTheInitialRate(CosineAnnealingLR):
    def _coming_rates(self) -> list[Any]:
        return self._get_closed_form_lr()


class CountsPeriodsFromOne(ExponentialDecay):
    def _rate(self, batches: int) -> float:
        return super()._rate(batches + 1)


class RoundsPeriods(ExponentialDecay):
    """The nearest number of whole periods for those that are over."""

    def _rate(self, batches: int) -> float:
        periods = round(batches / self.decay_steps) if self.staircase else batches / self.decay_steps
        return self.initial_learning_rate * self.decay_rate**periods


class DecaysWhatItFinds(ExponentialDecay):
    """From the optimizer's own rate."""

    def _coming_rates(self) -> list[Any]:
        return [rate * self._rate(self.last_epoch) / self.initial_learning_rate for rate in (0.1, 0.003)]


class WarmsUpFromZero(CosineDecay):
    def _rate(self, batches: int) -> float:
        if batches < self.warmup_steps and self.warmup_target is not None:
            return self.warmup_target * batches / self.warmup_steps
        return super()._rate(batches)


class WarmsUpAStepLong(CosineDecay):
    def _rate(self, batches: int) -> float:
        if self.warmup_target is not None and 0 < batches < self.warmup_steps + 1:
            return super()._rate(batches - 1)
        return super()._rate(batches)


class CountsTheWarmUpIn(CosineDecay):
    """The fall is over ``decay_steps`` from the very start."""

    def _rate(self, batches: int) -> float:
        if batches < self.warmup_steps:
            return super()._rate(batches)
        return super()._rate(self.warmup_steps + round(batches * (1 - self.warmup_steps / self.decay_steps)))


class StartsAgainAtTheEnd(CosineDecay):
    def _rate(self, batches: int) -> float:
        return super()._rate(batches % (self.decay_steps + self.warmup_steps + 1))


class WaitsAnEpochLess(ReduceLROnPlateau):
    def __init__(self, optimizer: Any, **arguments: Any) -> None:
        super().__init__(optimizer, **arguments | {"patience": arguments.get("patience", 10) - 1})


class WaitsAnEpochMore(ReduceLROnPlateau):
    def __init__(self, optimizer: Any, **arguments: Any) -> None:
        super().__init__(optimizer, **arguments | {"patience": arguments.get("patience", 10) + 1})


class NeverCoolsDown(ReduceLROnPlateau):
    def __init__(self, optimizer: Any, **arguments: Any) -> None:
        super().__init__(optimizer, **arguments | {"cooldown": 0})


class CoolsDownAnEpochMore(ReduceLROnPlateau):
    def __init__(self, optimizer: Any, **arguments: Any) -> None:
        cooldown = arguments.get("cooldown", 0)
        super().__init__(optimizer, **arguments | {"cooldown": cooldown + (cooldown > 0)})


class CountsWhileItCoolsDown(ReduceLROnPlateau):
    """Bad epochs of the pause count when it is over."""

    def _count(self, metric: float) -> None:
        good = self._is_better(metric, self.best)
        self.best = metric if good else self.best
        self.num_bad_epochs = 0 if good else self.num_bad_epochs + 1
        self.cooldown_counter -= self.in_cooldown
        if self.in_cooldown:
            self.num_bad_epochs = min(self.num_bad_epochs, self.patience)


class OneFloorForAll(ReduceLROnPlateau):
    def __init__(self, optimizer: Any, **arguments: Any) -> None:
        floors = arguments.get("min_lr", 0)
        super().__init__(optimizer, **arguments | {"min_lr": max(floors) if isinstance(floors, list) else floors})


class ForgetsTheBestAfterAFall(ReduceLROnPlateau):
    def _reduce_lr(self, epoch: int) -> None:
        super()._reduce_lr(epoch)
        self.best = self.mode_worse


class FallsFromTheFirstRate(ReduceLROnPlateau):
    """A rate that somebody else has set is forgotten."""

    def _reduce_lr(self, epoch: int) -> None:
        for group, rate in zip(groups_of(self), self._last_lr, strict=True):
            group["lr"] = rate
        super()._reduce_lr(epoch)


STEP, EXPONENTIAL = "schedulers.step_lr", "schedulers.exponential_lr"
COSINE, PLATEAU = "schedulers.cosine_annealing_lr", "schedulers.reduce_lr_on_plateau"
DECAY, COSINE_DECAY = "schedulers.exponential_decay", "schedulers.cosine_decay"
WRONG: list[tuple[str, type, str]] = [
    (STEP, StepsAnEpochLate, "closed_form"),
    (STEP, StepsAnEpochEarly, "closed_form"),
    (STEP, StepsAtTheStart, "closed_form"),
    (STEP, StepsFromTheInitialRate, "chained"),
    (STEP, StepsOnceClosed, "sent_to_an_epoch"),
    (EXPONENTIAL, FallsAtTheStart, "closed_form"),
    (EXPONENTIAL, CompoundsTwice, "closed_form"),
    (EXPONENTIAL, CompoundsTwiceBesideAnother, "chained"),
    (EXPONENTIAL, CompoundsTwiceBesideAnother, "outside_rates"),
    (COSINE, RestartsAtTheTrough, "closed_form"),
    (COSINE, RestartsAnEpochLate, "closed_form"),
    (COSINE, StaysInTheTrough, "closed_form"),
    (COSINE, AnnealsFromTheInitialRate, "outside_rates"),
    (DECAY, CountsPeriodsFromOne, "closed_form"),
    (DECAY, RoundsPeriods, "closed_form"),
    (DECAY, DecaysWhatItFinds, "closed_form"),
    (COSINE_DECAY, WarmsUpFromZero, "closed_form"),
    (COSINE_DECAY, WarmsUpAStepLong, "closed_form"),
    (COSINE_DECAY, CountsTheWarmUpIn, "closed_form"),
    (COSINE_DECAY, StartsAgainAtTheEnd, "closed_form"),
    (PLATEAU, WaitsAnEpochLess, "closed_form"),
    (PLATEAU, WaitsAnEpochMore, "closed_form"),
    (PLATEAU, NeverCoolsDown, "closed_form"),
    (PLATEAU, CoolsDownAnEpochMore, "closed_form"),
    (PLATEAU, CountsWhileItCoolsDown, "closed_form"),
    (PLATEAU, OneFloorForAll, "closed_form"),
    (PLATEAU, ForgetsTheBestAfterAFall, "closed_form"),
    (PLATEAU, FallsFromTheFirstRate, "outside_rates"),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("identifier", "wrong", "by"), WRONG, ids=lambda value: getattr(value, "__name__", value))
def test_a_wrong_schedule_is_caught(identifier: str, wrong: type, by: str) -> None:
    assert by in failed(identifier, wrong)


@pytest.mark.parametrize("right", [StepLR, ExponentialLR, CosineAnnealingLR, ExponentialDecay, CosineDecay])
def test_what_is_derived_from_the_reference_and_right_passes(right: type) -> None:
    names = {StepLR: STEP, ExponentialLR: EXPONENTIAL, CosineAnnealingLR: COSINE, ExponentialDecay: DECAY}
    assert not list(failed(names.get(right, COSINE_DECAY), type("Derived", (right,), {})))
