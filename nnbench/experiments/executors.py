"""Where trials are worked on: worker processes of this machine, or a Dask cluster; both behind one small face."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import Any, Protocol

from nnbench.errors import NnbenchError
from nnbench.experiments.work import Answer, Job, keep, work
from nnbench.processes.session import Session

SECONDS_TO_CONNECT = 15.0
TICK = 0.1  # seconds
# How Dask says that it gave a job up because the workers that had it died, one after the other.
WORKERS_DIED = "KilledWorker"


class Lost(NnbenchError):
    """Those who work cannot be reached any more; what they had finished is stored."""


class Died(Exception):
    """A job took down whoever worked on it, each time that it was tried."""


class Crew(Protocol):
    """Those who work on jobs, however many they are just now. Use as a context manager.

    ``tells`` says whether anything is told of a job before it is done.
    """

    tells: bool

    def __enter__(self) -> Crew: ...

    def __exit__(self, *ended: Any) -> None: ...

    @property
    def width(self) -> int:
        """How many jobs they work on side by side."""

    def submit(self, job: Job) -> Future[Answer]:
        """Begin a job; ``answer`` takes what comes of it."""

    def told(self) -> Iterator[tuple[str, float]]:
        """What was told since the last call: names of jobs, and how many epochs each has done."""


def answer(future: Future[Answer]) -> Answer:
    """What a job gave; raises ``Died`` for one that killed its workers and ``Lost`` where nobody works any more."""
    try:
        return future.result()
    except NnbenchError:
        raise
    except CancelledError as error:
        raise Lost(f"the workers cannot be reached any more ({error or 'cancelled'}). {GO_ON}") from None
    except Exception as error:  # an executor raises what it likes
        if type(error).__name__ == WORKERS_DIED:
            raise Died(str(error).splitlines()[0]) from None
        raise Lost(f"a worker could not do its job: {type(error).__name__}: {error}. {GO_ON}") from error


GO_ON = "What is finished is stored; the same command goes on from there."


class Local:
    """Threads that each drive a worker process of their own; the first takes the session that is there already."""

    tells = True

    def __init__(self, session: Session, processes: int) -> None:
        self.width = processes
        self._told: queue.SimpleQueue[tuple[str, float]] = queue.SimpleQueue()
        self._team = [session, *(session.twin() for _ in range(processes - 1))]
        self._free: queue.SimpleQueue[Session] = queue.SimpleQueue()
        for one in self._team:
            one.limits = replace(one.limits, processes=processes)
            self._free.put(one)
        self._threads: list[threading.Thread] = []
        self._executor: Executor = ThreadPoolExecutor(processes, initializer=self._begin)

    def _begin(self) -> None:
        self._threads.append(threading.current_thread())
        keep(self._free.get(), lambda name, epochs: self._told.put((name, epochs)))

    def submit(self, job: Job) -> Future[Answer]:
        return self._executor.submit(work, job)

    def told(self) -> Iterator[tuple[str, float]]:
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._told.get_nowait()

    def __enter__(self) -> Local:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Whatever is under way is ended: on Ctrl-C nobody waits for it."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        while True:
            for one in self._team:  # again and again: one that was starting a worker has it only now
                one.end()
            if not any(thread.is_alive() for thread in self._threads):
                return
            for thread in self._threads:
                thread.join(TICK)


class Dask:
    """The workers of a Dask cluster, as many as there are at the moment; each thread of one does a job at a time."""

    tells = False

    def __init__(self, address: str) -> None:
        self._client = _client(address)
        self._address = address
        self._executor: Executor = self._client.get_executor(pure=False)

    @property
    def width(self) -> int:
        return sum(self._client.ncores().values())

    def submit(self, job: Job) -> Future[Answer]:
        return self._executor.submit(work, job)

    def told(self) -> Iterator[tuple[str, float]]:
        return iter(())

    def __enter__(self) -> Dask:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._executor.shutdown(wait=False)
        self._client.close()


def _client(address: str) -> Any:
    try:
        from distributed import Client
        from distributed.comm import get_address_host_port
    except ImportError:
        raise NnbenchError("--dask needs the package distributed: pip install 'nnbench-harness[dask]'") from None
    try:
        get_address_host_port(address)  # a client of what is no address hangs when it is put away
        return Client(address, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NnbenchError(
            f"--dask {address}: no Dask scheduler answers there ({told}). "
            "`dask scheduler` starts one and prints its address, such as tcp://10.0.0.5:8786"
        ) from None
