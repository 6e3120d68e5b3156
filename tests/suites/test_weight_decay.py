"""Weight decay in the gradient and beside it, step by step in float64, beside torch's optimizers and the oracle."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import nnbench

COMPONENT = nnbench.component("regularizers.weight_decay")
SHAPES, STEPS = [(4, 3), (5,), ()], 25
ROUNDING = 1e-12  # of the largest value on the path

FORMS: list[dict[str, Any]] = [
    {},
    {"lr": 0.0},
    {"weight_decay": 0.0},
    {"lr": 0.1, "weight_decay": 0.2},
    {"lr": 0.1, "weight_decay": 0.2, "decoupled": True},
    {"lr": 0.1, "weight_decay": 0.2, "momentum": 0.9},
    {"lr": 0.1, "weight_decay": 0.2, "momentum": 0.9, "decoupled": True},
    {"lr": 0.1, "weight_decay": 0.2, "momentum": 1.0},
    {"rule": "adam"},
    {"rule": "adam", "decoupled": True},
    {"rule": "adam", "lr": 0.1, "weight_decay": 0.2},
    {"rule": "adam", "lr": 0.1, "weight_decay": 0.2, "decoupled": True},
    {"rule": "adam", "lr": 0.1, "weight_decay": 0.2, "betas": (0.5, 0.6), "eps": 1e-2},
    {"rule": "adam", "lr": 0.1, "weight_decay": 0.2, "betas": (0.0, 0.0), "eps": 1e-16, "decoupled": True},
    {"rule": "adam", "lr": 0.1, "weight_decay": 0.0},
]
CASES = [dict(case.arguments) for case in COMPONENT.cases]
STATES = {
    "sgd": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2}),
    "adam": (torch.optim.Adam, {"lr": 0.1, "weight_decay": 0.2}),
}

Path = list[list[Tensor]]


def starting_values() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in SHAPES]


def gradients(steps: int = STEPS) -> Path:
    """Scaled by powers of ten from -4 to 4 in no order: 7 and 25 have no common divisor."""
    generator = torch.Generator().manual_seed(1)
    return [
        [
            torch.randn(s, generator=generator, dtype=torch.float64) * 10.0 ** (-4 + 8 * (7 * k % 25) / 24)
            for s in SHAPES
        ]
        for k in range(steps)
    ]


def made(variant: str, **arguments: Any) -> tuple[Any, list[Tensor]]:
    parameters = [value.clone().requires_grad_() for value in starting_values()]
    return COMPONENT.variant(variant).build(**({"params": parameters} | arguments)), parameters


def path(optimizer: Any, parameters: list[Tensor], steps: Path) -> Path:
    found = []
    for step in steps:
        for parameter, gradient in zip(parameters, step, strict=True):
            parameter.grad = None if gradient is None else gradient.clone()
        optimizer.step()
        found.append([parameter.detach().clone() for parameter in parameters])
    return found


def oracle_path(steps: Path, arguments: dict[str, Any]) -> Path:
    assert COMPONENT.oracle is not None
    arrays = [[gradient.numpy() for gradient in step] for step in steps]
    found = COMPONENT.oracle([value.numpy() for value in starting_values()], arrays, **arguments)
    return [[torch.as_tensor(np.asarray(array)) for array in step] for step in found]


def assert_same_path(got: Path, want: Path) -> None:
    assert len(got) == len(want)
    for place in range(len(SHAPES)):
        mine, theirs = (torch.stack([step[place] for step in steps]) for steps in (got, want))
        torch.testing.assert_close(mine, theirs, rtol=0, atol=ROUNDING * float(theirs.abs().max()))


@pytest.mark.parametrize("arguments", [*FORMS, *CASES], ids=str)
def test_steps_equal_torchs_and_the_oracles(arguments: dict[str, Any]) -> None:
    got = path(*made("reference", **arguments), gradients())
    assert_same_path(got, path(*made("torch", **arguments), gradients()))
    assert_same_path(got, oracle_path(gradients(), arguments))


def far_apart(first: dict[str, Any], second: dict[str, Any]) -> float:
    paths = [path(*made("reference", **arguments), gradients()) for arguments in (first, second)]
    return max(
        float((a - b).abs().max()) for one, other in zip(*paths, strict=True) for a, b in zip(one, other, strict=True)
    )


def test_coupled_and_decoupled_are_one_for_sgd_without_momentum_only() -> None:
    plain = {"lr": 0.1, "weight_decay": 0.2}
    coupled, decoupled = (path(*made("reference", **plain, decoupled=flag), gradients()) for flag in (False, True))
    assert_same_path(coupled, decoupled)
    for more in ({"momentum": 0.9}, {"rule": "adam"}):
        assert far_apart(plain | more, plain | more | {"decoupled": True}) > 0.01


def test_a_decoupled_decay_does_not_depend_on_the_gradients() -> None:
    """With gradients of zero a parameter shrinks by lr * weight_decay; adam's coupled decay moves it by lr instead."""
    zeros = [[torch.zeros(shape, dtype=torch.float64) for shape in SHAPES]]
    settings = {"rule": "adam", "lr": 0.1, "weight_decay": 0.01}
    ((shrunk, *_),) = path(*made("reference", **settings, decoupled=True), zeros)
    torch.testing.assert_close(shrunk, 0.999 * starting_values()[0])
    ((moved, *_),) = path(*made("reference", **settings), zeros)
    start = starting_values()[0]
    torch.testing.assert_close(moved, start - 0.1 * start.sign(), rtol=0, atol=1e-4)


