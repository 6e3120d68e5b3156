"""The judge of this suite's procedures: perceptrons trained in NumPy, with gradients worked out by hand.

Nothing here is a recurrence that torch's optimizers have: each step is a function of all gradients so far.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

Arrays = Sequence[np.ndarray]
ArraySamples = tuple[np.ndarray, np.ndarray]
JudgedLoss = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]


def ages(gradients: np.ndarray) -> np.ndarray:
    """Steps since each gradient: 0 for the latest."""
    return np.arange(len(gradients))[::-1]


def sgd(gradients: np.ndarray, momentum: float = 0) -> np.ndarray:
    return np.power(float(momentum), ages(gradients)) @ gradients


def adam(gradients: np.ndarray, betas: Sequence[float] = (0.9, 0.999), eps: float = 1e-8) -> np.ndarray:
    """Weighted means of the gradients and of their squares: the correction of the bias is in the weights' sum."""
    mean, square = (
        np.average(values, axis=0, weights=beta ** ages(gradients))
        for values, beta in zip((gradients, gradients**2), betas, strict=True)
    )
    return mean / (np.sqrt(square) + eps)


def rmsprop(gradients: np.ndarray, alpha: float = 0.99, eps: float = 1e-8) -> np.ndarray:
    return gradients[-1] / (np.sqrt((1 - alpha) * alpha ** ages(gradients) @ gradients**2) + eps)


def adagrad(gradients: np.ndarray, eps: float = 1e-10) -> np.ndarray:
    return gradients[-1] / (np.linalg.norm(gradients, axis=0) + eps)


DIRECTIONS: dict[str, Callable[..., np.ndarray]] = {
    "SGD": sgd,
    "Adam": adam,
    "AdamW": adam,
    "RMSprop": rmsprop,
    "Adagrad": adagrad,
}


