"""Methods that make torch's dense networks wrong: by network, and by what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Methods = dict[str, Any]
Step = Callable[[Any, Tensor], Tensor]  # of a layer or network and what goes into it


def calling(forward: Callable[..., Tensor]) -> Methods:
    return {"forward": forward}


def ended(right: Callable[..., Tensor], last: Callable[[Tensor], Tensor]) -> Methods:
    """A right network with one step more."""
    return calling(lambda module, *inputs: last(right(module, *inputs)))


def drop(module: Any, x: Tensor, part: str = "dropout") -> Tensor:
    """The module's dropout, where it has one."""
    y: Tensor = dict(module.named_children()).get(part, nn.Identity())(x)
    return y


def norm(layer: Any, x: Tensor) -> Tensor:
    return drop(layer, x, "norm")


# Perceptrons. What stands behind each hidden layer is ReLU and dropout, else ``after``.


def mlp(module: Any, x: Tensor, after: Step = lambda module, h: drop(module, torch.relu(h))) -> Tensor:
    h = x.flatten(1)
    for layer in module.hidden:
        h = after(module, layer(h))
    return module.output(h)


def after(step: Step) -> Methods:
    return calling(lambda module, x: mlp(module, x, step))


def affine(module: Any, x: Tensor) -> Tensor:
    y: Tensor = module.output(x.flatten(1))
    return y


def simple(module: Any, x: Tensor, activation: Callable[[Tensor], Tensor] = torch.relu) -> Tensor:
    return module.output(activation(module.hidden(x)))


def sequence(module: Any, x: Tensor, layers: slice = slice(None)) -> Tensor:
    for layer in list(module)[layers]:
        x = layer(x)
    return x


def layered(module: Any, x: Tensor, activation: Callable[[Tensor], Tensor] = torch.relu) -> Tensor:
    *hidden, output = module.layers
    for layer in hidden:
        x = activation(layer(x))
    return output(x)


def share_of(module: Any) -> float:
    return float(module.dropout.p)


def unscaled(module: Any, h: Tensor) -> Tensor:
    return torch.relu(h) * (torch.rand_like(h) >= share_of(module)) if module.training else torch.relu(h)


def whole_samples(module: Any, h: Tensor) -> Tensor:
    return torch.relu(h) * functional.dropout(torch.ones_like(h[:, :1]), share_of(module), module.training)


def always(module: Any, h: Tensor) -> Tensor:
    return functional.dropout(torch.relu(h), share_of(module), True)


MULTILAYER = {
    "dropout left out": after(lambda module, h: torch.relu(h)),
    "dropout in evaluation too": after(always),
    "dropout that does not scale": after(unscaled),
    "whole samples dropped": after(whole_samples),
    "dropout after the last layer": calling(lambda module, x: drop(module, mlp(module, x))),
    "dropout of the inputs": calling(lambda module, x: mlp(module, drop(module, x))),
    "no ReLU": after(drop),
    "a leaky ReLU": after(lambda module, h: drop(module, functional.leaky_relu(h))),
    "a smooth ReLU": after(lambda module, h: drop(module, functional.gelu(h))),
    "ReLU behind the last layer": ended(mlp, torch.relu),
    "softmax before the loss": ended(mlp, lambda y: y.softmax(-1)),
    "log-softmax before the loss": ended(mlp, lambda y: y.log_softmax(-1)),
}
DENSE: dict[str, dict[str, Methods]] = {
    "simple_nn": {
        "no ReLU": calling(lambda module, x: simple(module, x, lambda h: h)),
        "tanh for ReLU": calling(lambda module, x: simple(module, x, torch.tanh)),
        "ReLU behind the last layer": ended(simple, torch.relu),
    },
    "softmax_regression": {
        "softmax before the loss": ended(affine, lambda y: y.softmax(-1)),
        "a ReLU behind it": ended(affine, torch.relu),
        "the bias left out": calling(lambda module, x: affine(module, x) - module.output.bias),
        "one answer for the batch": calling(
            lambda module, x: affine(module, x).mean(0, keepdim=True).expand(len(x), -1)
        ),
    },
    "neural_net": {name: MULTILAYER[name] for name in ("dropout left out", "softmax before the loss")},
    "mlp": MULTILAYER,
    "mnist_mlp": {name: MULTILAYER[name] for name in ("dropout left out", "no ReLU", "softmax before the loss")},
    "regressor": {
        "a value that is never negative": ended(mlp, torch.relu),
        "a probability": ended(mlp, torch.sigmoid),
        "dropout left out": MULTILAYER["dropout left out"],
        "one number for the batch": calling(lambda module, x: mlp(module, x).mean(0, keepdim=True).expand(len(x), 1)),
        "a vector for the column": calling(lambda module, x: mlp(module, x).squeeze(-1)),
    },
    "binary_classifier": {
        "a logit": calling(mlp),
        "sigmoid twice": ended(mlp, lambda y: y.sigmoid().sigmoid()),
        "softmax of one class": ended(mlp, lambda y: y.softmax(-1)),
        "dropout left out": calling(lambda module, x: torch.sigmoid(mlp(module, x, lambda made, h: torch.relu(h)))),
    },
    "sequential_mlp": {
        "softmax before the loss": ended(sequence, lambda y: y.softmax(-1)),
        "the first layer's dropout left out": calling(
            lambda module, x: sequence(module, sequence(module, x, slice(0, 2)), slice(3, None))
        ),
        "the last ReLU and dropout left out": calling(lambda module, x: module[-1](sequence(module, x, slice(0, -3)))),
    },
    "basic_network": {
        "softmax before the loss": ended(layered, lambda y: y.softmax(-1)),
        "no ReLU": calling(lambda module, x: layered(module, x, lambda h: h)),
        "tanh for ReLU": calling(lambda module, x: layered(module, x, torch.tanh)),
    },
}


