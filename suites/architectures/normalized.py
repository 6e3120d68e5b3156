"""Dense networks with batch normalisation."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from nnbench.suites.architectures.dense import affine, dropped_out, refuse_probability, refuse_task, relu
from nnbench.suites.architectures.recipes import RECIPES
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("architectures")


def batch_normalized(x: Tensor, layer: Any) -> Tensor:
    """(x - mean) / sqrt(variance + eps) * weight + bias for x (N, C), with what a ``nn.BatchNorm1d`` holds.

    In training mean and variance are the batch's, and the layer's running ones move towards them; in evaluation they
    are the running ones. ``ValueError`` for another number of dimensions.
    """
    if x.dim() != 2:
        raise ValueError(f"batch normalisation is of samples and channels, (N, C), not of {tuple(x.shape)}")
    mean, variance = batch_statistics(x, layer) if layer.training else (layer.running_mean, layer.running_var)
    return (x - mean) / torch.sqrt(variance + layer.eps) * layer.weight + layer.bias


def batch_statistics(x: Tensor, layer: Any) -> tuple[Tensor, Tensor]:
    """Each channel's mean and variance in the batch; ``ValueError`` for a batch of one, which has no variance."""
    if len(x) == 1:
        raise ValueError(f"batch normalisation in training takes more than one sample, not {tuple(x.shape)}")
    mean = x.mean(0)
    variance = ((x - mean) ** 2).mean(0)
    remember(layer, mean, variance, len(x))
    return mean, variance


@torch.no_grad()
def remember(layer: Any, mean: Tensor, variance: Tensor, samples: int) -> None:
    """Move the running statistics by the share ``momentum`` towards a batch's; an empty batch has none."""
    layer.num_batches_tracked += 1
    if samples:
        unbiased = variance * samples / (samples - 1)  # torch divides by N to normalise, by N - 1 to remember
        layer.running_mean += layer.momentum * (mean - layer.running_mean)
        layer.running_var += layer.momentum * (unbiased - layer.running_var)


class LayerTypes(nn.Module):
    """An affine map, batch normalisation and dropout, one after the other.

    ``dropout(normalized(x W^T + b))``, normalized(h) = (h - mean) / sqrt(variance + 1e-5) * weight + bias with each
    channel's mean and variance in the batch, in evaluation with their running averages (momentum 0.1). x
    (N, in_features), y (N, out_features). ``ValueError`` for a dropout outside 0 to 1, for another number of dimensions
    and, in training, for a batch of one; ``RuntimeError`` for another number of inputs.
    Source: PyTorch Neural Networks: A Comprehensive Guide.
    """

    def __init__(self, in_features: int = 10, out_features: int = 5, dropout: float = 0.5) -> None:
        super().__init__()
        refuse_probability(dropout)
        self.linear = nn.Linear(in_features, out_features)
        self.norm = nn.BatchNorm1d(out_features)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        return dropped_out(batch_normalized(affine(x, self.linear), self.norm), self.dropout, self.training)


class TorchLayerTypes(nn.Module):
    """The same layers, torch's own."""

    def __init__(self, in_features: int = 10, out_features: int = 5, dropout: float = 0.5) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)
        self.norm = nn.BatchNorm1d(out_features)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.norm(self.linear(x)))


class Hidden(NamedTuple):
    """What a hidden layer is made of."""

    units: int
    dropout: float
    normalized: bool = True


class HiddenLayer(nn.Module):
    """Linear, ReLU, then batch normalisation and dropout where there are such."""

    def __init__(self, inputs: int, of: Hidden) -> None:
        super().__init__()
        refuse_probability(of.dropout)
        self.linear = nn.Linear(inputs, of.units)
        self.norm = nn.BatchNorm1d(of.units) if of.normalized else None
        self.dropout = of.dropout

    def forward(self, x: Tensor) -> Tensor:
        h = relu(affine(x, self.linear))
        if self.norm is not None:
            h = batch_normalized(h, self.norm)
        return dropped_out(h, self.dropout, self.training)


