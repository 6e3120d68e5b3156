"""Focal and composite loss against their oracles, their formulas and torch's terms."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from suite_support import answer, assert_close
from test_binary_losses import normal, uniform
from test_regression_losses import REDUCTIONS, assert_cases_equal_oracle, assert_equals_oracle, build
from torch import Tensor, nn

CLASSES = torch.tensor([0, 4, 2, 2, 1, 3])


@pytest.mark.parametrize("identifier", ["losses.focal", "losses.composite"])
def test_cases_equal_the_oracle(identifier: str) -> None:
    assert_cases_equal_oracle(identifier)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("alpha", [0, 1, 0.25])
@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2, 5.0])
def test_focal_equals_its_oracle_and_its_formula(reduction: str, alpha: float, gamma: float) -> None:
    arguments: dict[str, Any] = {"alpha": alpha, "gamma": gamma, "reduction": reduction}
    module, logits = build("losses.focal", **arguments), (2 * normal(6, 5)).requires_grad_()
    assert_equals_oracle("losses.focal", arguments, [logits, CLASSES])
    cross_entropy = nn.CrossEntropyLoss(reduction="none")(logits, CLASSES)
    formula = alpha * (1 - torch.exp(-cross_entropy)) ** gamma * cross_entropy
    formula = {"none": formula, "mean": formula.mean(), "sum": formula.sum()}[reduction]
    upstream = torch.ones_like(formula)
    output = module(logits, CLASSES)
    assert_close(output.detach(), formula.detach())
    assert_close(*(torch.autograd.grad(loss, logits, upstream)[0] for loss in (output, formula)))


@pytest.mark.parametrize("shape", [(5,), (3, 5), (3, 5, 4), (2, 5, 3, 4)], ids=str)
def test_focal_without_focus_is_torchs_cross_entropy(shape: tuple[int, ...]) -> None:
    places = shape[:1] + shape[2:] if len(shape) > 1 else ()
    target = torch.randint(5, places, generator=torch.Generator().manual_seed(0))
    logits = normal(*shape)
    ours, theirs = build("losses.focal", gamma=0), nn.CrossEntropyLoss()
    assert_close(ours(logits, target), theirs(logits, target))
    assert_equals_oracle("losses.focal", {"reduction": "none"}, [logits, target])


@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_focal_of_certain_classes_is_finite(gamma: float, dtype: torch.dtype) -> None:
    logits = torch.tensor([[0.0, 200.0], [-1e4, 1e4], [1e4, -1e4]], dtype=dtype, requires_grad=True)
    losses = build("losses.focal", gamma=gamma, reduction="none")(logits, torch.tensor([1, 1, 1]))
    (gradient,) = torch.autograd.grad(losses.sum(), logits)
    assert losses.tolist()[:2] == [0, 0]
    assert losses[2].item() == pytest.approx(2e4, rel=0.01)
    assert gradient.tolist() == [[0, 0], [0, 0], [1, -1]]


def test_focal_is_precise_where_the_class_is_likely() -> None:
    """In float32 1 - exp(-x) of the loss x = 2e-6 would be wrong by several percent."""
    logits = torch.tensor([[0.0, 13.0]])
    right = math.log1p(math.exp(-13)) * (1 / (1 + math.exp(13))) ** 2
    assert build("losses.focal")(logits, torch.tensor([1])).item() == pytest.approx(right, rel=0.1)
    exact = build("losses.focal")(logits.double(), torch.tensor([1])).item()
    assert exact == pytest.approx(right, rel=1e-9)


@pytest.mark.parametrize(
    "arguments", [{"alpha": -1}, {"gamma": -0.1}, {"gamma": float("nan")}, {"reduction": "all"}], ids=str
)
def test_focal_refuses_what_makes_no_sense(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        build("losses.focal", **arguments)


@pytest.mark.parametrize(
    ("target", "error"), [([0, 1], ValueError), ([[0, 1, 2]], ValueError), ([0, 5, 1], (IndexError, RuntimeError))]
)
@pytest.mark.parametrize("identifier", ["losses.focal", "losses.composite"])
def test_targets_that_do_not_fit_are_refused(identifier: str, target: list[Any], error: Any) -> None:
    with pytest.raises(error):
        build(identifier)(normal(3, 5), torch.tensor(target))


FACTORS = ("cross_entropy_factor", "distribution_factor", "penalty_factor")
MIXTURES = [dict(zip(FACTORS, values, strict=True)) for values in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0.5, 3, 0.2))]


@pytest.mark.parametrize("mixture", [{}, *MIXTURES], ids=str)
@pytest.mark.parametrize("weight", [None, uniform(5, seed=3)], ids=["equal", "weighted"])
def test_composite_is_the_sum_of_torchs_terms(mixture: dict[str, float], weight: Tensor | None) -> None:
    module, logits = build("losses.composite", weight=weight, **mixture), (2 * normal(6, 5)).requires_grad_()
    shares = torch.bincount(CLASSES, minlength=5) / len(CLASSES)
    terms = [
        nn.CrossEntropyLoss(weight)(logits, CLASSES),
        nn.MSELoss()(logits.softmax(1).mean(0), shares.double()),
        nn.MSELoss()(logits, torch.zeros_like(logits)),
    ]
    shares_of_terms = [mixture.get(name, default) for name, default in zip(FACTORS, (1.0, 1.0, 0.01), strict=True)]
    formula = torch.stack([share * term for share, term in zip(shares_of_terms, terms, strict=True)]).sum()
    # The shares of six targets are not exact in float32, in which bincount's quotient is taken.
    torch.testing.assert_close(module(logits, CLASSES), formula, rtol=1e-7, atol=1e-9)
    ours, theirs = (torch.autograd.grad(loss, logits)[0] for loss in (module(logits, CLASSES), formula))
    torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-9)
    assert_equals_oracle("losses.composite", mixture | {"weight": weight}, [logits, CLASSES])


def test_a_rare_classes_weight_counts() -> None:
    """Two samples of class 0 and one of class 1: weights 1 and 2 make both classes' errors count alike."""
    logits, target = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 0, 1])
    only = {"distribution_factor": 0, "penalty_factor": 0}
    balanced = build("losses.composite", weight=torch.tensor([1.0, 2.0]), **only)(logits, target)
    easy, hard_ = math.log1p(math.exp(-1)), math.log1p(math.exp(1))
    assert balanced.item() == pytest.approx((2 * easy + 2 * hard_) / 4, rel=1e-6)