def with_gaps() -> list[list[Any]]:
    return [[first if k % 3 == 1 else None, None, last] for k, (first, _, last) in enumerate(gradients())]


@pytest.mark.parametrize("arguments", FORMS, ids=str)
def test_parameters_without_a_gradient_are_left_as_they_are(arguments: dict[str, Any]) -> None:
    found = [path(*made(variant, **arguments), with_gaps()) for variant in ("reference", "torch")]
    assert_same_path(*found)
    assert torch.equal(found[0][-1][1], starting_values()[1])


@pytest.mark.parametrize("arguments", FORMS, ids=str)
def test_resuming_is_exact(arguments: dict[str, Any]) -> None:
    whole = path(*made("reference", **arguments), gradients())
    first, parameters = made("reference", **arguments)
    path(first, parameters, gradients()[:10])
    second, _ = made("reference", **(arguments | {"params": parameters}))
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    resumed = path(second, parameters, gradients()[10:])
    for step, expected in zip(resumed, whole[10:], strict=True):
        assert all(torch.equal(mine, theirs) for mine, theirs in zip(step, expected, strict=True))


@pytest.mark.parametrize("rule", STATES)
def test_torchs_state_is_continued_and_ours_is_by_torch(rule: str) -> None:
    build, settings = STATES[rule]
    parameters = [value.clone().requires_grad_() for value in starting_values()]
    theirs = build(parameters, **settings)
    path(theirs, parameters, gradients()[:10])
    copies = [parameter.detach().clone().requires_grad_() for parameter in parameters]
    ours = COMPONENT.reference.build(params=copies, rule=rule)
    ours.load_state_dict(copy.deepcopy(theirs.state_dict()))
    again = build([parameter.detach().clone().requires_grad_() for parameter in parameters], **settings)
    again.load_state_dict(copy.deepcopy(ours.state_dict()))
    rest = gradients()[10:]
    want = path(theirs, parameters, rest)
    assert_same_path(path(ours, copies, rest), want)
    assert_same_path(path(again, again.param_groups[0]["params"], rest), want)


def test_groups_have_settings_of_their_own_and_a_scheduler_drives_them() -> None:
    found = []
    for variant in ("reference", "torch"):
        parameters = [value.clone().requires_grad_() for value in starting_values()]
        groups = [{"params": parameters[:1], "lr": 0.1}, {"params": parameters[1:], "weight_decay": 0.3}]
        optimizer = COMPONENT.variant(variant).build(params=groups, momentum=0.9, decoupled=True)
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        steps: Path = []
        for step in gradients():
            steps += path(optimizer, parameters, [step])
            scheduler.step()
        found.append(steps)
    assert_same_path(*found)


@pytest.mark.parametrize("variant", ["reference", "torch"])
@pytest.mark.parametrize("decoupled", [False, True])
def test_a_closure_computes_the_gradients_and_its_loss_comes_back(variant: str, decoupled: bool) -> None:
    optimizer, parameters = made(variant, lr=0.1, weight_decay=0.1, decoupled=decoupled)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = sum((parameter.square().sum() for parameter in parameters), torch.zeros(()))
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(3)]
    # In either form a weight is multiplied by 1 - 0.1 * (2 + 0.1) at each step.
    assert losses[1:] == pytest.approx([loss * 0.79**2 for loss in losses[:2]], rel=1e-12)
    assert losses[2] < losses[1] < losses[0]


@pytest.mark.parametrize(
    "arguments",
    [
        {"rule": "rmsprop"},
        {"lr": -0.1},
        {"weight_decay": -0.1},
        {"momentum": -0.1},
        {"eps": -1e-8, "rule": "adam"},
        {"betas": (1.0, 0.9), "rule": "adam"},
        {"momentum": 0.9, "rule": "adam"},
    ],
    ids=str,
)
def test_settings_that_mean_nothing_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        made("reference", **arguments)


def test_sparse_gradients_and_complex_parameters_are_refused() -> None:
    embedding = torch.nn.Embedding(3, 2, sparse=True)
    embedding(torch.tensor([1])).sum().backward()
    with pytest.raises(NotImplementedError, match="sparse"):
        COMPONENT.reference.build(params=embedding.parameters()).step()
    number = torch.ones(2, dtype=torch.complex64, requires_grad=True)
    number.grad = torch.ones_like(number)
    with pytest.raises(NotImplementedError, match="complex"):
        COMPONENT.reference.build(params=[number]).step()
