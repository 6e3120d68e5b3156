"""The residual block: values, gradients and running statistics beside torch's layers, in both modes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from suite_support import answer, assert_close, built, ids, inputs_of, oracle_answer
from torch import Tensor, nn

import nnbench
from nnbench import case, randn
from nnbench.specs import Case

COMPONENT = nnbench.component("layers.residual_block")
VARIANTS = ("reference", "torch")
IMAGES = randn(3, 4, 6, 5)
OPTIONS = [
    case(IMAGES, in_channels=4, out_channels=4),
    case(IMAGES, in_channels=4, out_channels=4, bias=False),
    case(IMAGES, in_channels=4, out_channels=6, stride=1, bias=False),
    case(IMAGES, in_channels=4, out_channels=6, stride=2),
    case(IMAGES, in_channels=4, out_channels=4, stride=2, bias=False),
    case(IMAGES, in_channels=4, out_channels=2, stride=3, bias=True),
    case(randn(2, 4, 1, 1), in_channels=4, out_channels=4, bias=False),
    case(randn(1, 1, 3, 2), in_channels=1, out_channels=1, bias=False),
]
ROWS = [("layers.residual_block", row) for row in OPTIONS]
JUDGED = [("layers.residual_block", row) for row in (*COMPONENT.cases, *OPTIONS)]


def moved(row: Case) -> tuple[nn.Module, nn.Module]:
    """Both variants with one state, in which no weight, bias or running statistic is at its start."""
    ours, theirs = (built(COMPONENT, variant, row) for variant in VARIANTS)
    generator = torch.Generator().manual_seed(4)
    state = theirs.state_dict()
    for name, tensor in state.items():
        if tensor.is_floating_point():
            tensor += 0.5 * torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype)
        else:
            tensor += 3
        assert name in ours.state_dict()
    theirs.load_state_dict(state)
    ours.load_state_dict(copy.deepcopy(theirs.state_dict()))
    return ours, theirs


def assert_same_state(ours: nn.Module, theirs: nn.Module) -> None:
    expected = theirs.state_dict()
    assert list(ours.state_dict()) == list(expected)
    for name, tensor in ours.state_dict().items():
        assert tensor.dtype == expected[name].dtype
        assert_close(tensor, expected[name], name)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("identifier", "row"), ROWS, ids=ids(ROWS))
def test_outputs_gradients_and_running_statistics_equal_torchs(identifier: str, row: Case, training: bool) -> None:
    ours, theirs = (module.train(training) for module in moved(row))
    before = copy.deepcopy(theirs.state_dict())
    for _ in range(2):
        output, gradients = answer(ours, inputs_of(row))
        expected, expected_gradients = answer(theirs, inputs_of(row))
    assert_close(output, expected, "output")
    assert gradients.keys() == expected_gradients.keys()
    largest = max(float(gradient.abs().max()) for gradient in expected_gradients.values())
    for name, gradient in gradients.items():
        # A bias in front of a normalisation has no effect in training: its gradient is zero but for rounding.
        torch.testing.assert_close(gradient, expected_gradients[name], rtol=1e-8, atol=1e-12 * largest, msg=name)
    assert_same_state(ours, theirs)
    changed = [name for name, tensor in theirs.state_dict().items() if not torch.equal(tensor, before[name])]
    assert bool(changed) == training


@pytest.mark.parametrize(("identifier", "row"), JUDGED, ids=ids(JUDGED))
def test_the_reference_equals_its_oracle(identifier: str, row: Case) -> None:
    reference, inputs = built(COMPONENT, "reference", row), inputs_of(row)
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(6))
        output = reference(*inputs)
    assert_close(output, oracle_answer(COMPONENT, row, reference, inputs))


@pytest.mark.parametrize(("identifier", "row"), ROWS, ids=ids(ROWS))
def test_initial_state_is_torchs_for_the_same_seed(identifier: str, row: Case) -> None:
    states = []
    for variant in VARIANTS:
        torch.manual_seed(5)
        states.append(built(COMPONENT, variant, row).state_dict())
    ours, theirs = states
    assert list(ours) == list(theirs)
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("sizes", "changes"), [((4, 4, 1), False), ((4, 6, 1), True), ((4, 4, 2), True), ((4, 6, 2), True)]
)
def test_the_shortcut_is_a_layer_only_where_the_shape_changes(
    variant: str, sizes: tuple[int, int, int], changes: bool
) -> None:
    arguments = dict(zip(("in_channels", "out_channels", "stride"), sizes, strict=True))
    made = COMPONENT.variant(variant).build(**arguments, bias=False)
    convolutions = ["conv1.weight", "conv2.weight", *(["shortcut.0.weight"] if changes else [])]
    norms = ["bn1", "bn2", *(["shortcut.1"] if changes else [])]
    names = [*convolutions, *(f"{norm}.{name}" for norm in norms for name in ("weight", "bias"))]
    assert {name for name, _ in made.named_parameters()} == set(names)


@pytest.mark.parametrize("variant", VARIANTS)
def test_convolutions_have_biases_unless_told_otherwise(variant: str) -> None:
    names = set(COMPONENT.variant(variant).build(in_channels=4, out_channels=6, stride=2).state_dict())
    assert {"conv1.bias", "conv2.bias", "shortcut.0.bias"} <= names


def test_a_block_that_computes_nothing_passes_on_the_positive_part() -> None:
    made, x = COMPONENT.reference.build(in_channels=4, out_channels=4), torch.randn(2, 4, 5, 5)
    nn.init.zeros_(made.bn2.weight)
    torch.testing.assert_close(made(x).detach(), x.clamp(min=0))


X = torch.ones(2, 4, 5, 5)
MISFITS: dict[str, tuple[dict[str, Any], Callable[[nn.Module], Tensor]]] = {
    "other channels": ({}, lambda made: made(X[:, :3])),
    "one image alone": ({}, lambda made: made(X[0])),
    "five dimensions": ({}, lambda made: made(X[None])),
    "one value per channel": ({}, lambda made: made(X[:1, :, :1, :1])),
    "one value left by the stride": ({"stride": 2}, lambda made: made(X[:1, :, :2, :2])),
}


@pytest.mark.parametrize("row", MISFITS)
def test_inputs_that_do_not_fit_raise_what_torch_raises(row: str) -> None:
    arguments, call = MISFITS[row]
    made = [COMPONENT.variant(variant).build(in_channels=4, out_channels=4, **arguments) for variant in VARIANTS]
    with pytest.raises((RuntimeError, ValueError)) as theirs:
        call(made[1])
    with pytest.raises(theirs.type):
        call(made[0])


@pytest.mark.parametrize("row", ["one value per channel", "one value left by the stride"])
def test_one_value_per_channel_is_enough_in_evaluation(row: str) -> None:
    arguments, call = MISFITS[row]
    row_case = case(randn(1), in_channels=4, out_channels=4, **arguments)
    ours, theirs = (module.eval().float() for module in moved(row_case))
    torch.testing.assert_close(call(ours), call(theirs))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("scale", [1e-2, 1.0, 10.0])
def test_errors_are_comparable_with_torchs(dtype: torch.dtype, training: bool, scale: float) -> None:
    row = case(randn(2, 16, 8, 8), in_channels=16, out_channels=8, bias=False)
    exact = built(COMPONENT, "reference", row).to(dtype).double()
    state, x = copy.deepcopy(exact.state_dict()), (scale * inputs_of(row)[0].detach()).to(dtype)
    want = exact.train(training)(x.double()).detach()
    errors = []
    for variant in VARIANTS:
        module = COMPONENT.variant(variant).build(**row.arguments).to(dtype).train(training)
        module.load_state_dict(state)
        errors.append(float((module(x).detach().double() - want).abs().max()))
    times = 2 if dtype == torch.float32 else 3
    assert errors[0] <= times * errors[1] + 8 * torch.finfo(dtype).eps * float(want.abs().max())


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_slope_at_zero_is_torchs(variant: str) -> None:
    """With normalisations that give 0 the block is a ReLU: where the battery sees a zero there, rounding decides."""
    made = COMPONENT.variant(variant).build(in_channels=2, out_channels=2)
    with torch.no_grad():
        made.bn2.weight.zero_()
    x = torch.tensor([-1.0, 0.0, 2.0]).repeat(2, 2, 1)[..., None].requires_grad_()
    made(x).sum().backward()
    assert torch.equal(x.grad[0, 0, :, 0], torch.tensor([0.0, 0.0, 1.0]))
