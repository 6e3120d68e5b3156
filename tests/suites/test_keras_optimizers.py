"""Keras' optimizers behind torch's interface: SGD steps like torch's, the others by the rules of Keras' documents."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from keras_support import Shape, drawn, needs_keras
from suite_support import assert_close
from torch import Tensor

import nnbench
from nnbench.failures import NotMeasurable

SHAPES: list[Shape] = [(4, 3), (5,)]
STEPS = 12
Path = list[list[Tensor]]


def gradients() -> list[list[Tensor]]:
    generator = torch.Generator().manual_seed(1)
    powers = [10.0 ** (-4 + 8 * (7 * step % STEPS) / STEPS) for step in range(STEPS)]
    return [[torch.randn(s, generator=generator, dtype=torch.float64) * power for s in SHAPES] for power in powers]


def starting() -> list[Tensor]:
    return [tensor.detach().requires_grad_() for tensor in drawn(SHAPES)]


def optimizer(identifier: str, variant: str, params: Any, **settings: Any) -> Any:
    return nnbench.component(identifier).variant(variant).build(params=params, **settings)


def stepped(made: Any, parameters: list[Tensor], through: list[list[Tensor]]) -> Path:
    path = []
    for step in through:
        for parameter, gradient in zip(parameters, step, strict=True):
            parameter.grad = gradient.clone()
        made.step()
        path.append([parameter.detach().clone() for parameter in parameters])
    return path


def assert_same_path(got: Path, want: Any) -> None:
    for mine, theirs in zip(got, want, strict=True):
        for a, b in zip(mine, theirs, strict=True):
            assert_close(a, torch.as_tensor(b))


@needs_keras
@pytest.mark.parametrize(
    "settings",
    [
        {"lr": 0.1},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "momentum": 0.5, "nesterov": True},
        {"lr": 0.1, "weight_decay": 0.2},
    ],
    ids=str,
)
def test_sgd_steps_like_torchs(settings: dict[str, Any]) -> None:
    paths = []
    for variant in ("keras", "torch"):
        parameters = starting()
        paths.append(stepped(optimizer("optimizers.sgd", variant, parameters, **settings), parameters, gradients()))
    assert_same_path(*paths)


def adam_of_keras(p: np.ndarray, slopes: list[np.ndarray], weight_decay: float = 0.0) -> Iterator[np.ndarray]:
    """The paper's second form, with "epsilon hat", after its section 2; weights decay first."""
    m = v = np.zeros_like(p)
    for t, g in enumerate(slopes, 1):
        p = p * (1 - 0.001 * weight_decay)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        p = p - 0.001 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-7)
        yield p


def rmsprop_of_keras(p: np.ndarray, slopes: list[np.ndarray]) -> Iterator[np.ndarray]:
    v = np.zeros_like(p)
    for g in slopes:
        v = 0.9 * v + 0.1 * g * g
        p = p - 0.001 * g / np.sqrt(v + 1e-7)
        yield p


def adagrad_of_keras(p: np.ndarray, slopes: list[np.ndarray]) -> Iterator[np.ndarray]:
    s = np.full_like(p, 0.1)
    for g in slopes:
        s = s + g * g
        p = p - 0.001 * g / np.sqrt(s + 1e-7)
        yield p


def adamw_of_keras(p: np.ndarray, slopes: list[np.ndarray]) -> Iterator[np.ndarray]:
    return adam_of_keras(p, slopes, weight_decay=0.004)


DOCUMENTED_BY_KERAS = {
    "optimizers.adam": adam_of_keras,
    "optimizers.adamw": adamw_of_keras,
    "optimizers.rmsprop": rmsprop_of_keras,
    "optimizers.adagrad": adagrad_of_keras,
}
OPTIMIZERS = ["optimizers.sgd", *DOCUMENTED_BY_KERAS]


