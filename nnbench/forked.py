"""Work done in a copy of this process: whatever it does there, this process is as it was."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from nnbench.confinement import die_with_parent
from nnbench.failures import explain
from nnbench.model import Status

Message = dict[str, Any]

STATISTICS = Path("/proc/self/statm")
GRACE = 5  # seconds between the signal that asks it to end and the one that ends it


def in_a_copy(work: Callable[[], Message], seconds: int, memory: int) -> Message:
    """What the work says, done in a copy of this process by forking; ``{"stopped": {status, note}}`` where it fails.

    It may take so many seconds of CPU time, however busy the machine is, and so many bytes beyond what is there.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        die_with_parent()
        os.setpgid(0, 0)  # with whatever it starts
        os.close(reading)
        _do(work, writing, seconds, memory)
    os.close(writing)
    try:
        _, status = os.waitpid(child, 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        os.set_blocking(reading, False)  # the last of them may still hold the other end
        said = os.read(reading, 2**16) if status == 0 else b""
    except BlockingIOError:
        said = b""
    finally:
        os.close(reading)
    return json.loads(said) if said else _stopped(*_how(status, seconds))


def _do(work: Callable[[], Message], writing: int, seconds: int, memory: int) -> NoReturn:
    try:
        resource.setrlimit(resource.RLIMIT_AS, (_present() + memory, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + GRACE))
        answer = work()
    except BaseException as error:  # noqa: BLE001  a component is anybody's code
        answer = _stopped(*explain(error))
    os.write(writing, json.dumps(answer).encode())
    os._exit(0)


def _present() -> int:
    """Bytes of address space that this process has taken; none where the system does not tell."""
    return int(STATISTICS.read_text().split()[0]) * resource.getpagesize() if STATISTICS.exists() else 0


def _stopped(status: str, note: str) -> Message:
    return {"stopped": {"status": status, "note": note}}


def _how(status: int, seconds: int) -> tuple[Status, str]:
    """How a copy that said nothing has ended."""
    if not os.WIFSIGNALED(status):
        return Status.CRASHED, f"its process exited with {os.waitstatus_to_exitcode(status)}"
    name = signal.Signals(os.WTERMSIG(status)).name
    if name == "SIGXCPU":
        return Status.TIMED_OUT, f"it takes more than {seconds} s of CPU time"
    return Status.CRASHED, f"its process was ended by {name}"
