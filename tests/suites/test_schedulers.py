"""Schedulers against torch and their closed forms: options, groups, resuming, chaining, states, refusals."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

import nnbench

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "schedulers.step_lr": [
        {"step_size": 1},
        {"step_size": 30},
        {"step_size": 7, "gamma": 0.5},
        {"step_size": 3, "gamma": 1.1},
        {"step_size": 2.5, "gamma": 0.9},
        {"step_size": 500},
    ],
    "schedulers.exponential_lr": [{"gamma": 0.95}, {"gamma": 1.01}, {"gamma": 1}, {"gamma": 0.0}],
    "schedulers.cosine_annealing_lr": [
        {"T_max": 100},
        {"T_max": 1},
        {"T_max": 2, "eta_min": 0.01},
        {"T_max": 7},
        {"T_max": 50, "eta_min": 1e-5},
        {"T_max": 50, "eta_min": 0.2},  # above the rates: it rises
        {"T_max": 500},
    ],
}
DECAYS: dict[str, dict[str, Any]] = {
    "schedulers.exponential_decay": {"initial_learning_rate": 0.02, "decay_steps": 9, "decay_rate": 0.7},
    "schedulers.cosine_decay": {"initial_learning_rate": 0.02, "decay_steps": 50, "alpha": 0.1},
}
ROWS = [(identifier, options) for identifier, sets in OPTIONS.items() for options in sets]
USUAL = [(identifier, sets[1]) for identifier, sets in OPTIONS.items()]
ALL = [*USUAL, *DECAYS.items()]
EPOCHS = 240


def optimizer(*rates: float | torch.Tensor, **settings: float) -> torch.optim.Optimizer:
    groups = [{"params": [torch.nn.Parameter(torch.ones(1))], "lr": rate, **settings} for rate in rates or (0.1, 0.003)]
    return torch.optim.SGD(groups)


def make(identifier: str, variant: str, stepped: torch.optim.Optimizer, **options: Any) -> Any:
    return nnbench.component(identifier).variant(variant).build(optimizer=stepped, **options)


def rates_of(stepped: torch.optim.Optimizer) -> list[float]:
    return [float(group["lr"]) for group in stepped.param_groups]


def walk(scheduler: Any, epochs: int = EPOCHS) -> np.ndarray:
    """The rates in the groups, from now on and after each step."""
    rates = [rates_of(scheduler.optimizer)]
    for _ in range(epochs):
        scheduler.optimizer.step()
        scheduler.step()
        rates.append(rates_of(scheduler.optimizer))
    return np.array(rates)


def assert_same_rates(got: np.ndarray, want: np.ndarray) -> None:
    """But for rounding, also where a cosine has almost nothing left."""
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12 * np.abs(want).max())


@pytest.mark.parametrize(("identifier", "options"), ROWS, ids=str)
def test_rates_are_torchs(identifier: str, options: dict[str, Any]) -> None:
    ours, theirs = (make(identifier, variant, optimizer(), **options) for variant in ("reference", "torch"))
    assert_same_rates(walk(ours), walk(theirs))
    assert ours.get_last_lr() == rates_of(ours.optimizer)


# Half an epoch has no closed form: torch takes it for every second multiple of it.
CLOSED = [row for row in ROWS if row[1].get("step_size") != 2.5]


@pytest.mark.parametrize(("identifier", "options"), CLOSED, ids=str)
def test_rates_are_the_oracles(identifier: str, options: dict[str, Any]) -> None:
    oracle = nnbench.component(identifier).oracle
    assert oracle is not None
    found = walk(make(identifier, "reference", optimizer(), **options))
    wanted = np.stack([oracle(rate, np.arange(EPOCHS + 1), **options) for rate in (0.1, 0.003)], axis=1)
    assert_same_rates(found, wanted)


@pytest.mark.parametrize("identifier", [*OPTIONS, *DECAYS])
def test_every_case_is_its_oracles(identifier: str) -> None:
    component = nnbench.component(identifier)
    assert component.oracle is not None
    assert component.cases
    for case in component.cases:
        found = walk(make(identifier, "reference", optimizer(), **case.arguments))
        wanted = np.stack([component.oracle(r, np.arange(EPOCHS + 1), **case.arguments) for r in (0.1, 0.003)], axis=1)
        assert_same_rates(found, wanted)


@pytest.mark.parametrize(("identifier", "options"), ALL, ids=str)
def test_it_is_a_scheduler_to_torch(identifier: str, options: dict[str, Any]) -> None:
    made = make(identifier, "reference", optimizer(), **options)
    assert isinstance(made, lr_scheduler.LRScheduler)
    assert made.last_epoch == 0
    assert made.base_lrs == [group["initial_lr"] for group in made.optimizer.param_groups]
    assert made.get_last_lr() == rates_of(made.optimizer) == made.base_lrs


@pytest.mark.parametrize("last_epoch", [0, 4, 28, 29, 30, 97, 98, 99, 100])
@pytest.mark.parametrize(("identifier", "options"), ROWS, ids=str)
def test_it_goes_on_from_an_epoch_as_torchs_does(identifier: str, options: dict[str, Any], last_epoch: int) -> None:
    def resumed(variant: str) -> np.ndarray:
        stepped = optimizer(0.05, 0.001)
        for group, initial in zip(stepped.param_groups, (0.1, 0.002), strict=True):
            group["initial_lr"] = initial
        made = make(identifier, variant, stepped, last_epoch=last_epoch, **options)
        assert made.base_lrs == [0.1, 0.002]
        assert made.last_epoch == last_epoch + 1
        return walk(made, 40)

    assert_same_rates(resumed("reference"), resumed("torch"))


@pytest.mark.parametrize(("identifier", "options"), ALL, ids=str)
def test_going_on_needs_the_initial_rates(identifier: str, options: dict[str, Any]) -> None:
    with pytest.raises(KeyError, match="initial_lr"):
        make(identifier, "reference", optimizer(), last_epoch=5, **options)


@pytest.mark.parametrize(("identifier", "options"), USUAL, ids=str)
@pytest.mark.parametrize(("first", "then"), [("torch", "reference"), ("reference", "torch")])
def test_a_state_loads_either_way(identifier: str, options: dict[str, Any], first: str, then: str) -> None:
    begun = make(identifier, first, optimizer(), **options)
    walk(begun, 37)
    taken_over = make(identifier, then, optimizer(1.0, 1.0), **options)
    assert taken_over.state_dict().keys() == begun.state_dict().keys()
    taken_over.load_state_dict(copy.deepcopy(begun.state_dict()))
    taken_over.optimizer.load_state_dict(begun.optimizer.state_dict())
    assert_same_rates(walk(taken_over), walk(begun))


@pytest.mark.parametrize(("identifier", "options"), list(DECAYS.items()), ids=str)
def test_a_decay_resumes_from_its_state(identifier: str, options: dict[str, Any]) -> None:
    begun = make(identifier, "reference", optimizer(), **options)
    walk(begun, 37)
    taken_over = make(identifier, "reference", optimizer(1.0, 1.0), **options | {"decay_steps": 3})
    taken_over.load_state_dict(copy.deepcopy(begun.state_dict()))
    assert (walk(taken_over)[1:] == walk(begun)[1:]).all()


@pytest.mark.parametrize(("identifier", "options"), USUAL, ids=str)
@pytest.mark.parametrize("epoch", [0, 1, 59, 60, 130])
def test_a_given_epoch_takes_the_closed_form(identifier: str, options: dict[str, Any], epoch: int) -> None:
    def after(variant: str) -> list[float]:
        made = make(identifier, variant, optimizer(), **options)
        made.optimizer.step()
        with pytest.warns(UserWarning, match="epoch"):
            made.step(epoch)
        return rates_of(made.optimizer)

    assert_same_rates(np.array(after("reference")), np.array(after("torch")))


COMPANY = [
    (("schedulers.step_lr", {"step_size": 5, "gamma": 0.5}), ("schedulers.exponential_lr", {"gamma": 0.9})),
    (("schedulers.cosine_annealing_lr", {"T_max": 60}), ("schedulers.step_lr", {"step_size": 8, "gamma": 0.7})),
    (("schedulers.exponential_lr", {"gamma": 0.97}), ("schedulers.cosine_annealing_lr", {"T_max": 9, "eta_min": 1e-4})),
]


@pytest.mark.parametrize("pair", COMPANY, ids=str)
def test_several_on_one_optimizer_do_as_torchs(pair: Any) -> None:
    def together(variant: str) -> np.ndarray:
        stepped = optimizer()
        return walk(lr_scheduler.ChainedScheduler([make(name, variant, stepped, **more) for name, more in pair]))

    assert_same_rates(together("reference"), together("torch"))


def test_factors_of_two_schedules_multiply() -> None:
    stepped = optimizer(0.1)
    both = [
        make("schedulers.step_lr", "reference", stepped, step_size=5, gamma=0.5),
        make("schedulers.exponential_lr", "reference", stepped, gamma=0.9),
    ]
    epochs = np.arange(61)
    found = walk(lr_scheduler.ChainedScheduler(both), 60)[:, 0]
    np.testing.assert_allclose(found, 0.1 * 0.5 ** (epochs // 5) * 0.9**epochs, rtol=1e-13)


@pytest.mark.parametrize("pair", COMPANY, ids=str)
def test_one_after_another_do_as_torchs(pair: Any) -> None:
    def in_turn(variant: str) -> np.ndarray:
        stepped = optimizer()
        each = [make(name, variant, stepped, **more) for name, more in pair]
        return walk(lr_scheduler.SequentialLR(stepped, each, milestones=[23]), 100)

    assert_same_rates(in_turn("reference"), in_turn("torch"))


@pytest.mark.parametrize(("identifier", "options"), ALL, ids=str)
def test_rates_that_are_tensors_stay_the_same_tensors(identifier: str, options: dict[str, Any]) -> None:
    rate = torch.tensor(0.1, dtype=torch.float64)
    stepped = optimizer(rate)
    made = make(identifier, "reference", stepped, **options)
    in_use = [group["lr"] for group in stepped.param_groups]
    found = walk(made, 70)
    assert all(group["lr"] is tensor for group, tensor in zip(stepped.param_groups, in_use, strict=True))
    made.get_last_lr()[0].fill_(5)
    assert rates_of(stepped) == [found[-1, 0]]
    numbers = walk(make(identifier, "reference", optimizer(0.1), **options), 70)
    np.testing.assert_allclose(found, numbers, rtol=1e-12)


@pytest.mark.parametrize(("identifier", "options"), [*USUAL[:2], *DECAYS.items()], ids=str)
def test_a_group_may_come_later(identifier: str, options: dict[str, Any]) -> None:
    variants = ("reference", "torch") if identifier in OPTIONS else ("reference",)
    found = []
    for variant in variants:
        made = make(identifier, variant, optimizer(), **options)
        walk(made, 3)
        made.optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(2))], "lr": 0.7})
        found.append(walk(made, 40))
    assert found[0].shape == (41, 3)
    assert found[0][-1, 2] != 0.7
    assert_same_rates(found[0], found[-1])


def test_get_lr_is_for_step_to_call() -> None:
    made = make("schedulers.exponential_lr", "reference", optimizer(), gamma=0.5)
    with pytest.warns(UserWarning, match="get_last_lr"):
        assert made.get_lr() == [0.05, 0.0015]
    assert made.get_last_lr() == [0.1, 0.003]


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("schedulers.step_lr", {"step_size": 0}, "step_size"),
    ("schedulers.step_lr", {"step_size": math.nan}, "step_size"),
    ("schedulers.cosine_annealing_lr", {"T_max": 0}, "T_max"),
    ("schedulers.exponential_decay", DECAYS["schedulers.exponential_decay"] | {"decay_steps": 0}, "decay_steps"),
    ("schedulers.cosine_decay", DECAYS["schedulers.cosine_decay"] | {"decay_steps": -1}, "decay_steps"),
    ("schedulers.cosine_decay", DECAYS["schedulers.cosine_decay"] | {"warmup_steps": 10}, "warmup_target"),
    (
        "schedulers.cosine_decay",
        DECAYS["schedulers.cosine_decay"] | {"warmup_steps": -1, "warmup_target": 1},
        "warmup_steps",
    ),
]


@pytest.mark.parametrize(("identifier", "options", "named"), REFUSED, ids=str)
def test_what_makes_no_schedule_is_refused(identifier: str, options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        make(identifier, "reference", optimizer(), **options)


@pytest.mark.parametrize(("identifier", "options"), ALL, ids=str)
def test_no_optimizer_is_refused(identifier: str, options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="Optimizer"):
        nnbench.component(identifier).reference.build(optimizer=torch.nn.Linear(1, 1), **options)


def test_exponential_decay_passes_through_the_powers_of_its_factor() -> None:
    settings = {"initial_learning_rate": 0.001, "decay_steps": 1000, "decay_rate": 0.9}
    smooth = walk(make("schedulers.exponential_decay", "reference", optimizer(), **settings), 2000)
    stairs = walk(make("schedulers.exponential_decay", "reference", optimizer(), staircase=True, **settings), 2000)
    assert (smooth[:, 0] == smooth[:, 1]).all()
    np.testing.assert_allclose(smooth[[0, 500, 1000, 2000], 0], [1e-3, 1e-3 * 0.9**0.5, 9e-4, 8.1e-4], rtol=1e-14)
    np.testing.assert_allclose(stairs[[0, 500, 999, 1000, 1999, 2000], 0], [1e-3, 1e-3, 1e-3, 9e-4, 9e-4, 8.1e-4])


def test_cosine_decay_rises_falls_and_stays() -> None:
    settings = {"initial_learning_rate": 0.001, "decay_steps": 100, "alpha": 0.2}
    plain = walk(make("schedulers.cosine_decay", "reference", optimizer(), **settings), 150)[:, 0]
    np.testing.assert_allclose(plain[[0, 50, 100, 150]], [1e-3, 6e-4, 2e-4, 2e-4], rtol=1e-14)
    warm = settings | {"warmup_target": 0.002, "warmup_steps": 10}
    found = walk(make("schedulers.cosine_decay", "reference", optimizer(), **warm), 150)[:, 0]
    np.testing.assert_allclose(found[[0, 5, 10, 60, 110, 150]], [1e-3, 1.5e-3, 2e-3, 1.2e-3, 4e-4, 4e-4], rtol=1e-14)
    to_nothing = walk(make("schedulers.cosine_decay", "reference", optimizer(), **settings | {"alpha": 0.0}), 100)
    assert to_nothing[-1, 0] == 0


def test_a_target_without_warmup_is_the_peak() -> None:
    settings = {"initial_learning_rate": 0.001, "decay_steps": 100, "warmup_target": 0.002}
    assert walk(make("schedulers.cosine_decay", "reference", optimizer(), **settings), 0)[0, 0] == 0.002


def test_a_decay_overrules_what_stands_beside_it() -> None:
    stepped = optimizer()
    settings = DECAYS["schedulers.exponential_decay"]
    beside = make("schedulers.exponential_lr", "reference", stepped, gamma=0.5)
    decay = make("schedulers.exponential_decay", "reference", stepped, **settings)
    found = walk(lr_scheduler.ChainedScheduler([beside, decay]), 30)
    alone = walk(make("schedulers.exponential_decay", "reference", optimizer(), **settings), 30)
    assert (found == alone).all()
