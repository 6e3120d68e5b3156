"""Softmax regression: one affine map, the network that every deeper one is to be better than."""

from __future__ import annotations

from nnbench.suites.architectures.dense import affine
from nnbench.suites.architectures.recipes import RECIPES
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("architectures")


class SoftmaxRegression(nn.Module):
    """Multinomial logistic regression: ``y = x W^T + b``, whose softmax is the classes' probabilities.

    x (N, ...) of input_size numbers each, y (N, num_classes) logits; the softmax is left to the loss. The parameters
    start as torch.nn.Linear's do. ``RuntimeError`` for another number of inputs.
    Source: Cox (1958), The regression analysis of binary sequences; no document has it.
    """

    def __init__(self, input_size: int = 784, num_classes: int = 10) -> None:
        super().__init__()
        self.output = nn.Linear(input_size, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return affine(x.flatten(1), self.output)


class TorchSoftmaxRegression(SoftmaxRegression):
    """The same out of torch's layer."""

    def forward(self, x: Tensor) -> Tensor:
        return self.output(x.flatten(1))


suite.component(
    "softmax_regression",
    kind="architecture",
    reference=SoftmaxRegression,
    variants={"torch": TorchSoftmaxRegression},
    cases=[
        case(randn(128, 784), input_size=784, num_classes=10),
        case(randn(1024, 784), input_size=784, num_classes=10),
        case(randn(5, 2, 3), input_size=6, num_classes=3, timed=False),
    ],
    properties=["batch_independent"],
    recipe=RECIPES["softmax_regression"],
)
