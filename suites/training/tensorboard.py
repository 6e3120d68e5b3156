"""Per-epoch scalars where TensorBoard reads them."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from nnbench.suites.training.event_files import EventWriter
from nnbench.suites.training.event_reader import read_scalars, read_wall_times
from torch import Tensor

from nnbench.catalog import Suite, Variant
from nnbench.specs import case, rand

suite = Suite("training")

CURVES = ("loss/train", "loss/validation", "accuracy/validation")


# More bytes than a length of one byte has room for, and steps of several bytes, one of them with a sign.
LONG, STEPS, MOMENT = "Verlust/" + "β" * 80, (70000, 2**40, -1), 1000.5


def drive(make: Callable[..., Any], values: Tensor) -> dict[str, Any]:
    """Write a number for each epoch and curve, from epoch 1, then odd ones; read the files before and after closing."""
    with tempfile.TemporaryDirectory() as folder:
        writer = make(log_dir=folder)
        for epoch, row in enumerate(values.tolist(), start=1):
            for curve, value in zip(CURVES, row, strict=True):
                writer.add_scalar(curve, value, epoch)
        for step in STEPS:
            writer.add_scalar(LONG, float(values[0, 0]) if step > 0 else math.nan, step, walltime=MOMENT + step)
        writer.flush()
        flushed = len(read_scalars(Path(folder)))
        writer.close()
        scalars = [tuple(scalar) for scalar in read_scalars(Path(folder))]
        return {"flushed": flushed, "scalars": scalars, "times": read_wall_times(Path(folder))[-len(STEPS) :]}


def oracle(values: np.ndarray) -> dict[str, Any]:
    """What was put in, with the digits that float32 has room for."""
    stored = values.astype(np.float32)
    scalars = [(CURVES[column], row + 1, float(value)) for (row, column), value in np.ndenumerate(stored)]
    scalars += [(LONG, step, float(stored[0, 0]) if step > 0 else math.nan) for step in STEPS]
    return {"flushed": len(scalars), "scalars": scalars, "times": [MOMENT + step for step in STEPS]}


suite.component(
    "tensorboard",
    kind="procedure",
    reference=EventWriter,
    variants={
        "torch": "nnbench.suites._tensorboard:SummaryWriter",
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
