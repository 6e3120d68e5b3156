"""Clipping by the gradients' norm beside torch's, over its options, and where there is little or nothing to clip."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest
import torch
from suite_support import inputs_of
from torch import Tensor, nn

import nnbench

COMPONENT = nnbench.component("regularizers.clip_grad_norm")
VARIANTS = ("reference", "torch")
ORDERS = [0.5, 1, 1.0, 1.5, 2, 2.0, 3.0, 7.0, math.inf, "inf"]
SHAPES = [(4, 3), (5,), (), (2, 3, 3, 3)]


def clip(variant: str, gradients: list[Any], **arguments: Any) -> tuple[Tensor, list[Any]]:
    """The norm, and the gradients that are left: None stands for a missing one."""
    parameters = [nn.Parameter(torch.ones(2 if g is None else g.shape, dtype=torch.float64)) for g in gradients]
    for place, gradient in enumerate(gradients):
        if gradient is not None:
            parameters[place] = nn.Parameter(torch.ones_like(gradient))
            parameters[place].grad = gradient.clone()
    norm = COMPONENT.variant(variant).build(**arguments)(parameters)
    assert all(bool((parameter == 1).all()) for parameter in parameters)
    return norm, [parameter.grad for parameter in parameters]


def normal(scale: float = 1.0, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [(scale * torch.randn(shape, generator=generator, dtype=torch.float64)).to(dtype) for shape in SHAPES]


def assert_same(got: tuple[Tensor, list[Any]], want: tuple[Tensor, list[Any]], rtol: float = 1e-12) -> None:
    assert got[0].shape == want[0].shape == ()
    assert got[0].dtype == want[0].dtype
    for mine, theirs in zip([got[0], *got[1]], [want[0], *want[1]], strict=True):
        assert (mine is None) == (theirs is None)
        if mine is not None:
            torch.testing.assert_close(mine, theirs, rtol=rtol, atol=0, equal_nan=True)


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("max_norm", [0.0, 0.1, 1.0, 1, 1e6, math.inf])
@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1.0, 1e4])
def test_norm_and_gradients_equal_torchs(order: Any, max_norm: float, scale: float) -> None:
    arguments = {"max_norm": max_norm, "norm_type": order}
    assert_same(*(clip(variant, normal(scale), **arguments) for variant in VARIANTS))


def with_value(value: float) -> list[Tensor]:
    gradients = normal()
    gradients[0][1, 2] = value
    return gradients


EDGES: dict[str, list[Any]] = {
    "zeros": [torch.zeros(3), torch.zeros(2, 2)],
    "one number": [torch.tensor(3.0)],
    "one missing": [None, *normal()[1:]],
    "all missing": [None, None],
    "no parameters": [],
    "no elements": [torch.zeros(0), torch.ones(2)],
    "infinite": with_value(math.inf),
    "minus infinite": with_value(-math.inf),
    "nan": with_value(math.nan),
    "two dtypes": [torch.ones(3, dtype=torch.float64), torch.ones(2, dtype=torch.float32)],
}


@pytest.mark.parametrize("row", EDGES)
@pytest.mark.parametrize("order", [1.0, 2.0])
def test_edges_equal_torchs(row: str, order: float) -> None:
    got, want = (clip(variant, EDGES[row], max_norm=1.0, norm_type=order) for variant in VARIANTS)
    assert_same(got, want, rtol=1e-6)


@pytest.mark.parametrize("row", [row for row in EDGES if row != "no elements"])
def test_edges_of_the_largest_gradient_equal_torchs(row: str) -> None:
    got, want = (clip(variant, EDGES[row], max_norm=1.0, norm_type=math.inf) for variant in VARIANTS)
    assert_same(got, want, rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("order", [1.0, 2.0, math.inf])
@pytest.mark.parametrize("scale", [1.0, 1000.0])  # whose square is infinite in float16
def test_narrow_dtypes_are_near_torchs(dtype: torch.dtype, order: float, scale: float) -> None:
    got, want = (clip(variant, normal(scale, dtype), max_norm=1.0, norm_type=order) for variant in VARIANTS)
    assert_same(got, want, rtol=8 * torch.finfo(dtype).eps)
    assert got[1][0].isfinite().all()


def test_by_hand() -> None:
    for max_norm, left in ((1.0, [0.6, 0.8]), (5.1, [3.0, 4.0]), (2.5, [1.5, 2.0])):
        norm, (first, second) = clip("reference", [torch.tensor([3.0]), torch.tensor([4.0])], max_norm=max_norm)
        assert norm.item() == 5
        assert [first.item(), second.item()] == pytest.approx(left, rel=1e-6)


def test_gradients_that_are_short_enough_keep_their_bits() -> None:
    _, left = clip("reference", normal(1e-3), max_norm=1.0)
    assert all(torch.equal(mine, before) for mine, before in zip(left, normal(1e-3), strict=True))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_norms_that_are_not_finite_may_be_an_error(variant: str, value: float) -> None:
    with pytest.raises(RuntimeError):
        clip(variant, with_value(value), max_norm=1.0, error_if_nonfinite=True)
    norm, _ = clip(variant, normal(), max_norm=1.0, error_if_nonfinite=True)
    assert norm.isfinite()


def test_an_error_leaves_the_gradients_as_they_are() -> None:
    parameter = nn.Parameter(torch.ones(2))
    parameter.grad = torch.tensor([math.inf, 5.0])
    with pytest.raises(RuntimeError):
        COMPONENT.reference.build(max_norm=1.0, error_if_nonfinite=True)([parameter])
    assert parameter.grad.tolist() == [math.inf, 5.0]


@pytest.mark.parametrize("variant", VARIANTS)
def test_parameters_may_be_one_tensor_or_a_generator(variant: str) -> None:
    clipped = COMPONENT.variant(variant).build(max_norm=1.0)
    layer = nn.Linear(3, 2)
    layer(torch.ones(1, 3)).sum().backward()
    length = math.sqrt(2 * 3 + 2)
    assert clipped(layer.parameters()).item() == pytest.approx(length)
    assert clipped(layer.weight).item() == pytest.approx(math.sqrt(6) / length, rel=1e-5)
    assert clipped(parameter for parameter in layer.parameters()).item() == pytest.approx(1, rel=1e-5)


def test_the_signature_is_torchs() -> None:
    ours, theirs = (
        [(one.name, one.default) for one in inspect.signature(COMPONENT.variant(variant).resolve()).parameters.values()]
        for variant in VARIANTS
    )
    assert ours == theirs


@pytest.mark.parametrize(
    ("arguments", "named"), [({"foreach": True}, "foreach"), ({"norm_type": 0}, "norm"), ({"norm_type": -1.0}, "norm")]
)
def test_what_is_not_supported_is_refused_by_name(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(NotImplementedError, match=named):
        clip("reference", normal(), max_norm=1.0, **arguments)


def test_without_foreach_is_the_one_implementation() -> None:
    assert_same(*(clip(variant, normal(), max_norm=1.0, foreach=False) for variant in VARIANTS))


@pytest.mark.parametrize("case", COMPONENT.cases, ids=lambda case: case.label)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_case_equals_its_oracle(case: Any, variant: str) -> None:
    assert COMPONENT.drive is not None
    assert COMPONENT.oracle is not None
    inputs = [tensor.detach() for tensor in inputs_of(case)]
    got = COMPONENT.drive(lambda **more: COMPONENT.variant(variant).build(**case.arguments, **more), *inputs)
    want = COMPONENT.oracle(*(tensor.numpy() for tensor in inputs), **case.arguments)
    parts = ["drawn", "short", "zero", "below", "none", "once", "alone", "nan refused", "missing", "infinite", "nan"]
    assert list(got) == list(want) == parts
    assert got.pop("none") == want["none"] == 0
    for name, found in got.items():
        right = want[name]
        assert (found["as a tensor"], found["in place"]) == (right["as a tensor"], True)
        assert found["as a tensor"] == (name != "nan refused")
        for mine, one in zip([found["norm"], *found["gradients"]], [right["norm"], *right["gradients"]], strict=True):
            if isinstance(mine, torch.Tensor):
                np.testing.assert_allclose(mine.numpy(), one, rtol=1e-11, atol=0)
            else:
                assert mine == one  # no gradient, or refused


def test_the_cases_clip_and_leave_alone() -> None:
    assert COMPONENT.drive is not None
    case = COMPONENT.cases[0]
    drawn = [tensor.detach() for tensor in inputs_of(case)]
    found = COMPONENT.drive(lambda **more: COMPONENT.reference.build(**case.arguments, **more), *drawn)
    lengths = {
        name: float(torch.cat([g.flatten() for g in one["gradients"] if g is not None]).norm())
        for name, one in found.items()
        if name != "none"
    }
    assert found["drawn"]["norm"] > 10
    assert lengths["drawn"] == pytest.approx(1, rel=1e-6)
    assert lengths["below"] == pytest.approx(0.75, rel=1e-6)
    assert lengths["short"] == pytest.approx(1e-6 * float(found["drawn"]["norm"]))
    assert found["missing"]["gradients"][0] is None
