"""Keras' activation functions."""

from __future__ import annotations

from typing import Any

import keras
from nnbench.suites._keras.adapter import Counterpart, built, like, name_of, refuse_other
from torch import Tensor, nn

from nnbench.failures import NotMeasurable


class Pointwise:
    """Torch's class with Keras' function, which always gives a new tensor."""

    inplace = False

    def compute(self, x: Tensor) -> Any:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Any:
        refuse_other("activations", inplace=(self.inplace, False))
        with like(x):
            return self.compute(x)


class ReLU(Pointwise, nn.ReLU):
    def compute(self, x: Tensor) -> Any:
        return keras.activations.relu(x)


class Sigmoid(Pointwise, nn.Sigmoid):
    def compute(self, x: Tensor) -> Any:
        return keras.activations.sigmoid(x)


class Tanh(Pointwise, nn.Tanh):
    def compute(self, x: Tensor) -> Any:
        return keras.activations.tanh(x)


class Softmax(Pointwise, nn.Softmax):
    def compute(self, x: Tensor) -> Any:
        if self.dim is None:
            raise NotMeasurable("dim=None: Keras' softmax does not guess the dimension")
        return keras.activations.softmax(x, axis=self.dim)


class GELU(Pointwise, nn.GELU):
    def compute(self, x: Tensor) -> Any:
        return keras.activations.gelu(x, approximate=self.approximate == "tanh")


class SiLU(Pointwise, nn.SiLU):
    def compute(self, x: Tensor) -> Any:
        return keras.activations.silu(x)


class Mish(Pointwise, nn.Mish):
    def compute(self, x: Tensor) -> Any:
        return keras.activations.mish(x)


class LeakyReLU(Counterpart, nn.LeakyReLU):
    def make(self, x: Tensor, part: Any) -> Any:
        refuse_other("LeakyReLU", inplace=(self.inplace, False))
        if self.negative_slope < 0:
            raise NotMeasurable(f"negative_slope={self.negative_slope} is refused by Keras' LeakyReLU: it is below 0")
        return built(keras.layers.LeakyReLU(self.negative_slope, dtype=name_of(x)), x.shape)


class ELU(Counterpart, nn.ELU):
    def make(self, x: Tensor, part: Any) -> Any:
        refuse_other("ELU", inplace=(self.inplace, False))
        return built(keras.layers.ELU(self.alpha, dtype=name_of(x)), x.shape)
