"""Timing with a clock that only moves when the fake call moves it, so that every number is exact."""

import gc

import pytest

from nnbench.measure.clock import Clock
from nnbench.measure.time import Block, Plan, sample
from nnbench.workload import Call

MICROSECOND = 1_000  # nanoseconds
MILLISECOND = 1_000_000


class Work:
    """A call that takes the wall times it is told, in order, and then the last one for ever; CPU time is half of it."""

    def __init__(self, *durations, reset=0):
        self.durations = list(durations)
        self.wall = self.cpu = 7 * MILLISECOND
        self.calls = 0
        self.blocks = []  # calls made when each block began
        self.reset_duration = reset
        self.clock = Clock(cpu=lambda: self.cpu, wall=lambda: self.wall)
        self.call = Call(self.run, self.reset)

    def run(self):
        duration = self.durations[min(self.calls, len(self.durations) - 1)]
        self.calls += 1
        self.wall += duration
        self.cpu += duration // 2

    def reset(self):
        self.blocks.append(self.calls)
        self.wall += self.reset_duration
        self.cpu += self.reset_duration

    @property
    def block_lengths(self):
        return [end - start for start, end in zip(self.blocks, [*self.blocks[1:], self.calls], strict=True)]


def alternating(*durations):
    """Durations that never settle."""
    return durations * 1000


def test_a_block_holds_the_seconds_of_one_call():
    work = Work(10 * MICROSECOND)
    assert sample(work.call, Plan(), work.clock) == [Block(cpu=5e-6, wall=1e-5)] * 10


@pytest.mark.parametrize(
    ("duration", "calls"), [(10 * MICROSECOND, 220), (MILLISECOND, 2), (2 * MILLISECOND, 1), (9 * MILLISECOND, 1)]
)
def test_a_block_has_as_many_calls_as_make_it_long_enough(duration, calls):
    work = Work(duration)
    blocks = sample(work.call, Plan(block=0.002), work.clock)
    assert set(work.block_lengths[-len(blocks) :]) == {calls}
    assert blocks[0].wall * calls >= 0.002


def test_warm_up_ends_when_three_blocks_agree():
    slow = [9_000, 6_000, 4_000, 2_100, 2_000, 2_040, 2_060]  # microseconds
    work = Work(*(duration * MICROSECOND for duration in slow), 2 * MILLISECOND)
    blocks = sample(work.call, Plan(settled=0.05, warm_up=60.0), work.clock)
    assert [block.wall for block in blocks] == [0.00206] + [0.002] * 9


def test_samples_do_not_begin_before_three_blocks_agree():
    work = Work(*(duration * MILLISECOND for duration in range(40, 2, -1)), 2 * MILLISECOND)
    blocks = sample(work.call, Plan(settled=0.01, warm_up=60.0), work.clock)
    assert blocks == [Block(0.001, 0.002)] * 10


def test_warm_up_that_never_settles_ends_with_its_budget():
    work = Work(*alternating(2 * MILLISECOND, 3 * MILLISECOND))
    start = work.wall
    blocks = sample(work.call, Plan(warm_up=0.05, budget=0.1), work.clock)
    before = (work.wall - start) / 1e9 - sum(block.wall for block in blocks)
    assert 0.05 <= before < 0.06


def test_the_budget_ends_sampling_that_does_not_get_narrow():
    work = Work(*alternating(2 * MILLISECOND, 6 * MILLISECOND))
    blocks = sample(work.call, Plan(budget=0.1), work.clock)
    assert 0.1 <= sum(block.wall for block in blocks) < 0.106
    assert len(blocks) in (25, 26)


def test_narrow_samples_end_before_the_budget_does():
    work = Work(2 * MILLISECOND)
    assert len(sample(work.call, Plan(budget=60.0, least_samples=12), work.clock)) == 12


def test_a_narrower_answer_takes_more_samples():
    lengths = []
    for narrow in (0.1, 0.03, 0.01):
        work = Work(*alternating(2 * MILLISECOND, 2_200_000))
        lengths.append(len(sample(work.call, Plan(budget=60.0, narrow=narrow), work.clock)))
    assert lengths[0] == 10
    assert lengths[0] < lengths[1] < lengths[2] < 1000


def test_a_call_longer_than_the_budget_is_sampled_once():
    work = Work(5_000 * MILLISECOND)
    assert sample(work.call, Plan(budget=0.1), work.clock) == [Block(2.5, 5.0)]


def test_no_budget_still_gives_one_sample():
    work = Work(2 * MILLISECOND)
    assert len(sample(work.call, Plan(budget=0.0), work.clock)) == 1


def test_every_block_begins_with_a_reset_that_is_not_timed():
    work = Work(MILLISECOND, reset=3 * MILLISECOND)
    blocks = sample(work.call, Plan(budget=1.0), work.clock)
    assert blocks == [Block(0.0005, 0.001)] * 10
    assert work.block_lengths[-10:] == [2] * 10


def test_garbage_is_not_collected_while_a_call_is_timed():
    seen = set()
    work = Work(2 * MILLISECOND)
    sample(Call(lambda: (seen.add(gc.isenabled()), work.run())), Plan(), work.clock)
    assert seen == {False}
    assert gc.isenabled()


def test_garbage_is_collected_again_after_a_call_that_raised():
    work = Work(2 * MILLISECOND)
    with pytest.raises(ZeroDivisionError):
        sample(Call(lambda: 1 / 0), Plan(), work.clock)
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    work = Work(2 * MILLISECOND)
    gc.disable()
    try:
        sample(work.call, Plan(), work.clock)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_calls_take_turns_on_their_buffers():
    seen, now = [], [0]

    def on(buffer):
        def run():
            seen.append(buffer)
            now[0] += 10 * MICROSECOND

        return run

    sample(Call(on(0), others=(on(1), on(2))), Plan(), Clock(lambda: now[0], lambda: now[0]))
    assert set(seen) == {0, 1, 2}
    longest = max(seen.count(buffer) for buffer in (0, 1, 2))
    assert longest < len(seen) / 2


def test_a_coarse_clock_makes_blocks_long():
    now = [0]

    def coarse():
        now[0] += 1_000  # a reading takes a microsecond
        return now[0] // MILLISECOND * MILLISECOND

    assert Plan(block=0.002, fine=500).block_on(Clock(coarse, coarse)) == pytest.approx(0.5)
