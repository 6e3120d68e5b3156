"""Multilayer perceptrons: for each hidden layer an affine map, ReLU and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from nnbench.suites.architectures.dense import affine, dropped_out, refuse_probability, relu
from nnbench.suites.architectures.recipes import RECIPES
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("architectures")


class MLP(nn.Module):
    """Multilayer perceptron: Linear, ReLU and Dropout for each hidden layer, then Linear.

    ``h = dropout(relu(h W^T + b))`` from ``h = x`` flattened, then ``y = h W^T + b``: x (N, ...) of input_size numbers
    each, y (N, output_size) logits. Parameters start as torch.nn.Linear's do. ``ValueError`` for a dropout outside 0
    to 1, ``RuntimeError`` for another number of inputs. Source: Neural Networks - Intermediate Handout.
    """

    def __init__(
        self,
        input_size: int = 784,
        hidden_sizes: Sequence[int] = (256, 128, 64),
        output_size: int = 10,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        refuse_probability(dropout)
        self.hidden = nn.ModuleList([nn.Linear(*sizes) for sizes in pairwise([input_size, *hidden_sizes])])
        self.output = nn.Linear([input_size, *hidden_sizes][-1], output_size)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        h = x.flatten(1)
        for layer in self.hidden:
            h = dropped_out(relu(affine(h, layer)), self.dropout, self.training)
        return affine(h, self.output)


class TorchMLP(nn.Module):
    """The same network out of torch's layers."""

    def __init__(
        self,
        input_size: int = 784,
        hidden_sizes: Sequence[int] = (256, 128, 64),
        output_size: int = 10,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.hidden = nn.ModuleList([nn.Linear(*sizes) for sizes in pairwise([input_size, *hidden_sizes])])
        self.output = nn.Linear([input_size, *hidden_sizes][-1], output_size)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        h = x.flatten(1)
        for layer in self.hidden:
            h = self.dropout(self.relu(layer(h)))
        return self.output(h)


class MnistMLP(MLP):
    """The 784-512-256-10 perceptron for MNIST.

    As ``MLP`` with hidden layers of 512 and 256: x (N, 28, 28) or (N, 784), y (N, num_classes) logits.
    Source: Deep Learning Fundamentals.
    """

    def __init__(self, input_size: int = 784, num_classes: int = 10, dropout: float = 0.2) -> None:
        super().__init__(input_size, (512, 256), num_classes, dropout)


class TorchMnistMLP(TorchMLP):
    """The same network out of torch's layers."""

    def __init__(self, input_size: int = 784, num_classes: int = 10, dropout: float = 0.2) -> None:
        super().__init__(input_size, (512, 256), num_classes, dropout)


suite.component(
    "mlp",
    kind="architecture",
    reference=MLP,
    variants={"torch": TorchMLP},
    cases=[
        case(randn(batch, 784), input_size=784, hidden_sizes=[256, 128, 64], output_size=10, dropout=0.2)
        for batch in (32, 128)
    ]
    + [
        case(randn(32, 2, 3), input_size=6, hidden_sizes=[5, 4], output_size=2, dropout=0.4, timed=False),
        case(randn(1, 784), timed=False),
    ],
    documented=["handout", "pytorch"],
    properties=["mode", "stochastic", "batch_independent"],
    recipe=RECIPES["mlp"],
)
suite.component(
    "mnist_mlp",
    kind="architecture",
    reference=MnistMLP,
    variants={"torch": TorchMnistMLP},
    cases=[
        *(case(randn(batch, 784)) for batch in (32, 128)),
        case(randn(3, 2, 3), input_size=6, num_classes=2, dropout=0.4, timed=False),
    ],
    documented=["fundamentals"],
    properties=["mode", "stochastic", "batch_independent"],
    recipe=RECIPES["mnist_mlp"],
)
