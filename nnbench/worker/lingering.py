"""What goes on after a job: threads and processes that it started, memory that it keeps.

Libraries start pools of threads and helpers of their own when they are first used; those that rest disturb nobody.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

TASKS, MEMORY = Path("/proc/self/task"), Path("/proc/self/statm")
TICKS = os.sysconf("SC_CLK_TCK")  # of a process's times in /proc, a second
WINDOWS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5)  # seconds to wait for what was started to come to rest
MANY_TICKS = 0.2  # seconds in which a process that is at work shows it
BUSY = 0.1  # of one core
GRACE = 10  # looks, a hundredth of a second apart, at a thread that may be about to end
GIB = 2**30
OURS = Path(__file__).parents[1]
LARGEST_POOL = 16 + 2 * (os.cpu_count() or 1)  # threads
LIBRARIES = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))


@dataclass(frozen=True)
class Company:
    """The threads of this process by the system's numbers and by Python's, its children, its bytes in memory."""

    tasks: frozenset[str]
    threads: frozenset[int]
    children: frozenset[str]
    resident: int


@dataclass(frozen=True)
class Clock:
    """Seconds; tests put their own in."""

    others: Callable[[], float] = lambda: time.process_time() - time.thread_time()
    sleep: Callable[[float], None] = time.sleep


def company() -> Company:
    """Who is here now. Empty of what the system does not tell (there is no /proc on macOS)."""
    tasks = frozenset(os.listdir(TASKS)) if TASKS.exists() else frozenset()  # noqa: PTH208  the quicker one
    return Company(tasks, frozenset(sys._current_frames()), _children(tasks), _resident())


def is_more(before: Company) -> bool:
    """Whether threads of Python's or processes have come, at a quick glance."""
    return not sys._current_frames().keys() <= before.threads or (_has_children() and not before.children)


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def left_behind(before: Company, now: Company, memory: int | None, clock: Clock = Clock()) -> list[str]:
    """What a job has left that goes on, in words; ``memory`` bytes are what it may take, None where it may keep all.

    Waits for what it started to come to rest, where it started anything.
    """
    found = []
    if not now.tasks <= before.tasks or not now.children <= before.children:
        found += _own_threads(before, clock) or _busy(now.children - before.children, clock)
    if memory is not None and now.resident - before.resident > memory / 2:
        found += _kept(before.resident, memory)
    return found


def _own_threads(before: Company, clock: Clock) -> list[str]:
    """Threads that run the component's own code, whether they rest or not; more of any than a library's pool has."""
    places: list[str] = []
    for _ in range(GRACE):
        frames = sys._current_frames()
        places = [_place(frames[number]) for number in frames.keys() - before.threads]
        if not any(places) and len(places) <= LARGEST_POOL:
            return []
        clock.sleep(0.01)
    where = next(filter(None, places), "")
    return [
        f"it left {len(places)} threads{where}" if len(places) > LARGEST_POOL else f"it left a thread running{where}"
    ]


def _place(frame: FrameType) -> str:
    """Where a thread is in the component's code, or nothing where all of it is a library's."""
    for one in _outwards(frame):
        path = one.f_code.co_filename
        if path.startswith("/") and not path.startswith(LIBRARIES) and not Path(path).is_relative_to(OURS):
            return f" ({Path(path).name}, line {one.f_lineno})"
    return ""


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _busy(children: frozenset[str], clock: Clock) -> list[str]:
    """What keeps the processor busy, window after window, while this thread sleeps."""
    threads, processes = 0.0, 0.0
    for window in WINDOWS if not children else [one for one in WINDOWS if one >= MANY_TICKS]:
        before, children_before = clock.others(), _seconds(children)
        clock.sleep(window)
        threads = (clock.others() - before) / window
        processes = (_seconds(children) - children_before) / window
        if threads < BUSY and processes < BUSY:
            return []
    who = "threads" if threads >= BUSY else "processes"
    return [f"it left {who} running that keep the processor busy ({max(threads, processes):.0%} of one core)"]


def _children(tasks: frozenset[str]) -> frozenset[str]:
    """Process numbers of those that any of our threads started and that are still there."""
    found: set[str] = set()
    for task in tasks:
        with suppress(OSError), open(f"{TASKS}/{task}/children") as listed:  # noqa: PTH123  the thread may have ended
            found.update(listed.read().split())
    return frozenset(found)


def _seconds(children: frozenset[str]) -> float:
    """Processor time that these processes have taken so far; those that have ended count as nothing."""
    total = 0
    for child in children:
        with suppress(OSError):
            after_name = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
            total += int(after_name[11]) + int(after_name[12])
    return total / TICKS


def _resident() -> int:
    return int(MEMORY.read_text().split()[1]) * resource.getpagesize() if MEMORY.exists() else 0


def _kept(before: int, memory: int) -> list[str]:
    """A last look, when what is merely not yet freed has been."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl does not
    if trim is not None:
        trim(0)
    kept = _resident() - before
    return [f"it keeps {kept / GIB:.1f} GiB after its answer"] if kept > memory / 2 else []
