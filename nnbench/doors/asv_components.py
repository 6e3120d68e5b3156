"""asv's benchmark classes for registered cases: one class a metric, one parameter a case.

A benchmark module holds ``globals().update(classes(Path(__file__).with_name("cases.json")))``. asv looks parameters up
by position, so the keys come from that file, frozen in the working tree (``python -m nnbench.doors.registry`` writes
it). A key that the commit under test does not know shows as n/a. There is no ``setup``: since asv_runner 0.3 any setup
makes asv time single calls. State is built when a key is first called, which asv's warm-up pays for; ``--quick`` has
no warm-up, so its times hold the building too and are good for nothing but seeing that all runs.

Raise a class's ``version`` when what it measures changes: asv's default is a hash of this source, which is not that.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from asv_runner.benchmarks.mark import SkipNotImplemented

from nnbench.doors import asv_training, registry

Answer = TypeVar("Answer")


def classes(frozen: Path) -> dict[str, type]:
    """The classes for the keys in a file, by name; those of modes that it has no keys of are left out.

    Loads the suites, and torch with one thread, here and now: asv's forkserver then forks a process for each case, and
    would hang behind a pool of threads.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch

    torch.set_num_threads(1)
    registry.keys()
    cases = json.loads(frozen.read_text(encoding="utf-8"))
    chosen = {one: [key for mode in modes for key in cases.get(mode, ())] for one, modes in MODES.items()}
    return {one.__name__: _with(one, keys) for one, keys in chosen.items() if keys}


def training_classes() -> dict[str, type]:
    """The classes for short convergence of the built-in components, by name."""
    return {one.__name__: _with(one, asv_training.tasks()) for one in (TrainedError, TrainedLoss)}


def _with(one: type, keys: Sequence[str]) -> type:
    return type(one.__name__, (one,), {"__doc__": one.__doc__, "params": [list(keys)], "param_names": ["case"]})


def asked(question: Callable[..., Answer], *arguments: str) -> Answer:
    """The answer, or asv's skip where this commit does not have what is asked for."""
    try:
        return question(*arguments)
    except LookupError as error:
        raise SkipNotImplemented(str(error)) from None


class Timed:
    """How long: CPU time of this thread, many short samples, two fresh processes a case. On a GPU, until it is done."""

    timer = time.thread_time if registry.DEVICE == "cpu" else time.perf_counter
    sample_time = 0.002
    repeat = (10, 50, 0.5)
    rounds = 2
    warmup_time = 0.05
    version = "1"


class Forward(Timed):
    def time_forward(self, key: str) -> None:
        asked(registry.ready, key, "forward")()


class Backward(Timed):
    def time_backward(self, key: str) -> None:
        asked(registry.ready, key, "backward")()


class Step(Timed):
    def time_step(self, key: str) -> None:
        asked(registry.ready, key, "step")()


class Called(Timed):
    """Metrics, transforms, initializers and procedures: one call, or one drive."""

    def time_call(self, key: str) -> None:
        asked(registry.ready, key, "call")()


class PeakMemory:
    """Growth of the process during one whole call; asv's own peakmem is the whole process, mostly torch's import."""

    unit = "bytes"
    version = "1"

    def track_peak_memory(self, key: str) -> int:
        return asked(registry.peak_memory, key)


class Flops:
    """Of the whole call; version 1 was forward alone."""

    unit = "FLOPs"
    version = "2"

    def track_flops(self, key: str) -> int:
        return counted(key, "flops")


class Operators:
    unit = "operators"
    version = "1"

    def track_operators(self, key: str) -> int:
        return counted(key, "operators")


class SavedBytes:
    unit = "bytes"
    version = "1"

    def track_saved_bytes(self, key: str) -> int:
        return counted(key, "saved_bytes")


class PeakLiveBytes:
    unit = "bytes"
    version = "1"

    def track_peak_live_bytes(self, key: str) -> int:
        return counted(key, "peak_live_bytes")


class Parameters:
    unit = "parameters"
    version = "1"

    def track_parameters(self, key: str) -> int:
        return counted(key, "parameters")


class StateBytes:
    """Of an optimizer, for each element of the parameters."""

    unit = "bytes"
    version = "1"

    def track_state_bytes(self, key: str) -> int:
        return counted(key, "state_bytes")


def counted(key: str, metric: str) -> int:
    """An exact counter, so that any change is real; more is worse to asv, which suits all that is counted here."""
    counts = asked(registry.counts, key)
    if metric not in counts:
        raise SkipNotImplemented(f"{key} has no {metric}")
    return counts[metric]


class TrainedError:
    """Short convergence: the share of scikit-learn's digits that is wrong after a fixed number of steps, seed fixed."""

    unit = "share"
    version = "1"

    def track_test_error(self, key: str) -> float:
        return asked(asv_training.outcome, key).error


class TrainedLoss:
    """The cross-entropy after the same training: it moves where the share that is wrong does not yet."""

    unit = "nats"
    version = "1"

    def track_test_loss(self, key: str) -> float:
        return asked(asv_training.outcome, key).loss


WHOLE = ("forward", "step", "call")  # each case once, whatever modes it has
MODES: Mapping[type, Sequence[str]] = {
    Forward: ("forward",),
    Backward: ("backward",),
    Step: ("step",),
    Called: ("call",),
    PeakMemory: WHOLE,
    Flops: WHOLE,
    Operators: WHOLE,
    SavedBytes: ("backward",),
    PeakLiveBytes: WHOLE,
    Parameters: ("forward",),
    StateBytes: ("step",),
}