class NormalizedNetwork(nn.Module):
    """Hidden layers one after the other, then Linear."""

    def __init__(self, inputs: int, hidden: Sequence[Hidden], outputs: int) -> None:
        super().__init__()
        sizes = [inputs, *(of.units for of in hidden)]
        self.hidden = nn.ModuleList([HiddenLayer(*made_of) for made_of in zip(sizes, hidden, strict=False)])
        self.output = nn.Linear(sizes[-1], outputs)

    def forward(self, x: Tensor) -> Tensor:
        h = x.flatten(1)
        for layer in self.hidden:
            h = layer(h)
        return affine(h, self.output)


def torch_hidden_layer(inputs: int, of: Hidden) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict(linear=nn.Linear(inputs, of.units), relu=nn.ReLU())
    if of.normalized:
        layers["norm"] = nn.BatchNorm1d(of.units)
    if of.dropout:
        layers["dropout"] = nn.Dropout(of.dropout)
    return nn.Sequential(layers)


class TorchNormalizedNetwork(nn.Module):
    """The same network out of torch's layers."""

    def __init__(self, inputs: int, hidden: Sequence[Hidden], outputs: int) -> None:
        super().__init__()
        sizes = [inputs, *(of.units for of in hidden)]
        self.hidden = nn.Sequential(*(torch_hidden_layer(*made_of) for made_of in zip(sizes, hidden, strict=False)))
        self.output = nn.Linear(sizes[-1], outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.hidden(x.flatten(1)))


FORMS = {
    "fundamentals": [Hidden(256, 0.3), Hidden(128, 0.3), Hidden(64, 0.2, normalized=False)],
    "pytorch": [Hidden(256, 0.0), Hidden(128, 0.0)],
}


def of_form(form: str) -> list[Hidden]:
    if form not in FORMS:
        raise ValueError(f"form is one of {', '.join(FORMS)}, not {form!r}")
    return FORMS[form]


class MLPBatchNorm(NormalizedNetwork):
    """Perceptron with batch normalisation after ReLU, in the ``form`` of one of two documents.

    For each hidden layer ``h = dropout(normalized(relu(h W^T + b)))``, from ``h = x`` flattened, then
    ``y = h W^T + b``; normalized as in ``LayerTypes``. Form "fundamentals": 256 and 128 units with dropout 0.3, then 64
    not normalized with dropout 0.2; "pytorch": 256 and 128 units without dropout. x (N, 28, 28) or (N, 784), y
    (N, num_classes) logits. ``ValueError`` for another form and, in training, for a batch of one; ``RuntimeError`` for
    another number of inputs. Source: Deep Learning Fundamentals; PyTorch Neural Networks: A Comprehensive Guide.
    """

    def __init__(self, input_size: int = 784, num_classes: int = 10, form: str = "fundamentals") -> None:
        super().__init__(input_size, of_form(form), num_classes)


class TorchMLPBatchNorm(TorchNormalizedNetwork):
    """The same network out of torch's layers."""

    def __init__(self, input_size: int = 784, num_classes: int = 10, form: str = "fundamentals") -> None:
        super().__init__(input_size, of_form(form), num_classes)


ADVANCED = [Hidden(128, 0.3), Hidden(64, 0.2), Hidden(32, 0.1)]


class AdvancedNetwork(NormalizedNetwork):
    """Hidden layers of 128, 64 and 32 with batch normalisation and less dropout from one to the next.

    For each hidden layer ``h = dropout(normalized(relu(h W^T + b)))`` with dropout 0.3, 0.2 and 0.1, from ``h = x``,
    then ``y = h W^T + b``; normalized as in ``LayerTypes``. x (N, input_dim), y (N, num_classes): logits for the
    ``task`` "classification", values for "regression". ``ValueError`` for another task and, in training, for a batch of
    one; ``RuntimeError`` for another number of inputs. Source: Neural Networks Guide.
    """

    def __init__(self, input_dim: int = 20, num_classes: int = 3, task: str = "classification") -> None:
        refuse_task(task)
        super().__init__(input_dim, ADVANCED, num_classes)


class TorchAdvancedNetwork(TorchNormalizedNetwork):
    """The same network out of torch's layers."""

    def __init__(self, input_dim: int = 20, num_classes: int = 3, task: str = "classification") -> None:
        refuse_task(task)
        super().__init__(input_dim, ADVANCED, num_classes)


