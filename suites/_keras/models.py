"""The sequential perceptron in the three ways in which Keras builds models."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import keras
from nnbench.suites._keras.adapter import Counterpart, built, fresh_seed, name_of
from torch import Tensor, nn

Shape = tuple[int | None, ...]


class KerasMLP(Counterpart):
    """Dense with ReLU and Dropout for each hidden layer, then Dense; subclasses say how the model is written.

    The parameters are those of torch's linear layers at the places 0, 3, 6, ... of a sequence.
    """

    takes_mode = True

    def __init__(
        self,
        input_size: int = 784,
        hidden_sizes: Sequence[int] = (128, 64),
        num_classes: int = 10,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.sizes = [input_size, *hidden_sizes, num_classes]
        self.dropout = dropout
        for place, sizes in enumerate(pairwise(self.sizes)):
            self.add_module(str(3 * place), nn.Linear(*sizes))

    def forward(self, x: Tensor) -> Any:
        """Keras wants a batch: one sample by itself is a batch of one."""
        return super().forward(x) if x.dim() > 1 else super().forward(x.unsqueeze(0)).squeeze(0)

    def make(self, x: Tensor, part: Any) -> Any:
        *hidden, last = self.sizes[1:]
        layers: list[Any] = []
        for size in hidden:
            layers.append(keras.layers.Dense(size, activation="relu", dtype=name_of(x)))
            layers.append(keras.layers.Dropout(self.dropout, dtype=name_of(x)))
        layers.append(keras.layers.Dense(last, dtype=name_of(x)))
        shape = (None,) * (x.dim() - 2) + (self.sizes[0],)
        return self.model(layers, shape, name_of(x))

    def model(self, layers: list[Any], shape: Shape, dtype: str) -> Any:
        """Keras' model of these layers, for samples of this shape."""
        raise NotImplementedError

    def values(self) -> list[Tensor]:
        return [tensor for layer in self.children() for tensor in (layer.weight.T, layer.bias)]

    def seeds(self) -> list[Tensor]:
        return [fresh_seed() for _ in self.sizes[1:-1]] if self.dropout else []


class Sequential(KerasMLP):
    def model(self, layers: list[Any], shape: Shape, dtype: str) -> Any:
        return keras.Sequential([keras.Input(shape, dtype=dtype), *layers])


class Functional(KerasMLP):
    def model(self, layers: list[Any], shape: Shape, dtype: str) -> Any:
        inputs = outputs = keras.Input(shape, dtype=dtype)
        for layer in layers:
            outputs = layer(outputs)
        return keras.Model(inputs, outputs)


class Subclassed(KerasMLP):
    def model(self, layers: list[Any], shape: Shape, dtype: str) -> Any:
        return built(Perceptron(layers, dtype=dtype), (None, *shape))


class Perceptron(keras.Model):
    """A model that says itself what it does with an input."""

    def __init__(self, layers: list[Any], **more: Any) -> None:
        super().__init__(**more)
        self.steps = layers

    def build(self, input_shape: Shape) -> None:
        shape = input_shape
        for layer in self.steps:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.built = True

    def call(self, x: Any, training: bool = False) -> Any:
        for layer in self.steps:
            x = layer(x, training=training) if isinstance(layer, keras.layers.Dropout) else layer(x)
        return x