def test_the_composites_weight_is_a_buffer() -> None:
    module = build("losses.composite", weight=torch.ones(5))
    assert list(module.state_dict()) == ["weight"]
    assert torch.autograd.gradcheck(module.double(), (normal(6, 5).requires_grad_(), CLASSES))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("identifier", ["losses.focal", "losses.composite"])
def test_narrow_dtypes_are_rounded_once(identifier: str, dtype: torch.dtype) -> None:
    logits = (2 * normal(6, 5)).to(dtype)
    output, gradients = answer(build(identifier), [logits.clone().requires_grad_(), CLASSES])
    right, right_gradients = answer(build(identifier), [logits.double().requires_grad_(), CLASSES])
    assert output.dtype == dtype
    eps = torch.finfo(dtype).eps
    torch.testing.assert_close(output.double(), right, rtol=4 * eps, atol=0)
    gradient, expected = gradients["input 0"], right_gradients["input 0"]
    assert gradient is not None
    assert expected is not None
    torch.testing.assert_close(gradient.double(), expected, rtol=0, atol=4 * eps * float(expected.abs().max()))


@pytest.mark.parametrize("factor", FACTORS)
def test_the_composite_refuses_what_does_not_fit(factor: str) -> None:
    with pytest.raises(ValueError, match=factor):
        build("losses.composite", **{factor: -0.1})
    with pytest.raises(RuntimeError, match="weight"):
        build("losses.composite", weight=torch.ones(4))(normal(6, 5), CLASSES)
    with pytest.raises(ValueError, match="logits"):
        build("losses.composite")(normal(6, 5, 1), CLASSES)