@needs_keras
@pytest.mark.parametrize("identifier", DOCUMENTED_BY_KERAS)
def test_keras_rules_and_defaults_are_the_only_difference(identifier: str) -> None:
    """With no argument given, each follows the formula and the defaults of Keras' documentation."""
    parameters, through = starting(), gradients()
    walks = [
        DOCUMENTED_BY_KERAS[identifier](parameter.detach().numpy().copy(), [step[place].numpy() for step in through])
        for place, parameter in enumerate(parameters)
    ]
    got = stepped(optimizer(identifier, "keras", parameters), parameters, through)
    assert_same_path(got, list(zip(*walks, strict=True)))
    assert nnbench.component(identifier).variant("keras").difference


# Of Keras' own classes, under torch's names; None where Keras means no decay.
DEFAULTS: dict[str, dict[str, Any]] = {
    "optimizers.adam": {"lr": 0.001, "eps": 1e-7, "betas": (0.9, 0.999), "weight_decay": None},
    "optimizers.adamw": {"lr": 0.001, "eps": 1e-7, "betas": (0.9, 0.999), "weight_decay": 0.004},
    "optimizers.rmsprop": {"lr": 0.001, "eps": 1e-7, "alpha": 0.9, "momentum": 0.0, "weight_decay": None},
    "optimizers.adagrad": {"lr": 0.001, "eps": 1e-7, "initial_accumulator_value": 0.1, "weight_decay": None},
}
NAMES_OF_KERAS = {"lr": "learning_rate", "eps": "epsilon", "alpha": "rho"}


@needs_keras
@pytest.mark.parametrize("identifier", DEFAULTS)
def test_settings_left_open_are_keras_own(identifier: str) -> None:
    import keras

    made = optimizer(identifier, "keras", starting())
    class_name = type(made).__name__
    own = getattr(keras.optimizers, class_name)().get_config()
    given = made.param_groups[0]
    for name, value in DEFAULTS[identifier].items():
        theirs = (
            [own[beta] for beta in ("beta_1", "beta_2")] if name == "betas" else own[NAMES_OF_KERAS.get(name, name)]
        )
        assert theirs == (pytest.approx(value) if value is not None else None), name
        assert (given[name] or None) == (value or None), name


@pytest.mark.parametrize(
    ("identifier", "told"),
    [
        ("optimizers.adam", ["1e-7", "1e-8", "before the bias correction", "decoupled"]),
        ("optimizers.adamw", ["1e-7", "1e-8", "before the bias correction", "0.004", "0.01"]),
        ("optimizers.rmsprop", ["rho is 0.9", "alpha is 0.99", "1e-7", "1e-8", "under the root"]),
        ("optimizers.adagrad", ["starts at 0.1", "1e-7", "1e-10", "under the root"]),
    ],
)
def test_what_differs_is_told_and_a_case_leaves_it_open(identifier: str, told: list[str]) -> None:
    made = nnbench.component(identifier)
    assert [word for word in told if word not in made.variant("keras").difference] == []
    assert any(set(case.arguments) == {"lr"} for case in made.cases)


@needs_keras
@pytest.mark.parametrize("identifier", ["optimizers.adam", "optimizers.adamw", "optimizers.rmsprop"])
def test_a_case_with_only_a_learning_rate_is_stepped_by_keras_defaults(identifier: str) -> None:
    component = nnbench.component(identifier)
    settings = next(dict(case.arguments) for case in component.cases if set(case.arguments) == {"lr"})
    spelt = {name: value for name, value in DEFAULTS[identifier].items() if value is not None} | settings
    of_torch = {name: value for name, value in torch_defaults(identifier).items() if name in spelt} | settings
    walks = []
    for given in (settings, spelt, of_torch):
        parameters = starting()
        walks.append(stepped(optimizer(identifier, "keras", parameters, **given), parameters, gradients())[-1])
    open_, keras_own, torchs = walks
    for mine, right, other in zip(open_, keras_own, torchs, strict=True):
        assert torch.equal(mine, right)
        assert not torch.allclose(mine, other, rtol=1e-7, atol=0)


def torch_defaults(identifier: str) -> dict[str, Any]:
    return dict(optimizer(identifier, "torch", starting()).defaults)


