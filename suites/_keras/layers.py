"""Keras' layers without memory: dense, embedding, dropout, flatten and pooling."""

from __future__ import annotations

from typing import Any

import keras
import torch
from nnbench.suites._keras.adapter import Counterpart, built, fresh_seed, name_of, refuse_other
from torch import Tensor, nn

from nnbench.failures import NotMeasurable


class Dense(Counterpart, nn.Linear):
    """Keras' kernel is the weight transposed."""

    def make(self, x: Tensor, part: Any) -> Any:
        layer = keras.layers.Dense(self.out_features, use_bias=self.bias is not None, dtype=name_of(x))
        return built(layer, (*x.shape[:-1], self.in_features))

    def values(self) -> list[Tensor | None]:
        return [self.weight.T, self.bias]


class Embedding(Counterpart, nn.Embedding):
    """Keras trains the padding's row like any other, so the adapter takes the gradient away on its way to the table."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        refuse_other("Embedding", max_norm=(self.max_norm, None), sparse=(self.sparse, False))
        refuse_other("Embedding", scale_grad_by_freq=(self.scale_grad_by_freq, False))

    def make(self, x: Tensor, part: Any) -> Any:
        layer = keras.layers.Embedding(self.num_embeddings, self.embedding_dim, dtype=name_of(self.weight))
        return built(layer, x.shape)

    def layer(self, x: Tensor, part: Any = None) -> Any:
        return super().layer(x, self.weight.dtype)  # x says nothing of the table's

    def values(self) -> list[Tensor]:
        if self.padding_idx is None or not (self.weight.requires_grad and torch.is_grad_enabled()):
            return [self.weight]
        padding = torch.tensor([self.padding_idx], device=self.weight.device)
        table = self.weight.view_as(self.weight)
        table.register_hook(lambda gradient: gradient.index_fill(0, padding, 0))
        return [table]


class Dropout(Counterpart, nn.Dropout):
    takes_mode = True

    def make(self, x: Tensor, part: Any) -> Any:
        refuse_other("Dropout", inplace=(self.inplace, False))
        return built(keras.layers.Dropout(self.p, dtype=name_of(x)), x.shape)

    def seeds(self) -> list[Tensor]:
        return [fresh_seed()] if self.p > 0 else []


class Flatten(Counterpart, nn.Flatten):
    """Keras' "channels_last" means that nothing is moved before the dimensions are joined."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__(start_dim, end_dim)
        refuse_other("Flatten", start_dim=(start_dim, 1), end_dim=(end_dim, -1))

    def make(self, x: Tensor, part: Any) -> Any:
        return built(keras.layers.Flatten("channels_last", dtype=name_of(x)), x.shape)


class Pooling(Counterpart):
    """Keras pads nothing or, by the input's size, more at the end; torch pads both ends alike.

    It takes batches only: a sample without one is given one for the call.
    """

    dimensions: int
    kernel_size: Any
    stride: Any
    padding: Any

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        name = type(self).__name__
        expressible = {"dilation": 1, "return_indices": False, "ceil_mode": False, "divisor_override": None}
        refuse_other(
            name, **{argument: (getattr(self, argument, value), value) for argument, value in expressible.items()}
        )
        if self.padding not in (0, (0,), (0, 0)):
            raise NotMeasurable(f"padding={self.padding!r} cannot be expressed with Keras' {name}")

    def make(self, x: Tensor, part: Any) -> Any:
        counterpart = getattr(keras.layers, type(self).__name__)
        layer = counterpart(self.kernel_size, self.stride, "valid", "channels_first", dtype=name_of(x))
        return built(layer, x.shape)

    def forward(self, x: Tensor) -> Any:
        return super().forward(x) if x.dim() > self.dimensions + 1 else super().forward(x.unsqueeze(0)).squeeze(0)


class MaxPooling1D(Pooling, nn.MaxPool1d):
    dimensions = 1


class MaxPooling2D(Pooling, nn.MaxPool2d):
    dimensions = 2


class AveragePooling2D(Pooling, nn.AvgPool2d):
    dimensions = 2
