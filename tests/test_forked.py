"""A copy of this process: what it says, how it ends, and that this one is as it was."""

import os
import signal
import threading

import pytest

from nnbench.forked import in_a_copy
from nnbench.model import Status

# The copies made here start no threads; those of other tests are of no concern to them.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

MEMORY = 2**28


def test_what_it_says_comes_back_and_what_it_does_does_not():
    things = [1]

    def work():
        things.append(2)
        return {"things": things, "process": os.getpid()}

    answer = in_a_copy(work, 10, MEMORY)
    assert answer["things"] == [1, 2]
    assert answer["process"] != os.getpid()
    assert things == [1]


def loop():
    while True:
        pass


ENDS = {
    "raises": (lambda: 1 // 0, Status.FAILED, "raised ZeroDivisionError"),
    "exits": (lambda: os._exit(3), Status.CRASHED, "exited with 3"),
    "says nothing": (lambda: os._exit(0), Status.CRASHED, "exited with 0"),
    "is killed": (lambda: os.kill(os.getpid(), signal.SIGTERM), Status.CRASHED, "ended by SIGTERM"),
    "does not end": (loop, Status.TIMED_OUT, "more than 1 s of CPU time"),
    "takes too much": (lambda: {"bytes": len(bytearray(4 * MEMORY))}, Status.OUT_OF_MEMORY, "MemoryError"),
}


@pytest.mark.parametrize("name", ENDS)
def test_how_it_ends_is_told(name):
    work, status, note = ENDS[name]
    stopped = in_a_copy(work, 1, MEMORY)["stopped"]
    assert stopped["status"] == status
    assert note in stopped["note"]


def test_a_process_that_it_leaves_behind_is_ended():
    reading, writing = os.pipe()

    def work():
        if os.fork() == 0:
            threading.Event().wait()
        return {"left": True}

    assert in_a_copy(work, 1, MEMORY) == {"left": True}
    os.close(writing)
    assert os.read(reading, 1) == b"", "while it lives, it holds the other end"
    os.close(reading)
