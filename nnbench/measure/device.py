"""What is asked of a GPU: events, a spin, a flushed cache, captured graphs, the allocator; torch's, or a test's own."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import cycle, islice
from typing import Any, Protocol

import torch
from torch import Tensor

from nnbench.catalog import Component
from nnbench.failures import NotMeasurable

Run = Callable[[], object]

UNKNOWN_CACHE = 128 * 2**20  # bytes: larger than any level-2 cache so far, for a device that does not tell its own
SPIN_CYCLES = 4_000_000  # two milliseconds at 2 GHz: the time of one cycle is read off a spin of so many


class NotCapturable(Exception):
    """A call that no CUDA graph can hold, with the reason."""


class Event(Protocol):
    """A mark in the order of the device's work, as ``torch.cuda.Event`` is one."""

    def record(self) -> None: ...

    def query(self) -> bool: ...

    def elapsed_time(self, end_event: Any) -> float: ...  # milliseconds


class Device(Protocol):
    """A GPU, as far as measuring asks of it; sizes in bytes, durations in seconds."""

    def active(self) -> AbstractContextManager[None]:
        """Where to prepare and to measure."""

    def event(self) -> Event: ...

    def synchronize(self) -> None: ...

    def spin(self, seconds: float) -> None:
        """Keep the device busy for about so long, without waiting for it."""

    def flush(self) -> None:
        """Let nothing that a call uses be left in the level-2 cache."""

    def release(self) -> None:
        """Give back the memory that flushing took and the allocator keeps."""

    def capture(self, runs: Sequence[Run], calls: int) -> Run:
        """A function that replays so many calls, the runs in turn, as one graph; raises ``NotCapturable``."""

    def allocated(self) -> int: ...

    def peak(self) -> int: ...

    def reset_peak(self) -> None: ...

    def rest(self, seconds: float) -> None:
        """Wait, so that a throttled device can recover."""


def flush_bytes(cache: int) -> int:
    """The size of the buffer whose writing flushes a cache of so many bytes.

    >>> flush_bytes(60 * 2**20) // 2**20
    120
    """
    return 2 * (cache or UNKNOWN_CACHE)


class CudaDevice:
    """torch's current CUDA device, with a stream of its own: what is captured may not touch the default stream.

    Prepare and measure inside ``with device.active():``. Raises ``NotMeasurable`` where torch finds no GPU.
    """

    def __init__(self) -> None:
        if not torch.cuda.is_available():
            built = "finds no NVIDIA GPU" if torch.backends.cuda.is_built() else "is built without CUDA"
            raise NotMeasurable(f"torch {torch.__version__} {built}")
        self.properties = torch.cuda.get_device_properties(torch.cuda.current_device())
        self.stream = torch.cuda.Stream()
        self._buffer: Tensor | None = None

    @contextmanager
    def active(self) -> Iterator[None]:
        """All that is built and called meanwhile goes to the device's own stream, backward among it."""
        self.stream.wait_stream(torch.cuda.current_stream())
        try:
            with torch.cuda.stream(self.stream):
                yield
        finally:
            torch.cuda.current_stream().wait_stream(self.stream)

    def event(self) -> Event:
        made: Event = torch.cuda.Event(enable_timing=True)
        return made

    def synchronize(self) -> None:
        torch.cuda.synchronize()

    def spin(self, seconds: float) -> None:
        torch.cuda._sleep(max(1, round(seconds * self._cycles_per_second)))

    @functools.cached_property
    def _cycles_per_second(self) -> float:
        start, end = self.event(), self.event()
        torch.cuda._sleep(1)  # the first one loads the kernel
        start.record()
        torch.cuda._sleep(SPIN_CYCLES)
        end.record()
        torch.cuda.synchronize()
        return SPIN_CYCLES / (start.elapsed_time(end) / 1e3)

    def flush(self) -> None:
        if self._buffer is None:
            size = flush_bytes(self.properties.L2_cache_size)
            self._buffer = torch.empty(size, dtype=torch.uint8, device="cuda")
        self._buffer.zero_()

    def release(self) -> None:
        self._buffer = None
        torch.cuda.synchronize()
        torch.cuda.empty_cache()

    def capture(self, runs: Sequence[Run], calls: int) -> Run:
        graph = torch.cuda.CUDAGraph()
        try:
            _refuse_waiting(runs)
            with torch.cuda.graph(graph, stream=self.stream):
                for run in islice(cycle(runs), calls):
                    run()
        except Exception as error:  # noqa: BLE001  a component is anybody's code
            torch.cuda.synchronize()
            raise NotCapturable(_first_line(error)) from None
        return graph.replay

    def allocated(self) -> int:
        return torch.cuda.memory_allocated()

    def peak(self) -> int:
        return torch.cuda.max_memory_allocated()

    def reset_peak(self) -> None:
        torch.cuda.reset_peak_memory_stats()

    def rest(self, seconds: float) -> None:
        time.sleep(seconds)

    def is_usable(self) -> bool:
        """Whether the process can go on: a capture that broke half-way can leave random numbers refused for good."""
        try:
            torch.rand(1, device="cuda")
            torch.cuda.synchronize()
        except RuntimeError:
            return False
        return True


