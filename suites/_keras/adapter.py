"""What the adapters share: Keras layers behind a module that holds the parameters under torch's names."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import keras
import torch
from keras.src.backend.common.dtypes import BIT64_TO_BIT32_DTYPE as NARROWED
from torch import Tensor, nn

from nnbench.failures import NotMeasurable

LAYERS = "_keras_layers"  # where an adapter keeps them; a Keras layer is an nn.Module, and must not be found as one

DOUBLE = torch.zeros((), dtype=torch.float64)  # what rates and scripted losses are computed like


@contextlib.contextmanager
def like(x: Tensor) -> Iterator[None]:
    """Keras computes on this tensor's device, and in float64 where the tensor is of float64.

    By itself it would round plain numbers (an epsilon, a learning rate) to float32, and tensors too wherever it
    promotes types, as in every matrix product: it was written so for JAX. There is no public setting against that.
    """
    before, wide = keras.config.floatx(), x.dtype == torch.float64
    keras.config.set_floatx("float64" if wide else "float32")
    narrowed = NARROWED["float64"]
    NARROWED["float64"] = "float64" if wide else narrowed
    try:
        with keras.device(str(x.device)):
            yield
    finally:
        NARROWED["float64"] = narrowed
        keras.config.set_floatx(before)


def name_of(x: Tensor) -> str:
    """Its dtype as Keras calls it."""
    return str(x.dtype).removeprefix("torch.")


def built(layer: Any, *shapes: Sequence[int]) -> Any:
    layer.build(*(tuple(shape) for shape in shapes))
    return layer


def refuse_other(counterpart: str, **arguments: tuple[Any, Any]) -> None:
    """Raise ``NotMeasurable`` for the first argument (value, the only one that Keras can express) that is another."""
    for name, (value, expressible) in arguments.items():
        if value != expressible:
            raise NotMeasurable(f"{name}={value!r} cannot be expressed with Keras' {counterpart}")


def fresh_seed() -> Tensor:
    """The state for one of Keras' seed generators, from torch's own: chance follows ``torch.manual_seed``."""
    return torch.randint(2**30, (2,))


class Counterpart(nn.Module):
    """A module of torch's that computes with Keras' layers.

    It stands before torch's class among the bases of an adapter, which so has torch's arguments, parameters, names and
    initial values. ``make`` gives the Keras layer; there is one for each dtype, device and number of dimensions.
    """

    takes_mode = False  # whether the Keras layer is told if it is training

    def make(self, x: Tensor, part: Hashable) -> Any:
        """A Keras layer in the dtype of x, built for its shape; ``part`` says which where there are several."""
        raise NotImplementedError

    def values(self) -> Sequence[Tensor | None]:
        """What the layer's trainable variables are worth, in Keras' order, made of the parameters."""
        return ()

    def seeds(self) -> list[Tensor]:
        """The states of its seed generators."""
        return []

    def forward(self, x: Tensor) -> Any:
        options = {"training": self.training} if self.takes_mode else {}
        return self.call(x, self.values(), self.seeds(), **options)[0]

    def layer(self, x: Tensor, part: Hashable = None) -> Any:
        """The Keras layer for tensors like x, made when it is first asked for."""
        made = self.__dict__.setdefault(LAYERS, {})
        key = (part, x.dtype, x.device, x.dim())
        if key not in made:
            made[key] = self.make(x, part)
        return made[key]

    def call(
        self,
        x: Tensor,
        trained: Sequence[Tensor | None] = (),
        kept: Sequence[Tensor] = (),
        part: Hashable = None,
        **options: Any,
    ) -> tuple[Any, list[Tensor]]:
        """Outputs, and what became of ``kept``, the values of the variables that are not trained."""
        with like(x):
            values = [tensor for tensor in trained if tensor is not None]
            found: tuple[Any, list[Tensor]] = self.layer(x, part).stateless_call(values, list(kept), x, **options)
            return found

    def __getstate__(self) -> dict[str, Any]:
        """A copy makes Keras layers of its own."""
        return {name: value for name, value in self.__dict__.items() if name != LAYERS}
