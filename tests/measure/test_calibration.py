"""Looks at the calibration kernels: as often as is due, with the latest kept to stand beside each value."""

import pytest

from nnbench.measure import calibration
from nnbench.measure.calibration import EVERY, Looks
from nnbench.measure.clock import NANOSECONDS, Clock
from nnbench.measure.time import Block


@pytest.fixture
def clock():
    class Hand(Clock):
        def __init__(self):
            now = [0]
            super().__init__(cpu=lambda: now[0], wall=lambda: now[0])
            object.__setattr__(self, "now", now)

    return Hand()


@pytest.fixture(autouse=True)
def counted(monkeypatch):
    calls = []

    def sample(call, plan, clock):
        calls.append(call)
        return [Block(3.0, 4.0), Block(2.0, 9.0)]

    monkeypatch.setattr(calibration, "sample", sample)
    return calls


def test_a_look_is_due_at_first_and_then_once_in_a_while(clock, counted):
    looks = Looks(clock)
    assert looks.look_if_due().keys() == {"matrix_product", "copy"}
    clock.now[0] += int(EVERY * NANOSECONDS)
    assert looks.look_if_due() == {}
    clock.now[0] += 1
    assert looks.look_if_due().keys() == {"matrix_product", "copy"}
    assert len(counted) == 4


def test_the_latest_look_is_the_smallest_sample_of_cpu_time(clock):
    looks = Looks(clock)
    assert looks.latest == {}
    looks.look()
    assert looks.latest == {"matrix_product": 2.0, "copy": 2.0}
