"""Activations at infinities, NaN, signed zeros, and magnitudes near the ends of the range: as torch has them."""

from __future__ import annotations

import math

import pytest
import torch
from suite_support import registered

import nnbench
from nnbench.catalog import Component

ARGUMENTS = {
    "activations.leaky_relu": [{}, {"negative_slope": 0.0}, {"negative_slope": 0.3}],
    "activations.elu": [{}, {"alpha": 0.5}],
    "activations.gelu": [{}, {"approximate": "tanh"}],
    "activations.softmax": [{"dim": 0}],
}
ACTIVATIONS = [component for component in registered("module") if component.id.startswith("activations.")]
ROWS = [(component, arguments) for component in ACTIVATIONS for arguments in ARGUMENTS.get(component.id, [{}])]
# Each magnitude with both signs; between them the places where an exponential over- or underflows.
MAGNITUDES = [0.0, 1e-310, 1e-300, 1e-20, 1e-8, 0.5, 1.0, 5.0, 20.0, 40.0, 88.0, 100.0, 700.0, 710.0, 750.0, 1e4]
VALUES = [sign * size for size in [*MAGNITUDES, 1e20, 1e150, 1e300] for sign in (1, -1)]
UNDEFINED = [float("inf"), -float("inf"), float("nan")]


def at(component: Component, variant: str, arguments: dict, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    x = x.clone().requires_grad_()
    output = component.variant(variant).build(**arguments)(x)
    upstream = torch.linspace(0.5, 2, output.numel(), dtype=output.dtype).reshape(output.shape)
    (gradient,) = torch.autograd.grad(output, x, upstream)
    return output.detach(), gradient


@pytest.mark.parametrize(("component", "arguments"), ROWS, ids=lambda row: getattr(row, "id", str(row)))
@pytest.mark.parametrize("value", [*VALUES, *UNDEFINED])
def test_outputs_and_gradients_equal_torchs(component: Component, arguments: dict, value: float) -> None:
    x = torch.tensor([value, 0.25, value, -1.0], dtype=torch.float64)
    ours, theirs = (at(component, variant, arguments, x) for variant in ("reference", "torch"))
    torch.testing.assert_close(ours[0], theirs[0], rtol=1e-12, atol=1e-300, equal_nan=True)
    # Torch's gradient of sigmoid is s * (1 - s), which is rounded at the scale of 1.
    torch.testing.assert_close(ours[1], theirs[1], rtol=1e-12, atol=1e-15, equal_nan=True)


def test_the_gradient_of_relu_at_zero_is_zero() -> None:
    _, gradient = at(nnbench.component("activations.relu"), "reference", {}, torch.tensor([0.0, -0.0, 1e-45, 1.0]))
    assert gradient.ne(0).tolist() == [False, False, True, True]


@pytest.mark.parametrize("component", ACTIVATIONS, ids=lambda component: component.id)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_large_inputs_give_neither_nan_nor_overflow(component: Component, dtype: torch.dtype) -> None:
    largest = torch.finfo(dtype).max
    x = torch.tensor([largest / 2, 1e4, 100.0, 89.0, -89.0, -100.0, -1e4, -largest / 2], dtype=dtype)
    arguments = {"dim": 0} if component.id == "activations.softmax" else {}
    output, gradient = at(component, "reference", arguments, x)
    assert output.isfinite().all()
    assert output.dtype == gradient.dtype == dtype
    finite = at(component, "torch", arguments, x)[1].isfinite()  # torch's own is NaN here and there
    assert gradient[finite].isfinite().all()


def test_cross_entropy_ignores_the_target_minus_100_unless_told_otherwise() -> None:
    logits, build = torch.zeros(3, 5), nnbench.component("losses.cross_entropy").reference.build
    some, all_ignored = torch.tensor([1, -100, 2]), torch.full((3,), -100)
    torch.testing.assert_close(build(reduction="none")(logits, some), math.log(5) * torch.tensor([1.0, 0.0, 1.0]))
    assert build()(logits, all_ignored).isnan()
    with pytest.raises((IndexError, RuntimeError)):
        build()(logits, some - 1)


def test_cross_entropy_of_huge_logits_is_finite() -> None:
    logits = torch.tensor([[1e30, -1e30, 0.0], [1e4, 1e4, -1e4]], requires_grad=True)
    loss = nnbench.component("losses.cross_entropy").reference.build(reduction="none")(logits, torch.tensor([0, 1]))
    torch.testing.assert_close(loss.detach(), torch.tensor([0.0, math.log(2)]))
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    torch.testing.assert_close(gradient, torch.tensor([[0.0, 0.0, 0.0], [0.5, -0.5, 0.0]]))