def halving(input_dim: int, num_classes: int, max_layers: int, dropout: float) -> list[Hidden]:
    """Half as many units in each layer, though 8 at least, for as long as they are no fewer than the classes."""
    hidden, units = [], input_dim
    for _ in range(max_layers):
        units = max(units // 2, 8)
        if units < num_classes:
            break
        hidden.append(Hidden(units, dropout))
    return hidden


class HalvingNetwork(NormalizedNetwork):
    """Hidden layers that halve from the inputs on, with batch normalisation and dropout.

    For each hidden layer ``h = dropout(normalized(relu(h W^T + b)))``, from ``h = x``, then ``y = h W^T + b``;
    normalized as in ``LayerTypes``. A layer has ``max(n // 2, 8)`` units, n those before it, and there are
    ``max_layers`` of them, or fewer where the next would have fewer than num_classes: 10-8-8-8-8 for 20 inputs and 3
    classes. x (N, input_dim), y (N, num_classes) logits. ``ValueError`` for a dropout outside 0 to 1 and, in training,
    for a batch of one; ``RuntimeError`` for another number of inputs. Source: Neural Networks Guide.
    """

    def __init__(self, input_dim: int = 20, num_classes: int = 3, max_layers: int = 5, dropout: float = 0.3) -> None:
        super().__init__(input_dim, halving(input_dim, num_classes, max_layers, dropout), num_classes)


class TorchHalvingNetwork(TorchNormalizedNetwork):
    """The same network out of torch's layers."""

    def __init__(self, input_dim: int = 20, num_classes: int = 3, max_layers: int = 5, dropout: float = 0.3) -> None:
        super().__init__(input_dim, halving(input_dim, num_classes, max_layers, dropout), num_classes)


PROPERTIES = ["mode", "stochastic"]  # in training a sample's output depends on the batch around it

suite.component(
    "layer_types",
    kind="architecture",
    reference=LayerTypes,
    variants={"torch": TorchLayerTypes},
    cases=[
        case(randn(32, 10)),
        case(randn(256, 10)),
        case(randn(4, 5), in_features=5, out_features=3, dropout=0.4, timed=False),
        case(randn(4, 5), in_features=5, out_features=3, dropout=0.0, timed=False),
    ],
    documented=["pytorch"],
    properties=PROPERTIES,
    recipe=RECIPES["layer_types"],
)
suite.component(
    "mlp_batch_norm",
    kind="architecture",
    reference=MLPBatchNorm,
    variants={"torch": TorchMLPBatchNorm},
    cases=[
        *(case(randn(samples, 784), form=form) for samples in (32, 128) for form in FORMS),
        case(randn(32, 2, 3), input_size=6, num_classes=2, timed=False),
        case(randn(4, 5), input_size=5, num_classes=2, form="pytorch", timed=False),
    ],
    documented=["fundamentals", "pytorch"],
    properties=PROPERTIES,
    recipe=RECIPES["mlp_batch_norm"],
)
suite.component(
    "advanced_network",
    kind="architecture",
    reference=AdvancedNetwork,
    variants={"torch": TorchAdvancedNetwork},
    cases=[
        case(randn(samples, 20), input_dim=20, num_classes=num_classes, task=task)
        for samples, num_classes, task in ((32, 3, "classification"), (32, 1, "regression"), (256, 3, "classification"))
    ]
    + [case(randn(32, 5), input_dim=5, num_classes=2, timed=False), case(randn(4, 20), timed=False)],
    documented=["guide"],
    properties=PROPERTIES,
    recipe=RECIPES["advanced_network"],
)
suite.component(
    "halving_network",
    kind="architecture",
    reference=HalvingNetwork,
    variants={"torch": TorchHalvingNetwork},
    cases=[
        *(case(randn(samples, 20), input_dim=20, num_classes=3, max_layers=5) for samples in (32, 256)),
        case(randn(32, 16), input_dim=16, num_classes=8, max_layers=2, dropout=0.4, timed=False),
        case(randn(4, 40), input_dim=40, num_classes=12, timed=False),  # 20, and no 10
        case(randn(4, 20), dropout=0.0, timed=False),
    ],
    documented=["guide"],
    properties=PROPERTIES,
    recipe=RECIPES["halving_network"],
)
