"""Making one benchmark: checked, warmed up, and handed to the session's ``benchmark`` fixture, on one thread."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from nnbench.doors.pytest_checked import Checks, told
from nnbench.doors.pytest_collected import Job
from nnbench.doors.pytest_stored import Stored
from nnbench.doors.pytest_tools import LEAST_ROUNDS, ROUND, Tool
from nnbench.doors.registry import FROZEN_SEED
from nnbench.failures import explain
from nnbench.machine import THREADS
from nnbench.model import Status

if TYPE_CHECKING:
    from nnbench.measure.calibration import Looks
    from nnbench.workload import Call, Workload

WARM_UP = 0.01  # seconds, as in `nnbench run`


class Bench:
    """Makes the benchmarks of a session one after the other."""

    def __init__(self, tool: Tool, checks: Checks, stored: Stored) -> None:
        self.tool = tool
        self.checks = checks
        self.stored = stored
        self._looks: Looks | None = None
        self._ready: tuple[str, Workload] | None = None

    def take(self, job: Job, benchmark: Any) -> None:
        """Check, then time; what is wrong fails in the checks' words, what cannot be had here is skipped."""
        self._check(job)
        with _as_it_was():
            try:
                call = self._call(job)
                latest = self._look()
                inside = self._time(call, benchmark)
            except Exception as error:
                status, note = explain(error)
                if status == Status.SKIPPED:
                    pytest.skip(note)
                self.stored.add_failure(job, status, note)
                raise
        if self.tool.is_timing:
            benchmark.extra_info["nnbench"] = _identity(job) | self.stored.told | {"calibration": dict(latest)}
            self.stored.add_times(job, benchmark, latest, inside)

    def _check(self, job: Job) -> None:
        is_new = not self.checks.is_known(job.target)
        checked = self.checks.of(job.target)
        if is_new:
            self.stored.add_checks(checked.rows, checked.instead)
        if checked.is_skipped:
            pytest.skip(checked.instead.note if checked.instead else "")
        if checked.instead is not None:
            suite = "" if job.source.kind == "built-in" else job.source.name
            pytest.fail(told(checked, suite), pytrace=False)

    def _call(self, job: Job) -> Call:
        """What to time, of a workload that the modes of a case share."""
        from nnbench.workload import prepare

        key = job.target.key
        if self._ready is None or self._ready[0] != key:
            self._ready = None  # the last one's memory goes before this one's is taken
            case = job.component.case(job.target.case.label)
            self._ready = key, prepare(job.component, job.target.variant, case, FROZEN_SEED)
        calls = self._ready[1].calls
        if job.mode not in calls:
            pytest.skip(f"there is no {job.mode}: nothing in this case takes a gradient")
        return calls[job.mode]

    def _look(self) -> Mapping[str, float]:
        """The latest look at the calibration kernels, a new one where the last is some time ago."""
        if not self.tool.is_timing:
            return {}
        from nnbench.measure.all import looked
        from nnbench.measure.allocator import keep_freed_memory
        from nnbench.measure.calibration import Looks

        if self._looks is None:
            keep_freed_memory()  # as `nnbench run` does: what was freed before must not decide over page faults
            self._looks = Looks()
        self.stored.add(*looked(self._looks.look_if_due(), 0))
        return self._looks.latest

    def _time(self, call: Call, benchmark: Any) -> float:
        """Seconds inside the fixture, which sees no cold call: it decides its rounds from the first that it sees."""
        from nnbench.workload import Call

        pace = _warm_up(call) if self.tool.is_timing or self.tool.is_codspeed else 0.0
        started = time.perf_counter()
        if call.reset is Call.reset:
            benchmark(call.run)
        else:
            rounds, iterations = _rounds(pace, self.tool.max_time)
            benchmark.pedantic(call.run, teardown=call.reset, rounds=rounds, iterations=iterations)
        return time.perf_counter() - started

    def close(self, is_interrupted: bool) -> None:
        """End the worker that checks, and seal what was measured, after a last look at the calibration kernels."""
        self._ready = None
        self.checks.close()
        if self._looks is not None and not is_interrupted:
            from nnbench.measure.all import looked

            with _as_it_was():
                self.stored.add(*looked(self._looks.look(), 0))
        self.stored.close(is_interrupted)


def _warm_up(call: Call) -> float:
    """Seconds of a warm call, at its fastest."""
    from nnbench.measure.clock import REAL
    from nnbench.measure.time import block_of

    block_of(call, 1, REAL)  # the first of all imports, compiles and fills caches: it tells nothing
    end, fastest = time.perf_counter() + WARM_UP, math.inf
    while fastest == math.inf or time.perf_counter() < end:
        fastest = min(fastest, block_of(call, 1, REAL).wall)
    call.reset()
    return fastest


def _rounds(pace: float, max_time: float) -> tuple[int, int]:
    """Rounds, and calls in each, of a call that feeds on what it leaves: it is set back between rounds, so that they
    are ours to decide.

    >>> _rounds(1e-5, 0.05), _rounds(0.25, 0.05)
    ((100, 50), (5, 1))
    """
    iterations = max(1, round(ROUND / pace)) if pace > 0 else 1
    return max(LEAST_ROUNDS, round(max_time / (iterations * pace)) if pace > 0 else 1), iterations


def _identity(job: Job) -> dict[str, str]:
    target = job.target
    return {
        "component": target.component.id,
        "variant": target.variant,
        "case": target.case.label,
        "spec": target.case.spec,
        "mode": job.mode,
    }


@contextmanager
def _as_it_was() -> Iterator[None]:
    """One thread of torch, and random numbers of our own; other tests find theirs as they left them."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)
