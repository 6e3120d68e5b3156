"""Initializers that are wrong as people get them wrong, each held against the cases of what it would be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
import torch
from nnbench.suites.initializers.networks import init_weights
from nnbench.suites.initializers.variance import fans, gain_of, kaiming_normal, xavier_uniform
from torch import Tensor, nn

import nnbench
from nnbench.catalog import Variant
from nnbench.checks.battery import check

SEED = 3
Fill = Callable[..., Any]


def failed(identifier: str, wrong: Fill, without_peers: bool = False) -> Iterator[str]:
    """The checks that it fails, case by case; ``without_peers`` as its own reference, judged by the oracle alone."""
    component = nnbench.component(identifier)
    made = Variant("wrong", wrong)
    others = {} if without_peers else {**component.variants, "wrong": made}
    variants = MappingProxyType({**others, "reference": made} if without_peers else others)
    tried = replace(component, variants=variants)
    name = "reference" if without_peers else "wrong"
    for case in sorted(tried.cases, key=lambda one: sum(spec.elements for spec in one.inputs)):
        yield from (row.check for row in check(tried, name, case, SEED) if not row.is_right)


def xavier_deviation(tensor: Tensor, gain: float) -> float:
    return gain * math.sqrt(2 / sum(fans(tensor)))


@torch.no_grad()
def gain_squared(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    return xavier_uniform(tensor, gain**2, generator)


@torch.no_grad()
def bound_without_root_of_three(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    bound = xavier_deviation(tensor, gain)
    return tensor.uniform_(-bound, bound, generator=generator)


@torch.no_grad()
def normal_of_the_right_deviation(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    return tensor.normal_(0, xavier_deviation(tensor, gain), generator=generator)


@torch.no_grad()
def xavier_of_fan_in(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    bound = gain * math.sqrt(3 / fans(tensor)[0])
    return tensor.uniform_(-bound, bound, generator=generator)


@torch.no_grad()
def kernel_forgotten(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    bound = gain * math.sqrt(6 / sum(tensor.shape[:2]))
    return tensor.uniform_(-bound, bound, generator=generator)


@torch.no_grad()
def only_the_first_half(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    bound = math.sqrt(3) * xavier_deviation(tensor, gain)
    tensor[: (len(tensor) + 1) // 2].uniform_(-bound, bound, generator=generator)
    return tensor


@torch.no_grad()
def first_half_again(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    xavier_uniform(tensor, gain, generator)
    half = len(tensor) // 2
    tensor[half : 2 * half] = tensor[:half]
    return tensor


def through_a_copy(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Where the tensor is not contiguous, a copy is filled."""
    xavier_uniform(tensor.detach().contiguous(), gain, generator)
    return tensor


