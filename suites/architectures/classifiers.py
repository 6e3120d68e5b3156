"""Classifiers and regressors of a few dense layers, without normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from nnbench.suites.architectures.dense import affine, dropped_out, refuse_probability, refuse_task, relu, sigmoid
from nnbench.suites.architectures.documented import BASIC_NETWORK, SEQUENTIAL_MLP, example_data
from nnbench.suites.architectures.mlp import MLP, TorchMLP
from nnbench.suites.architectures.recipes import RECIPES
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("architectures")


class SimpleNN(nn.Module):
    """Two affine maps with ReLU between them.

    ``y = relu(x W1^T + b1) W2^T + b2``: x (..., input_size), y (..., output_size). Parameters start as
    torch.nn.Linear's do. ``RuntimeError`` for another number of inputs.
    Source: PyTorch Neural Networks: A Comprehensive Guide.
    """

    def __init__(self, input_size: int = 10, hidden_size: int = 20, output_size: int = 1) -> None:
        super().__init__()
        self.hidden = nn.Linear(input_size, hidden_size)
        self.output = nn.Linear(hidden_size, output_size)

    def forward(self, x: Tensor) -> Tensor:
        return affine(relu(affine(x, self.hidden)), self.output)


class TorchSimpleNN(nn.Module):
    """The same network out of torch's layers."""

    def __init__(self, input_size: int = 10, hidden_size: int = 20, output_size: int = 1) -> None:
        super().__init__()
        self.hidden = nn.Linear(input_size, hidden_size)
        self.relu = nn.ReLU()
        self.output = nn.Linear(hidden_size, output_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.relu(self.hidden(x)))


class NeuralNet(MLP):
    """Perceptron of one hidden layer, with dropout.

    As ``MLP`` with one hidden layer: x (N, 28, 28) or (N, 784), y (N, num_classes) logits.
    Source: Deep Learning Fundamentals.
    """

    def __init__(
        self, input_size: int = 784, hidden_size: int = 128, num_classes: int = 10, dropout: float = 0.2
    ) -> None:
        super().__init__(input_size, (hidden_size,), num_classes, dropout)


class TorchNeuralNet(TorchMLP):
    """The same network out of torch's layers."""

    def __init__(
        self, input_size: int = 784, hidden_size: int = 128, num_classes: int = 10, dropout: float = 0.2
    ) -> None:
        super().__init__(input_size, (hidden_size,), num_classes, dropout)


