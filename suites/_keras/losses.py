"""Keras' losses, reduced as torch's are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import torch
from nnbench.suites._keras.adapter import LAYERS, like, name_of, refuse_other
from torch import Tensor, nn

from nnbench.failures import NotMeasurable

REDUCTIONS = {"mean": "sum_over_batch_size", "sum": "sum", "none": "none"}


class Elementwise:
    """A loss of each element. Keras takes the mean of the last dimension first, whatever the reduction.

    So where torch does not want a mean, the elements get a last dimension of their own.
    """

    reduction: str

    def make(self, settings: dict[str, Any]) -> Any:
        raise NotImplementedError

    def forward(self, input: Tensor, target: Tensor) -> Any:  # noqa: A002  torch's name for it
        if input.shape != target.shape:
            raise NotMeasurable("input and target of different shapes are not translated for Keras' losses")
        with like(input):
            if self.reduction != "mean":
                input, target = input.unsqueeze(-1), target.unsqueeze(-1)  # noqa: A001
            return reduced_if_empty(self, keras_loss(self, input)(target, input))


def keras_loss(adapter: Any, x: Tensor, *key: Any) -> Any:
    """The Keras loss for the dtype of x, made when it is first asked for."""
    made = adapter.__dict__.setdefault(LAYERS, {})
    if (x.dtype, *key) not in made:
        settings = {"reduction": REDUCTIONS[adapter.reduction], "dtype": name_of(x)}
        made[x.dtype, *key] = adapter.make(settings, *key)
    return made[x.dtype, *key]


def reduced_if_empty(adapter: Any, losses: Tensor) -> Tensor:
    """Keras leaves the losses of an empty batch unreduced."""
    if losses.numel() or adapter.reduction == "none":
        return losses
    return losses.mean() if adapter.reduction == "mean" else losses.sum()


class MeanSquaredError(Elementwise, nn.MSELoss):
    def make(self, settings: dict[str, Any]) -> Any:
        return keras.losses.MeanSquaredError(**settings)


class MeanAbsoluteError(Elementwise, nn.L1Loss):
    def make(self, settings: dict[str, Any]) -> Any:
        return keras.losses.MeanAbsoluteError(**settings)


class Huber(Elementwise, nn.HuberLoss):
    def make(self, settings: dict[str, Any]) -> Any:
        return keras.losses.Huber(delta=self.delta, **settings)

    def __deepcopy__(self, memo: dict[int, Any]) -> Huber:
        """Keras copies a loss by its configuration, and Huber's lacks delta (Keras 3.15)."""
        return type(self)(reduction=self.reduction, delta=self.delta)


class BinaryCrossentropy(Elementwise, nn.BCELoss):
    """Keras moves probabilities to within its global epsilon (1e-7) of 0 and 1; here the epsilon is 0."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        refuse_other("BinaryCrossentropy", weight=(self.weight is None, True))

    def make(self, settings: dict[str, Any]) -> Any:
        return keras.losses.BinaryCrossentropy(**settings)

    def forward(self, input: Tensor, target: Tensor) -> Any:  # noqa: A002  torch's name for it
        with nothing_clipped():
            return super().forward(input, target)


@contextlib.contextmanager
def nothing_clipped() -> Iterator[None]:
    before = keras.config.epsilon()
    keras.config.set_epsilon(0.0)
    try:
        yield
    finally:
        keras.config.set_epsilon(before)


class SparseCategoricalCrossentropy(nn.CrossEntropyLoss):
    """Keras has the classes last, and holds their numbers in the dtype of the scores."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        refuse_other("SparseCategoricalCrossentropy", weight=(self.weight is None, True))
        refuse_other("SparseCategoricalCrossentropy", label_smoothing=(self.label_smoothing, 0.0))

    def make(self, settings: dict[str, Any], ignored: int | None) -> Any:
        return keras.losses.SparseCategoricalCrossentropy(True, ignored, **settings)

    def forward(self, input: Tensor, target: Tensor) -> Any:  # noqa: A002  torch's name for it
        if target.is_floating_point():
            raise NotMeasurable("target as probabilities cannot be expressed with SparseCategoricalCrossentropy")
        scores = input.movedim(1, -1) if input.dim() > 1 else input
        if scores.shape[-1] > 1 / torch.finfo(scores.dtype).eps:
            raise NotMeasurable(f"Keras would round class numbers to {scores.dtype}")
        left_out = target == self.ignore_index
        # Leaving out classes costs Keras several passes over the scores, so only where there are some to leave out.
        ignored = self.ignore_index if bool(left_out.any()) else None
        with like(scores):
            losses = reduced_if_empty(self, keras_loss(self, scores, ignored)(target, scores))
        if self.reduction == "mean" and (ignored is not None or not target.numel()) and bool(left_out.all()):
            return losses / 0  # Keras' mean of nothing is 0, torch's NaN
        return losses
