"""Samples of device time: batches behind one synchronisation, launches hidden, throttled samples dropped."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from nnbench.measure.clock import REAL, Clock
from nnbench.measure.device import Device, Event
from nnbench.measure.nvml import Monitor
from nnbench.model import Status

NANOSECONDS = 1e9


@dataclass(frozen=True)
class Bench:
    """What measuring stands on: the GPU, NVML's view of it, and the host's clock. Tests bring their own."""

    device: Device
    monitor: Monitor
    clock: Clock = REAL

    def now(self) -> float:
        """Seconds of wall time."""
        return self.clock.wall() / NANOSECONDS


class Reading(NamedTuple):
    """One metric's values, ready to be a row; what was skipped has none, and its reason in the note."""

    metric: str
    values: tuple[float, ...]
    note: str = ""
    status: str = Status.OK


@dataclass(frozen=True)
class Plan:
    """When to stop and what to drop: seconds, except ``narrow``, ``steady`` and ``slowest``, which are shares.

    ``budget`` is the wall time of one kind of samples; while none was good, ``patience``. ``slowest`` is the share of
    the default clock below which a sample says more of the cooling than of the code.
    """

    budget: float = 0.1
    patience: float = 2.0
    batch: int = 20  # samples between two synchronisations
    least_samples: int = 10
    narrow: float = 0.003
    warm_up: float = 0.15
    longest_warm_up: float = 2.0
    steady: float = 0.02
    slowest: float = 0.75
    recovery: float = 0.05
    least_spin: float = 0.00005
    longest_spin: float = 0.02


STANDARD = Plan()


@dataclass(frozen=True)
class Work:
    """What one sample times: ``run``, which makes so many ``calls``; ``before`` is put before it, untimed.

    ``reset`` restores, once a batch, what calls feed on.
    """

    run: Callable[[], object]
    calls: int = 1
    before: Callable[[], object] = lambda: None
    reset: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Spin:
    """How long the device is kept busy while a sample is launched, in seconds, and whether that hides the launch."""

    seconds: float
    hides: bool


@dataclass(frozen=True)
class Samples:
    """Seconds per call, in the order taken, their launch ``hidden`` or not.

    ``throttled`` samples were dropped for a low clock, for ``reasons``; ``late`` ones because the host did not keep up.
    """

    values: tuple[float, ...]
    throttled: int = 0
    reasons: tuple[str, ...] = ()
    late: int = 0
    hidden: bool = True

    def told(self, plan: Plan) -> str:
        """What is to be said of the samples beside their values; nothing where all is as it should be."""
        notes = []
        if self.throttled:
            low = f"clock below {100 * plan.slowest:.0f} % of the default"
            notes.append(f"{self.throttled} samples dropped, {low}: {', '.join(self.reasons) or 'no reason told'}")
        if self.late:
            notes.append(f"{self.late} samples dropped, launched too late")
        if not self.hidden:
            notes.append("the launch is not hidden: the call waits for the device, or launches for too long")
        return "; ".join(notes)


def hiding(bench: Bench, work: Work, launch: float, plan: Plan) -> Spin:
    """The shortest spin, from half as much again as a launch takes by doubling, behind which the launch is hidden.

    A call that waits for the device cannot be hidden, however long the spin.
    """
    seconds = max(plan.least_spin, 1.5 * launch)
    while True:
        work.reset()
        (mark,) = _marks(bench.device, work, seconds, 1)
        bench.device.synchronize()
        if not mark.late:
            return Spin(seconds, hides=True)
        if seconds >= plan.longest_spin:
            return Spin(plan.least_spin, hides=False)
        seconds *= 2


def sampled(bench: Bench, work: Work, spin: Spin, estimate: float, plan: Plan) -> Samples:
    """Samples until they are narrow enough or the budget is spent; ``estimate`` is what one takes, seconds of wall."""
    size = _batch_size(plan, estimate + spin.seconds)
    values: list[float] = []
    throttled, late, reasons = 0, 0, dict[str, None]()
    start = bench.now()
    while not _enough(values, plan) and bench.now() - start < (plan.budget if values else plan.patience):
        batch = _batch(bench, work, spin, size)
        if _is_low(batch.clock, bench.monitor.default_clock(), plan):
            throttled += size
            reasons |= dict.fromkeys(batch.reasons)
            bench.device.rest(plan.recovery)
            continue
        good = [mark.seconds / work.calls for mark in batch.marks if not (mark.late and spin.hides)]
        values += good
        late += size - len(good)
    return Samples(tuple(values), throttled, tuple(reasons), late, spin.hides)


def _batch_size(plan: Plan, estimate: float) -> int:
    """As many samples as the budget has room for, within a batch; at least one."""
    return max(1, min(plan.batch, math.ceil(plan.budget / max(estimate, 1e-9))))


@dataclass(frozen=True)
class _Mark:
    start: Event
    end: Event
    late: bool  # the device got to the start before all of the sample was launched

    @property
    def seconds(self) -> float:
        return self.start.elapsed_time(self.end) / 1e3


@dataclass(frozen=True)
class _Batch:
    marks: Sequence[_Mark]
    clock: int | None
    reasons: tuple[str, ...]


def _batch(bench: Bench, work: Work, spin: Spin, size: int) -> _Batch:
    """A batch of samples with the lower of two looks at the clock: while the device works, and when it is done."""
    work.reset()
    marks = _marks(bench.device, work, spin.seconds, size)
    clocks, reasons = [bench.monitor.clock()], bench.monitor.throttle_reasons()
    bench.device.synchronize()
    clocks.append(bench.monitor.clock())
    return _Batch(marks, min((clock for clock in clocks if clock), default=None), reasons)


def _marks(device: Device, work: Work, spin: float, size: int) -> list[_Mark]:
    """Launch samples one after the other without waiting for any."""
    marks = []
    for _ in range(size):
        start, end = device.event(), device.event()
        work.before()
        device.spin(spin)
        start.record()
        work.run()
        late = start.query()
        end.record()
        marks.append(_Mark(start, end, late))
    return marks


def _is_low(clock: int | None, default: int | None, plan: Plan) -> bool:
    return clock is not None and default is not None and clock < plan.slowest * default


def _enough(values: Sequence[float], plan: Plan) -> bool:
    """Whether the middle half of the samples is so narrow that more of them would say nothing new."""
    if len(values) < plan.least_samples:
        return False
    times = sorted(values)
    quarter = len(times) // 4
    spread = times[-1 - quarter] - times[quarter]
    return spread / math.sqrt(len(times)) <= plan.narrow * median(times)