def _refuse_waiting(runs: Sequence[Run]) -> None:
    """Find out, before any capture begins, whether a call waits for the device: that would break the capture."""
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for run in runs:
            run()
    finally:
        torch.cuda.set_sync_debug_mode(before)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


@functools.cache
def cuda_device() -> CudaDevice:
    """This process's GPU; raises ``NotMeasurable`` where there is none."""
    return CudaDevice()


def begin() -> None:
    """Start what a first use of the GPU starts for the whole process: context, libraries, backward's threads.

    For a worker, before it limits its memory and watches what jobs leave. Does nothing where there is no GPU: jobs say
    so.
    """
    if torch.cuda.is_available():
        image = torch.zeros(1, 1, 4, 4, device="cuda", requires_grad=True)
        seen = torch.nn.functional.conv2d(image, torch.zeros(1, 1, 3, 3, device="cuda"))
        (seen.flatten(1) @ torch.zeros(4, 4, device="cuda")).sum().backward()
        torch.cuda.synchronize()


# Schedules, preparing data and whole procedures are the host's work, whatever device their numbers lie on.
ON_HOST = ("scheduler", "transform", "procedure")


def refuse_host_work(component: Component) -> None:
    """Raises ``NotMeasurable`` for a component that would not use the GPU."""
    if component.kind in ON_HOST or component.drive is not None:
        raise NotMeasurable(f"{component.kind}s are the host's work: --device cpu measures them")


def all_moved(components: Mapping[str, Component], device: str, dtype: str = "") -> dict[str, Component]:
    """What a worker serves where it is told a device or a dtype; on a GPU, the GPU is begun with."""
    if device != "cpu":
        begin()
    return {name: moved(one, device, dtype) for name, one in components.items()}


def moved(component: Component, device: str, dtype: str = "") -> Component:
    """A component whose cases are on a device and, those in float32, in a dtype; a case that it has already is one.

    "cpu" leaves each where it is declared to be.
    """
    cases = [
        case.on(case.device if device == "cpu" else device, dtype if case.dtype == "float32" else "")
        for case in component.cases
    ]
    return replace(component, cases=tuple({case.label: case for case in cases}.values()))


def float32_precision() -> dict[str, str]:
    """How float32 matrix products and convolutions are computed on CUDA here: "ieee" or "tf32", as torch has it set."""
    told = {
        "matrix_products": torch.backends.cuda.matmul.fp32_precision,
        "convolutions": torch.backends.cudnn.conv.fp32_precision,  # type: ignore[attr-defined]
    }
    return {what: "ieee" if precision == "none" else str(precision) for what, precision in told.items()}
