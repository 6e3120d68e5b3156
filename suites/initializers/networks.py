"""Whole networks, layer by layer."""

from __future__ import annotations

import math
from typing import Any

import torch
from nnbench.suites.initializers.variance import kaiming_normal, xavier_uniform
from scipy import stats
from torch import nn

from nnbench.catalog import Evidence, Suite, Variant
from nnbench.specs import case

suite = Suite("initializers")


def init_weights(module: nn.Module) -> nn.Module:
    """Starting values for the linear layers, 2d convolutions and 2d batch normalizations of a network.

    Linear: weight uniform in ``-b ... b``, ``b = sqrt(6 / (in_features + out_features))``, bias 0.01. Conv2d: weight
    normal with mean 0 and standard deviation ``sqrt(2 / fan_out)``, ``fan_out`` = out_channels times the kernel's size,
    bias as it is. BatchNorm2d: weight 1, bias 0. What a layer lacks is passed over, other layers stay as they are.
    Fills in place, and returns, the module with all that lies in it: as ``Module.apply`` goes through it already,
    call it once with the network. Source: Neural Networks Deep Dive; PyTorch Neural Networks: A Comprehensive Guide.
    """
    return module.apply(_init_layer)


def _init_layer(layer: nn.Module) -> None:
    if isinstance(layer, nn.Linear):
        xavier_uniform(layer.weight)
        _fill(layer.bias, 0.01)
    elif isinstance(layer, nn.Conv2d):
        kaiming_normal(layer.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(layer, nn.BatchNorm2d):
        _fill(layer.weight, 1)
        _fill(layer.bias, 0)


@torch.no_grad()
def _fill(parameter: nn.Parameter | None, value: float) -> None:
    if parameter is not None:
        parameter.fill_(value)


def torch_init_weights(module: nn.Module) -> nn.Module:
    """The same with torch's initializers."""
    return module.apply(_init_layer_with_torch)


def _init_layer_with_torch(layer: nn.Module) -> None:
    if isinstance(layer, nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.constant_(layer.bias, 0.01)
    elif isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(layer, nn.BatchNorm2d):
        if layer.weight is not None:
            nn.init.ones_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def documented_init_weights(module: nn.Module) -> nn.Module:
    """As documented: linear layers and batch normalizations are taken to have a bias."""
    return module.apply(_init_documented_layer)


def _init_documented_layer(layer: nn.Module) -> None:
    if isinstance(layer, nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        layer.bias.data.fill_(0.01)
    elif isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.constant_(layer.weight, 1)
        nn.init.constant_(layer.bias, 0)


def raises_without_bias(documented: Variant, reference: Variant) -> Evidence:
    """E05: a linear layer need not have a bias."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        filled = reference.build()(at_a_half(nn.Linear(8, 4, bias=False)))
        try:
            documented.build()(nn.Linear(8, 4, bias=False))
        except AttributeError as error:
            numbers = len(filled.weight.unique())
            says = f"given Linear(8, 4, bias=False) it raises AttributeError ({error})"
            return Evidence(numbers > 1, f"{says}; the reference fills the weight with {numbers} different numbers")
    return Evidence(False, "given Linear(8, 4, bias=False) it raises nothing")


def init_weights_oracle(module: nn.Module) -> dict[str, Any]:
    """What is not named here is to stay as it is: biases of convolutions, running statistics, other layers."""
    right: dict[str, Any] = {}
    for name, layer in module.named_modules():
        for parameter, want in _right_of(layer).items():
            right[f"{name}.{parameter}" if name else parameter] = want  # the network itself has no name
    held = dict(module.named_parameters())
    return {name: want for name, want in right.items() if name in held}


def _right_of(layer: nn.Module) -> dict[str, Any]:
    if isinstance(layer, nn.Linear):
        b = math.sqrt(6 / (layer.in_features + layer.out_features))
        return {"weight": stats.uniform(-b, 2 * b), "bias": 0.01}
    if isinstance(layer, nn.Conv2d):
        outputs = layer.out_channels * math.prod(layer.kernel_size)
        return {"weight": stats.norm(0, math.sqrt(2 / outputs))}
    return {"weight": 1.0, "bias": 0.0} if isinstance(layer, nn.BatchNorm2d) else {}


def perceptron() -> nn.Module:
    """For MNIST."""
    return at_a_half(nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)))


def convolutional() -> nn.Module:
    """For CIFAR-10: one convolution with a bias and one without, and layers that lie deeper in the network."""
    first = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2))
    second = nn.Sequential(nn.Conv2d(64, 128, 3, padding=1, bias=False), nn.BatchNorm2d(128), nn.ReLU())
    return at_a_half(nn.Sequential(first, second, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)))


def unusual() -> nn.Module:
    """Layers without what others have, a convolution in groups whose kernel is no square, and layers to be left."""
    plane = nn.Sequential(nn.Conv2d(16, 32, (3, 5), groups=4), nn.BatchNorm2d(32, affine=False), nn.ReLU())
    line = nn.Sequential(nn.Conv1d(8, 16, 3), nn.BatchNorm1d(16), nn.ReLU())
    return at_a_half(nn.ModuleList([plane, line, nn.LayerNorm(64), nn.Linear(64, 32, bias=False)]))


def of_other_classes() -> nn.Module:
    """Layers of classes that are derived from those to be filled, or only look like them."""
    attention = nn.MultiheadAttention(16, 2)  # its out_proj is of a class of its own
    return at_a_half(
        nn.ModuleDict({"attention": attention, "up": nn.ConvTranspose2d(4, 3, 2), "bn": nn.BatchNorm3d(5)})
    )


def one_layer() -> nn.Module:
    """The network is the layer."""
    return at_a_half(nn.Linear(128, 64))


@torch.no_grad()
def at_a_half(network: nn.Module) -> nn.Module:
    """Parameters start away from what any initializer gives them, so that none is right by having been right before."""
    for parameter in network.parameters():
        parameter.fill_(0.5)
    return network


suite.component(
    "init_weights",
    kind="initializer",
    reference=init_weights,
    variants={
        "torch": torch_init_weights,
        "documented": Variant(
            "documented", documented_init_weights, erratum="E05", evidence={"E05": raises_without_bias}
        ),
    },
    oracle=init_weights_oracle,
    cases=[
        *(case(module=network) for network in (perceptron, convolutional, unusual, one_layer)),
        case(module=of_other_classes, timed=False),
    ],
    documented=["deepdive", "pytorch"],
)
