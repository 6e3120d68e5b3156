"""The parent's end of a worker: what comes back when a worker does not."""

import os
import select
import signal
import subprocess
import sys
from dataclasses import asdict

import pytest

from nnbench.discovery import sources
from nnbench.model import Status
from nnbench.processes.process import Limits, WorkerEnded, WorkerProcess
from nnbench.processes.session import Session

SUITE = """
import os, signal
import nnbench

suite = nnbench.Suite("odd")


def answer(x):
    return x + x


def leave(x):
    os._exit(3)


def kill(x):
    os.kill(os.getpid(), signal.SIGTERM)


def grow(x):
    import mmap
    shared = mmap.mmap(-1, 3 << 30)  # shared memory is not under the limit on a process's own allocations
    for start in range(0, 3 << 30, 4096):
        shared[start] = 1
    while True:
        pass


def speak(x):
    print("spoken" * 100000)
    return x + x


suite.component(
    "one",
    reference=answer,
    variants={"leaves": leave, "killed": kill, "grows": grow, "speaks": speak},
    cases=[nnbench.case(nnbench.randn(2, 2))],
)
"""


@pytest.fixture
def loaded(tmp_path):
    """A worker that has loaded the suite above, and only it, with 1 GiB for a case."""
    path = tmp_path / "odd.py"
    path.write_text(SUITE)
    worker = WorkerProcess(Limits(seconds=20, memory=2**30), threads=1)
    found = [source for source in sources([str(path)]) if source.kind == "file"]
    load = {"do": "load", "sources": [asdict(one) for one in found], "threads": 1, "memory_limit": worker.memory_limit}
    assert any("components" in message for message in list(worker.ask(load)))
    yield worker
    worker.close()


def check(worker, variant):
    request = {"do": "check", "component": "odd.one", "variant": variant, "case": "2x2", "seed": 1}
    return list(worker.ask(request))


@pytest.mark.parametrize(
    ("variant", "status", "reason"),
    [
        ("leaves", Status.CRASHED, "exited with 3"),
        ("killed", Status.CRASHED, "SIGTERM"),
        ("grows", Status.OUT_OF_MEMORY, "grew past 1.0 GiB"),
    ],
)
def test_worker_that_ends_says_how(loaded, variant, status, reason):
    with pytest.raises(WorkerEnded) as ended:
        check(loaded, variant)
    assert ended.value.status == status
    assert reason in ended.value.reason


def test_worker_that_ended_cannot_be_asked_again(loaded):
    loaded.kill()
    with pytest.raises(WorkerEnded):
        check(loaded, "reference")


def test_what_a_component_prints_does_not_disturb_the_answers(loaded):
    assert {message["row"]["status"] for message in check(loaded, "speaks")} <= {"passed", "skipped"}


def test_unknown_component_is_an_answer_not_an_end(loaded):
    request = {"do": "check", "component": "odd.none", "variant": "reference", "case": "2x2", "seed": 1}
    assert [message["failed"]["status"] for message in loaded.ask(request)] == ["failed"]
    assert check(loaded, "reference")


def test_worker_dies_with_a_parent_that_is_killed(tmp_path):
    code = (
        "from nnbench.processes.process import *\nimport time\n"
        "print(WorkerProcess(Limits(), 1).pid, flush=True)\nwhile True: time.sleep(1)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    watch = os.pidfd_open(worker)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    gone, _, _ = select.select([watch], [], [], 60)
    assert gone


def test_session_replaces_a_worker_that_ended(tmp_path):
    path = tmp_path / "odd.py"
    path.write_text(SUITE)
    found = [source for source in sources([str(path)]) if source.kind == "file"]
    request = {"do": "check", "component": "odd.one", "variant": "leaves", "case": "2x2", "seed": 1}
    with Session(found, Limits(seconds=20)) as session:
        with pytest.raises(WorkerEnded):
            list(session.ask(request))
        assert list(session.ask(request | {"variant": "reference"}))


def test_answers_not_read_to_their_end_do_not_reach_the_next_job(tmp_path):
    path = tmp_path / "odd.py"
    path.write_text(SUITE)
    found = [source for source in sources([str(path)]) if source.kind == "file"]
    request = {"do": "check", "component": "odd.one", "variant": "reference", "case": "2x2", "seed": 1}
    with Session(found, Limits(seconds=20)) as session:
        for _ in session.ask(request):
            break
        told = list(session.ask({"do": "source", "component": "odd.one"}))
    assert told[0]["variants"]["reference"]["name"].endswith(".answer")
