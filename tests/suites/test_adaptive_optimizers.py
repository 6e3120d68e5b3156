"""AdamW, RMSprop, Adagrad and momentum as a running mean: every check of the other optimizers, and their own."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

import pytest
import test_optimizers as shared
import torch
from test_optimizers import (
    assert_same_path,
    assert_same_state,
    gradients_scaled_by,
    jumping,
    made,
    oracle_path,
    path,
    rising,
    starting_values,
)
from torch import Tensor

import nnbench

DECAY = {"weight_decay": 0.2}
EVERYTHING = {"momentum": 0.5, "centered": True, "maximize": True, "eps": 1e-3}

FLAGS: dict[str, list[dict[str, Any]]] = {
    "optimizers.adamw": [
        {},
        {"lr": 0.0},
        {"lr": 0.1},
        {"lr": 0.1, "weight_decay": 0},
        {"lr": 0.1, "eps": 1e-2, "weight_decay": 0.2},
        {"lr": 0.1, "betas": (0.5, 0.6), "maximize": True},
        {"lr": 0.1, "amsgrad": True, "betas": (0.99, 0.5)},
        {"lr": 0.1, "amsgrad": True, "maximize": True, "weight_decay": 0.2, "eps": 1e-16},
    ],
    "optimizers.rmsprop": [
        {},
        {"lr": 0.0},
        {"lr": 0.1, "alpha": 0.5},
        {"lr": 0.1, "alpha": 0.0},
        {"lr": 0.1, "alpha": 1.0, "eps": 1.0},
        {"lr": 0.1, "eps": 1e-2} | DECAY,
        {"lr": 0.1, "maximize": True} | DECAY,
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "momentum": 0.9, "alpha": 0.9, "maximize": True} | DECAY,
        {"lr": 0.1, "centered": True},
        {"lr": 0.1, "centered": True, "alpha": 0.5},
        {"lr": 0.1, "alpha": 0.9} | EVERYTHING | DECAY,
    ],
    "optimizers.adagrad": [
        {},
        {"lr": 0.0},
        {"lr": 0.1},
        {"lr": 0.1, "lr_decay": 0.5},
        {"lr": 0.1, "initial_accumulator_value": 0.3},
        {"lr": 0.1, "eps": 1e-2} | DECAY,
        {"lr": 0.1, "eps": 0.0, "maximize": True},
        {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 2, "eps": 1e-3, "maximize": True} | DECAY,
    ],
}
EMA_FLAGS: list[dict[str, Any]] = [
    {},
    {"lr": 0.0},
    {"lr": 0.1, "beta": 0},
    {"lr": 0.1, "beta": 0.5},
    {"lr": 0.1, "beta": 0.99},
]
ROWS = [(identifier, flags) for identifier, sets in FLAGS.items() for flags in sets]
EMA_ROWS = [("optimizers.ema_momentum", flags) for flags in EMA_FLAGS]
SCALES = {"rising": rising, "jumping": jumping}


@pytest.mark.parametrize(("identifier", "flags"), ROWS, ids=str)
@pytest.mark.parametrize("scale", SCALES)
def test_parameters_and_state_equal_torchs(identifier: str, flags: dict[str, Any], scale: str) -> None:
    shared.test_parameters_and_state_equal_torchs(identifier, flags, SCALES[scale])


@pytest.mark.parametrize(("identifier", "flags"), ROWS + EMA_ROWS, ids=str)
@pytest.mark.parametrize("scale", SCALES)
def test_parameters_equal_the_oracles(identifier: str, flags: dict[str, Any], scale: str) -> None:
    shared.test_parameters_equal_the_oracles(identifier, flags, SCALES[scale])


@pytest.mark.parametrize("identifier", [*FLAGS, "optimizers.ema_momentum"])
def test_every_case_equals_its_oracle(identifier: str) -> None:
    shared.test_every_case_equals_its_oracle(nnbench.component(identifier))


OF_EVERY_ROW: list[Callable[[str, dict[str, Any]], None]] = [
    shared.test_resuming_is_exact,
    shared.test_gradients_are_not_changed,
]
AGAINST_TORCH: list[Callable[[str, dict[str, Any]], None]] = [
    shared.test_parameters_without_a_gradient_are_left_as_they_are,
    shared.test_errors_in_float32_are_comparable_with_torchs,
]
OF_EVERY_OPTIMIZER: list[Callable[[str], None]] = [
    shared.test_learning_rates_may_be_tensors,
    shared.test_a_closure_computes_the_gradients_and_its_loss_comes_back,
    shared.test_a_scheduler_drives_the_learning_rate,
]


def named(check: Any) -> str:
    return getattr(check, "__name__", str(check))


@pytest.mark.parametrize(("identifier", "flags"), ROWS + EMA_ROWS, ids=str)
@pytest.mark.parametrize("check", OF_EVERY_ROW, ids=named)
def test_the_row_passes(check: Any, identifier: str, flags: dict[str, Any]) -> None:
    check(identifier, flags)


@pytest.mark.parametrize(("identifier", "flags"), ROWS, ids=str)
@pytest.mark.parametrize("check", AGAINST_TORCH, ids=named)
def test_the_row_passes_beside_torchs(check: Any, identifier: str, flags: dict[str, Any]) -> None:
    check(identifier, flags)


@pytest.mark.parametrize("identifier", FLAGS)
@pytest.mark.parametrize("check", OF_EVERY_OPTIMIZER, ids=named)
def test_the_optimizer_passes_beside_torchs(check: Any, identifier: str) -> None:
    check(identifier)


@pytest.mark.parametrize(("identifier", "flags"), ROWS, ids=str)
@pytest.mark.parametrize(("before", "after"), [("reference", "torch"), ("torch", "reference")])
def test_a_state_dict_loads_either_way(identifier: str, flags: dict[str, Any], before: str, after: str) -> None:
    shared.test_a_state_dict_loads_either_way(identifier, flags, before, after)


GROUPS: dict[str, list[dict[str, Any]]] = {
    "optimizers.adamw": [{"lr": 0.1, "amsgrad": True}, {"betas": (0.5, 0.6), "weight_decay": 0.1}, {"maximize": True}],
    "optimizers.rmsprop": [{"lr": 0.1, "centered": True}, {"alpha": 0.5, "momentum": 0.9} | DECAY, {"maximize": True}],
    "optimizers.adagrad": [{"lr": 0.1, "lr_decay": 0.5}, {"eps": 0.1} | DECAY, {"maximize": True}],
}


@pytest.mark.parametrize("identifier", GROUPS)
def test_groups_have_settings_of_their_own(identifier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(shared.GROUPS, identifier, GROUPS[identifier])
    shared.test_groups_have_settings_of_their_own(identifier)


def test_a_state_of_adams_goes_on_with_decoupled_decay() -> None:
    gradients, found = gradients_scaled_by(jumping), []
    adam, _ = made("optimizers.adam", "torch", lr=0.1, weight_decay=0.2)
    for variant in ("reference", "torch"):
        adamw, parameters = made("optimizers.adamw", variant)
        adamw.load_state_dict(copy.deepcopy(adam.state_dict()))
        assert [group["decoupled_weight_decay"] for group in adamw.param_groups] == [True]
        found.append(path(adamw, parameters, gradients))
    assert_same_path(*found)


def test_adagrads_sums_are_there_before_the_first_step() -> None:
    ours, theirs = (
        made("optimizers.adagrad", variant, initial_accumulator_value=0.3)[0] for variant in ("reference", "torch")
    )
    assert_same_state(ours, theirs)
    assert [float(state["sum"].max()) for state in ours.state_dict()["state"].values()] == [0.3] * 3


def test_adagrads_groups_share_what_their_sums_start_with() -> None:
    """Torch takes such a setting and ignores it."""
    optimizer, _ = made("optimizers.adagrad", "reference", initial_accumulator_value=0.3)
    more = {"params": [torch.ones(2, requires_grad=True)]}
    optimizer.add_param_group(more | {"initial_accumulator_value": 0.3})
    with pytest.raises(NotImplementedError, match="initial_accumulator_value"):
        optimizer.add_param_group({"params": [torch.ones(2, requires_grad=True)], "initial_accumulator_value": 0.0})


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_variance_of_zero_is_not_taken_below_it_by_rounding(dtype: torch.dtype) -> None:
    """The same gradient at every step: v - a^2 tends to 0, and its root must not become NaN."""
    parameter = torch.linspace(-1, 1, 1001, dtype=dtype).requires_grad_()
    optimizer = nnbench.component("optimizers.rmsprop").reference.build(params=[parameter], alpha=0.5, centered=True)
    below = False
    for _ in range(100):
        parameter.grad = torch.linspace(0.1, 3, 1001, dtype=dtype)
        optimizer.step()
        state = optimizer.state[parameter]
        below |= bool((state["square_avg"] < state["grad_avg"] ** 2).any())
    assert below
    assert parameter.isfinite().all()


@pytest.mark.parametrize("flags", [flags for flags in EMA_FLAGS if flags.get("beta") != 0], ids=str)
@pytest.mark.parametrize("scale", SCALES)
def test_the_running_mean_is_torchs_dampened_momentum_that_starts_at_zero(flags: dict[str, Any], scale: str) -> None:
    gradients, beta = gradients_scaled_by(SCALES[scale]), flags.get("beta", 0.9)
    ours, parameters = made("optimizers.ema_momentum", "reference", **flags)
    theirs, others = made("optimizers.sgd", "torch", lr=flags.get("lr", 0.01), momentum=beta, dampening=beta)
    for parameter in others:
        theirs.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    assert_same_path(path(ours, parameters, gradients), path(theirs, others, gradients))
    for mine, other in zip(parameters, others, strict=True):
        torch.testing.assert_close(ours.state[mine], theirs.state[other], rtol=1e-11, atol=0)


def test_the_first_step_of_the_running_mean_is_not_corrected() -> None:
    parameter = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    parameter.grad = torch.tensor([10.0, -20.0], dtype=torch.float64)
    nnbench.component("optimizers.ema_momentum").reference.build(params=[parameter], lr=0.01, beta=0.9).step()
    torch.testing.assert_close(parameter.detach(), torch.tensor([0.99, 2.02], dtype=torch.float64))


def test_the_running_mean_leaves_parameters_without_a_gradient() -> None:
    gradients = gradients_scaled_by(jumping)
    found = path(*made("optimizers.ema_momentum", "reference"), shared.with_gaps(gradients))
    assert torch.equal(found[-1][1], starting_values()[1])
    assert torch.equal(found[0][0], starting_values()[0])
    assert not torch.equal(found[1][0], starting_values()[0])


@pytest.mark.parametrize("identifier", [*FLAGS, "optimizers.ema_momentum"])
def test_an_oracles_inputs_stay_as_they_were(identifier: str) -> None:
    gradients = gradients_scaled_by(jumping)
    before = copy.deepcopy(gradients)
    oracle_path(identifier, gradients, {"lr": 0.1})
    torch.testing.assert_close(gradients, before, rtol=0, atol=0)


def build(identifier: str, variant: str = "reference", **arguments: Any) -> Any:
    handed: dict[str, Any] = {"params": [torch.ones(2, requires_grad=True)]}
    return nnbench.component(identifier).variant(variant).build(**(handed | arguments))


UNSUPPORTED = [
    *(("optimizers.adamw", argument) for argument in ("foreach", "fused", "differentiable", "capturable")),
    *(("optimizers.rmsprop", argument) for argument in ("foreach", "differentiable", "capturable")),
    *(("optimizers.adagrad", argument) for argument in ("foreach", "fused", "differentiable")),
]


@pytest.mark.parametrize(("identifier", "argument"), UNSUPPORTED)
def test_unsupported_arguments_are_named(identifier: str, argument: str) -> None:
    with pytest.raises(NotImplementedError, match=argument):
        build(identifier, **{argument: True})
    with pytest.raises(NotImplementedError, match=argument):
        build(identifier, params=[{"params": [torch.ones(2, requires_grad=True)], argument: True}])
    build(identifier, **{argument: False})


def unusual(kind: str) -> Tensor:
    parameter = torch.ones(2, dtype=torch.complex64 if kind == "complex" else torch.float32, requires_grad=True)
    parameter.grad = torch.eye(2)[0].to_sparse() if kind == "sparse" else torch.ones_like(parameter)
    return parameter


@pytest.mark.parametrize("identifier", [*FLAGS, "optimizers.ema_momentum"])
@pytest.mark.parametrize("kind", ["sparse", "complex"])
def test_unusual_tensors_are_named(identifier: str, kind: str) -> None:
    optimizer = build(identifier, params=[unusual(kind)])
    with pytest.raises(NotImplementedError, match=kind):
        optimizer.step()


INVALID: list[tuple[str, dict[str, Any]]] = [
    *((name, {"lr": lr}) for name in FLAGS for lr in (-1.0, float("nan"), torch.ones(2))),
    *((name, {setting: -0.1}) for name in FLAGS for setting in ("eps", "weight_decay")),
    *(("optimizers.adamw", {"betas": betas}) for betas in ((1.0, 0.9), (0.9, -0.1), (0, 0.9))),
    *(("optimizers.rmsprop", {setting: -0.1}) for setting in ("alpha", "momentum")),
    *(("optimizers.adagrad", {setting: -0.1}) for setting in ("lr_decay", "initial_accumulator_value")),
]


@pytest.mark.parametrize(("identifier", "arguments"), INVALID, ids=str)
def test_what_torch_refuses_is_refused(identifier: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as theirs:  # noqa: PT011  torch's message is torch's
        build(identifier, "torch", **arguments)
    with pytest.raises(theirs.type, match=next(iter(arguments))):
        build(identifier, **arguments)


@pytest.mark.parametrize("arguments", [{"lr": -1.0}, {"beta": 1.0}, {"beta": -0.1}, {"beta": float("nan")}], ids=str)
def test_the_running_mean_refuses_what_makes_no_sense(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        build("optimizers.ema_momentum", **arguments)


@pytest.mark.parametrize("identifier", FLAGS)
def test_constructor_arguments_and_their_defaults_are_torchs(identifier: str) -> None:
    component, found = nnbench.component(identifier), []
    for variant in ("reference", "torch"):
        parameters = inspect.signature(component.variant(variant).resolve()).parameters.values()
        found.append([(parameter.name, parameter.default, parameter.kind) for parameter in parameters])
    assert found[0] == found[1]
