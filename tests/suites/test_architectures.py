"""The perceptrons: their size, their modes, and the dropout between their layers."""

from __future__ import annotations

import math

import pytest
import torch
from nnbench.suites.architectures.dense import dropped_out

import nnbench

VARIANTS = ("reference", "torch")
BOTH = [
    (identifier, variant) for identifier in ("architectures.mlp", "architectures.mnist_mlp") for variant in VARIANTS
]


def parameters(identifier: str, variant: str) -> int:
    component = nnbench.component(identifier)
    made = component.variant(variant).build(**component.cases[0].arguments)
    return sum(parameter.numel() for parameter in made.parameters())


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_documented_mlp_has_242762_parameters(variant: str) -> None:
    assert parameters("architectures.mlp", variant) == 242_762


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_mnist_mlp_has_784_512_256_10_units(variant: str) -> None:
    assert parameters("architectures.mnist_mlp", variant) == (784 + 1) * 512 + (512 + 1) * 256 + (256 + 1) * 10


@pytest.mark.parametrize(("identifier", "variant"), BOTH)
def test_training_is_random_and_evaluation_is_not(identifier: str, variant: str) -> None:
    torch.manual_seed(0)
    made, x = nnbench.component(identifier).variant(variant).build(), torch.ones(4, 784)
    assert not torch.equal(made(x), made(x))
    made.eval()
    assert torch.equal(made(x), made(x))


def test_the_mean_of_training_outputs_is_that_of_torchs() -> None:
    component, x = nnbench.component("architectures.mlp"), torch.linspace(-1, 1, 6).expand(20_000, 6)
    arguments = {"input_size": 6, "hidden_sizes": [8, 8], "output_size": 1, "dropout": 0.4}
    torch.manual_seed(0)
    ours, theirs = (component.variant(variant).build(**arguments) for variant in VARIANTS)
    theirs.load_state_dict(ours.state_dict())
    with torch.no_grad():
        first, second = ours(x), theirs(x)
    five_sigma = 5 * math.sqrt(float(first.var() + second.var()) / len(x))
    assert abs(float(first.mean() - second.mean())) < five_sigma
    assert float(first.std() / second.std()) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("probability", [0.0, 0.2, 0.5, 0.9])
def test_dropout_drops_its_share_and_scales_the_rest(probability: float) -> None:
    torch.manual_seed(0)
    x = torch.ones(100_000, dtype=torch.float64, requires_grad=True)
    y = dropped_out(x, probability, training=True)
    five_sigma = 5 * math.sqrt(probability * (1 - probability) / len(x))
    assert abs(float((y == 0).double().mean()) - probability) <= five_sigma
    torch.testing.assert_close(y[y != 0].detach(), torch.full_like(y[y != 0], 1 / (1 - probability)))
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient, y.detach())


def test_dropping_everything_leaves_zeros_and_no_nan() -> None:
    x = torch.ones(5, requires_grad=True)
    y = dropped_out(x, 1.0, training=True)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(y, torch.zeros(5))
    assert torch.equal(gradient, torch.zeros(5))


@pytest.mark.parametrize(("identifier", "variant"), BOTH)
def test_images_are_flattened(identifier: str, variant: str) -> None:
    made = nnbench.component(identifier).variant(variant).build().eval()
    images = torch.randn(3, 28, 28, generator=torch.Generator().manual_seed(0))
    assert torch.equal(made(images), made(images.reshape(3, 784)))


def test_the_sizes_are_the_documented_ones_when_nothing_is_said() -> None:
    component = nnbench.component("architectures.mlp")
    for variant in VARIANTS:
        said, unsaid = (component.variant(variant).build(**given) for given in (component.cases[0].arguments, {}))
        shapes = [{name: tensor.shape for name, tensor in made.state_dict().items()} for made in (said, unsaid)]
        assert shapes[0] == shapes[1]


def test_units_at_exactly_zero_pass_no_gradient() -> None:
    component, x = nnbench.component("architectures.mlp"), torch.ones(2, 784)
    for variant in VARIANTS:
        made = component.variant(variant).build(dropout=0.0)
        torch.nn.init.zeros_(made.hidden[0].weight)
        torch.nn.init.zeros_(made.hidden[0].bias)
        (gradient,) = torch.autograd.grad(made(x).sum(), made.hidden[0].bias)
        assert torch.equal(gradient, torch.zeros(256))