class SequentialMLP(nn.Module):
    """Linear, ReLU and Dropout for each hidden layer, then Linear, as a ``torch.nn.Sequential`` numbers them.

    ``h = dropout(relu(h W^T + b))`` from ``h = x``, then ``y = h W^T + b``: x (..., input_size), y (..., num_classes)
    logits; the documented last softmax (E03) is left to the loss. The parameters' names are their places in the
    sequence (0, 3, 6, ...), and they start as torch.nn.Linear's do. ``ValueError`` for a dropout outside 0 to 1,
    ``RuntimeError`` for another number of inputs.
    Source: Deep Learning Fundamentals; PyTorch Neural Networks: A Comprehensive Guide.
    """

    def __init__(
        self,
        input_size: int = 784,
        hidden_sizes: Sequence[int] = (128, 64),
        num_classes: int = 10,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        refuse_probability(dropout)
        for place, sizes in enumerate(pairwise([input_size, *hidden_sizes, num_classes])):
            self.add_module(str(3 * place), nn.Linear(*sizes))
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        *hidden, output = self.children()
        for layer in hidden:
            x = dropped_out(relu(affine(x, layer)), self.dropout, self.training)
        return affine(x, output)


class TorchSequentialMLP(nn.Sequential):
    """The same network out of torch's layers."""

    def __init__(
        self,
        input_size: int = 784,
        hidden_sizes: Sequence[int] = (128, 64),
        num_classes: int = 10,
        dropout: float = 0.2,
    ) -> None:
        layers: list[nn.Module] = []
        for sizes in pairwise([input_size, *hidden_sizes]):
            layers += [nn.Linear(*sizes), nn.ReLU(), nn.Dropout(dropout)]
        super().__init__(*layers, nn.Linear([input_size, *hidden_sizes][-1], num_classes))


class BinaryClassifier(MLP):
    """The 64-32-1 perceptron that ends in the probability of one class.

    ``1 / (1 + exp(-z))``, z as of ``MLP`` with hidden layers of 64 and 32: x (N, input_size), y (N, 1), for binary
    cross-entropy. Source: Deep Learning Fundamentals.
    """

    def __init__(self, input_size: int, dropout: float = 0.3) -> None:
        super().__init__(input_size, (64, 32), 1, dropout)

    def forward(self, x: Tensor) -> Tensor:
        return sigmoid(super().forward(x))


class TorchBinaryClassifier(TorchMLP):
    """The same network out of torch's layers."""

    def __init__(self, input_size: int, dropout: float = 0.3) -> None:
        super().__init__(input_size, (64, 32), 1, dropout)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return self.sigmoid(super().forward(x))


class Regressor(MLP):
    """The 128-64-1 perceptron that ends in one value, for the mean squared error.

    As ``MLP`` with hidden layers of 128 and 64: x (N, input_size), y (N, 1). Source: Deep Learning Fundamentals.
    """

    def __init__(self, input_size: int, dropout: float = 0.2) -> None:
        super().__init__(input_size, (128, 64), 1, dropout)


class TorchRegressor(TorchMLP):
    """The same network out of torch's layers."""

    def __init__(self, input_size: int, dropout: float = 0.2) -> None:
        super().__init__(input_size, (128, 64), 1, dropout)


class BasicNetwork(nn.Module):
    """Dense layers with ReLU between them, for classes or for values.

    ``h = relu(h W^T + b)`` from ``h = x``, then ``y = h W^T + b``: x (..., input_dim), y (..., num_classes), which are
    logits for the ``task`` "classification" (the documented last softmax, E03, is left to the loss) and values for
    "regression". Parameters start as torch.nn.Linear's do. ``ValueError`` for another task, ``RuntimeError`` for
    another number of inputs. Source: Neural Networks Guide.
    """

    def __init__(
        self,
        input_dim: int = 20,
        hidden_dims: Sequence[int] = (64, 32, 16),
        num_classes: int = 3,
        task: str = "classification",
    ) -> None:
        super().__init__()
        refuse_task(task)
        sizes = [input_dim, *hidden_dims, num_classes]
        self.layers = nn.ModuleList([nn.Linear(*neighbours) for neighbours in pairwise(sizes)])

    def forward(self, x: Tensor) -> Tensor:
        *hidden, output = self.layers
        for layer in hidden:
            x = relu(affine(x, layer))
        return affine(x, output)

    example_data = staticmethod(example_data)


class TorchBasicNetwork(nn.Module):
    """The same network out of torch's layers."""

    def __init__(
        self,
        input_dim: int = 20,
        hidden_dims: Sequence[int] = (64, 32, 16),
        num_classes: int = 3,
        task: str = "classification",
    ) -> None:
        super().__init__()
        refuse_task(task)
        sizes = [input_dim, *hidden_dims, num_classes]
        self.layers = nn.ModuleList([nn.Linear(*neighbours) for neighbours in pairwise(sizes)])
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        *hidden, output = self.layers
        for layer in hidden:
            x = self.relu(layer(x))
        return output(x)


WITHOUT_DROPOUT = ["batch_independent"]
WITH_DROPOUT = ["mode", "stochastic", "batch_independent"]

KERAS_WAYS = ("Sequential", "Functional", "Subclassed")

suite.component(
    "simple_nn",
    kind="architecture",
    reference=SimpleNN,
    variants={"torch": TorchSimpleNN},
    cases=[
        *(case(randn(samples, 10), input_size=10, hidden_size=20, output_size=1) for samples in (32, 256)),
        case(randn(3, 4), input_size=4, hidden_size=5, output_size=2, timed=False),
        case(randn(3, 10), timed=False),
    ],
    documented=["pytorch"],
    properties=WITHOUT_DROPOUT,
    recipe=RECIPES["simple_nn"],
)
suite.component(
    "neural_net",
    kind="architecture",
    reference=NeuralNet,
    variants={"torch": TorchNeuralNet},
    cases=[
        *(case(randn(samples, 784), input_size=784, hidden_size=128, num_classes=10) for samples in (32, 128)),
        case(randn(3, 4), input_size=4, hidden_size=5, num_classes=2, dropout=0.4, timed=False),
        case(randn(1, 784), timed=False),
    ],
    documented=["fundamentals"],
    properties=WITH_DROPOUT,
    recipe=RECIPES["neural_net"],
)
suite.component(
    "sequential_mlp",
    kind="architecture",
    reference=SequentialMLP,
    variants={"torch": TorchSequentialMLP, "documented": SEQUENTIAL_MLP}
    | {f"keras_{way.lower()}": f"nnbench.suites._keras.models:{way}" for way in KERAS_WAYS},
    cases=[
        case(randn(samples, 784), hidden_sizes=hidden_sizes, dropout=dropout)
        for samples, hidden_sizes, dropout in (
            (32, [128, 64], 0.2),
            (32, [256, 128], 0.2),
            (32, [256, 128], 0.5),
            (128, [256, 128], 0.2),
        )
    ]
    + [
        case(randn(32, 4), input_size=4, hidden_sizes=[6, 5], num_classes=3, dropout=0.5, timed=False),
        case(randn(1, 784), timed=False),
    ],
    documented=["fundamentals", "pytorch"],
    properties=WITH_DROPOUT,
    recipe=RECIPES["sequential_mlp"],
)
suite.component(
    "binary_classifier",
    kind="architecture",
    reference=BinaryClassifier,
    variants={"torch": TorchBinaryClassifier},
    cases=[
        *(case(randn(samples, 20), input_size=20) for samples in (32, 256)),
    ],
    documented=["fundamentals"],
    properties=WITH_DROPOUT,
    recipe=RECIPES["binary_classifier"],
)
suite.component(
    "regressor",
    kind="architecture",
    reference=Regressor,
    variants={"torch": TorchRegressor},
    cases=[
        *(case(randn(samples, 20), input_size=20) for samples in (32, 256)),
        case(randn(32, 4), input_size=4, dropout=0.4, timed=False),
    ],
    documented=["fundamentals"],
    properties=WITH_DROPOUT,
    recipe=RECIPES["regressor"],
)
suite.component(
    "basic_network",
    kind="architecture",
    reference=BasicNetwork,
    variants={"torch": TorchBasicNetwork, "documented": BASIC_NETWORK},
    cases=[
        case(randn(samples, 20), input_dim=20, hidden_dims=[64, 32, 16], num_classes=num_classes, task=task)
        for samples, num_classes, task in ((32, 3, "classification"), (32, 1, "regression"), (256, 3, "classification"))
    ]
    + [
        case(randn(3, 4), input_dim=4, hidden_dims=[6, 5], num_classes=2, timed=False),
        case(randn(3, 20), timed=False),
    ],
    documented=["guide"],
    properties=WITHOUT_DROPOUT,
    recipe=RECIPES["basic_network"],
)
