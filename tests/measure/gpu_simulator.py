"""A GPU and its NVML in numbers: time on the host and on the device goes on only as work says, so that all is exact.

Launches are queued as on a real one: the host goes on after a launch's own cost, the device begins when the launch is
there and what was queued before is done.
"""

from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import cycle, islice

from nnbench.measure.clock import Clock
from nnbench.measure.cuda_samples import Bench
from nnbench.measure.device import NotCapturable

MICROSECOND = 1e-6
MILLISECOND = 1e-3


@dataclass
class Simulated:
    """Both clocks in seconds, and what was done. ``speed`` is the device's, as a share of that at its full clock."""

    launch: float = 5 * MICROSECOND
    flushing: float = 30 * MICROSECOND
    refuses_capture: str = ""
    host: float = 7.0
    device: float = 0.0
    speed: float = 1.0
    flushed: bool = False
    done: list = field(default_factory=list)
    captured: list = field(default_factory=list)
    resting: float = 0.0
    synchronized: int = 0
    resident: int = 0
    highest: int = 0
    capturing: bool = False

    def run(self, seconds, kind="work"):
        """Launch work of so many seconds at full speed."""
        if self.capturing:
            self.captured.append(seconds)
            return
        self.host += self.launch
        self.device = max(self.device, self.host) + seconds / self.speed
        self.done.append(kind)
        self.flushed = kind in ("flush", "spin") and (self.flushed or kind == "flush")

    def active(self):
        return nullcontext()

    def event(self):
        return Mark(self)

    def synchronize(self):
        self.synchronized += 1
        self.host = max(self.host, self.device)

    def spin(self, seconds):
        self.run(seconds, "spin")

    def flush(self):
        self.run(self.flushing, "flush")

    def release(self):
        self.done.append("release")

    def capture(self, runs, calls):
        if self.refuses_capture:
            raise NotCapturable(self.refuses_capture)
        self.captured, self.capturing = [], True
        for run in islice(cycle(runs), calls):
            run()
        self.capturing, work = False, sum(self.captured)
        return lambda: self.run(work, "replay")

    def allocated(self):
        return self.resident

    def peak(self):
        return self.highest

    def reset_peak(self):
        self.highest = self.resident

    def rest(self, seconds):
        self.resting += seconds
        self.host += seconds


@dataclass
class Mark:
    device: Simulated
    at: float = 0.0

    def record(self):
        self.at = max(self.device.device, self.device.host)

    def query(self):
        return self.at <= self.device.host

    def elapsed_time(self, end):
        return (end.at - self.at) * 1e3


@dataclass
class SimulatedNvml:
    """Clocks in the order they are asked for, and then the last one for ever."""

    clocks: list = field(default_factory=lambda: [1980])
    normal: int | None = 1980
    reasons: tuple = ()
    used: int | None = 0
    joules: list = field(default_factory=lambda: [None])
    company: tuple = ()
    asked: int = 0

    def clock(self):
        self.asked += 1
        return self.clocks.pop(0) if len(self.clocks) > 1 else self.clocks[0]

    def default_clock(self):
        return self.normal

    def throttle_reasons(self):
        return self.reasons

    def used_bytes(self):
        return self.used

    def energy(self):
        return self.joules.pop(0) if len(self.joules) > 1 else self.joules[0]

    def others(self):
        return self.company


def bench_of(device, nvml=None):
    nanoseconds = lambda: round(device.host * 1e9)  # noqa: E731
    return Bench(device, nvml or SimulatedNvml(), Clock(cpu=nanoseconds, wall=nanoseconds))
