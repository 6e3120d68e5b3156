"""ReduceLROnPlateau against torch and its oracle on scripts of metrics: options, groups, states, refusals, E09."""

from __future__ import annotations

import copy
import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from test_schedulers import make, optimizer, rates_of
from torch.optim import lr_scheduler

import nnbench

PLATEAU = "schedulers.reduce_lr_on_plateau"
NOISE = np.random.default_rng(3).random(120)
STEPS = np.arange(len(NOISE))
SCRIPTS = {
    "falling then flat": np.maximum(1 - STEPS / 30, 0.1),
    "noisy": NOISE,
    "below zero": NOISE - 2,
    "rising": 1.0 + STEPS,
    "falling with noise": np.exp(-STEPS / 40) + 0.1 * NOISE,
    "broken": np.select([NOISE < 0.1, NOISE > 0.9], [np.nan, np.inf], NOISE),
    "to the bottom": np.where(STEPS == 30, -np.inf, NOISE),
    "starts broken": np.where(STEPS < 9, np.nan, NOISE),
}
MODES = [{"mode": mode, "threshold_mode": by} for mode in ("min", "max") for by in ("rel", "abs")]
OPTIONS: list[dict[str, Any]] = [
    {"patience": 3},
    {"patience": 0, "factor": 0.9},
    {"patience": 1, "cooldown": 4, "factor": 0.5},
    {"patience": 0, "cooldown": 1, "factor": 0.8, "threshold": 0},
    {"patience": 2, "threshold": 0.2, "min_lr": 1e-3, "factor": 0.5},
    {"patience": 2, "eps": 1e-3, "factor": 0.5},
    {"patience": 1, "min_lr": [1e-3, 2e-3], "factor": 0.3},
    {"patience": 1, "min_lr": (0.0, 1e-5)},
    {"patience": 1, "factor": 0.0, "min_lr": 1e-4},
]
ROWS = [mode | options for mode, options in itertools.product(MODES, OPTIONS)]


def walk(scheduler: Any, script: np.ndarray) -> np.ndarray:
    rates = []
    for metric in script:
        scheduler.step(torch.tensor(metric))
        assert scheduler.get_last_lr() == rates_of(scheduler.optimizer)
        rates.append(rates_of(scheduler.optimizer))
    return np.array(rates)


@pytest.mark.parametrize("options", ROWS, ids=str)
def test_rates_and_state_are_torchs(options: dict[str, Any]) -> None:
    falls = 0
    for script in SCRIPTS.values():
        ours, theirs = (make(PLATEAU, variant, optimizer(), **options) for variant in ("reference", "torch"))
        assert ours.state_dict() == theirs.state_dict()
        found = walk(ours, script)
        assert (found == walk(theirs, script)).all()
        np.testing.assert_equal(ours.state_dict(), theirs.state_dict())
        falls += len(np.unique(found)) > 2
    assert falls > 3


@pytest.mark.parametrize("options", ROWS, ids=str)
def test_rates_are_the_oracles(options: dict[str, Any]) -> None:
    oracle = nnbench.component(PLATEAU).oracle
    assert oracle is not None
    for script in SCRIPTS.values():
        found = walk(make(PLATEAU, "reference", optimizer(), **options), script)
        rates = [oracle(rate, script, **options, group=group) for group, rate in enumerate((0.1, 0.003))]
        assert (found == np.stack(rates, axis=1)).all()


def test_every_case_is_its_oracles() -> None:
    component = nnbench.component(PLATEAU)
    assert component.oracle is not None
    for case in component.cases:
        for script in SCRIPTS.values():
            found = walk(make(PLATEAU, "reference", optimizer(), **case.arguments), script)
            assert (found[:, 0] == component.oracle(0.1, script, **case.arguments)).all()


def test_the_rate_falls_after_more_bad_epochs_than_patience() -> None:
    made = make(PLATEAU, "reference", optimizer(1.0), patience=2, cooldown=2, factor=0.5)
    found = walk(made, np.array([1.0] * 12))[:, 0].tolist()
    # one good epoch, three bad ones, two of cooldown, three bad ones, two of cooldown
    assert found == [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25]


