"""What timing samples say: intervals, verdicts, and how often those are wrong."""

import math
import random

import numpy as np
import pytest
from scipy.stats import binomtest

from nnbench.stats import Interval, compare_times, location, noise_floor, share, typical

ROUNDS = 3  # fresh processes, as `nnbench run` has them
BIAS = 0.01  # by how much processes running the same code differ, as a standard deviation of logarithms
TRIALS = 2000


def processes(rng, centre=1e-3, rounds=ROUNDS, bias=BIAS, samples=15):
    """Samples as a busy machine gives them: every process has a bias of its own, and noise only ever adds."""
    biases = rng.normal(0.0, bias, rounds)
    noise = rng.exponential(0.03, (rounds, samples))
    return [
        [float(value) for value in centre * np.exp(own) * (1 + more)] for own, more in zip(biases, noise, strict=True)
    ]


def width(interval):
    return math.log(interval.high / interval.low)


def test_typical_is_the_median_of_the_smallest_of_every_five():
    assert typical([5, 3, 9, 9, 9, 1, 9, 9, 9, 9, 2, 9, 9, 9, 9]) == 2


def test_samples_left_over_do_not_count():
    assert typical([5, 4, 3, 4, 5, 1]) == 3


def test_fewer_than_five_samples_are_one_group():
    assert typical([3.0]) == 3.0
    assert typical([5, 2, 4]) == 2


def test_one_disturbed_sample_does_not_move_it():
    quiet = [1.0, 1.1, 1.2, 1.1, 1.0] * 4
    assert typical([*quiet[:-1], 1000.0]) == typical(quiet)


def test_location_holds_its_estimate():
    interval = location([[1.0], [2.0], [4.0]])
    assert interval.estimate == pytest.approx(2.0)
    assert interval.low < 2.0 < interval.high
    assert interval.high / 2.0 == pytest.approx(2.0 / interval.low)


def test_more_rounds_make_it_narrower():
    widths = [width(location([[1.0], [1.01]] * pairs)) for pairs in (1, 2, 4, 8, 16)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 2 * widths[-1]


def test_more_spread_between_rounds_makes_it_wider():
    widths = [width(location([[1.0], [1.0 + spread], [1.0 - spread]])) for spread in (0.0, 0.01, 0.05, 0.2)]
    assert widths == sorted(widths)
    assert widths[0] < widths[1]


def test_more_samples_of_one_process_do_not_make_it_narrower():
    assert width(location([[1.0] * 1000] * 3)) == pytest.approx(width(location([[1.0]] * 3)))


def test_rounds_that_agree_perfectly_are_not_trusted_to_be_perfect():
    assert width(location([[1.0]] * 3)) > 0.02


def test_one_round_has_an_interval_too():
    assert 0.04 < width(location([[1.0, 1.1, 1.2]])) < 0.4


def test_times_of_zero_have_a_place():
    interval = location([[0.0], [0.0]])
    assert 0 < interval.low < interval.high < 1e-9


@pytest.mark.parametrize("value", [1e300, 1e-300, 1.7e308, 2.3e-308])
def test_values_at_the_ends_of_what_floats_hold_have_a_location(value):
    interval = location([[value], [value * 0.99]])
    assert 0 < interval.low < interval.high < math.inf
    assert interval.estimate == pytest.approx(value, rel=0.01)
    assert (interval / interval).estimate == 1.0


@pytest.mark.parametrize("rounds", [[], [[]], [[1.0], []]])
def test_nothing_has_no_location(rounds):
    with pytest.raises(ValueError, match="at least one process with at least one sample"):
        location(rounds)


def test_intervals_add():
    assert Interval(2, 1, 3) + Interval(20, 10, 30) == Interval(22, 11, 33)


def test_the_errors_of_a_quotient_add_up_as_squares():
    ratio = Interval(8, 8 / math.e**3, 8 * math.e**3) / Interval(2, 2 / math.e**4, 2 * math.e**4)
    assert ratio.estimate == 4
    assert (ratio.low, ratio.high) == (pytest.approx(4 / math.e**5), pytest.approx(4 * math.e**5))
    one_sided = Interval(8, 4, 8) / Interval(2, 2, 2)
    assert (one_sided.low, one_sided.high) == (pytest.approx(2), pytest.approx(4))


def test_intervals_overlap_where_they_share_a_value():
    assert Interval(2, 1, 3).overlaps(Interval(4, 3, 5))
    assert Interval(4, 3, 5).overlaps(Interval(2, 1, 3))
    assert Interval(2, 1, 9).overlaps(Interval(4, 3, 5))
    assert not Interval(2, 1, 3).overlaps(Interval(5, 4, 6))


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.05, 1.15, "slower"),
        (0.85, 0.95, "faster"),
        (0.99, 1.02, "same"),
        (1.005, 1.2, "undecided"),
        (0.8, 0.995, "undecided"),
        (0.96, 1.02, "undecided"),
        (0.99, 1.04, "undecided"),
    ],
)
def test_a_verdict_follows_from_the_interval_of_the_ratio(low, high, verdict):
    said = compare_times(Interval(1, 1, 1), Interval((low + high) / 2, low, high))
    assert said.verdict == verdict
    assert (said.low, said.high) == (pytest.approx(low), pytest.approx(high))


