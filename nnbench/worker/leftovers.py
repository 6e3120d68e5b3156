"""Settings of the whole process that a job may have left changed: read before and after it, and told by name.

What is found is not put back: much of it cannot be. The offender's row fails, and others find a fresh worker.
Not a fault: drawing random numbers, importing modules and what they bring, threads of libraries that rest.
"""

from __future__ import annotations

import gc
import os
import random
import resource
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.modules import module
from torch.optim import optimizer

from nnbench.worker.channel import file_behind
from nnbench.worker.lingering import company, is_more, left_behind


@dataclass(frozen=True)
class Look:
    """One setting: what is said when it has changed, with {before}, {after} or {names} of what differs in a set.

    With ``by_import`` it is a set that importing a module may rightly add to.
    """

    told: str
    read: Callable[[], Any]
    by_import: bool = False


@dataclass(frozen=True)
class Settings:
    """What the looks read, and how many modules were imported by then."""

    looks: Sequence[Look]
    values: tuple[Any, ...]
    modules: int


def read(looks: Sequence[Look]) -> Settings:
    """The settings as they are now; takes microseconds, for it is done before and after each job."""
    return Settings(looks, tuple(_read(look) for look in looks), len(sys.modules))


def changed(before: Settings, after: Settings) -> list[str]:
    """What is no longer as it was, in words. A function left to trace or to profile is taken off then."""
    if after.values == before.values:
        return []
    sys.settrace(None)
    sys.setprofile(None)
    imported = after.modules > before.modules
    return [
        _told(look, was, now)
        for look, was, now in zip(before.looks, before.values, after.values, strict=True)
        if was != now and not (look.by_import and imported and was <= now)
    ]


def _read(look: Look) -> Any:
    """A look that fails has something to tell too: a deleted working directory, a mode that raises."""
    try:
        return look.read()
    except Exception as error:  # noqa: BLE001  it may run code that the component left behind
        return f"{type(error).__name__}: {error}"


def _told(look: Look, was: Any, now: Any) -> str:
    both = isinstance(was, frozenset) and isinstance(now, frozenset)
    names = ", ".join(sorted({str(item[0]) for item in was ^ now})) if both else ""
    return look.told.format(before=_in_words(was), after=_in_words(now), names=names)


def _in_words(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value).removeprefix("torch.")


def start_random_numbers(seed: int) -> None:
    """Let no job depend on how many random numbers those before it drew."""
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)


HOOKS: tuple[dict[int, Any], ...] = tuple(
    hooks
    for where in (module, optimizer)
    for name, hooks in vars(where).items()
    if name.startswith("_global_") and name.endswith("_hooks")
)


def _saved_tensor_hooks() -> tuple[Any, bool]:
    autograd: Any = torch._C._autograd
    return autograd._top_saved_tensors_default_hooks(True), autograd._saved_tensors_hooks_is_enabled()


def _rounding(smallest: float = sys.float_info.min, tiny: float = 1e-30) -> tuple[bool, ...]:
    """Whether denormal numbers are flushed to zero, and which way this thread rounds."""
    return smallest / 2 > 0, 1 + tiny > 1, 1 - tiny < 1, -1 - tiny < -1


def _backend_flags() -> tuple[Any, ...]:
    cudnn, cuda = torch.backends.cudnn, torch.backends.cuda
    attention = cuda.flash_sdp_enabled(), cuda.math_sdp_enabled(), cuda.mem_efficient_sdp_enabled()
    convolution = cudnn.enabled, cudnn.benchmark, cudnn.deterministic
    return torch._C._get_mkldnn_enabled(), attention, convolution, torch.get_float32_matmul_precision()