def from_the_global_generator(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    return xavier_uniform(tensor, gain)


def from_both_generators(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    torch.rand(1)
    return xavier_uniform(tensor, gain, generator)


@torch.no_grad()
def through_float32(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    return tensor.copy_(xavier_uniform(torch.empty(tensor.shape), gain, generator))


@torch.no_grad()
def scaled_from_what_was_there(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    return tensor.mul_(0).add_(xavier_uniform(torch.empty_like(tensor), gain, generator))


@torch.no_grad()
def kaiming_uniform(
    tensor: Tensor, a: Any = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    sizes = dict(zip(("fan_in", "fan_out"), fans(tensor), strict=True))
    bound = math.sqrt(3 / sizes[mode.lower()]) * gain_of(nonlinearity, a)
    return tensor.uniform_(-bound, bound, generator=generator)


def fan_out_for_fan_in(
    tensor: Tensor, a: Any = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    other = {"fan_in": "fan_out", "fan_out": "fan_in"}[mode.lower()]
    return kaiming_normal(tensor, a, other, nonlinearity, generator)


def mode_forgotten(
    tensor: Tensor, a: Any = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    return kaiming_normal(tensor, a, "fan_in", nonlinearity, generator)


@torch.no_grad()
def gain_of_kaiming_squared(
    tensor: Tensor, a: Any = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    return kaiming_normal(tensor, a, mode, nonlinearity, generator).mul_(gain_of(nonlinearity, a))


def slope_for_every_nonlinearity(
    tensor: Tensor, a: Any = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    rectifies = nonlinearity in ("relu", "leaky_relu")
    return kaiming_normal(tensor, a, mode, "leaky_relu" if rectifies else nonlinearity, generator)


def slope_forgotten(
    tensor: Tensor, a: Any = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    return kaiming_normal(tensor, 0, mode, nonlinearity, generator)


def one_seed_for_each_tensor(module: nn.Module) -> nn.Module:
    """Each layer from the same numbers, others at every call."""
    seed = int(torch.randint(2**30, ()))
    for layer in module.modules():
        torch.manual_seed(seed)
        init_weights(layer) if not list(layer.children()) else None
    return module


def of_exact_classes(module: nn.Module) -> nn.Module:
    for layer in module.modules():
        if type(layer) in (nn.Linear, nn.Conv2d, nn.BatchNorm2d):
            init_weights(layer)
    return module


def of_the_top_alone(module: nn.Module) -> nn.Module:
    for layer in module.children():
        if not list(layer.children()):
            init_weights(layer)
    return module


@torch.no_grad()
def biases_of_convolutions_too(module: nn.Module) -> nn.Module:
    for layer in init_weights(module).modules():
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            layer.bias.zero_()
    return module


XAVIER, KAIMING, NETWORKS = "initializers.xavier_uniform", "initializers.kaiming_normal", "initializers.init_weights"
WRONG: list[tuple[str, Fill, str]] = [
    (XAVIER, gain_squared, "distribution"),
    (XAVIER, bound_without_root_of_three, "distribution"),
    (XAVIER, normal_of_the_right_deviation, "distribution"),
    (XAVIER, xavier_of_fan_in, "distribution"),
    (XAVIER, kernel_forgotten, "distribution"),
    (XAVIER, only_the_first_half, "distribution"),
    (XAVIER, only_the_first_half, "layouts"),
    (XAVIER, first_half_again, "unrelated"),
    (XAVIER, through_a_copy, "layouts"),
    (XAVIER, from_the_global_generator, "generator"),
    (XAVIER, from_both_generators, "generator"),
    (XAVIER, scaled_from_what_was_there, "layouts"),
    (KAIMING, kaiming_uniform, "distribution"),
    (KAIMING, fan_out_for_fan_in, "distribution"),
    (KAIMING, mode_forgotten, "distribution"),
    (KAIMING, gain_of_kaiming_squared, "distribution"),
    (KAIMING, slope_for_every_nonlinearity, "distribution"),
    (KAIMING, slope_forgotten, "distribution"),
    (NETWORKS, one_seed_for_each_tensor, "unrelated"),
    (NETWORKS, of_exact_classes, "distribution"),
    (NETWORKS, of_the_top_alone, "distribution"),
    (NETWORKS, biases_of_convolutions_too, "distribution"),
]


@pytest.mark.parametrize(("identifier", "wrong", "by"), WRONG, ids=lambda value: getattr(value, "__name__", value))
def test_a_wrong_initializer_is_caught(identifier: str, wrong: Fill, by: str) -> None:
    assert by in failed(identifier, wrong)


def test_in_place_of_the_reference_it_has_to_draw_torchs_numbers() -> None:
    component = nnbench.component(XAVIER)
    swapped = MappingProxyType({**component.variants, "reference": Variant("reference", through_float32)})
    tried = replace(component, variants=swapped)
    caught = {row.check for row in check(tried, "reference", tried.cases[3], SEED) if not row.is_right}
    assert caught == {"same_numbers", "layouts"}


@pytest.mark.parametrize(("identifier", "wrong", "by"), WRONG, ids=lambda value: getattr(value, "__name__", value))
def test_it_is_caught_where_nobody_draws_the_right_numbers(identifier: str, wrong: Fill, by: str) -> None:
    assert by in failed(identifier, wrong, without_peers=True)


@pytest.mark.parametrize(
    ("identifier", "right"),
    [(XAVIER, xavier_uniform), (KAIMING, kaiming_normal), (NETWORKS, init_weights)],
    ids=[XAVIER, KAIMING, NETWORKS],
)
def test_what_is_right_passes_alone_too(identifier: str, right: Fill) -> None:
    assert not list(failed(identifier, right, without_peers=True))
