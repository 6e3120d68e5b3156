"""Settings of the whole process: what a job changed is told by name, what it may do is not."""

import gc
import importlib
import os
import random
import resource
import signal
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from nnbench.worker import leftovers
from nnbench.worker.leftovers import OF_THE_PROCESS, OF_TORCH, Watch, changed, read, start_random_numbers

EVERYTHING = (*OF_TORCH, *OF_THE_PROCESS)
optimizers = importlib.import_module("torch.optim.optimizer")


class Dispatch(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))


class Refusing(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        raise RuntimeError("not with me")


def told_since(before):
    return changed(before, read(before.looks))


def left(context):
    """Enter it, and leave it at the end of the test."""
    context.__enter__()
    return lambda: context.__exit__(None, None, None)


def put(change, back, *arguments):
    """Change something now, and put it back at the end of the test."""
    change(*arguments)
    return back


def handled():
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    return lambda: signal.signal(signal.SIGUSR1, before)


def elsewhere():
    before = Path.cwd()
    os.chdir("/")
    return lambda: os.chdir(before)


def without_output():
    sys.stdout, before = None, sys.stdout
    return lambda: setattr(sys, "stdout", before)


def filtered(action, category=Warning):
    before = warnings.filters[:]
    warnings.simplefilter(action, category)
    return lambda: warnings.filters.__setitem__(slice(None), before)


def limited():
    soft, hard = before = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (100_000 if soft < 0 else soft - 1, hard))
    return lambda: resource.setrlimit(resource.RLIMIT_CPU, before)


FAULTS = {
    "it changed torch's default dtype from float32 to float64": lambda: put(
        torch.set_default_dtype, lambda: torch.set_default_dtype(torch.float32), torch.float64
    ),
    "it changed the number of torch's threads from 1 to 2": lambda: put(
        torch.set_num_threads, lambda: torch.set_num_threads(1), 2
    ),
    "it left gradients off": lambda: put(torch.set_grad_enabled, lambda: torch.set_grad_enabled(True), False),
    "it left inference mode on": lambda: left(torch.inference_mode()),
    "it left a dispatch mode on": lambda: left(Dispatch()),
    "it left a function mode, or a default device, on": lambda: left(Refusing()),
    "it changed torch's default device": lambda: put(
        torch.set_default_device, lambda: torch.set_default_device(None), "meta"
    ),
    "it left torch's function overrides off": lambda: left(torch._C.DisableTorchFunctionSubclass()),
    "it left a global hook on modules or optimizers": lambda: (
        nn.modules.module.register_module_forward_hook(lambda *_: None).remove
    ),
    "it left hooks on saved tensors": lambda: left(torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t)),
    "it left deterministic algorithms on": lambda: put(
        torch._C._set_deterministic_algorithms, lambda: torch._C._set_deterministic_algorithms(False), True
    ),
    "it left anomaly detection on": lambda: put(
        torch.set_anomaly_enabled, lambda: torch.set_anomaly_enabled(False), True, False
    ),
    "it left autocast on": lambda: left(torch.autocast("cpu")),
    "it changed the flags of torch.backends": lambda: put(
        torch.set_float32_matmul_precision, lambda: torch.set_float32_matmul_precision("highest"), "medium"
    ),
    "it changed how floating-point numbers are rounded, or denormal ones treated": lambda: put(
        torch.set_flush_denormal, lambda: torch.set_flush_denormal(False), True
    ),
    "it changed the handler of SIGUSR1": handled,
    "it left a timer on that will send a signal": lambda: put(
        signal.setitimer, lambda: signal.setitimer(signal.ITIMER_REAL, 0), signal.ITIMER_REAL, 1000
    ),
    "it left signals blocked": lambda: put(
        signal.pthread_sigmask,
        lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR2]),
        signal.SIG_BLOCK,
        [signal.SIGUSR2],
    ),
    "it changed the environment (LEFT_BEHIND)": lambda: put(
        os.environ.__setitem__, lambda: os.environ.pop("LEFT_BEHIND"), "LEFT_BEHIND", "1"
    ),
    "it changed the working directory": elsewhere,
    "it changed what becomes of all warnings (error)": lambda: filtered("error"),
    "it changed what becomes of all warnings (ignore)": lambda: filtered("ignore"),
    "it changed the warnings filters (once)": lambda: filtered("once", UserWarning),
    "it left garbage collection off": lambda: put(gc.disable, gc.enable),
    "it changed what NumPy does about errors": lambda: left(np.errstate(all="raise")),
    "it replaced sys.stdout": without_output,
    "it changed the limits of the process": limited,
}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.mark.parametrize("told", FAULTS)
def test_what_a_job_leaves_is_told_by_name(told):
    before = read(EVERYTHING)
    undo = FAULTS[told]()
    try:
        found = told_since(before)
    finally:
        undo()
    assert [one for one in found if told in one]
    assert told_since(before) == []


