"""Keras' TensorBoard callback behind the interface of a writer of scalars."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any

import keras

from nnbench.failures import MissingPackage


class TensorBoard:
    """What is added is handed to the callback as an epoch's logs; it writes through TensorFlow's own writer.

    Raises ``MissingPackage`` without TensorFlow, which the callback needs whatever Keras' backend is.
    """

    def __init__(self, log_dir: str | Path = "logs") -> None:
        if importlib.util.find_spec("tensorflow") is None:
            raise MissingPackage("Keras' TensorBoard callback writes through TensorFlow, which is not installed")
        self.callback: Any = keras.callbacks.TensorBoard(log_dir=str(log_dir), write_graph=False)
        self.callback.set_model(SimpleNamespace(optimizer=None))  # of a model it asks the optimizer's rate alone

    def add_scalar(
        self, tag: str, scalar_value: float, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """The callback takes no other time than now."""
        self.callback.on_epoch_end(global_step or 0, {tag: scalar_value})

    def flush(self) -> None:
        for writer in self.callback._writers.values():
            writer.flush()

    def close(self) -> None:
        self.callback.on_train_end()

    def __enter__(self) -> TensorBoard:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
