"""Every registered case under asv's own timer: one class a mode, one parameter a case.

asv looks parameters up by position, so the keys come from cases.json, frozen in the working tree
(``python -m nnbench.doors.registry benchmarks/cases.json`` writes it, a test keeps it fresh). A key that the commit
under test does not know shows as n/a. There is no ``setup``: since asv_runner 0.3 any setup makes asv time single
calls. State is built when a key is first called, which asv's warm-up pays for; ``--quick`` has no warm-up, so its times
hold the building too and are good for nothing but seeing that all runs.
"""

import json
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch starts: asv's forkserver hangs behind a thread pool

import torch
from asv_runner.benchmarks.mark import SkipNotImplemented

from nnbench.doors import registry

torch.set_num_threads(1)

registry.keys()  # imports torch and the suites here, once, before asv's forkserver forks a process for each case

CASES = json.loads(Path(__file__).with_name("cases.json").read_text())


def ready(key, mode):
    """The call behind a key, or asv's skip where this commit does not have it."""
    try:
        return registry.ready(key, mode)
    except LookupError as error:
        raise SkipNotImplemented(str(error)) from None


class Timed:
    """How long: CPU time of this thread, many short samples, two fresh processes a case."""

    timer = time.thread_time
    sample_time = 0.002
    repeat = (10, 50, 0.5)
    rounds = 2
    warmup_time = 0.05
    version = "1"  # raise it when what is timed changes; asv's default, a hash of this source, is not that


class Forward(Timed):
    params = [CASES["forward"]]
    param_names = ["case"]

    def time_forward(self, key):
        ready(key, "forward")()


class Backward(Timed):
    params = [CASES["backward"]]
    param_names = ["case"]

    def time_backward(self, key):
        ready(key, "backward")()


class Step(Timed):
    params = [CASES["step"]]
    param_names = ["case"]

    def time_step(self, key):
        ready(key, "step")()


class Called(Timed):
    """Metrics, transforms, initializers and procedures: one call, or one drive."""

    params = [CASES["call"]]
    param_names = ["case"]

    def time_call(self, key):
        ready(key, "call")()


class Flops:
    """Exact, so that any change is real; more is worse to asv, which suits a count of work."""

    params = [CASES["forward"]]
    param_names = ["case"]
    unit = "FLOPs"
    version = "1"

    def track_flops(self, key):
        try:
            return registry.flops(key)
        except LookupError as error:
            raise SkipNotImplemented(str(error)) from None
