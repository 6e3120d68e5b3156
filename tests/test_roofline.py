"""Shares of the machine's ceilings, from numbers made up so that every answer can be worked out by head."""

import pytest

from nnbench import roofline
from nnbench.ceilings import Ceilings
from nnbench.model import Status
from nnbench.stats import Interval
from nnbench.tables import Line

GIGA = 1e9
KIB, MIB = 2**10, 2**20

# 100 GFLOP/s in float32, 100 GB/s in the nearest cache, 25 GB/s far out.
ARITHMETIC = {"float64": 50 * GIGA, "float32": 100 * GIGA, "bfloat16": 400 * GIGA, "float16": 2 * GIGA}
MOVING = ((KIB, 100 * GIGA), (4 * KIB, 100 * GIGA), (MIB, 25 * GIGA))
CEILINGS = Ceilings({1: ARITHMETIC}, {1: MOVING})
MACHINE = {
    "threads": 1,
    "ceilings": {"1": {"arithmetic": ARITHMETIC, "moving": [list(point) for point in MOVING]}},
}


def line(flops=None, moved=None, case="32x784", status=Status.OK, spread=1.0, **times):
    """A line with these counters, and these seconds by mode, each known within a factor."""
    counters = {name: value for name, value in (("flops", flops), ("moved_bytes", moved)) if value is not None}
    known = {mode: Interval(value, value / spread, value * spread) for mode, value in times.items()}
    return Line("layers.linear", case, "torch", times=known, counters=counters, status=status)


def test_what_computes_much_is_measured_against_arithmetic():
    found = roofline.share(line(flops=10**9, moved=KIB, forward=0.02), CEILINGS)
    assert found == roofline.Share(pytest.approx(0.5), pytest.approx(0.01), "arithmetic")


def test_what_moves_much_is_measured_against_memory():
    found = roofline.share(line(flops=10**6, moved=100 * MIB, forward=0.01), CEILINGS)
    assert found.nearer == "memory"
    assert found.least == pytest.approx(100 * MIB / (25 * GIGA))
    assert found.share == pytest.approx(found.least / 0.01)


def test_elementwise_functions_have_memory_as_their_ceiling():
    assert roofline.share(line(flops=0, moved=4 * KIB, forward=1e-6), CEILINGS).nearer == "memory"


def test_forward_and_backward_are_added_up_and_what_was_timed_on_request_is_not():
    both = line(flops=10**9, moved=KIB, forward=0.01, backward=0.03, forward_backward=0.04)
    assert roofline.share(both, CEILINGS).share == pytest.approx(0.25)


def test_calls_timed_apart_may_each_find_their_part_in_a_nearer_cache():
    alone = roofline.share(line(moved=8 * KIB, step=1.0), CEILINGS)
    apart = roofline.share(line(moved=8 * KIB, forward=0.5, backward=0.5), CEILINGS)
    assert apart.least == pytest.approx(8 * KIB / (100 * GIGA))
    assert alone.least > apart.least


@pytest.mark.parametrize(("moved", "rate"), [(1, 100), (4 * KIB, 100), (64 * KIB, 50), (MIB, 25), (1000 * MIB, 25)])
def test_bandwidth_between_measured_sizes_is_interpolated(moved, rate):
    assert roofline.bandwidth(CEILINGS, 1, moved) == pytest.approx(rate * GIGA)


def test_a_smaller_pass_is_never_slower_than_a_larger_one():
    disturbed = Ceilings({1: ARITHMETIC}, {1: ((KIB, 100 * GIGA), (4 * KIB, 10 * GIGA), (MIB, 30 * GIGA))})
    assert roofline.bandwidth(disturbed, 1, 4 * KIB) == pytest.approx(30 * GIGA)


@pytest.mark.parametrize(
    ("dtype", "rate"), [("float64", 50), ("float32", 100), ("bfloat16", 400), ("float16", 400), ("complex64", 400)]
)
def test_a_narrow_type_may_be_computed_in_a_wider_one(dtype, rate):
    assert roofline.rate(CEILINGS, 1, dtype) == rate * GIGA


def test_the_dtype_is_the_cases():
    wide = roofline.share(line(flops=10**9, case="32x784,float64", forward=0.02), CEILINGS)
    narrow = roofline.share(line(flops=10**9, case="32x784,bfloat16", forward=0.02), CEILINGS)
    assert wide.least / narrow.least == pytest.approx(8)


