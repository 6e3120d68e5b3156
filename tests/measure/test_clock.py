"""What a clock can tell apart, and adding up what lies between two readings."""

import itertools

from nnbench.measure.clock import Clock, Stopwatch, granularity


def counter(*steps):
    """A counter that moves by these steps in turn, and stands still at the others' readings."""
    now, turns = [0], itertools.cycle(steps)

    def read():
        now[0] += next(turns)
        return now[0]

    return read


def test_the_granularity_is_the_coarser_counters_smallest_step():
    assert granularity(Clock(cpu=counter(900, 400, 0), wall=counter(30))) == 400
    assert granularity(Clock(cpu=counter(20), wall=counter(0, 0, 15_000_000))) == 15_000_000


def test_a_clock_that_stands_still_has_none():
    assert granularity(Clock(cpu=lambda: 7, wall=lambda: 7)) == 0


def test_a_stopwatch_adds_up_what_is_inside():
    watch = Stopwatch(Clock(wall=counter(1_000_000_000)))
    for _ in range(3):
        with watch:
            pass
    assert watch.seconds == 3.0