def step_rate(rate: float, losses: Sequence[float], step_size: int, gamma: float = 0.1) -> float:
    return rate * gamma ** (len(losses) // step_size)


def plateau_rate(rate: float, losses: Sequence[float], factor: float = 0.1, patience: int = 10) -> float:
    """Lower by ``factor`` whenever more than ``patience`` losses in a row are not lower than the best by 0.01 %."""
    best, since = np.inf, 0
    for loss in losses:
        best, since = (loss, 0) if loss < best * (1 - 1e-4) else (best, since + 1)
        if since > patience:
            rate, since = rate * factor, 0
    return rate


RATES: dict[str, Callable[..., float]] = {"StepLR": step_rate, "ReduceLROnPlateau": plateau_rate}


class Perceptron:
    """Affine maps with ReLU and dropout between them, all parameters in one vector; biases start at 0."""

    def __init__(self, weights: Arrays, dropout: float = 0) -> None:
        self.sizes = [weight.shape for weight in weights]
        self.dropout = dropout
        scaled = [np.c_[weight / np.sqrt(weight.shape[1]), np.zeros(len(weight))] for weight in weights]
        self.parameters = np.concatenate([layer.ravel() for layer in scaled])

    @property
    def layers(self) -> list[np.ndarray]:
        """Of each layer the matrix (outputs, inputs + 1), its bias in the last column."""
        ends = np.cumsum([outputs * (inputs + 1) for outputs, inputs in self.sizes])
        parts = np.split(self.parameters, ends[:-1])
        return [part.reshape(len_out, len_in + 1) for part, (len_out, len_in) in zip(parts, self.sizes, strict=True)]

    def scores(self, x: np.ndarray, passed: Arrays | None = None) -> tuple[np.ndarray, list[np.ndarray]]:
        """The output, and what entered each layer, with a 1 for the bias; ``passed`` scales each hidden unit."""
        entered, layers = [], self.layers
        for place, layer in enumerate(layers):
            entered.append(np.c_[x, np.ones(len(x))])
            x = entered[-1] @ layer.T
            if place + 1 < len(layers):
                x = np.maximum(x, 0) * (1 if passed is None else passed[place])
        return x, entered

    def gradient(self, x: np.ndarray, targets: np.ndarray, judged: JudgedLoss) -> tuple[float, np.ndarray]:
        """The mean loss and its gradient, by the chain rule from the last layer to the first."""
        passed = [self._passed(len(x), outputs) for outputs, _ in self.sizes[:-1]]
        scores, entered = self.scores(x, passed)
        loss, behind = judged(scores, targets)
        found: list[np.ndarray] = []
        for place in reversed(range(len(self.sizes))):
            found.insert(0, (behind.T @ entered[place]).ravel())
            if place:
                behind = (behind @ self.layers[place])[:, :-1] * (entered[place][:, :-1] > 0) * passed[place - 1]
        return loss, np.concatenate(found)

    def _passed(self, samples: int, units: int) -> np.ndarray:
        """0 for a unit that is dropped, otherwise 1 over the share kept: torch's very draws, in torch's order."""
        if self.dropout == 0:
            return np.ones((samples, units))
        kept = torch.empty(samples, units, dtype=torch.float64).bernoulli_(1 - self.dropout)
        return kept.numpy() / (1 - self.dropout)


def cross_entropy(scores: np.ndarray, classes: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean over samples, and what it changes by with each score."""
    right = np.eye(scores.shape[1], dtype=bool)[classes]
    below = scores - scores.max(1, keepdims=True)
    powers = np.exp(below)
    sums = powers.sum(1, keepdims=True)
    return float(np.mean(np.log(sums[:, 0]) - below[right])), (powers / sums - right) / len(scores)


def squared_error(outputs: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean over all numbers, and what it changes by with each output."""
    return float(np.mean((outputs - targets) ** 2)), 2 * (outputs - targets) / outputs.size


LOSSES: dict[str, JudgedLoss] = {"cross_entropy": cross_entropy, "mse_loss": squared_error}


def batches(samples: int, batch_size: int, seed: int) -> Iterator[list[np.ndarray]]:
    """The rows of each batch, one list an epoch, in the order that torch draws from this seed."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(samples, generator=generator).numpy()
        yield np.split(order, range(batch_size, samples, batch_size))


@np.errstate(over="ignore", invalid="ignore")  # a run may diverge
def judged_fit(
    network: Perceptron,
    train: ArraySamples,
    validation: ArraySamples,
    *,
    optimizer_arguments: Mapping[str, Any],
    epochs: int,
    optimizer: type = torch.optim.SGD,
    batch_size: int = 32,
    loss: Callable[..., Any] = functional.cross_entropy,
    seed: int = 0,
    scheduler: type | None = None,
    scheduler_arguments: Mapping[str, Any] | None = None,
    patience: int | None = None,
    max_norm: float | None = None,
) -> dict[str, list[float]]:
    """What ``fit`` shall return; ``network`` is trained."""
    settings = dict(optimizer_arguments)
    first = settings.pop("lr")
    decay = settings.pop("weight_decay", 0.01) if optimizer.__name__ == "AdamW" else 0.0
    direction = functools.partial(DIRECTIONS[optimizer.__name__], **settings)
    judged, history = LOSSES[loss.__name__], judged_history(train[1])
    seen: list[np.ndarray] = []
    losses, order = history["validation_loss"], batches(len(train[0]), batch_size, seed)
    while len(losses) < epochs and not (patience and losses and len(losses) - 1 - np.argmin(losses) >= patience):
        rate = RATES[scheduler.__name__](first, losses, **(scheduler_arguments or {})) if scheduler else first
        total = 0.0
        for rows in next(order):
            value, gradient = network.gradient(train[0][rows], train[1][rows], judged)
            seen.append(clipped(gradient, max_norm))
            network.parameters = (1 - rate * decay) * network.parameters - rate * direction(np.array(seen))
            total += len(rows) * value
        values = (total / len(train[0]), *judged_evaluation(network, *validation, judged), rate)
        for found, value in zip(history.values(), values, strict=True):
            found.append(value)
    return history


def judged_history(targets: np.ndarray) -> dict[str, list[float]]:
    """Nothing yet under each name; there is no accuracy where the targets are no classes."""
    accuracy = ["validation_accuracy"] * np.issubdtype(targets.dtype, np.integer)
    return {name: [] for name in ("train_loss", "validation_loss", *accuracy, "learning_rate")}


def clipped(gradient: np.ndarray, max_norm: float | None) -> np.ndarray:
    """Torch adds a millionth to the norm that it divides by."""
    return gradient * min(1.0, max_norm / (np.sqrt(np.sum(gradient**2)) + 1e-6)) if max_norm else gradient


def judged_evaluation(network: Perceptron, x: np.ndarray, targets: np.ndarray, judged: JudgedLoss) -> list[float]:
    scores, _ = network.scores(x)
    loss, _ = judged(scores, targets)
    classes = np.issubdtype(targets.dtype, np.integer)
    return [loss, float(np.mean(scores.argmax(1) == targets))] if classes else [loss]