@pytest.mark.parametrize("name", ["trace", "profile"])
def test_a_tracing_function_is_told_and_taken_off(name):
    get, set_ = getattr(sys, f"get{name}"), getattr(sys, f"set{name}")
    kept = get()
    set_(None)
    before = read(EVERYTHING)
    set_(lambda *_: None)
    try:
        assert told_since(before) == [f"it left sys.set{name} on"]
        assert get() is None
    finally:
        set_(kept)


def test_every_setting_can_be_read_here():
    values = read(EVERYTHING).values
    assert not [look.told for look, value in zip(EVERYTHING, values, strict=True) if "Error: " in str(value)]


def test_every_register_of_global_hooks_is_looked_at(monkeypatch):
    before = read(OF_TORCH)
    modules = nn.modules.module
    monkeypatch.setattr(modules, "_global_is_full_backward_hook", None)
    register = [name for name in dir(modules) if name.startswith("register_module_")]
    register.remove("register_module_backward_hook")  # deprecated, and not beside the full one
    assert len(register) >= 6
    handles = [getattr(modules, name)(lambda *_: None) for name in register]
    handles += [
        getattr(optimizers, f"register_optimizer_step_{when}_hook")(lambda *_: None) for when in ("pre", "post")
    ]
    for handle in handles:
        assert told_since(before) == ["it left a global hook on modules or optimizers"]
        handle.remove()
    assert told_since(before) == []


def test_drawing_random_numbers_is_no_fault():
    before = read(EVERYTHING)
    torch.rand(3), random.random(), np.random.rand(3)
    assert told_since(before) == []


def test_what_an_import_adds_is_no_fault_and_what_it_takes_away_is(monkeypatch):
    monkeypatch.setenv("WAS_THERE", "1")
    before = read(EVERYTHING)
    monkeypatch.setitem(sys.modules, "imported_on_the_way", threading)
    monkeypatch.setenv("BROUGHT_BY_IT", "1")
    assert told_since(before) == []
    undo = filtered("ignore")
    assert told_since(before) == ["it changed what becomes of all warnings (ignore)"]
    undo()
    monkeypatch.delenv("WAS_THERE")
    assert told_since(before) == ["it changed the environment (BROUGHT_BY_IT, WAS_THERE)"]


def test_a_closed_descriptor_is_told_even_when_its_number_is_in_use_again(tmp_path):
    watched = os.open(os.devnull, os.O_RDONLY)
    watch = Watch(2**30, [watched])
    assert watch.left() == []
    os.close(watched)
    (tmp_path / "other").touch()
    again = os.open(tmp_path / "other", os.O_RDONLY)
    assert again == watched
    assert watch.left() == ["it closed a file descriptor that is not its own"]
    os.close(again)


def test_while_a_job_answers_only_what_would_spoil_its_rows_is_looked_for():
    watch = Watch(2**30, [])
    assert watch.so_far() == []
    with Dispatch():
        assert watch.so_far() == ["it left a dispatch mode on"]
    assert watch.so_far() == []


def test_random_numbers_begin_the_same_for_every_job():
    drawn = []
    for waste in (0, 5):
        torch.rand(waste), np.random.rand(waste), [random.random() for _ in range(waste)]
        start_random_numbers(7)
        drawn.append((torch.rand(1).item(), np.random.rand(), random.random()))
    assert drawn[0] == drawn[1]
    start_random_numbers(8)
    assert torch.rand(1).item() != drawn[0][0]


def test_a_look_that_raises_is_told_too(monkeypatch):
    monkeypatch.setattr(leftovers.gc, "isenabled", lambda: 1 / 0)
    look = leftovers.Look("collection {after}", lambda: leftovers.gc.isenabled())
    before = read([look])
    monkeypatch.undo()
    assert told_since(before) == ["collection on"]
