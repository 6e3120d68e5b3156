"""Training with and without batch normalisation, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import InputSpec, case, randint, randn

suite = Suite("regularizers")
EPS = 1e-5


def batch_norm(
    features: Tensor, labels: Tensor, *normal: Tensor, lr: float = 0.01, epochs: int = 1
) -> dict[str, Tensor]:
    """Train one network with and without batch normalisation, on the same batches from the same weights, by SGD.

    For each hidden layer ``h = relu(h W^T + b)``, in the second network ``h = (h - mean) / sqrt(variance + 1e-5) *
    scale + shift`` after it, each unit's mean and variance in the batch; then ``h W^T + b``, the mean cross-entropy and
    ``p = p - lr * gradient``. W starts as ``normal * sqrt(2 / inputs)``, the scales as 1, biases and shifts as 0.
    features (B, N, inputs) and labels (B, N): B batches, gone through ``epochs`` times; normal (outputs, inputs) for
    each layer; losses before each step (epochs * B,) under "plain" and "normalized". ``ValueError`` for batches of one,
    which have no variance, for unequally many labels, and for no layers. Source: Ioffe and Szegedy, arXiv:1502.03167.
    """
    refuse_misfits(features, labels, normal)
    starts = {"plain": starting_values(normal, normalized=False), "normalized": starting_values(normal, True)}
    return {name: losses_by_step(start, features, labels, lr, epochs) for name, start in starts.items()}


Layer = dict[str, Tensor]  # "weight" and "bias"; "scale" and "shift" where it is followed by a normalisation


def refuse_misfits(features: Tensor, labels: Tensor, normal: Sequence[Tensor]) -> None:
    if not normal:
        raise ValueError("a network has one layer at least")
    if features.dim() != 3 or features.shape[1] < 2:
        raise ValueError(f"features are (B, N, inputs) with N of 2 or more, not {tuple(features.shape)}")
    if features.shape[:2] != labels.shape:
        raise ValueError(f"there is one label a sample, {tuple(features.shape[:2])}, not {tuple(labels.shape)}")


def starting_values(normal: Sequence[Tensor], normalized: bool) -> list[Layer]:
    layers = []
    for place, drawn in enumerate(normal):
        outputs, inputs = drawn.shape
        layer = {"weight": drawn * (2 / inputs) ** 0.5, "bias": drawn.new_zeros(outputs)}
        if normalized and place < len(normal) - 1:
            layer |= {"scale": drawn.new_ones(outputs), "shift": drawn.new_zeros(outputs)}
        layers.append({name: value.requires_grad_() for name, value in layer.items()})
    return layers


def losses_by_step(layers: list[Layer], features: Tensor, labels: Tensor, lr: float, epochs: int) -> Tensor:
    parameters = [tensor for layer in layers for tensor in layer.values()]
    losses = []
    for batch in [*range(len(features))] * epochs:
        loss = cross_entropy(logits_of(features[batch], layers), labels[batch])
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for place, gradient in enumerate(gradients):
                parameters[place] -= lr * gradient
    return features.new_tensor(losses)


def logits_of(x: Tensor, layers: list[Layer]) -> Tensor:
    for layer in layers[:-1]:
        x = affine(x, layer).relu()
        if "scale" in layer:
            x = normalized(x) * layer["scale"] + layer["shift"]  # equivalent: subtracted, it learns the opposite from 0
    return affine(x, layers[-1])


def affine(x: Tensor, layer: Layer) -> Tensor:
    return x @ layer["weight"].T + layer["bias"]  # equivalent: subtracted, it learns the opposite from 0


def normalized(x: Tensor) -> Tensor:
    mean = x.mean(0)
    variance = ((x - mean) ** 2).mean(0)
    return (x - mean) / torch.sqrt(variance + EPS)


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.logsumexp(1) - logits.gather(1, labels[:, None])[:, 0]).mean()


def torch_batch_norm(
    features: Tensor, labels: Tensor, *normal: Tensor, lr: float = 0.01, epochs: int = 1
) -> dict[str, Tensor]:
    """The same out of torch's layers, loss and optimizer."""
    refuse_misfits(features, labels, normal)
    networks = {"plain": torch_network(normal, normalized=False), "normalized": torch_network(normal, True)}
    return {name: torch_losses(network, features, labels, lr, epochs) for name, network in networks.items()}


