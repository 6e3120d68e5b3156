"""Workers that start side by side: what takes seconds and is not timed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from types import TracebackType

Job = Callable[[], object]


class Starters:
    """Threads that do jobs side by side, each job's place always in the same thread. Use as a context manager.

    A worker ends with the thread that started it: those started here live until the context is left.
    """

    def __init__(self, places: int) -> None:
        self._jobs: list[queue.SimpleQueue[Job | None]] = [queue.SimpleQueue() for _ in range(places)]
        self._ends: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def __enter__(self) -> Starters:
        for jobs in self._jobs:
            threading.Thread(target=self._serve, args=(jobs,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for jobs in self._jobs:
            jobs.put(None)

    def do(self, jobs: Sequence[Job]) -> None:
        """Return when all are done; what one of them raised is raised here."""
        for asked, job in zip(self._jobs, jobs, strict=True):
            asked.put(job)
        errors = [error for _ in jobs if (error := self._ends.get()) is not None]
        if errors:
            raise errors[0]

    def _serve(self, jobs: queue.SimpleQueue[Job | None]) -> None:
        while (job := jobs.get()) is not None:
            try:
                job()
            except BaseException as error:  # noqa: BLE001  it is raised where the jobs are given
                self._ends.put(error)
            else:
                self._ends.put(None)
