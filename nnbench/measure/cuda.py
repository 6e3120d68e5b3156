"""Times on a GPU: cold and hot on the device, and what the host spends. docs/gpu.md says what each number means."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from statistics import median
from typing import Any

import torch

from nnbench.measure import cuda_memory
from nnbench.measure.clock import Clock
from nnbench.measure.cuda_samples import STANDARD, Bench, Plan, Reading, Samples, Work, hiding, sampled
from nnbench.measure.device import NotCapturable, cuda_device, float32_precision
from nnbench.measure.garbage import no_garbage_collection
from nnbench.measure.nvml import company, monitor
from nnbench.metrics import MODES_ON_REQUEST
from nnbench.model import Status
from nnbench.workload import Call, Workload

GRAPH_SECONDS = 0.0005  # a graph's replay is made so long that its own launch does not count
MOST_GRAPH_CALLS = 100
CHUNK = 0.01  # seconds between two looks at the clock while warming up
MOST_HOST_SAMPLES = 200
# Time outside the events beyond which something else was at work: half of what they saw, and 0.2 ms.
UNSEEN_SHARE, UNSEEN_SECONDS = 0.5, 0.0002


@dataclass(frozen=True)
class HostTimes:
    """Seconds of wall time of single calls: until they returned, and until the device was done."""

    launch: tuple[float, ...]
    whole: tuple[float, ...]


def bench() -> Bench:
    """The real thing; raises ``NotMeasurable`` where there is no GPU, or NVML does not answer."""
    device = cuda_device()
    return Bench(device, monitor(str(device.properties.uuid)))


def context(made: Bench) -> dict[str, Any]:
    """What a row must say of the GPU beside its value: which one, CUDA, its default clock, and how float32 is meant."""
    return {
        "gpu": torch.cuda.get_device_name(),
        "cuda": str(torch.version.cuda),
        "default_clock_mhz": made.monitor.default_clock(),
        "float32": float32_precision(),
    }


def clock(made: Bench) -> Clock:
    """For duels: wall time, read when the device is done with all that was launched; it has no time of a thread's."""

    def read() -> int:
        made.device.synchronize()
        return made.clock.wall()

    return Clock(cpu=read, wall=read)


def measure(workload: Workload, request: Mapping[str, Any], made: Bench, plan: Plan = STANDARD) -> Iterator[Reading]:
    """Host, cold and hot time of each mode; in the first round memory and energy between them.

    ``request`` holds ``round``, ``budget`` (seconds of each kind of samples, where more than the plan's) and ``modes``
    (those that are timed on request only). Graphs come last: a capture that breaks can spoil the process.
    """
    plan = replace(plan, budget=max(plan.budget, request["budget"]))
    wanted = [mode for mode in workload.calls if mode not in MODES_ON_REQUEST or mode in request.get("modes", ())]
    known: dict[str, tuple[float, float]] = {}
    for mode in wanted:
        known[mode] = yield from _host_and_cold(mode, workload.calls[mode], made, plan)
    if request["round"] == 0:
        yield from cuda_memory.readings(workload.whole, made)
    for mode in wanted:
        with no_garbage_collection():
            found, note = hot(workload.calls[mode], made, plan, *known[mode])
        yield reading(f"{mode}_hot_time", found, [note, company(made.monitor)], plan)


def _host_and_cold(mode: str, call: Call, made: Bench, plan: Plan) -> Generator[Reading, None, tuple[float, float]]:
    """Three rows; gives the launch and a call on the device, in seconds, for what follows to be planned with."""
    unsteady = warm_up(call, made, plan)
    with no_garbage_collection():
        host = host_times(call, made, plan)
        found = cold(call, made, plan, host)
    others = company(made.monitor)
    yield Reading(f"{mode}_host_time", host.launch, others)
    yield Reading(f"{mode}_wall_time", host.whole, others)
    yield reading(f"{mode}_cold_time", found, [unsteady, unseen(host, found), others], plan)
    return median(host.launch), median(found.values or host.whole)


