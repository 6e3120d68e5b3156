"""What the cases of this suite train: samples and starting weights as they come from a case's inputs."""

from __future__ import annotations

import math
from collections import OrderedDict
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn

from nnbench.specs import InputSpec, randint, randn

Drawn = TypeVar("Drawn")  # tensors and arrays are split alike


def drawn(samples: int, *sizes: int) -> tuple[InputSpec, ...]:
    """Inputs of a case: features, their classes, and a matrix of normal numbers for each layer between the sizes."""
    weights = [randn(outputs, inputs, requires_grad=False) for inputs, outputs in pairwise(sizes)]
    return (randn(samples, sizes[0], requires_grad=False), randint(sizes[-1], (samples,)), *weights)


def drawn_numbers(samples: int, *sizes: int) -> tuple[InputSpec, ...]:
    """The same for a regression: the targets are as many normal numbers a sample as the last layer has outputs."""
    features, _, *weights = drawn(samples, *sizes)
    return (features, randn(samples, sizes[-1], requires_grad=False), *weights)


def split(features: Drawn, targets: Drawn) -> tuple[tuple[Drawn, Drawn], tuple[Drawn, Drawn]]:
    """The first two thirds to train with, the others to validate with."""
    edge = len(features) * 2 // 3  # type: ignore[arg-type]
    return (features[:edge], targets[:edge]), (features[edge:], targets[edge:])  # type: ignore[index]


def perceptron(weights: tuple[Tensor, ...] | list[Tensor], dropout: float = 0) -> nn.Sequential:
    """Linear, ReLU and Dropout for each matrix but the last, which is Linear alone.

    The matrices are scaled by 1 / sqrt(inputs), biases start at 0, and no random number is drawn for it.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for place, weight in enumerate(weights):
        layers[f"linear{place}"] = _linear(weight.detach())
        if place + 1 < len(weights):
            layers[f"relu{place}"] = nn.ReLU()
            layers[f"dropout{place}"] = nn.Dropout(dropout)
    return nn.Sequential(layers)


def _linear(weight: Tensor) -> nn.Linear:
    layer = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0], dtype=weight.dtype, device=weight.device)
    with torch.no_grad():
        layer.weight.copy_(weight / math.sqrt(weight.shape[1]))
        layer.bias.zero_()
    return layer


def parameters(model: nn.Module) -> Tensor:
    """All of them in one vector, as the judge has them: of each output the weights, then the bias."""
    linears = [module for module in model.modules() if isinstance(module, nn.Linear)]
    return torch.cat([torch.column_stack([layer.weight, layer.bias]).detach().flatten() for layer in linears])