def test_the_ratio_is_the_second_time_over_the_first():
    said = compare_times(Interval(2, 1.9, 2.1), Interval(3, 2.9, 3.1))
    assert said.ratio == 1.5
    assert 2.9 / 2.1 < said.low < 1.5 < said.high < 3.1 / 1.9


def test_overlapping_times_are_never_called_slower_or_faster():
    rng = random.Random(0)
    overlapping = 0
    for _ in range(1000):
        ends = [sorted(rng.uniform(0.5, 1.5) for _ in range(3)) for _ in range(2)]
        before, after = (Interval(middle, low, high) for low, middle, high in ends)
        if before.overlaps(after):
            overlapping += 1
            assert compare_times(before, after).verdict in ("same", "undecided")
    assert overlapping > 300


def test_turning_the_comparison_round_turns_the_verdict_round():
    rng = random.Random(1)
    opposite = {"slower": "faster", "faster": "slower", "same": "same", "undecided": "undecided"}
    seen = set()
    for _ in range(1000):
        centres = rng.uniform(0.9, 1.1), rng.uniform(0.9, 1.1)
        wide = math.exp(rng.uniform(0.0, 0.02))
        before, after = (Interval(centre, centre / wide, centre * wide) for centre in centres)
        verdict = compare_times(before, after).verdict
        assert compare_times(after, before).verdict == opposite[verdict]
        seen.add(verdict)
    assert seen == set(opposite)


def test_drift_widens_the_interval_and_nothing_else():
    before, after = Interval(1, 0.99, 1.01), Interval(1.2, 1.19, 1.21)
    steady, drifted = compare_times(before, after), compare_times(before, after, drift=1.1)
    assert drifted.ratio == steady.ratio
    assert drifted.low == pytest.approx(steady.low / 1.1)
    assert drifted.high == pytest.approx(steady.high * 1.1)
    assert (steady.verdict, drifted.verdict) == ("slower", "slower")
    assert compare_times(before, after, drift=1.2).verdict == "undecided"


def test_across_machines_nothing_can_be_said():
    said = compare_times(Interval(1, 0.99, 1.01), Interval(9, 8.9, 9.1), drift=math.inf)
    assert (said.verdict, said.low, said.high) == ("undecided", 0.0, math.inf)


def verdicts(factor, seed):
    rng = np.random.default_rng(seed)
    pairs = ((processes(rng), processes(rng, centre=1e-3 * factor)) for _ in range(TRIALS))
    return [compare_times(location(before), location(after)).verdict for before, after in pairs]


def test_the_same_code_is_called_changed_once_in_a_hundred_times_at_most():
    said = verdicts(1.0, seed=0)
    assert sum(verdict in ("slower", "faster") for verdict in said) <= TRIALS / 100


def test_a_fifth_slower_is_found():
    assert verdicts(1.2, seed=1).count("slower") >= 0.99 * TRIALS


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """99 % at least; and not so wide that it says nothing."""
    rng = np.random.default_rng(2)
    truth = np.median([typical(one) for one in processes(rng, rounds=4000)])
    intervals = [location(processes(rng)) for _ in range(TRIALS)]
    assert sum(interval.low <= truth <= interval.high for interval in intervals) >= 0.99 * TRIALS
    assert np.median([width(interval) for interval in intervals]) < 0.12


def test_the_noise_floor_is_the_noisier_kernels_spread():
    quiet, noisy = [1.0, 1.01, 0.99, 1.0, 1.005], [2.0, 2.2, 1.8, 2.1, 1.9]
    floor = noise_floor([quiet, noisy])
    assert floor == noise_floor([noisy])
    assert floor == pytest.approx(1.4826 * math.log(2.1 / 2.0), rel=0.1)
    assert noise_floor([[5.0] * 4]) == 0.0


def test_one_look_says_nothing_of_noise():
    assert math.isnan(noise_floor([[1.0]]))


@pytest.mark.parametrize(("right", "samples"), [(109, 113), (0, 20), (20, 20), (9834, 10_000), (426, 852)])
def test_a_share_has_wilsons_interval(right, samples):
    found = share(right / samples, samples)
    wanted = binomtest(right, samples).proportion_ci(0.99, "wilson")
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=1e-7)
    assert 0 <= found.low < found.high <= 1


@pytest.mark.parametrize("true", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("samples", [50, 500])
def test_that_interval_holds_the_truth_in_99_of_100_draws(true, samples):
    counts = np.random.default_rng(1).binomial(samples, true, TRIALS)
    kept = [share(count / samples, samples) for count in counts]
    assert sum(one.low <= true <= one.high for one in kept) >= 0.98 * TRIALS