@needs_keras
@pytest.mark.parametrize("identifier", OPTIMIZERS)
def test_resuming_is_exact(identifier: str) -> None:
    settings = {"lr": 0.1, "momentum": 0.9} if identifier == "optimizers.sgd" else {"lr": 0.1}
    parameters = starting()
    whole = stepped(optimizer(identifier, "keras", parameters, **settings), parameters, gradients())
    parameters = starting()
    first = optimizer(identifier, "keras", parameters, **settings)
    stepped(first, parameters, gradients()[:5])
    second = optimizer(identifier, "keras", parameters, lr=0.01)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    resumed = stepped(second, parameters, gradients()[5:])
    assert all(torch.equal(a, b) for x, y in zip(resumed, whole[5:], strict=True) for a, b in zip(x, y, strict=True))


@needs_keras
@pytest.mark.parametrize("identifier", OPTIMIZERS)
def test_parameters_without_a_gradient_are_left_as_they_are(identifier: str) -> None:
    parameters, before = starting(), starting()
    made = optimizer(identifier, "keras", parameters, lr=0.1)
    parameters[0].grad = torch.ones_like(parameters[0])
    made.step()
    assert torch.equal(parameters[1], before[1])
    assert not torch.equal(parameters[0], before[0])
    made.zero_grad()
    kept = parameters[0].detach().clone()
    made.step()
    assert torch.equal(parameters[0], kept)


@needs_keras
@pytest.mark.parametrize("settings", [{}, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}], ids=str)
def test_what_sgd_cannot_do_like_torchs_is_not_measured(settings: dict[str, Any]) -> None:
    with pytest.raises(NotMeasurable, match=r"torch's 0.001" if not settings else "apart from the momentum"):
        optimizer("optimizers.sgd", "keras", starting(), **settings)


@needs_keras
def test_a_groups_decay_beside_momentum_is_not_measured() -> None:
    first, second = starting()
    group = {"params": [second], "weight_decay": 0.1}
    made = optimizer("optimizers.sgd", "keras", [{"params": [first]}, group], lr=0.1, momentum=0.9)
    with pytest.raises(NotMeasurable, match="apart from the momentum"):
        stepped(made, [first, second], gradients()[:1])


@needs_keras
def test_adams_decay_is_decoupled_whether_asked_for_or_not() -> None:
    paths = []
    for decoupled in (False, True):
        parameters = starting()
        made = optimizer("optimizers.adam", "keras", parameters, weight_decay=0.2, decoupled_weight_decay=decoupled)
        paths.append(stepped(made, parameters, gradients()))
    assert_same_path(*paths)
    undecayed = starting()
    plain = stepped(optimizer("optimizers.adam", "keras", undecayed), undecayed, gradients())
    assert not torch.allclose(plain[-1][0], paths[0][-1][0], rtol=1e-6, atol=0)


@needs_keras
def test_groups_settings_and_moved_parameters_are_heeded() -> None:
    paths = []
    for variant in ("keras", "torch"):
        parameters = starting()
        made = optimizer("optimizers.sgd", variant, [parameters[0]], lr=0.1, momentum=0.9)
        made.add_param_group({"params": [parameters[1]], "lr": 0.01})
        path = stepped(made, parameters, gradients()[:3])
        made.param_groups[0]["lr"] = 0.3
        made.param_groups[1]["momentum"] = 0.5
        parameters[0].data = parameters[0].data.clone()
        paths.append(path + stepped(made, parameters, gradients()[3:]))
    # Keras' momentum has the learning rate in it, so after a new one the first group goes another way than torch's.
    got, want = ([[step[1]] for step in path] for path in paths)
    assert_same_path(got, want)
    assert_close(paths[0][2][0], paths[1][2][0])
    assert not torch.equal(paths[0][3][0], paths[0][2][0])


@needs_keras
def test_a_closure_computes_the_gradients_and_its_loss_comes_back() -> None:
    parameters = starting()
    made = optimizer("optimizers.adam", "keras", parameters, lr=0.1)

    def closure() -> Tensor:
        made.zero_grad()
        loss = parameters[0].square().sum() + parameters[1].square().sum()
        loss.backward()
        return loss

    losses = [float(made.step(closure).detach()) for _ in range(5)]
    assert losses == sorted(losses, reverse=True)
