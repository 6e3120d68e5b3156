"""What a worker holds ready for duels: the pace it finds, and blocks as long as they are asked for."""

import gc

import pytest

from nnbench import Suite, case, randn
from nnbench.failures import NotMeasurable
from nnbench.measure.blocks import Bench, _pace
from nnbench.measure.clock import Clock
from nnbench.workload import Call, Workload


class Machine:
    """Time that passes only when work is done; the wall clock goes twice as fast as the thread's."""

    def __init__(self):
        self.nanoseconds = 0
        self.calls = []

    def work(self, name, microseconds):
        self.calls.append((name, gc.isenabled()))
        self.nanoseconds += round(microseconds * 1000)

    def clock(self):
        return Clock(cpu=lambda: self.nanoseconds, wall=lambda: 2 * self.nanoseconds)


@pytest.fixture
def machine():
    return Machine()


def bench(machine, *microseconds):
    runs = [lambda at=place, long=long: machine.work(at, long) for place, long in enumerate(microseconds)]
    resets = []
    made = Bench(
        {"x": {"step": Call(runs[0], lambda: resets.append(len(machine.calls)), tuple(runs[1:]))}}, machine.clock()
    )
    return made, resets


def test_pace_fills_a_sample(machine):
    pace = _pace(Call(lambda: machine.work("x", 10)), 0.002, machine.clock())
    assert pace.seconds == pytest.approx(2e-5)
    assert pace.number == 100


def test_slow_call_is_a_sample_of_its_own(machine):
    assert _pace(Call(lambda: machine.work("x", 5000)), 0.002, machine.clock()).number == 1


def test_slow_first_calls_do_not_decide(machine):
    slow = iter([90_000, 40_000, 3000])
    pace = _pace(Call(lambda: machine.work("x", next(slow, 1))), 0.002, machine.clock())
    assert pace.number == pytest.approx(1000, abs=1)


def test_block_has_the_samples_asked_for_in_seconds_a_call(machine):
    made, _ = bench(machine, 10)
    found = made.block("x", "step", 5, 3)
    assert [block.cpu for block in found] == pytest.approx([1e-5] * 3)
    assert [block.wall for block in found] == pytest.approx([2e-5] * 3)


def test_buffers_take_turns_and_are_warm_before_the_first_sample(machine):
    made, resets = bench(machine, 1, 1)
    made.block("x", "step", 4, 1)
    assert [name for name, _ in machine.calls] == [0, 1, 0, 1, 0, 1]
    assert resets == [0, 2]


def test_no_garbage_is_collected_meanwhile(machine):
    assert gc.isenabled()
    made, _ = bench(machine, 1)
    made.block("x", "step", 2, 1)
    assert not any(is_on for _, is_on in machine.calls)
    assert gc.isenabled()


def test_released_workloads_are_gone(machine):
    made, _ = bench(machine, 1)
    made.release()
    with pytest.raises(KeyError):
        made.block("x", "step", 1, 1)


def test_what_works_on_a_gpu_is_timed_by_its_clock(machine, monkeypatch):
    call = Call(lambda: machine.work("x", 10))
    monkeypatch.setattr("nnbench.measure.blocks.prepare", lambda *_: Workload({"forward": call}, call.run))
    moved = case(randn(4)).on("cuda")
    made = Bench(gpu=machine.clock)
    made.make_ready("x", Suite("mine").component("relu", reference=abs, cases=[moved]), "reference", moved, 0, 0.002)
    assert [block.wall for block in made.block("x", "forward", 50, 2)] == pytest.approx([2e-5, 2e-5])
    made.release()
    assert made.clocks == {}


def test_what_the_host_does_has_no_duel_on_a_gpu(machine):
    moved = case(randn(4)).on("cuda")
    component = Suite("mine").component("scaler", kind="transform", reference=abs, cases=[moved])
    with pytest.raises(NotMeasurable, match="the host's work"):
        Bench(gpu=machine.clock).make_ready("x", component, "reference", moved, 0, 0.002)