def warm_up(call: Call, made: Bench, plan: Plan) -> str:
    """Keep the device at work for the plan's time and until three looks at its clock agree; gives what is amiss."""
    start, seen = made.now(), list[int]()
    while True:
        _keep_busy(call, made)
        clock = made.monitor.clock()
        seen = [*seen[-2:], *([clock] if clock else [])]
        unsteady = bool(seen) and max(seen) > min(seen) * (1 + plan.steady)
        spent = made.now() - start
        if spent >= plan.warm_up and not unsteady and len(seen) in (0, 3):
            return ""
        if spent >= plan.longest_warm_up:
            return f"the clock did not settle: {min(seen)} to {max(seen)} MHz" if unsteady else ""


def _keep_busy(call: Call, made: Bench) -> None:
    """Calls, one after the other, for the time between two looks at the clock."""
    call.reset()
    end = made.now() + CHUNK
    for run in cycle(call.runs):
        run()
        made.device.flush()
        made.device.synchronize()
        if made.now() >= end:
            return


def host_times(call: Call, made: Bench, plan: Plan) -> HostTimes:
    """Wall times of single calls on an idle device: first until the call returns, then until its work is done."""
    launch, whole = list[float](), list[float]()
    runs, start = cycle(call.runs), made.now()
    while not whole or _wants_more(len(whole), made.now() - start, plan):
        if len(whole) % plan.batch == 0:
            call.reset()
        run = next(runs)
        made.device.synchronize()
        before = made.now()
        run()
        returned = made.now()
        made.device.synchronize()
        launch.append(returned - before)
        whole.append(made.now() - before)
    return HostTimes(tuple(launch), tuple(whole))


def _wants_more(samples: int, spent: float, plan: Plan) -> bool:
    if samples < plan.least_samples:
        return spent < plan.patience
    return samples < MOST_HOST_SAMPLES and spent < plan.budget


def cold(call: Call, made: Bench, plan: Plan, host: HostTimes) -> Samples:
    """Device time of single calls that find the level-2 cache flushed and their launch hidden."""
    runs = cycle(call.runs)
    work = Work(lambda: next(runs)(), before=made.device.flush, reset=call.reset)
    spin = hiding(made, work, median(host.launch), plan)
    return sampled(made, work, spin, median(host.whole), plan)


def hot(call: Call, made: Bench, plan: Plan, launch: float, estimate: float) -> tuple[Samples, str]:
    """Device time a call of a replayed graph of calls, nothing flushed; and why it was no graph, where it was none.

    ``launch`` and ``estimate`` are seconds: a call's launch, and the call itself on the device.
    """
    calls, note = graph_calls(estimate, len(call.runs)), ""
    call.reset()
    try:
        run, launch = made.device.capture(call.runs, calls), plan.least_spin
    except NotCapturable as reason:
        note = f"no CUDA graph ({reason}): launched one by one"
        calls = len(call.runs)
        run, launch = _one_by_one(call), launch * calls
    run()  # the first replay uploads the graph
    made.device.synchronize()
    work = Work(run, calls, reset=call.reset)
    spin = hiding(made, work, launch, plan)
    return sampled(made, work, spin, estimate * calls, plan), note


def graph_calls(estimate: float, buffers: int) -> int:
    """How many calls make a graph long enough: every buffer as often as any other; ``estimate`` is a call's seconds.

    >>> graph_calls(0.0001, 2), graph_calls(0.5, 2), graph_calls(1e-6, 3)
    (6, 2, 102)
    """
    wanted = min(MOST_GRAPH_CALLS, GRAPH_SECONDS / max(estimate, 1e-9))
    return buffers * max(1, -int(-wanted // buffers))


def _one_by_one(call: Call) -> Callable[[], object]:
    def run() -> None:
        for one in call.runs:
            one()

    return run


def unseen(host: HostTimes, found: Samples) -> str:
    """What is amiss where the device worked longer than its events saw: work on a stream that they are not on."""
    if not found.values:
        return ""
    seen = median(found.values)
    rest = min(host.whole) - median(host.launch) - seen
    if rest <= max(UNSEEN_SHARE * seen, UNSEEN_SECONDS):
        return ""
    return f"{rest * 1e6:.0f} µs of device work that the events do not see: another stream?"


def reading(metric: str, found: Samples, notes: Sequence[str], plan: Plan) -> Reading:
    """A row's values with all that is to be said of them; skipped where no sample was good."""
    note = "; ".join(text for text in (*notes, found.told(plan)) if text)
    return Reading(metric, found.values, note, Status.OK if found.values else Status.SKIPPED)
