"""Optimizers step by step in float64, against torch and against their oracles, over torch's flags."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from suite_support import registered
from torch import Tensor

import nnbench

STEPS, SHAPES = 25, [(4, 3), (5,), ()]
ROUNDING = 1e-12  # of the largest value on the path

FLAGS: dict[str, list[dict[str, Any]]] = {
    "optimizers.sgd": [
        {},
        {"lr": 0.0},
        {"lr": 0.1, "weight_decay": 0.2},
        {"lr": 0.1, "maximize": True},
        {"lr": 0.1, "dampening": 0.5},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.3},
        {"lr": 0.1, "momentum": 0.9, "dampening": 1.0, "weight_decay": 0.2},
        {"lr": 0.1, "momentum": 0.9, "nesterov": True},
        {"lr": 0.1, "momentum": 0.5, "nesterov": True, "weight_decay": 0.2, "maximize": True},
        {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2, "maximize": True},
    ],
    "optimizers.adam": [
        {},
        {"lr": 0.0},
        {"lr": 0.1, "eps": 1e-2},
        {"lr": 0.1, "eps": 1e-16, "betas": (0.0, 0.0)},
        {"lr": 0.1, "betas": (0.5, 0.6)},
        {"lr": 0.1, "betas": (0.99, 0.5)},
        {"lr": 0.1, "weight_decay": 0.2},
        {"lr": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True},
        {"lr": 0.1, "decoupled_weight_decay": True},
        {"lr": 0.1, "maximize": True},
        {"lr": 0.1, "amsgrad": True},
        {"lr": 0.1, "amsgrad": True, "betas": (0.5, 0.6), "weight_decay": 0.2, "maximize": True},
        {"lr": 0.1, "amsgrad": True, "maximize": True, "weight_decay": 0.2, "decoupled_weight_decay": True},
    ],
}
ROWS = [(identifier, flags) for identifier, sets in FLAGS.items() for flags in sets]
GROUPS = {
    "optimizers.sgd": [{"lr": 0.1, "momentum": 0.9}, {"lr": 0.01, "weight_decay": 0.1}, {"maximize": True}],
    "optimizers.adam": [{"lr": 0.1, "amsgrad": True}, {"betas": (0.5, 0.6), "weight_decay": 0.1}, {"maximize": True}],
}

Gradients = list[list[Tensor | None]]


def rising(step: int) -> float:
    """From 1e-8, where Adam's epsilon is half of the denominator, to 1."""
    return 10.0 ** (-8 + 8 * step / (STEPS - 1))


def jumping(step: int) -> float:
    """Eight decades in no order: 7 and 25 have no common divisor, so every step has a power of its own."""
    return 10.0 ** (-4 + 8 * (7 * step % STEPS) / (STEPS - 1))


def starting_values() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in SHAPES]


def gradients_scaled_by(scale: Callable[[int], float]) -> Gradients:
    generator = torch.Generator().manual_seed(1)
    return [
        [torch.randn(shape, generator=generator, dtype=torch.float64) * scale(step) for shape in SHAPES]
        for step in range(STEPS)
    ]


def made(identifier: str, variant: str, **arguments: Any) -> tuple[Any, list[Tensor]]:
    parameters = [value.clone().requires_grad_() for value in starting_values()]
    arguments = {"params": parameters} | arguments
    return nnbench.component(identifier).variant(variant).build(**arguments), parameters


def take_step(optimizer: Any, parameters: list[Tensor], gradients: list[Tensor | None]) -> list[Tensor]:
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = None if gradient is None else gradient.clone()
    optimizer.step()
    return [parameter.detach().clone() for parameter in parameters]


def path(optimizer: Any, parameters: list[Tensor], gradients: Gradients) -> list[list[Tensor]]:
    return [take_step(optimizer, parameters, step) for step in gradients]


def assert_same_path(got: list[list[Tensor]], want: list[list[Tensor]]) -> None:
    assert len(got) == len(want)
    for place in range(len(SHAPES)):
        mine, theirs = (torch.stack([step[place] for step in steps]) for steps in (got, want))
        torch.testing.assert_close(mine, theirs, rtol=0, atol=ROUNDING * float(theirs.abs().max()))


def assert_same_state(ours: Any, theirs: Any) -> None:
    mine, other = ours.state_dict(), theirs.state_dict()
    assert mine["param_groups"] == other["param_groups"]
    assert mine["state"].keys() == other["state"].keys()
    for number, state in mine["state"].items():
        # In any order: a state is loaded by name, and ours are made where they are first needed (RMSprop's mean before
        # its momentum's buffer, which torch makes first).
        assert set(state) == set(other["state"][number])
        for name, value in state.items():
            want = other["state"][number][name]
            assert value.dtype == want.dtype
            torch.testing.assert_close(value, want, rtol=1e-11, atol=0, msg=lambda said, name=name: f"{name}: {said}")


