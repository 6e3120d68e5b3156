"""Keras' convolutions."""

from __future__ import annotations

from typing import Any

import keras
from nnbench.suites._keras.adapter import Counterpart, built, name_of, refuse_other
from torch import Tensor, nn

from nnbench.failures import NotMeasurable

PADDING = "padding"


class Convolution(Counterpart):
    """Keras' kernel is the weight with its dimensions in the opposite order, those of space in their own.

    A padding that is not Keras' "valid" or "same" is a ``ZeroPadding`` layer in front. It takes batches only: a sample
    without one is given one for the call.
    """

    weight: Any
    bias: Any
    padding: Any
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    kernel_size: tuple[int, ...]
    groups: int
    in_channels: int
    out_channels: int

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        refuse_other("convolutions", padding_mode=(getattr(self, "padding_mode", "zeros"), "zeros"))
        if max(self.stride) > 1 and max(self.dilation) > 1:
            raise NotMeasurable("Keras' convolutions have a stride or a dilation, not both")

    def make(self, x: Tensor, part: Any) -> Any:
        name = f"{len(self.kernel_size)}D"
        if part == PADDING:
            zeros = getattr(keras.layers, f"ZeroPadding{name}")
            width = self.padding if len(self.padding) > 1 else self.padding[0]
            return built(zeros(width, data_format="channels_first", dtype=name_of(x)), x.shape)
        layer = getattr(keras.layers, f"Conv{name}")(
            self.out_channels,
            self.kernel_size,
            strides=self.stride,
            padding="same" if self._keeps_size() else "valid",
            data_format="channels_first",
            dilation_rate=self.dilation,
            groups=self.groups,
            use_bias=self.bias is not None,
            dtype=name_of(x),
        )
        return built(layer, (None, self.in_channels, *x.shape[2:]))

    def _keeps_size(self) -> bool:
        if isinstance(self.padding, str):
            return self.padding == "same"
        reach = [step * (size - 1) for step, size in zip(self.dilation, self.kernel_size, strict=True)]
        return any(reach) and max(self.stride) == 1 and [2 * margin for margin in self.padding] == reach

    def values(self) -> list[Tensor | None]:
        space = range(2, self.weight.dim())
        return [self.weight.permute(*space, 1, 0), self.bias]

    def forward(self, x: Tensor) -> Any:
        if x.dim() == len(self.kernel_size) + 1:
            return self.forward(x.unsqueeze(0)).squeeze(0)
        if not isinstance(self.padding, str) and any(self.padding) and not self._keeps_size():
            x = self.call(x, part=PADDING)[0]
        return super().forward(x)


class Conv1D(Convolution, nn.Conv1d):
    pass


class Conv2D(Convolution, nn.Conv2d):
    pass
