"""Penalties on weights: values and gradients beside torch, NumPy and closed forms, and the documents' sum of norms."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from suite_support import answer, assert_close, built, inputs_of, oracle_answer
from torch import Tensor, nn

import nnbench
from nnbench import case, randn
from nnbench.specs import Case

NAMES = ("l1", "l2", "l1_l2")
COMPONENTS = {name: nnbench.component(f"regularizers.{name}") for name in NAMES}
FACTORS = {"l1": ["l1"], "l2": ["l2"], "l1_l2": ["l1", "l2"]}
SHAPES = [[randn(4, 3)], [randn(5)], [randn()], [randn(4, 3), randn(4), randn(2, 3, 3, 3)], [randn(0), randn(2)]]
ROWS: list[tuple[str, Case]] = [
    (name, case(*shapes, **dict.fromkeys(FACTORS[name], factor)))
    for name in NAMES
    for shapes in SHAPES
    for factor in (0.01, 3.0)
]
ROWS += [
    ("l1_l2", case(randn(4, 3), randn(2), **more)) for more in ({}, {"l1": 0.1}, {"l2": 0.1}, {"l1": 2, "l2": 0.5})
]
ROWS += [(name, case(randn(4, 3), **dict.fromkeys(FACTORS[name], 0.0))) for name in NAMES]
ROWS += [(name, case(randn(3))) for name in NAMES]
JUDGED = ROWS + [(name, row) for name, made in COMPONENTS.items() for row in made.cases]


def labelled(value: Any) -> str:
    return getattr(value, "label", value)


@pytest.mark.parametrize(("name", "row"), JUDGED, ids=labelled)
def test_the_reference_equals_its_oracle(name: str, row: Case) -> None:
    made, inputs = built(COMPONENTS[name], "reference", row), inputs_of(row)
    defaults = {factor: getattr(made, factor) for factor in FACTORS[name]}
    complete = case(*row.inputs, **(defaults | dict(row.arguments)))
    assert_close(made(*inputs).detach(), oracle_answer(COMPONENTS[name], complete, made, inputs))


@pytest.mark.parametrize(("name", "row"), ROWS, ids=labelled)
def test_values_and_gradients_equal_torchs(name: str, row: Case) -> None:
    (output, gradients), (expected, expected_gradients) = (
        answer(built(COMPONENTS[name], variant, row), inputs_of(row)) for variant in ("reference", "torch")
    )
    assert_close(output, expected)
    for place, gradient in gradients.items():
        assert_close(gradient, expected_gradients[place], place)


def slope(module: nn.Module, weights: Tensor) -> Tensor:
    leaf = weights.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(module(leaf), leaf)
    return gradient


WEIGHTS = torch.tensor([-2.0, 0.0, 3.0], dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "arguments", "value", "gradient"),
    [
        ("l1", {"l1": 0.1}, 0.5, [-0.1, 0.0, 0.1]),
        ("l2", {"l2": 0.1}, 1.3, [-0.4, 0.0, 0.6]),
        ("l1_l2", {"l1": 0.1, "l2": 0.1}, 1.8, [-0.5, 0.0, 0.7]),
        ("l1", {}, 0.05, [-0.01, 0.0, 0.01]),
        ("l2", {}, 0.13, [-0.04, 0.0, 0.06]),
        ("l1_l2", {}, 0.0, [0.0, 0.0, 0.0]),
    ],
)
def test_values_and_slopes_by_hand(name: str, arguments: dict[str, float], value: float, gradient: list[float]) -> None:
    for variant in ("reference", "torch"):
        made = COMPONENTS[name].variant(variant).build(**arguments)
        assert made(WEIGHTS).item() == pytest.approx(value, rel=1e-12)
        assert slope(made, WEIGHTS).tolist() == pytest.approx(gradient, rel=1e-12)


def test_l2_pulls_as_sgds_weight_decay_of_twice_the_factor() -> None:
    layers = [nn.Linear(4, 3).double() for _ in range(2)]
    layers[1].load_state_dict(layers[0].state_dict())
    x = torch.randn(5, 4, dtype=torch.float64)
    penalty = COMPONENTS["l2"].reference.build(l2=0.05)
    (layers[0](x).square().mean() + penalty(*layers[0].parameters())).backward()
    layers[1](x).square().mean().backward()
    steps = [
        torch.optim.SGD(layer.parameters(), lr=0.1, weight_decay=decay)
        for layer, decay in zip(layers, (0, 0.1), strict=True)
    ]
    for optimizer in steps:
        optimizer.step()
    for mine, theirs in zip(layers[0].parameters(), layers[1].parameters(), strict=True):
        assert_close(mine.detach(), theirs.detach())


@pytest.mark.parametrize("name", NAMES)
def test_a_penalty_of_several_parameters_is_the_sum_of_theirs(name: str) -> None:
    made = COMPONENTS[name].reference.build(**dict.fromkeys(FACTORS[name], 0.3))
    first, second = torch.randn(3, 2, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    assert_close(made(first, second), made(first) + made(second))
    assert_close(made(first, second), made(torch.cat([first.flatten(), second])))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_the_penalty_is_of_the_weights_dtype(name: str, dtype: torch.dtype) -> None:
    made = COMPONENTS[name].reference.build(**dict.fromkeys(FACTORS[name], 0.3))
    weights = torch.randn(6, generator=torch.Generator().manual_seed(0)).to(dtype)
    got = made(weights)
    assert got.dtype == dtype
    assert got.item() == pytest.approx(made(weights.double()).item(), rel=8 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_diverged_show(name: str, value: float) -> None:
    made = COMPONENTS[name].reference.build(**dict.fromkeys(FACTORS[name], 0.3))
    got = made(torch.tensor([1.0, value])).item()
    assert got == pytest.approx(abs(value), nan_ok=True)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [-0.1, float("nan")])
def test_factors_that_are_not_0_or_more_are_refused(name: str, value: float) -> None:
    for factor in FACTORS[name]:
        with pytest.raises(ValueError, match=factor):
            COMPONENTS[name].reference.build(**{factor: value})


@pytest.mark.parametrize("name", NAMES)
def test_nothing_to_penalise_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="parameter"):
        COMPONENTS[name].reference.build()()


def test_the_documents_l2_is_a_sum_of_norms() -> None:
    weights = [torch.tensor([3.0, 4.0]), torch.tensor([5.0, 12.0])]
    documented = COMPONENTS["l2"].variant("documented").build(l2=0.1)
    assert documented(*weights).item() == pytest.approx(0.1 * (5 + 13))
    assert COMPONENTS["l2"].reference.build(l2=0.1)(*weights).item() == pytest.approx(0.1 * (25 + 169))


def test_e06_shows_in_the_documented_form_and_not_in_the_reference() -> None:
    component = COMPONENTS["l2"]
    documented = component.variant("documented")
    assert documented.errata == ("E06",)
    evidence = documented.evidence["E06"]
    found = evidence(documented, component.reference)
    assert found.shown
    assert "0.05 and 0.5, gradients of length 0.01 and 0.01" in found.says
    assert "0.25 and 25, gradients of length 0.1 and 1" in found.says
    assert not evidence(component.reference, component.reference).shown
