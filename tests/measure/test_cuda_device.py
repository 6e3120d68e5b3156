"""The layer over torch.cuda, with torch.cuda's own functions replaced: each name it uses is one that torch has."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from nnbench.failures import NotMeasurable
from nnbench.measure import device
from nnbench.measure.device import CudaDevice, NotCapturable, float32_precision


class Stream:
    def __init__(self):
        self.waited_for = []

    def wait_stream(self, other):
        self.waited_for.append(other)


class Graph:
    replayed = 0

    def replay(self):
        self.replayed += 1


class Cuda:
    """What was asked of torch.cuda, in order; a cycle of a spin lasts half a nanosecond."""

    def __init__(self, monkeypatch):
        self.asked, self.default, self.captures = [], Stream(), []
        self.debug, self.breaks = "default", None
        self.milliseconds = 0.0
        replaced = {
            "is_available": lambda: True,
            "current_device": lambda: 0,
            "get_device_properties": lambda index: SimpleNamespace(L2_cache_size=6 * 2**20, uuid="8a-9b"),
            "Stream": Stream,
            "current_stream": lambda: self.default,
            "stream": self.on_stream,
            "Event": self.event,
            "synchronize": lambda: self.asked.append("synchronize"),
            "_sleep": self.sleep,
            "CUDAGraph": Graph,
            "graph": self.graph,
            "get_sync_debug_mode": lambda: self.debug,
            "set_sync_debug_mode": lambda mode: setattr(self, "debug", mode),
            "empty_cache": lambda: self.asked.append("empty_cache"),
            "memory_allocated": lambda: 11,
            "max_memory_allocated": lambda: 22,
            "reset_peak_memory_stats": lambda: self.asked.append("reset_peak"),
        }
        for name, made in replaced.items():
            monkeypatch.setattr(torch.cuda, name, made)

    def sleep(self, cycles):
        self.asked.append(("sleep", cycles))
        self.milliseconds += cycles * 0.5e-6

    def event(self, enable_timing):
        assert enable_timing
        made = SimpleNamespace(at=None)
        made.record = lambda: setattr(made, "at", self.milliseconds)
        made.elapsed_time = lambda end: end.at - made.at
        return made

    @contextmanager
    def on_stream(self, stream):
        self.asked.append(stream)
        yield

    @contextmanager
    def graph(self, graph, stream):
        self.captures.append((graph, stream))
        yield
        if self.breaks:
            raise self.breaks


@pytest.fixture
def cuda(monkeypatch):
    return Cuda(monkeypatch)


def test_without_a_gpu_there_is_nothing_to_measure(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(NotMeasurable, match=r"torch .* (finds no NVIDIA GPU|is built without CUDA)"):
        CudaDevice()


def test_without_a_gpu_nothing_is_begun(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch, "zeros", lambda *shape, **more: pytest.fail("it used the GPU"))
    device.begin()


def test_work_goes_to_a_stream_of_its_own_which_waits_for_the_others(cuda):
    made = CudaDevice()
    with made.active():
        assert cuda.asked == [made.stream]
    assert made.stream.waited_for == [cuda.default]
    assert cuda.default.waited_for == [made.stream]


def test_a_spin_is_as_many_cycles_as_its_seconds_take(cuda):
    CudaDevice().spin(0.001)
    assert cuda.asked[-1] == ("sleep", 2_000_000)


def test_flushing_writes_twice_the_cache_and_takes_its_buffer_once(cuda, monkeypatch):
    taken, written = [], []

    def empty(size, dtype, device):
        taken.append((size * dtype.itemsize, device))
        return SimpleNamespace(zero_=lambda: written.append(True))

    monkeypatch.setattr(torch, "empty", empty)
    made = CudaDevice()
    made.flush()
    made.flush()
    assert (taken, len(written)) == ([(12 * 2**20, "cuda")], 2)
    made.release()
    assert cuda.asked == ["synchronize", "empty_cache"]
    made.flush()
    assert len(taken) == 2


def test_a_graph_holds_every_run_in_turn_on_the_devices_own_stream(cuda):
    made, order = CudaDevice(), []
    replay = made.capture([lambda: order.append("a"), lambda: order.append("b")], 4)
    assert order[2:] == ["a", "b", "a", "b"]  # once each before: to see that they do not wait
    (graph, stream) = cuda.captures[0]
    assert stream is made.stream
    replay()
    assert graph.replayed == 1


def test_a_call_that_waits_is_found_before_any_capture_begins(cuda):
    def waiting():
        if cuda.debug == "error":
            raise RuntimeError("called a synchronizing CUDA operation")

    with pytest.raises(NotCapturable, match="RuntimeError: called a synchronizing CUDA operation"):
        CudaDevice().capture([waiting], 2)
    assert cuda.captures == []
    assert cuda.debug == "default"


def test_a_capture_that_breaks_is_told_in_one_line(cuda):
    cuda.breaks = RuntimeError("CUDA error: operation failed due to a previous error during capture\nCompile with ...")
    with pytest.raises(NotCapturable) as refused:
        CudaDevice().capture([lambda: None], 2)
    assert str(refused.value) == ("RuntimeError: CUDA error: operation failed due to a previous error during capture")


@pytest.mark.parametrize(("error", "usable"), [(None, True), (RuntimeError("Offset increment outside graph"), False)])
def test_a_process_that_a_broken_capture_spoilt_is_not_usable(cuda, monkeypatch, error, usable):
    def draw(*shape, device):
        if error:
            raise error

    monkeypatch.setattr(torch, "rand", draw)
    assert CudaDevice().is_usable() is usable


def test_the_allocators_figures_are_torchs(cuda):
    made = CudaDevice()
    made.reset_peak()
    assert (made.allocated(), made.peak(), cuda.asked) == (11, 22, ["reset_peak"])


def test_how_float32_is_computed_is_stated():
    products, before = torch.backends.cuda.matmul, float32_precision()
    assert set(before) == {"matrix_products", "convolutions"}
    kept = products.fp32_precision
    try:
        products.fp32_precision = "tf32"
        assert float32_precision()["matrix_products"] == "tf32"
        products.fp32_precision = "ieee"
        assert float32_precision()["matrix_products"] == "ieee"
    finally:
        products.fp32_precision = kept
