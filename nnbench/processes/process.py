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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from nnbench.failures import LOST_CHANNEL
from nnbench.model import Status

Message = dict[str, Any]

SECONDS_TO_END = 5.0  # for a process whose channel has closed
TICK = 0.1  # seconds between two looks at the worker's memory and the deadline
TAIL, CHUNK = 2**16, 2**20  # bytes of what it prints: that are kept, that are read at once
MOST_PRINTED = 2**28  # bytes in one job
LONGEST_ANSWER = 2**28  # bytes of a line
LONGEST_WORDS = 300  # characters of what it printed last
CLOSED = "it closed a file descriptor that is not its own"
GIB = 2**30
# The worker's harness is its parent's, also in a folder that holds another nnbench.
START = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); "
    "import nnbench.worker.main; del sys.path[0]; nnbench.worker.main.main()"
)
NOT_SUITES = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), str(Path(__file__).parents[1]))


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


@dataclass(frozen=True)
class Launcher:
    """What a worker is started by: a command before its own, variables of the environment beside ours, and about how
    many times longer it then takes to start.
    """

    prefix: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    slowdown: float = 1.0


class WorkerProcess:
    """A running worker. One that timed out, crashed or ate its memory is killed and cannot be asked again."""

    def __init__(self, limits: Limits, threads: int, launcher: Launcher = Launcher()) -> None:
        self.limits = limits
        self.memory_limit = limits.bytes
        self._process = subprocess.Popen(
            [*launcher.prefix, sys.executable, "-c", START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ
            | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
            | dict(launcher.environment),
            start_new_session=True,  # so that Ctrl-C reaches the parent alone, and the whole group can be ended
        )
        self._tail, self._printed, self._printed_before = b"", 0, 0
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
        self._printed_before = self._printed
        allowed = seconds or self.limits.seconds
        deadline = time.monotonic() + allowed
        while True:
            message = self._message(deadline, allowed)
            if "done" in message:
                return
            yield message
            if "failed" in message:
                return
            if then is not None:
                allowed, deadline = then, time.monotonic() + then

    def _message(self, deadline: float, allowed: float) -> Message:
        """The next answer; raises ``WorkerEnded`` for a process that has been left unfit for other jobs, too."""
        line = self._line(deadline, allowed)
        self._refuse_flood()
        try:
            message: Message = json.loads(line)
        except ValueError:
            raise self._refused("it wrote where its answers go") from None
        if "spoilt" in message:
            raise self._refused(message["spoilt"])
        return message

    def _refused(self, reason: str) -> WorkerEnded:
        self.kill()
        return WorkerEnded(Status.FAILED, reason)

    def _refuse_flood(self) -> None:
        if self._printed - self._printed_before > MOST_PRINTED:
            raise self._refused(f"it printed more than {MOST_PRINTED // 2**20} MiB")
        if len(self._buffer) > LONGEST_ANSWER:
            raise self._refused("it wrote where its answers go, without end")

    def _line(self, deadline: float, allowed: float) -> bytes:
        """The next line of the answer; looks at the clock and at the worker's memory while it waits."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if selector.select(TICK):
                    chunk = os.read(self._process.stdout.fileno(), CHUNK)
                    if not chunk:
                        raise self._ended()
                    self._buffer += chunk
                elif self._process.poll() is not None and not selector.select(0):
                    raise self._ended()  # though another process may keep the channel open
                else:
                    self._watch_memory()
                if time.monotonic() > deadline and b"\n" not in self._buffer:
                    self.kill()
                    raise WorkerEnded(Status.TIMED_OUT, f"no answer within {allowed:g} s (--timeout allows more)")
                self._refuse_flood()
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
        try:
            code = self._process.wait(timeout=SECONDS_TO_END)
        except subprocess.TimeoutExpired:  # it lives, and cannot answer
            return self._refused(CLOSED)
        self.kill()  # what it had started
        self._reader.join(timeout=1)
        if code == LOST_CHANNEL:
            return WorkerEnded(Status.FAILED, CLOSED)
        return WorkerEnded(Status.CRASHED, f"{_how(code)}{self._last_words()}")

    def _last_words(self) -> str:
        """The place in the suite's code where the fault handler found it, or the last line it printed."""
        printed = self._tail.decode(errors="replace")
        lines = [line.strip() for line in printed.splitlines() if line.strip()]
        places = [line for line in lines if line.startswith("File ") and not any(path in line for path in NOT_SUITES)]
        words = places[:1] or lines[-1:]
        return f"; {words[0][:LONGEST_WORDS]}" if words else ""

    def _keep_tail(self) -> None:
        """Take all that the worker prints, for a full pipe would stop it, and keep the end."""
        assert self._process.stderr is not None
        while chunk := os.read(self._process.stderr.fileno(), CHUNK):
            self._printed += len(chunk)
            self._tail = (self._tail + chunk)[-TAIL:]

    def kill(self) -> None:
        """End the worker and whatever it started, in its process group and out of it."""
        with contextlib.suppress(psutil.Error):
            for child in self._memory.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    child.kill()
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