def test_every_optimizer_has_rows() -> None:
    names = {component.id for component in registered("optimizer")}
    assert set(FLAGS) == set(GROUPS) <= names  # the others have theirs in test_adaptive_optimizers.py


@pytest.mark.parametrize(("identifier", "flags"), ROWS, ids=str)
@pytest.mark.parametrize("scale", [rising, jumping])
def test_parameters_and_state_equal_torchs(identifier: str, flags: dict[str, Any], scale: Any) -> None:
    ours, theirs = (made(identifier, variant, **flags) for variant in ("reference", "torch"))
    gradients = gradients_scaled_by(scale)
    assert_same_path(path(*ours, gradients), path(*theirs, gradients))
    assert_same_state(ours[0], theirs[0])


@pytest.mark.parametrize(("identifier", "flags"), ROWS, ids=str)
@pytest.mark.parametrize("scale", [rising, jumping])
def test_parameters_equal_the_oracles(identifier: str, flags: dict[str, Any], scale: Any) -> None:
    gradients = gradients_scaled_by(scale)
    assert_same_path(
        path(*made(identifier, "reference", **flags), gradients), oracle_path(identifier, gradients, flags)
    )


def oracle_path(identifier: str, gradients: Gradients, flags: dict[str, Any]) -> list[list[Tensor]]:
    oracle = nnbench.component(identifier).oracle
    assert oracle is not None
    arrays = [[gradient.numpy() for gradient in step if gradient is not None] for step in gradients]
    steps = oracle([value.numpy() for value in starting_values()], arrays, **flags)
    return [[torch.as_tensor(np.asarray(array)) for array in step] for step in steps]


@pytest.mark.parametrize("component", registered("optimizer"), ids=lambda component: component.id)
def test_every_case_equals_its_oracle(component: nnbench.Component) -> None:
    gradients = gradients_scaled_by(jumping)
    for case in component.cases:
        arguments = dict(case.arguments)
        got = path(*made(component.id, "reference", **arguments), gradients)
        assert_same_path(got, oracle_path(component.id, gradients, arguments))


def test_the_gradients_would_show_a_misplaced_epsilon() -> None:
    gradients = gradients_scaled_by(rising)
    right, without = (oracle_path("optimizers.adam", gradients, {"lr": 0.1, "eps": eps}) for eps in (1e-8, 1e-16))
    assert float((right[0][0] - without[0][0]).abs().max()) > 0.01


@pytest.mark.parametrize("identifier", FLAGS)
def test_inputs_of_an_oracle_stay_as_they_were(identifier: str) -> None:
    gradients, values = gradients_scaled_by(jumping), starting_values()
    before = copy.deepcopy(gradients)
    oracle_path(identifier, gradients, {"lr": 0.1})
    assert all(
        torch.equal(now, then) for a, b in zip(gradients, before, strict=True) for now, then in zip(a, b, strict=True)
    )
    assert all(torch.equal(now, then) for now, then in zip(values, starting_values(), strict=True))


def with_gaps(gradients: Gradients) -> Gradients:
    """The first parameter has a gradient at every third step, the second never, the last always."""
    return [[first if step % 3 == 1 else None, None, last] for step, (first, _, last) in enumerate(gradients)]


@pytest.mark.parametrize(("identifier", "flags"), ROWS, ids=str)
def test_parameters_without_a_gradient_are_left_as_they_are(identifier: str, flags: dict[str, Any]) -> None:
    gradients = with_gaps(gradients_scaled_by(jumping))
    ours, theirs = (made(identifier, variant, **flags) for variant in ("reference", "torch"))
    found = path(*ours, gradients)
    assert_same_path(found, path(*theirs, gradients))
    assert_same_state(ours[0], theirs[0])
    assert torch.equal(found[-1][1], starting_values()[1])


@pytest.mark.parametrize("identifier", GROUPS)
def test_groups_have_settings_of_their_own(identifier: str) -> None:
    gradients, runs = gradients_scaled_by(jumping), []
    for variant in ("reference", "torch"):
        parameters = [value.clone().requires_grad_() for value in starting_values()]
        first, *others = [{"params": [p]} | more for p, more in zip(parameters, GROUPS[identifier], strict=True)]
        optimizer = nnbench.component(identifier).variant(variant).build(params=[first])
        for group in others:
            optimizer.add_param_group(group)
        runs.append((optimizer, path(optimizer, parameters, gradients)))
    assert_same_path(runs[0][1], runs[1][1])
    assert_same_state(runs[0][0], runs[1][0])


