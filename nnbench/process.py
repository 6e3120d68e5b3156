"""The parent's end of a worker: starts it, asks it one job at a time, and says why when it does not come back."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from nnbench.model import Status

Message = dict[str, Any]

TICK = 0.1  # seconds between two looks at the worker's memory and the deadline
TAIL = 60  # lines of its stderr that are kept
GIB = 2**30
NOT_SUITES = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), str(Path(__file__).parent))


class WorkerEnded(Exception):
    """The worker is gone: ``status`` says how, ``reason`` in words."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Limits:
    """What a job may take: seconds, and bytes of memory beyond what torch itself takes.

    ``processes`` is how many jobs run side by side.
    """

    seconds: float = 60.0
    memory: int = 0
    processes: int = 1

    @property
    def bytes(self) -> int:
        """The memory limit; by default this job's share of three quarters of what is free now."""
        return self.memory or int(psutil.virtual_memory().available * 0.75 / self.processes)


class WorkerProcess:
    """A running worker. One that timed out, crashed or ate its memory is killed and cannot be asked again."""

    def __init__(self, limits: Limits, threads: int) -> None:
        self.limits = limits
        self.memory_limit = limits.bytes
        self._process = subprocess.Popen(
            [sys.executable, "-m", "nnbench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)},
            start_new_session=True,  # so that Ctrl-C reaches the parent alone, and the whole group can be ended
        )
        self._stderr: deque[str] = deque(maxlen=TAIL)
        self._reader = threading.Thread(target=self._keep_tail, daemon=True)
        self._reader.start()
        self._buffer = b""
        self._memory = psutil.Process(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, request: Message, seconds: float | None = None, then: float | None = None) -> Iterator[Message]:
        """Send one job and yield its answers as they come, "failed" among them; raises ``WorkerEnded``.

        ``seconds`` are for the whole job; with ``then``, for its first answer, and ``then`` for each that follows.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise self._ended() from None
        allowed = seconds or self.limits.seconds
        deadline = time.monotonic() + allowed
        while True:
            message = json.loads(self._line(deadline, allowed))
            if "done" in message:
                return
            yield message
            if "failed" in message:
                return
            if then is not None:
                allowed, deadline = then, time.monotonic() + then

    def _line(self, deadline: float, allowed: float) -> bytes:
        """The next line of the answer; looks at the clock and at the worker's memory while it waits."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if selector.select(TICK):
                    chunk = os.read(self._process.stdout.fileno(), 1 << 16)
                    if not chunk:
                        raise self._ended()
                    self._buffer += chunk
                elif time.monotonic() > deadline:
                    self.kill()
                    raise WorkerEnded(Status.TIMED_OUT, f"no answer within {allowed:g} s (--timeout allows more)")
                else:
                    self._watch_memory()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _watch_memory(self) -> None:
        """End a worker that has grown past the limit in ways that the limit on its own allocations does not see."""
        try:
            resident = self._memory.memory_info().rss
        except psutil.NoSuchProcess:
            return
        if resident > self.memory_limit + GIB:
            self.kill()
            allowed = f"{self.memory_limit / GIB:.1f} GiB"
            raise WorkerEnded(Status.OUT_OF_MEMORY, f"grew past {allowed} (--memory-limit allows more)")

    def _ended(self) -> WorkerEnded:
        code = self._process.wait()
        self._reader.join(timeout=1)
        return WorkerEnded(Status.CRASHED, f"{_how(code)}{self._last_words()}")

    def _last_words(self) -> str:
        """The place in the suite's code where the fault handler found it, or the last line it printed."""
        lines = [line.strip() for line in self._stderr if line.strip()]
        places = [line for line in lines if line.startswith("File ") and not any(path in line for path in NOT_SUITES)]
        words = places[:1] or lines[-1:]
        return f"; {words[0]}" if words else ""

    def _keep_tail(self) -> None:
        assert self._process.stderr is not None
        for line in iter(lambda: self._process.stderr.readline(4096), b""):  # type: ignore[union-attr]
            self._stderr.append(line.decode(errors="replace"))

    def kill(self) -> None:
        """End the worker and whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """No more jobs. It holds nothing that would be lost, so it is ended at once."""
        self.kill()


def _how(code: int) -> str:
    if code >= 0:
        return f"its process exited with {code}"
    name = signal.Signals(-code).name
    meaning = signal.strsignal(-code) or ""
    return f"its process was ended by {name} ({meaning.lower()})"
