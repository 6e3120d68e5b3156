"""A session that is ended from another thread, such as on Ctrl-C, starts no worker again."""

import threading

import pytest

from nnbench.discovery import Source
from nnbench.model import Status
from nnbench.processes import session as module
from nnbench.processes.process import Limits, WorkerEnded
from nnbench.processes.session import Session

SUITES = [Source("file", f"{name}.py", name) for name in ("one", "two", "three")]


class Workers:
    """Makes workers that come as far as their first suite, and wait there until somebody ends them."""

    def __init__(self):
        self.started, self.is_loading = 0, threading.Event()

    def __call__(self, limits, threads, launcher):
        self.started += 1
        return Worker(self.is_loading)


class Worker:
    memory_limit = 0

    def __init__(self, is_loading):
        self.is_loading, self.is_closed = is_loading, threading.Event()

    def ask(self, request, seconds=None, then=None):
        yield {"loading": request["sources"][0]}
        self.is_loading.set()
        self.is_closed.wait()
        raise WorkerEnded(Status.CRASHED, "its process was ended by SIGKILL")

    def close(self):
        self.is_closed.set()

    kill = close


def test_one_that_is_starting_a_worker_is_ended_and_starts_no_other(monkeypatch):
    workers, raised = Workers(), []
    monkeypatch.setattr(module, "WorkerProcess", workers)
    session = Session(SUITES, Limits())

    def ask():
        try:
            session.components()
        except WorkerEnded as ended:
            raised.append(ended.reason)

    asking = threading.Thread(target=ask)
    asking.start()
    workers.is_loading.wait()
    session.end()
    asking.join()
    assert (workers.started, raised) == (1, ["there are to be no more jobs"])
    with pytest.raises(WorkerEnded):
        list(session.ask({"do": "checks"}))
    assert workers.started == 1
    assert not session.twin()._is_over
