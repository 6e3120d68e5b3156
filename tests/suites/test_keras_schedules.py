"""Keras' schedules, callbacks and penalties: where they say the same as the references, and where they do not."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from keras_support import drawn, needs_keras
from suite_support import answer, assert_close

import nnbench
from nnbench.failures import NotMeasurable

pytestmark = needs_keras
RATES = (0.1, 0.003)


def rates(identifier: str, variant: str, losses: list[float] | int, **arguments: Any) -> list[list[float]]:
    """After each step, stepped with the losses or that often."""
    groups: list[Any] = [{"params": [torch.zeros(1)], "lr": rate} for rate in RATES]
    optimizer = torch.optim.SGD(groups)
    scheduler = nnbench.component(identifier).variant(variant).build(optimizer=optimizer, **arguments)
    found = []
    for given in [()] * losses if isinstance(losses, int) else [(loss,) for loss in losses]:
        optimizer.step()
        scheduler.step(*given)
        assert scheduler.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
        found.append(scheduler.get_last_lr())
    return found


@pytest.mark.parametrize(
    ("identifier", "arguments"),
    [
        ("schedulers.exponential_decay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
        (
            "schedulers.exponential_decay",
            {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True},
        ),
        ("schedulers.cosine_decay", {"initial_learning_rate": 0.1, "decay_steps": 20, "alpha": 0.2}),
        (
            "schedulers.cosine_decay",
            {"initial_learning_rate": 0.01, "decay_steps": 20, "warmup_target": 0.1, "warmup_steps": 5},
        ),
    ],
    ids=str,
)
def test_schedules_equal_the_references(identifier: str, arguments: dict[str, Any]) -> None:
    keras, reference = (torch.tensor(rates(identifier, name, 30, **arguments)) for name in ("keras", "reference"))
    torch.testing.assert_close(keras, reference, rtol=1e-12, atol=1e-16)
    assert len(keras.unique()) > 4


def test_a_schedules_state_is_plain() -> None:
    made = nnbench.component("schedulers.cosine_decay").variant("keras")
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    scheduler = made.build(optimizer=optimizer, initial_learning_rate=0.1, decay_steps=9)
    assert all(isinstance(value, int | float | bool | list) for value in scheduler.state_dict().values())


def noisy(steps: int = 80) -> list[float]:
    draws = torch.rand(steps, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    return (2 / torch.arange(1, steps + 1).sqrt() + draws).tolist()


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold", [0.0, 0.1])
def test_a_plateau_of_keras_is_one_of_torchs_an_epoch_longer(mode: str, threshold: float) -> None:
    """With an absolute threshold, no cooldown and no NaN: that and nothing else is the difference."""
    common = {"mode": mode, "factor": 0.5, "threshold": threshold, "threshold_mode": "abs", "min_lr": 1e-3}
    identifier = "schedulers.reduce_lr_on_plateau"
    keras = rates(identifier, "keras", noisy(), patience=4, **common)
    assert keras == rates(identifier, "reference", noisy(), patience=3, eps=0.0, **common)
    assert keras != rates(identifier, "reference", noisy(), patience=4, eps=0.0, **common)


@pytest.mark.parametrize("refused", [{"threshold_mode": "rel"}, {"eps": 1e-8}, {"min_lr": [0.1, 0.2]}], ids=str)
def test_what_the_plateau_of_keras_lacks_is_named(refused: dict[str, Any]) -> None:
    with pytest.raises(NotMeasurable, match=next(iter(refused))):
        rates("schedulers.reduce_lr_on_plateau", "keras", 1, **refused)


def test_a_plateau_resumes_from_its_state() -> None:
    losses, ends = noisy(), []
    plateau = nnbench.component("schedulers.reduce_lr_on_plateau").variant("keras")
    for stop in (0, 37):
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
        scheduler = plateau.build(optimizer=optimizer)
        for place, loss in enumerate(losses):
            if place == stop:
                state = copy.deepcopy(scheduler.state_dict())
                scheduler = plateau.build(optimizer=optimizer)
                scheduler.load_state_dict(state)
            scheduler.step(loss)
        ends.append((scheduler.get_last_lr(), scheduler.state_dict()))
    assert ends[0] == ends[1]
    assert ends[0][0] < [0.1]


def watched(variant: str, losses: list[float], **arguments: Any) -> tuple[int, float, int, list[float]]:
    """Where it stops (0: never), the best loss and epoch, and the weights that are left."""
    stopper = nnbench.component("regularizers.early_stopping").variant(variant).build(**arguments)
    model, stopped = torch.nn.Linear(1, 1), 0
    for epoch, loss in enumerate(losses, 1):
        torch.nn.init.constant_(model.weight, epoch)
        torch.nn.init.constant_(model.bias, -epoch)
        if stopper(loss, model):
            stopped = epoch
            break
    return stopped, stopper.best, stopper.best_epoch, [float(p.detach()) for p in model.parameters()]


@pytest.mark.parametrize(
    "arguments",
    [
        {"patience": 3},
        {"patience": 3, "min_delta": 0.1},
        {"patience": 4, "restore_best_weights": True},
        {"patience": 4, "restore_best_weights": True, "mode": "max"},
    ],
    ids=str,
)
@pytest.mark.parametrize("nan_at", [None, 5])
def test_early_stopping_equals_the_reference_but_for_a_first_nan(arguments: dict[str, Any], nan_at: int | None) -> None:
    losses = noisy()
    if nan_at is not None:
        losses[nan_at] = math.nan
    found = watched("keras", losses, **arguments)
    assert found == watched("reference", losses, **arguments)
    assert found[0] > 0


def test_a_first_nan_is_the_best_of_keras_for_good() -> None:
    losses = [math.nan, 0.5, 0.4, 0.3, 0.2, 0.1]
    keras, reference = (watched(variant, losses, patience=3) for variant in ("keras", "reference"))
    assert (keras[0], reference[0]) == (4, 0)
    assert math.isnan(keras[1])


@pytest.mark.parametrize(
    ("identifier", "arguments"),
    [
        ("regularizers.l1", {"l1": 0.3}),
        ("regularizers.l2", {"l2": 0.3}),
        ("regularizers.l1_l2", {"l1": 0.3, "l2": 0.2}),
        ("regularizers.l1_l2", {"l2": 0.2}),
        ("regularizers.l1", {}),
        ("regularizers.l2", {}),
    ],
    ids=str,
)
def test_penalties_equal_the_references(identifier: str, arguments: dict[str, Any]) -> None:
    weights = drawn([(4, 3), (5,)])
    made = [nnbench.component(identifier).variant(name).build(**arguments) for name in ("keras", "reference")]
    (got, mine), (want, others) = (answer(one, weights) for one in made)
    assert_close(got, want)
    for name, gradient in others.items():
        assert_close(mine[name], gradient, name)


def test_a_penalty_without_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="one parameter"):
        nnbench.component("regularizers.l1").variant("keras").build()()