# Read after every row of a job: the next row would say something else than it should.
OF_TORCH = (
    Look("it changed torch's default dtype from {before} to {after}", torch.get_default_dtype),
    Look("it changed the number of torch's threads from {before} to {after}", torch.get_num_threads),
    Look("it left gradients {after}", torch.is_grad_enabled),
    Look("it left inference mode {after}", torch.is_inference_mode_enabled),
    Look("it left a dispatch mode on", torch._C._len_torch_dispatch_stack),
    Look("it left a function mode, or a default device, on", torch._C._len_torch_function_stack),
    Look("it left torch's function overrides {after}", torch._C._is_torch_function_enabled),
    Look("it left a global hook on modules or optimizers", lambda: tuple(map(tuple, HOOKS))),
    Look("it left hooks on saved tensors", _saved_tensor_hooks),
    Look("it left deterministic algorithms {after}", torch.are_deterministic_algorithms_enabled),
    Look("it left anomaly detection {after}", torch.is_anomaly_enabled),
    Look("it left autocast {after}", lambda: torch.is_autocast_enabled("cpu")),
    Look("it left autocast {after} for CUDA", lambda: torch.is_autocast_enabled("cuda")),
    Look("it changed how floating-point numbers are rounded, or denormal ones treated", _rounding),
)

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGSEGV", "SIGFPE", "SIGABRT")
LIMITS = (resource.RLIMIT_DATA, resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_STACK)


def _handler_of(name: str) -> Look:
    number = getattr(signal, name)
    return Look(f"it changed the handler of {name}", lambda: signal.getsignal(number))


def _filters() -> frozenset[Any]:
    return frozenset(warnings.filters)


def _filters_of_all() -> frozenset[Any]:
    """Those that make errors, and those for whatever comes: no library's import brings them."""
    return frozenset(one for one in warnings.filters if one[0] == "error" or one[1:] == (None, Warning, None, 0))


# Read once a job, when it has ended.
OF_THE_PROCESS = (
    Look("it left sys.settrace on", lambda: (sys.gettrace(), threading.gettrace())),
    Look("it left sys.setprofile on", lambda: (sys.getprofile(), threading.getprofile())),
    Look("it changed torch's default device", torch.get_default_device),
    Look("it changed autocast's dtype to {after}", lambda: torch.get_autocast_dtype("cpu")),
    Look("it changed the flags of torch.backends", _backend_flags),
    Look("it changed the environment ({names})", lambda: frozenset(os.environ.items()), by_import=True),
    Look("it changed the working directory from {before} to {after}", lambda: os.getcwd()),  # noqa: PTH109  cheaper
    Look("it changed what becomes of all warnings ({names})", _filters_of_all),
    Look("it changed the warnings filters ({names})", _filters, by_import=True),
    Look("it left garbage collection {after}", gc.isenabled),
    Look("it changed what NumPy does about errors", np.geterr),
    Look("it replaced sys.stdout or sys.stderr", lambda: (id(sys.stdout), id(sys.stderr))),
    Look("it left a timer on that will send a signal", lambda: signal.getitimer(signal.ITIMER_REAL)[0] > 0),
    Look("it left signals blocked", lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ())),
    Look("it changed the limits of the process", lambda: tuple(map(resource.getrlimit, LIMITS))),
    Look("it changed which cores the process may use", lambda: os.sched_getaffinity(0)),
    Look("it changed the process's priority", lambda: os.getpriority(os.PRIO_PROCESS, 0)),
    *map(_handler_of, SIGNALS),
)


def _open(descriptors: Sequence[int]) -> Look:
    return Look("it closed a file descriptor that is not its own", lambda: tuple(map(file_behind, descriptors)))


class Watch:
    """Over a process that does one job after another: ``so_far`` while one answers, ``left`` when it has ended.

    ``memory`` bytes are what a job may take; ``descriptors`` are the files that must stay open.
    """

    def __init__(self, memory: int, descriptors: Sequence[int]) -> None:
        self._memory = memory
        self._whole = (*OF_TORCH, *OF_THE_PROCESS, _open(descriptors))
        self._torch, self._settings, self._company = read(OF_TORCH), read(self._whole), company()

    def so_far(self, keeps: bool = False) -> list[str]:
        """What would make the rest of the job say something else than it should, in words."""
        is_changed = read(OF_TORCH).values != self._torch.values
        return self.left(keeps) if is_changed or is_more(self._company) else []

    def left(self, keeps: bool = False) -> list[str]:
        """What the job has left, in words; where there is nothing, the next may come. With ``keeps`` memory is none."""
        settings, present = read(self._whole), company()
        found = changed(self._settings, settings)
        found += left_behind(self._company, present, None if keeps else self._memory)
        if not found:
            self._settings, self._company = settings, present
        return found
