"""Keras' recurrent layers: one Keras layer for each of torch's layers and directions."""

from __future__ import annotations

from typing import Any

import keras
import torch
from nnbench.suites._keras.adapter import Counterpart, built, fresh_seed, name_of, refuse_other
from torch import Tensor, nn

from nnbench.failures import NotMeasurable

State = tuple[Tensor, ...]
DROPOUT = "dropout"  # between the layers; Keras' own argument drops a cell's inputs, the same ones at every step
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Recurrent(Counterpart):
    """Layers and directions, with samples first as Keras has them; subclasses say how the gates lie."""

    hidden_size: int
    num_layers: int
    batch_first: bool
    bidirectional: bool
    dropout: float
    bias: bool

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        refuse_other(type(self).__name__, proj_size=(getattr(self, "proj_size", 0), 0))

    def make(self, x: Tensor, part: Any) -> Any:
        if part == DROPOUT:
            return built(keras.layers.Dropout(self.dropout, dtype=name_of(x)), x.shape)
        layer = getattr(keras.layers, type(self).__name__)(
            self.hidden_size,
            use_bias=self.bias,
            return_sequences=True,
            return_state=True,
            go_backwards=part.endswith("_reverse"),
            dtype=name_of(x),
        )
        return built(layer, (None, None, getattr(self, f"weight_ih{part}").shape[1]))

    def values_of(self, suffix: str) -> list[Tensor | None]:
        """Keras' kernel, recurrent kernel and bias for one layer and direction."""
        raise NotImplementedError

    def run(self, x: Tensor, given: State | None) -> tuple[Tensor, State]:
        """The last layer's outputs, and the last state of each layer and direction."""
        if x.dim() != 3:
            raise NotMeasurable("Keras' recurrent layers take batches: three dimensions")
        x = x if self.batch_first else x.transpose(0, 1)
        last: list[State] = []
        for place in range(self.num_layers):
            if place and self.dropout and self.training:
                x = self.call(x, kept=[fresh_seed()], part=DROPOUT, training=True)[0]
            sides = []
            for direction in ("", "_reverse") if self.bidirectional else ("",):
                start = None if given is None else [part[len(last)] for part in given]
                side, state = self._side(x, start, f"_l{place}{direction}")
                sides.append(side)
                last.append(state)
            x = torch.cat(sides, -1) if len(sides) > 1 else sides[0]
        states = tuple(torch.stack(parts) for parts in zip(*last, strict=True))
        return (x if self.batch_first else x.transpose(0, 1)), states

    def _side(self, x: Tensor, start: list[Tensor] | None, suffix: str) -> tuple[Tensor, State]:
        unused = [torch.zeros(2)]  # the seed of the dropout that Keras has inside its cells
        (y, *state), _ = self.call(
            x, self.values_of(suffix), unused, suffix, initial_state=start, training=self.training
        )
        return (y.flip(1) if suffix.endswith("_reverse") else y), tuple(state)

    def parameters_of(self, suffix: str) -> list[Tensor | None]:
        return [getattr(self, name + suffix, None) for name in NAMES]


class LSTM(Recurrent, nn.LSTM):
    """The gates lie as torch's do, and the two biases are one."""

    def values_of(self, suffix: str) -> list[Tensor | None]:
        kernel, recurrent, bias_ih, bias_hh = self.parameters_of(suffix)
        assert kernel is not None
        assert recurrent is not None
        bias = None if bias_ih is None or bias_hh is None else bias_ih + bias_hh
        return [kernel.T, recurrent.T, bias]

    def forward(self, x: Tensor, hx: State | None = None) -> tuple[Tensor, State]:  # type: ignore[override]
        return self.run(x, hx)


class GRU(Recurrent, nn.GRU):
    """Torch's gates are r, z, n; Keras has z first. Two biases, as in Keras' ``reset_after``."""

    def values_of(self, suffix: str) -> list[Tensor | None]:
        turned = [None if tensor is None else update_first(tensor) for tensor in self.parameters_of(suffix)]
        kernel, recurrent, bias_ih, bias_hh = turned
        assert kernel is not None
        assert recurrent is not None
        bias = None if bias_ih is None or bias_hh is None else torch.stack([bias_ih, bias_hh])
        return [kernel.T, recurrent.T, bias]

    def forward(self, x: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        outputs, (h,) = self.run(x, None if hx is None else (hx,))
        return outputs, h


def update_first(tensor: Tensor) -> Tensor:
    reset, update, new = tensor.chunk(3)
    return torch.cat([update, reset, new])
