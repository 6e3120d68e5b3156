"""What a call takes on a GPU: the allocator's peak, what NVML says is used, energy. Never in one loop with time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nnbench.failures import NotMeasurable
from nnbench.measure.cuda_samples import Bench, Reading
from nnbench.measure.nvml import company
from nnbench.model import Status

ENERGY_SECONDS = 0.5  # NVML's counter moves every 20 to 100 ms: from tick to tick, over at least so long
ENERGY_PATIENCE = 2.0  # seconds in which a counter that works has moved
CHUNK = 0.005  # seconds between two looks at the counter


def readings(call: Callable[[], object], made: Bench) -> Iterator[Reading]:
    """Allocator peak, NVML's used bytes and energy; what the GPU does not tell is skipped with the reason."""
    for metric, take in METERS.items():
        try:
            yield Reading(metric, (float(take(call, made)),), company(made.monitor))
        except NotMeasurable as reason:
            yield Reading(metric, (), str(reason), Status.SKIPPED)


def allocator_peak(call: Callable[[], object], made: Bench) -> int:
    """Bytes by which torch's allocator, at one call's peak, holds more for tensors than was resident before.

    A first call, not counted, makes what stays: workspaces, a module's buffers.
    """
    call()
    made.device.synchronize()
    before = made.device.allocated()
    made.device.reset_peak()
    call()
    made.device.synchronize()
    return max(0, made.device.peak() - before)


def used(call: Callable[[], object], made: Bench) -> int:
    """Bytes in use on the whole GPU right after a call, as NVML has it, with nothing kept for later before the call:
    tensors, what the allocator reserved for the call, the CUDA context, and everybody else's.
    """
    made.device.release()
    call()
    made.device.synchronize()
    told = made.monitor.used_bytes()
    if told is None:
        raise NotMeasurable("NVML does not tell the used memory of this GPU")
    return told


def energy(call: Callable[[], object], made: Bench) -> float:
    """Joules a call of calls one after the other, the GPU's idle draw included, from one tick of the counter to
    another.
    """
    before, _ = _tick(call, made, made.monitor.energy(), made.now())
    calls, start = 0, made.now()
    while made.now() - start < ENERGY_SECONDS:
        calls += _chunk(call, made)
    after, more = _tick(call, made, made.monitor.energy(), made.now())
    return (after - before) / (calls + more)


def _tick(call: Callable[[], object], made: Bench, last: float | None, start: float) -> tuple[float, int]:
    """Call until the counter moves on; its new value, and how many calls that took."""
    calls, told = 0, last
    while told is not None and told == last:
        if made.now() - start > ENERGY_PATIENCE:
            raise NotMeasurable(f"the GPU's energy counter did not move within {ENERGY_PATIENCE:g} s of work")
        calls += _chunk(call, made)
        told = made.monitor.energy()
    if told is None:
        raise NotMeasurable("NVML does not tell the energy of this GPU")
    return told, calls


def _chunk(call: Callable[[], object], made: Bench) -> int:
    """Calls one after the other for a few milliseconds, and all of their work; how many."""
    calls, end = 0, made.now() + CHUNK
    while not calls or made.now() < end:
        call()
        calls += 1
        if calls % 16 == 1:  # so that no queue of launches outlives the chunk by much
            made.device.synchronize()
    made.device.synchronize()
    return calls


METERS: dict[str, Callable[[Callable[[], object], Bench], float]] = {
    "cuda_peak_memory": allocator_peak,
    "cuda_used_memory": used,
    "energy": energy,
}
