"""Per-epoch scalars where TensorBoard reads them."""

from __future__ import annotations

import contextlib
import math
import socket
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from nnbench.suites.training.event_files import EventWriter
from nnbench.suites.training.event_reader import read_scalars, read_starts, read_wall_times
from torch import Tensor

from nnbench.catalog import Suite, Variant
from nnbench.specs import case, rand

suite = Suite("training")

CURVES = ("loss/train", "loss/validation", "accuracy/validation")


# More bytes than a length of one byte has room for; steps of one byte and of several, one of them with a sign.
LONG, STEPS, MOMENT = "Verlust/" + "β" * 80, (70000, 2**40, 127, -1), 1000.5
WRITING = 60  # seconds that it may take, and that a clock may be put back in the meantime


def drive(make: Callable[..., Any], values: Tensor) -> dict[str, Any]:
    """Write numbers into a folder that is not there yet and by default; what the files hold, and which stay open."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        outcome = _written(make, Path(folder) / "new" / "run", values) | _by_default(make, Path(folder) / "default")
        left = [str(one.message) for one in told if "tfevents" in str(one.message)]
    return outcome | {"files left open": len(left)}


def _written(make: Callable[..., Any], folder: Path, values: Tensor) -> dict[str, Any]:
    """A number for each epoch and curve, from epoch 1, then odd ones; the files are read before and after closing."""
    begun, writer = time.time(), make(log_dir=folder)
    for epoch, row in enumerate(values.tolist(), start=1):
        for curve, value in zip(CURVES, row, strict=True):
            writer.add_scalar(curve, value, epoch)
    for step in STEPS:
        writer.add_scalar(LONG, float(values[0, 0]) if step > 0 else math.nan, step, walltime=MOMENT + step)
    writer.flush()
    flushed = len(read_scalars(folder))
    writer.close()
    make(log_dir=folder).close()  # another run in the same folder, which writes nothing
    times = read_wall_times(folder)
    dated = [*read_starts(folder), *times[: -len(STEPS)]]
    return {
        "flushed": flushed,
        "scalars": [tuple(scalar) for scalar in read_scalars(folder)],
        "times": times[-len(STEPS) :],
        "dated by the clock": all(begun - WRITING < moment < time.time() + WRITING for moment in dated),
    }


def _by_default(make: Callable[..., Any], folder: Path) -> dict[str, Any]:
    """Where a writer puts its file that is told no folder, whether that is named after the machine, and what is in it.

    The one scalar in it comes without a step.
    """
    folder.mkdir()
    with contextlib.chdir(folder), make() as writer:
        writer.add_scalar(CURVES[0], 1.0)
    named = [path.relative_to(folder).parts for path in folder.rglob("*tfevents*")]
    return {
        "by default in": [parts[0] for parts in named],
        "named after the machine": [parts[1].endswith(f"_{socket.gethostname()}") for parts in named],
        "without a step": [tuple(scalar) for scalar in read_scalars(folder)],
    }


def oracle(values: np.ndarray) -> dict[str, Any]:
    """What was put in, with the digits that float32 has room for."""
    stored = values.astype(np.float32)
    scalars = [(CURVES[column], row + 1, float(value)) for (row, column), value in np.ndenumerate(stored)]
    scalars += [(LONG, step, float(stored[0, 0]) if step > 0 else math.nan) for step in STEPS]
    return {
        "flushed": len(scalars),
        "scalars": scalars,
        "times": [MOMENT + step for step in STEPS],
        "dated by the clock": True,
        "by default in": ["runs"],
        "named after the machine": [True],
        "without a step": [(CURVES[0], 0, 1.0)],
        "files left open": 0,
    }


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
