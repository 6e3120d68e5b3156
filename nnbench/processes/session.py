"""A worker that is there when asked: started and loaded when needed, replaced when it has ended."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from types import TracebackType

from nnbench.commits.trees import Tree
from nnbench.discovery import Source
from nnbench.errors import NnbenchError
from nnbench.machine import THREADS
from nnbench.model import ComponentInfo, Problem, Status, component_info
from nnbench.processes.process import Launcher, Limits, Message, WorkerEnded, WorkerProcess

LOAD_SECONDS = 300.0  # importing torch from a cold disk can take a minute
IMPORT_SECONDS = 60.0  # at least, of a suite: the limit of a case may be short
MOST_PROCESSES = 8


def processes() -> int:
    """How many workers there may be side by side, for what is not timed: one a core that we may use."""
    return min(len(os.sched_getaffinity(0)), MOST_PROCESSES)


@dataclass
class Session:
    """A worker that is there when asked: started when needed, replaced when it has ended. Use as a context manager."""

    sources: Sequence[Source]
    limits: Limits = field(default_factory=Limits)
    threads: int = THREADS
    launcher: Launcher = field(default_factory=Launcher)
    device: str = "cpu"
    dtype: str = ""  # that cases in float32 are taken in instead
    tree: Tree | None = None  # whose components are imported, in place of what is installed or lies here
    problems: list[Problem] = field(default_factory=list)
    _worker: WorkerProcess | None = None
    _starting: WorkerProcess | None = field(init=False, default=None)
    _is_over: bool = field(init=False, default=False)
    _components: tuple[ComponentInfo, ...] = ()
    _broken: set[Source] = field(default_factory=set)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.renew()

    def twin(self) -> Session:
        """Another session on the same suites, with the same limits; the two share the memory."""
        return replace(self, problems=[], _worker=None)

    def renew(self) -> None:
        """Let the next job find a fresh process."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def end(self) -> None:
        """No more jobs, from another thread than the one that asks: what is under way raises ``WorkerEnded``, whatever
        is asked from now on does so at once. To be called again until that thread has ended: one that is just starting
        a worker has it only then.
        """
        self._is_over = True
        for worker in (self._worker, self._starting):
            if worker is not None:
                worker.close()

    def components(self) -> tuple[ComponentInfo, ...]:
        """What the suites registered; what could not be loaded is in ``problems``."""
        self._ready()
        return self._components

    def ask(self, request: Message, seconds: float | None = None) -> Iterator[Message]:
        """One job's answers; raises ``WorkerEnded``. After that, and after answers not read to their end, the next job
        finds a fresh worker.
        """
        worker = self._ready()
        try:
            yield from worker.ask(request, seconds)
        except BaseException:
            self.renew()
            raise

    def _ready(self) -> WorkerProcess:
        """The worker, started and loaded; a suite that takes it down at import is left out from then on."""
        while self._worker is None:
            if self._is_over:
                raise WorkerEnded(Status.CRASHED, "there are to be no more jobs")
            worker = self._starting = WorkerProcess(self.limits, self.threads, self.launcher)
            try:
                self._load(worker)
            except WorkerEnded:
                continue
            except BaseException:
                worker.kill()
                raise
            self._worker = worker
        return self._worker

    def _load(self, worker: WorkerProcess) -> None:
        wanted = [source for source in self.sources if source not in self._broken]
        request = {
            "do": "load",
            "sources": [asdict(source) for source in wanted],
            "threads": self.threads,
            "memory_limit": worker.memory_limit,
            "tree": asdict(self.tree) if self.tree else None,
            "device": self.device,
            "dtype": self.dtype,
        }
        loading: Source | None = None
        try:
            for message in worker.ask(
                request, LOAD_SECONDS * self.launcher.slowdown, max(self.limits.seconds, IMPORT_SECONDS)
            ):
                if "loading" in message:
                    loading = Source(**message["loading"])
                elif "components" in message:
                    self._components = tuple(component_info(row) for row in message["components"])
                elif "problems" in message:
                    self._note(Problem(**row) for row in message["problems"])
                elif "failed" in message:
                    more = " (--memory-limit allows more)" * (message["failed"]["status"] == Status.OUT_OF_MEMORY)
                    note = message["failed"]["note"].removesuffix(": ")
                    raise NnbenchError(f"the worker could not load the suites: {note}{more}")
        except WorkerEnded as ended:
            if loading is None:
                raise NnbenchError(f"the worker did not start: {ended.reason}") from None
            self._broken.add(loading)
            reason = f"importing it took the worker down: {ended.reason}"
            self._note([Problem(loading.name, loading.locator, 0, reason)])
            raise

    def _note(self, problems: Iterator[Problem] | list[Problem]) -> None:
        self.problems += [problem for problem in problems if problem not in self.problems]