@pytest.mark.parametrize(("identifier", "flags"), ROWS, ids=str)
@pytest.mark.parametrize(("before", "after"), [("reference", "torch"), ("torch", "reference")])
def test_a_state_dict_loads_either_way(identifier: str, flags: dict[str, Any], before: str, after: str) -> None:
    gradients = gradients_scaled_by(jumping)
    whole = path(*made(identifier, before, **flags), gradients)
    first, parameters = made(identifier, before, **flags)
    path(first, parameters, gradients[:10])
    second = nnbench.component(identifier).variant(after).build(params=parameters)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert_same_path(path(second, parameters, gradients[10:]), whole[10:])


@pytest.mark.parametrize(("identifier", "flags"), ROWS, ids=str)
def test_resuming_is_exact(identifier: str, flags: dict[str, Any]) -> None:
    gradients = gradients_scaled_by(jumping)
    whole = path(*made(identifier, "reference", **flags), gradients)
    first, parameters = made(identifier, "reference", **flags)
    path(first, parameters, gradients[:10])
    second, _ = made(identifier, "reference", params=parameters)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    resumed = path(second, parameters, gradients[10:])
    for step, expected in zip(resumed, whole[10:], strict=True):
        assert all(torch.equal(mine, theirs) for mine, theirs in zip(step, expected, strict=True))


@pytest.mark.parametrize(("identifier", "flags"), ROWS, ids=str)
def test_gradients_are_not_changed(identifier: str, flags: dict[str, Any]) -> None:
    optimizer, parameters = made(identifier, "reference", **flags)
    for parameter, gradient in zip(parameters, gradients_scaled_by(jumping)[0], strict=True):
        parameter.grad = gradient
    kept = [gradient.clone() for gradient in (parameter.grad for parameter in parameters) if gradient is not None]
    optimizer.step()
    optimizer.step()
    assert [torch.equal(p.grad, before) for p, before in zip(parameters, kept, strict=True)] == [True] * len(SHAPES)


@pytest.mark.parametrize("identifier", FLAGS)
def test_learning_rates_may_be_tensors(identifier: str) -> None:
    gradients = gradients_scaled_by(jumping)
    as_tensor = path(*made(identifier, "reference", lr=torch.tensor(0.1, dtype=torch.float64)), gradients)
    assert_same_path(as_tensor, path(*made(identifier, "torch", lr=0.1), gradients))


def test_betas_may_be_tensors() -> None:
    betas = tuple(torch.tensor(beta, dtype=torch.float64) for beta in (0.5, 0.6))
    gradients = gradients_scaled_by(jumping)
    ours, theirs = (made("optimizers.adam", variant, betas=betas) for variant in ("reference", "torch"))
    assert_same_path(path(*ours, gradients), path(*theirs, gradients))


@pytest.mark.parametrize("identifier", FLAGS)
def test_a_closure_computes_the_gradients_and_its_loss_comes_back(identifier: str) -> None:
    found = []
    for variant in ("reference", "torch"):
        optimizer, parameters = made(identifier, variant, lr=0.1)

        def closure(optimizer: Any = optimizer, parameters: list[Tensor] = parameters) -> Tensor:
            optimizer.zero_grad()
            loss = sum((parameter.square().sum() for parameter in parameters), torch.zeros(()))
            loss.backward()
            return loss

        losses = [float(optimizer.step(closure).detach()) for _ in range(5)]
        found.append(losses)
    assert found[0] == pytest.approx(found[1], rel=1e-12)
    assert found[0][-1] < found[0][0]


@pytest.mark.parametrize("identifier", FLAGS)
def test_a_scheduler_drives_the_learning_rate(identifier: str) -> None:
    gradients, found = gradients_scaled_by(jumping), []
    for variant in ("reference", "torch"):
        optimizer, parameters = made(identifier, variant, lr=0.1)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
        steps = []
        for step in gradients:
            steps.append(take_step(optimizer, parameters, step))
            scheduler.step()
        found.append(steps)
    assert_same_path(*found)


@pytest.mark.parametrize(("identifier", "flags"), ROWS, ids=str)
def test_errors_in_float32_are_comparable_with_torchs(identifier: str, flags: dict[str, Any]) -> None:
    gradients, errors = gradients_scaled_by(jumping), {}
    narrow: Gradients = [[None if g is None else g.float() for g in step] for step in gradients]
    exact = path(*made(identifier, "torch", **flags), [[None if g is None else g.double() for g in s] for s in narrow])
    for variant in ("reference", "torch"):
        parameters = [value.float().requires_grad_() for value in starting_values()]
        optimizer, _ = made(identifier, variant, params=parameters, **flags)
        last = path(optimizer, parameters, narrow)[-1]
        errors[variant] = [
            float((mine.double() - right).abs().max()) for mine, right in zip(last, exact[-1], strict=True)
        ]
    for ours, theirs, right in zip(errors["reference"], errors["torch"], exact[-1], strict=True):
        floor = 8 * STEPS * torch.finfo(torch.float32).eps * float(right.abs().max())
        assert ours <= 2 * theirs + floor