def torch_network(normal: Sequence[Tensor], normalized: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for drawn in normal:
        linear = nn.Linear(drawn.shape[1], drawn.shape[0])
        nn.init.zeros_(linear.bias)
        linear.weight.data = drawn * (2 / drawn.shape[1]) ** 0.5
        layers += [linear, nn.ReLU(), *([nn.BatchNorm1d(drawn.shape[0])] if normalized else [])]
    hidden_and_output = layers[: len(layers) - (2 if normalized else 1)]  # nothing follows the last Linear
    return nn.Sequential(*hidden_and_output).to(normal[0].dtype)


def torch_losses(network: nn.Module, features: Tensor, labels: Tensor, lr: float, epochs: int) -> Tensor:
    optimizer, criterion, losses = torch.optim.SGD(network.parameters(), lr=lr), nn.CrossEntropyLoss(), []
    for _ in range(epochs):
        for x, y in zip(features, labels, strict=True):
            optimizer.zero_grad()
            loss = criterion(network(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
    return torch.stack(losses)


def batch_norm_oracle(
    features: np.ndarray, labels: np.ndarray, *normal: np.ndarray, lr: float = 0.01, epochs: int = 1
) -> dict[str, np.ndarray]:
    """Gradients by hand, layer by layer from the loss back."""
    outcome = {}
    for name, with_norm in (("plain", False), ("normalized", True)):
        layers = [
            [drawn * np.sqrt(2 / drawn.shape[1]), np.zeros(len(drawn)), np.ones(len(drawn)), np.zeros(len(drawn))]
            for drawn in normal
        ]
        steps = [(x, y) for _ in range(epochs) for x, y in zip(features, labels, strict=True)]
        outcome[name] = np.array([_step(layers, x, y, lr, with_norm) for x, y in steps])
    return outcome


def _step(layers: list[list[np.ndarray]], x: np.ndarray, y: np.ndarray, lr: float, with_norm: bool) -> float:
    """The loss before a step of all layers, in place."""
    kept: list[tuple[Any, ...]] = []
    for weight, bias, scale, shift in layers[:-1]:
        before = x
        sums = np.einsum("ni,oi->no", before, weight, optimize=True) + bias
        positive = np.maximum(sums, 0)
        deviation = np.sqrt(positive.var(axis=0) + EPS)
        standard = (positive - positive.mean(axis=0)) / deviation
        x = standard * scale + shift if with_norm else positive
        kept.append((before, sums > 0, standard, deviation))
    logits = np.einsum("ni,oi->no", x, layers[-1][0], optimize=True) + layers[-1][1]
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = exponentials / exponentials.sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(shares[np.arange(len(y)), y]))
    slope = (shares - np.eye(shares.shape[1])[y]) / len(y)
    last = layers[-1]
    above = slope @ last[0]
    last[0], last[1] = last[0] - lr * slope.T @ x, last[1] - lr * slope.sum(axis=0)
    for layer, (before, is_active, standard, deviation) in zip(layers[-2::-1], kept[::-1], strict=True):
        if with_norm:
            along, total = (above * standard).sum(axis=0), above.sum(axis=0)
            onward = layer[2] / deviation * (above - (total + standard * along) / len(y))
            layer[2], layer[3] = layer[2] - lr * along, layer[3] - lr * total
            above = onward
        slope = above * is_active
        above = slope @ layer[0]
        layer[0], layer[1] = layer[0] - lr * slope.T @ before, layer[1] - lr * slope.sum(axis=0)
    return float(loss)


def generated(batches: int, size: int, *units: int) -> list[InputSpec]:
    """Batches of features and labels, and the standard-normal numbers that a network of so many units starts from."""
    normal = [randn(outputs, inputs, requires_grad=False) for inputs, outputs in pairwise(units)]
    return [randn(batches, size, units[0], requires_grad=False), randint(units[-1], (batches, size)), *normal]


DOCUMENTED = (784, 256, 128, 10)


suite.component(
    "batch_norm",
    kind="procedure",
    reference=batch_norm,
    variants={"torch": torch_batch_norm},
    oracle=batch_norm_oracle,
    cases=[
        case(*generated(4, 32, *DOCUMENTED), lr=0.01, epochs=5),
        case(*generated(4, 128, *DOCUMENTED), lr=0.1, epochs=5),
        case(*generated(2, 4, 3, 4, 3, 2), timed=False),
    ],
    documented=["handout", "guide", "fundamentals", "pytorch"],
)
