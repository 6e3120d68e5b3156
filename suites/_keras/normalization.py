"""Keras' normalization layers."""

from __future__ import annotations

from typing import Any

import keras
import torch
from nnbench.suites._keras.adapter import Counterpart, built, name_of, refuse_other
from torch import Tensor, nn

from nnbench.failures import NotMeasurable


class LayerNormalization(Counterpart, nn.LayerNorm):
    def make(self, x: Tensor, part: Any) -> Any:
        layer = keras.layers.LayerNormalization(
            axis=list(range(-len(self.normalized_shape), 0)),
            epsilon=self.eps,
            center=self.bias is not None,
            scale=self.weight is not None,
            dtype=name_of(x),
        )
        leading = x.shape[: -len(self.normalized_shape)]
        return built(layer, (*leading, *self.normalized_shape))

    def values(self) -> list[Tensor | None]:
        return [self.weight, self.bias]


class BatchNormalization(Counterpart):
    """Keras' momentum is the share that stays; its running variance is biased. The counter of batches is torch's."""

    weight: Any
    bias: Any
    running_mean: Any
    running_var: Any
    num_batches_tracked: Any
    num_features: int
    eps: float
    momentum: Any

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        refuse_other("BatchNormalization", track_running_stats=(self.running_mean is not None, True))
        if self.momentum is None:
            raise NotMeasurable("momentum=None: Keras' BatchNormalization keeps no mean over all batches")

    def make(self, x: Tensor, part: Any) -> Any:
        layer = keras.layers.BatchNormalization(
            axis=1,
            momentum=1 - self.momentum,
            epsilon=self.eps,
            center=self.bias is not None,
            scale=self.weight is not None,
            dtype=name_of(x),
        )
        return built(layer, (None, self.num_features, *x.shape[2:]))

    def forward(self, x: Tensor) -> Any:
        kept = (self.running_mean, self.running_var)
        y, moved = self.call(x, (self.weight, self.bias), kept, training=self.training)
        if self.training:
            with torch.no_grad():
                self.num_batches_tracked.add_(1)
                for buffer, value in zip(kept, moved, strict=True):
                    buffer.copy_(value)
        return y


class BatchNormalization1d(BatchNormalization, nn.BatchNorm1d):
    pass


class BatchNormalization2d(BatchNormalization, nn.BatchNorm2d):
    pass
