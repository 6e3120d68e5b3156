"""Threads, processes and memory that go on after a job: told when they are the component's or keep a core busy."""

import mmap
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from nnbench.worker import lingering
from nnbench.worker.lingering import LARGEST_POOL, Clock, Company, company, is_more, left_behind

GIB = 2**30


class FakeClock:
    """Processor time that others take while this thread sleeps, a share for each window in turn."""

    def __init__(self, *shares):
        self.shares = list(shares)
        self.used = 0.0

    @property
    def clock(self):
        return Clock(others=lambda: self.used, sleep=self.sleep)

    def sleep(self, seconds):
        self.used += seconds * (self.shares.pop(0) if len(self.shares) > 1 else self.shares[0])


@pytest.fixture
def pool():
    """Two idle threads that run nothing but a library's code."""
    before = company()
    with ThreadPoolExecutor(2) as pool:
        barrier = threading.Barrier(3)
        waiting = [pool.submit(barrier.wait) for _ in range(2)]
        barrier.wait()
        for one in waiting:
            one.result()
        yield before


def test_nothing_new_is_nothing_to_wait_for():
    fake = FakeClock(1.0)
    assert left_behind(company(), company(), GIB, fake.clock) == []
    assert fake.used == 0


def test_a_librarys_threads_that_rest_are_no_fault(pool):
    assert left_behind(pool, company(), GIB, FakeClock(0.0).clock) == []


def test_threads_that_come_to_rest_are_waited_for(pool):
    fake = FakeClock(1.0, 0.6, 0.02)
    assert left_behind(pool, company(), GIB, fake.clock) == []
    assert fake.used > 0.1


def test_threads_that_go_on_are_told_with_what_they_take(pool):
    told = left_behind(pool, company(), GIB, FakeClock(0.97).clock)
    assert told == ["it left threads running that keep the processor busy (97% of one core)"]


def test_a_thread_in_the_components_own_code_is_told_with_its_place_even_when_it_rests():
    before, started, stop = company(), threading.Event(), threading.Event()

    def work():
        started.set()
        stop.wait()  # the line that is told

    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    line = work.__code__.co_firstlineno + 2
    try:
        assert is_more(before)
        told = left_behind(before, company(), GIB, FakeClock(0.0).clock)
    finally:
        stop.set()
        thread.join()
    assert told == [f"it left a thread running (test_lingering.py, line {line})"]


def test_a_thread_that_is_about_to_end_is_given_time():
    before, stop = company(), threading.Event()
    thread = threading.Thread(target=lambda: stop.wait())
    thread.start()

    def sleep(_):
        stop.set()
        thread.join()

    assert left_behind(before, company(), GIB, Clock(others=lambda: 0.0, sleep=sleep)) == []


def test_more_threads_than_any_pool_has_are_told_though_they_rest():
    before, stop = company(), threading.Event()
    threads = [threading.Thread(target=stop.wait) for _ in range(LARGEST_POOL + 1)]
    for thread in threads:
        thread.start()
    try:
        told = left_behind(before, company(), GIB, FakeClock(0.0).clock)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert told == [f"it left {LARGEST_POOL + 1} threads"]


@pytest.fixture
def child():
    before = company()
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield before, str(process.pid)
    process.communicate(b"\n")


needs_children = pytest.mark.skipif(
    not list(lingering.TASKS.glob("*/children")), reason="the system does not tell a process's children here"
)


@needs_children
def test_a_child_is_seen_and_only_its_work_is_a_fault(child, monkeypatch):
    before, number = child
    assert is_more(before)
    assert company().children - before.children == {number}
    fake = FakeClock(0.0)
    monkeypatch.setattr(lingering, "_seconds", lambda children: 0.0)
    assert left_behind(before, company(), GIB, fake.clock) == []
    worked = iter(range(100))
    monkeypatch.setattr(lingering, "_seconds", lambda children: float(next(worked)))
    assert "processes running that keep the processor busy" in left_behind(before, company(), GIB, fake.clock)[0]


@needs_children
def test_processor_time_of_a_child_is_read(child):
    assert 0 <= lingering._seconds(frozenset([child[1]])) < 60
    assert lingering._seconds(frozenset(["999999999"])) == 0


def test_memory_that_is_kept_is_told_and_what_was_freed_is_not():
    lingering._kept(0, GIB)  # gives back what earlier tests have freed, which would count against what is kept
    before = company()
    kept = mmap.mmap(-1, 200 * 2**20)  # new pages, whatever earlier tests have freed
    kept.write(bytes(200 * 2**20))
    assert left_behind(before, company(), 300 * 2**20) == ["it keeps 0.2 GiB after its answer"]
    assert left_behind(before, company(), GIB) == []
    assert left_behind(before, company(), None) == []
    kept.close()
    assert left_behind(before, company(), 300 * 2**20) == []


def test_without_proc_nothing_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(lingering, "TASKS", tmp_path / "none")
    monkeypatch.setattr(lingering, "MEMORY", tmp_path / "none")
    now = company()
    assert (now.tasks, now.children, now.resident) == (frozenset(), frozenset(), 0)
    assert left_behind(Company(frozenset(), now.threads, frozenset(), 0), now, GIB) == []
