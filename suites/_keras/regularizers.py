"""Keras' penalties, and its early stopping outside of a Keras model."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import keras
from nnbench.suites._keras.adapter import DOUBLE, LAYERS, like
from torch import Tensor, nn

from nnbench.failures import NotMeasurable


class Penalty(nn.Module):
    """The sum of what a Keras regularizer says of each parameter; one a dtype, which it holds its factors in."""

    def __init__(self, regularizer: Any, **factors: float) -> None:
        super().__init__()
        self.regularizer, self.factors = regularizer, factors

    def forward(self, *parameters: Tensor) -> Any:
        if not parameters:
            raise ValueError("a penalty takes one parameter at least")
        made, dtype = self.__dict__.setdefault(LAYERS, {}), parameters[0].dtype
        with like(parameters[0]):
            if dtype not in made:
                made[dtype] = self.regularizer(**self.factors)
            return sum(made[dtype](parameter) for parameter in parameters)


class L1(Penalty):
    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(keras.regularizers.L1, l1=l1)


class L2(Penalty):
    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(keras.regularizers.L2, l2=l2)


class L1L2(Penalty):
    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        super().__init__(keras.regularizers.L1L2, l1=l1, l2=l2)


class EarlyStopping:
    """Keras' callback, shown the losses one by one, and torch's module as a model with weights to keep.

    Its defaults are the reference's, and so is that ``best_epoch`` counts from 1. The weights are given back when the
    run is stopped.
    """

    memory = ("best", "best_epoch", "best_weights", "wait", "stopped_epoch")

    def __init__(
        self, patience: int = 5, min_delta: float = 0.0, restore_best_weights: bool = False, mode: str = "min"
    ) -> None:
        self.callback = keras.callbacks.EarlyStopping(
            "loss", min_delta, patience, mode=mode, restore_best_weights=restore_best_weights
        )
        self.callback.on_train_begin()
        self.epoch = 0

    def __call__(self, loss: float | Tensor, model: nn.Module | None = None) -> bool:
        watched = model_of(model)
        self.callback.set_model(watched)
        with like(DOUBLE):
            self.callback.on_epoch_end(self.epoch, {"loss": float(loss)})
        self.epoch += 1
        if watched.stop_training:
            self.callback.on_train_end()
        return bool(watched.stop_training)

    @property
    def best(self) -> float:
        found = self.callback.best
        if found is None:
            return math.inf if self.callback.mode == "min" else -math.inf
        return float(found)

    @property
    def best_epoch(self) -> int:
        return 0 if self.callback.best is None else self.callback.best_epoch + 1

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch} | {name: getattr(self.callback, name) for name in self.memory}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.epoch = state["epoch"]
        for name in self.memory:
            setattr(self.callback, name, state[name])


def model_of(module: nn.Module | None) -> Any:
    """As much of a Keras model as a callback asks for."""

    def weights() -> dict[str, Tensor]:
        if module is None:
            raise NotMeasurable("restore_best_weights needs a model to restore")
        return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    return SimpleNamespace(
        stop_training=False,
        get_weights=weights,
        set_weights=lambda kept: module is None or module.load_state_dict(kept),
    )