@pytest.mark.parametrize(
    "unknown",
    [
        line(forward=0.1),
        line(flops=0, moved=0, forward=0.1),
        line(flops=10**9, moved=KIB),
        line(flops=10**9, moved=KIB, case="32x784,bfloat16,cuda", forward=1e-12),
    ],
    ids=["not counted", "counts nothing", "not timed", "on a GPU, which has other limits"],
)
def test_without_work_or_time_of_the_cpu_there_is_no_share(unknown):
    assert roofline.share(unknown, CEILINGS) is None
    assert roofline.refusal(unknown, CEILINGS) == ""


def test_without_ceilings_for_that_many_threads_there_is_no_share():
    some = line(flops=10**9, moved=KIB, forward=1e-12)
    assert roofline.share(some, None) is None
    assert roofline.share(some, CEILINGS, threads=2) is None
    assert roofline.refusal(some, None) == roofline.refusal(some, CEILINGS, threads=2) == ""


def test_more_threads_have_at_least_the_ceilings_of_fewer():
    busy = Ceilings(
        {1: ARITHMETIC, 2: {"float32": GIGA}}, {1: MOVING, 2: ((KIB, GIGA), (4 * KIB, 150 * GIGA), (MIB, GIGA))}
    )
    assert roofline.rate(busy, 2, "float32") == 100 * GIGA
    assert roofline.bandwidth(busy, 2, MIB) == pytest.approx(25 * GIGA)
    assert roofline.bandwidth(busy, 2, KIB) == pytest.approx(150 * GIGA)
    assert roofline.rate(busy, 1, "float32") == 100 * GIGA


# At most 400 GFLOP/s and 100 GB/s, whatever the dtype and the size; a quarter faster is still believed.
@pytest.mark.parametrize(
    ("some", "is_refused"),
    [
        (line(flops=4 * 10**9, forward=0.0076), False),
        (line(flops=4 * 10**9, forward=0.0074), True),
        (line(moved=100 * MIB, step=0.76 * MIB * 1e-9), False),
        (line(moved=100 * MIB, step=0.74 * MIB * 1e-9), True),
        (line(flops=4 * 10**9, moved=100 * MIB, forward=0.004, backward=0.004), False),
        (line(flops=4 * 10**9, forward=0.0074, spread=1.05), False),
    ],
    ids=["arithmetic", "too fast", "memory", "moves too fast", "both modes together", "perhaps not too fast"],
)
def test_only_a_time_beyond_the_highest_rates_is_refused(some, is_refused):
    said = roofline.refusal(some, CEILINGS)
    assert bool(said) == is_refused
    assert not said or said.startswith("faster than this machine can be: a measuring error (")


def test_a_refusal_says_what_was_measured_and_what_is_needed():
    said = roofline.refusal(line(flops=4 * 10**9, forward=0.001), CEILINGS)
    assert said.endswith("(1.00 ms measured, 10.0 ms needed at least)")


def test_two_threads_may_be_twice_as_fast_as_one_even_where_they_were_not():
    busy = Ceilings({1: ARITHMETIC, 2: {"float32": GIGA}}, {1: MOVING, 2: ((KIB, GIGA),)})
    some = line(flops=4 * 10**9, forward=0.005)
    assert roofline.refusal(some, busy, threads=1)
    assert not roofline.refusal(some, busy, threads=2)
    assert roofline.refusal(line(flops=4 * 10**9, forward=0.003), busy, threads=2)


def test_an_impossible_time_is_no_time():
    good, bad = line(flops=4 * 10**9, forward=0.02), line(flops=4 * 10**9, forward=0.001)
    kept, refused = roofline.without_impossible([good, bad], MACHINE)
    assert kept == good
    assert (refused.status, refused.times, refused.speed) == (Status.FAILED, {}, None)
    assert "measuring error" in refused.note
    assert refused.counters == bad.counters


def test_a_line_that_is_wrong_stays_wrong():
    wrong = line(flops=4 * 10**9, forward=0.001, status=Status.WRONG)
    assert roofline.without_impossible([wrong], MACHINE) == (wrong,)


@pytest.mark.parametrize(
    "machine",
    [{}, {"threads": 1}, {"threads": 1, "ceilings": {}}, {"threads": 1, "ceilings": "<b>"}, {"ceilings": {"x": 1}}],
)
def test_runs_without_ceilings_are_read_as_they_are(machine):
    bad = line(flops=4 * 10**9, forward=0.001)
    assert roofline.without_impossible([bad], machine) == (bad,)
    assert roofline.shares([bad], machine) == {}


def test_shares_are_found_by_the_lines_key():
    some = line(flops=10**9, moved=KIB, forward=0.02)
    assert roofline.shares([some, line(forward=1.0)], MACHINE)[some.key].share == pytest.approx(0.5)