@pytest.mark.parametrize(("first", "then"), [("torch", "reference"), ("reference", "torch")])
def test_a_state_loads_either_way(first: str, then: str) -> None:
    options: dict[str, Any] = {"mode": "max", "patience": 1, "cooldown": 3, "min_lr": [1e-4, 1e-5], "factor": 0.5}
    begun = make(PLATEAU, first, optimizer(), **options)
    walk(begun, NOISE[:41])
    taken_over = make(PLATEAU, then, optimizer(1.0, 1.0))
    taken_over.load_state_dict(copy.deepcopy(begun.state_dict()))
    taken_over.optimizer.load_state_dict(begun.optimizer.state_dict())
    assert (walk(taken_over, NOISE[41:]) == walk(begun, NOISE[41:])).all()
    assert taken_over.mode_worse == -math.inf


def test_a_state_of_an_unknown_mode_is_refused() -> None:
    made = make(PLATEAU, "reference", optimizer())
    with pytest.raises(ValueError, match="mode"):
        made.load_state_dict(made.state_dict() | {"mode": "least"})


def test_training_loops_know_it_by_torchs_class_of_which_it_uses_nothing() -> None:
    ours, theirs = nnbench.component(PLATEAU).reference.resolve(), lr_scheduler.ReduceLROnPlateau
    assert isinstance(ours, type)
    assert issubclass(ours, theirs)
    assert issubclass(ours, lr_scheduler.LRScheduler)
    assert [name for name in vars(theirs) if name not in vars(ours)] == []


def test_rates_that_are_tensors_stay_the_same_tensors() -> None:
    stepped = optimizer(torch.tensor(0.1, dtype=torch.float64))
    rate = stepped.param_groups[0]["lr"]
    made = make(PLATEAU, "reference", stepped, patience=0)
    made.step(1.0)
    made.step(1.0)
    assert stepped.param_groups[0]["lr"] is rate
    assert float(rate) == 0.1 * 0.1
    made.get_last_lr()[0].fill_(5)
    assert float(rate) == 0.1 * 0.1


def test_a_group_that_comes_later_has_the_one_floor() -> None:
    for variant in ("reference", "torch"):
        made = make(PLATEAU, variant, optimizer(), patience=0, factor=0.5, min_lr=0.04)
        made.optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(2))], "lr": 0.07})
        walk(made, np.ones(2))
        assert rates_of(made.optimizer) == [0.05, 0.003, 0.04]


def test_a_group_that_comes_later_needs_a_floor_of_its_own() -> None:
    for variant in ("reference", "torch"):
        made = make(PLATEAU, variant, optimizer(), patience=0, min_lr=[0.1, 0.1])
        made.optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(2))], "lr": 0.07})
        made.step(1.0)
        with pytest.raises(RuntimeError, match="min_lrs"):
            made.step(1.0)


def test_a_given_epoch_is_taken_with_a_warning() -> None:
    made = make(PLATEAU, "reference", optimizer())
    with pytest.warns(UserWarning, match="epoch"):
        made.step(1.0, epoch=7)
    made.step(1.0)
    assert made.last_epoch == 8


@pytest.mark.parametrize("variant", ["reference", "torch"])
@pytest.mark.parametrize(
    "options",
    [{"factor": 1.0}, {"factor": 2}, {"mode": "least"}, {"threshold_mode": "relative"}, {"min_lr": [1e-3]}],
    ids=str,
)
def test_what_torch_refuses_is_refused(variant: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  torch's own words differ
        make(PLATEAU, variant, optimizer(), **options)


@pytest.mark.parametrize("variant", ["reference", "torch"])
def test_no_optimizer_is_refused(variant: str) -> None:
    with pytest.raises(TypeError, match="Optimizer"):
        nnbench.component(PLATEAU).variant(variant).build(optimizer=torch.nn.Linear(1, 1))


def test_verbose_is_shown_to_raise_and_without_it_nothing_shows() -> None:
    component = nnbench.component(PLATEAU)
    documented = component.variant("documented")
    shown = documented.evidence["E09"](documented, component.reference)
    assert shown.shown
    assert "verbose" in shown.says
    assert not documented.evidence["E09"](component.variant("torch"), component.reference).shown
    assert not documented.evidence["E09"](component.reference, component.reference).shown