# Dense networks with batch normalisation. A hidden layer is Linear, ReLU, normalisation, dropout, else ``layer``.


def normalized(module: Any, x: Tensor, layer: Step = lambda made, h: made(h), begin: int = 0) -> Tensor:
    h = x.flatten(1)
    for place, made in enumerate(module.hidden):
        h = layer(made, h) if place >= begin else made(h)
    return module.output(h)


def each(layer: Step) -> Methods:
    return calling(lambda module, x: normalized(module, x, layer))


def shared(module: Any, x: Tensor) -> Tensor:
    """The last hidden layer stands for the one before it too, where their sizes are the same."""
    layers = list(module.hidden)
    if len(layers) > 1 and layers[-2].linear.weight.shape == layers[-1].linear.weight.shape:
        layers[-2] = layers[-1]
    return module.output(nn.Sequential(*layers)(x.flatten(1)))


def with_statistics(training: bool) -> Step:
    """The normalisation of one mode in both."""

    def normalize(layer: Any, h: Tensor) -> Tensor:
        made = dict(layer.named_children()).get("norm")
        if made is None:
            return h
        kept = (made.running_mean, made.running_var)
        return functional.batch_norm(
            h, *(tensor.clone() for tensor in kept), made.weight, made.bias, training, 0.1, made.eps
        )

    return lambda layer, h: drop(layer, normalize(layer, torch.relu(layer.linear(h))))


NORMALIZED_FORWARDS = {
    "normalisation before ReLU": each(lambda layer, h: drop(layer, torch.relu(norm(layer, layer.linear(h))))),
    "dropout before normalisation": each(lambda layer, h: norm(layer, drop(layer, torch.relu(layer.linear(h))))),
    "dropout left out": each(lambda layer, h: norm(layer, torch.relu(layer.linear(h)))),
    "no normalisation": each(lambda layer, h: drop(layer, torch.relu(layer.linear(h)))),
    "no ReLU": each(lambda layer, h: drop(layer, norm(layer, layer.linear(h)))),
    "the batch's statistics in evaluation": each(with_statistics(True)),
    "the running statistics in training": each(with_statistics(False)),
    "softmax before the loss": ended(normalized, lambda y: y.softmax(-1)),
}
NORMALIZED: dict[str, dict[str, Methods]] = {
    "mlp_batch_norm": NORMALIZED_FORWARDS,
    "advanced_network": {
        name: NORMALIZED_FORWARDS[name] for name in ("normalisation before ReLU", "dropout before normalisation")
    },
    "halving_network": NORMALIZED_FORWARDS
    | {
        "one layer for two": calling(shared),
        "a layer left out that has no other's shape": calling(
            lambda module, x: normalized(
                module, x, lambda layer, h: h if h.shape[1] == layer.linear.out_features else layer(h)
            )
        ),
    },
    "layer_types": {
        "dropout left out": calling(lambda module, x: module.norm(module.linear(x))),
        "no normalisation": calling(lambda module, x: module.dropout(module.linear(x))),
        "dropout before normalisation": calling(lambda module, x: module.norm(module.dropout(module.linear(x)))),
        "normalisation of the inputs": calling(
            lambda module, x: module.dropout(module.linear(functional.batch_norm(x, None, None, training=True)))
        ),
    },
}
