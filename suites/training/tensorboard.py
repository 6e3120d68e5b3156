"""Per-epoch scalars where TensorBoard reads them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from nnbench.suites.training.event_files import EventWriter
from nnbench.suites.training.event_reader import read_scalars
from torch import Tensor

from nnbench.catalog import Suite, Variant
from nnbench.specs import case, rand

suite = Suite("training")

CURVES = ("loss/train", "loss/validation", "accuracy/validation")


def drive(make: Callable[..., Any], values: Tensor) -> list[tuple[str, int, float]]:
    """Write a number for each epoch and curve, from epoch 1, and read the files back."""
    with tempfile.TemporaryDirectory() as folder:
        writer = make(log_dir=folder)
        for epoch, row in enumerate(values.tolist(), start=1):
            for curve, value in zip(CURVES, row, strict=True):
                writer.add_scalar(curve, value, epoch)
        writer.close()
        return [tuple(scalar) for scalar in read_scalars(Path(folder))]


def oracle(values: np.ndarray) -> list[tuple[str, int, float]]:
    """What was put in, with the digits that float32 has room for."""
    return [
        (CURVES[column], row + 1, float(value)) for (row, column), value in np.ndenumerate(values.astype(np.float32))
    ]


suite.component(
    "tensorboard",
    kind="procedure",
    reference=EventWriter,
    variants={
        "torch": "torch.utils.tensorboard:SummaryWriter",
        "keras": Variant(
            "keras",
            "nnbench.suites._keras.callbacks:TensorBoard",
            difference="it puts epoch_ before each tag, and its files into the folders train and validation",
        ),
    },
    drive=drive,
    oracle=oracle,
    cases=[case(rand(epochs, len(CURVES), requires_grad=False)) for epochs in (20, 200)],
    documented=["fundamentals"],
)
