"""Change points: steps are found where they are, noise and drift are left alone, many series agree with one."""

import math

import numpy as np
import pytest

from nnbench.trends import detect
from nnbench.trends.detect import Settings, changes, many, suspicion, wanders
from nnbench.trends.noise import block_variance, clip, long_run_variance

SEED = 20


def noise(count, sigma=0.01, seed=SEED):
    return np.exp(np.random.default_rng(seed).normal(0.0, sigma, count))


def stepped(count, place, step, sigma=0.01, seed=SEED):
    values = noise(count, sigma, seed)
    values[place:] *= 1 + step
    return values


def autocorrelated(count, sigma, seed):
    shocks = np.random.default_rng(seed).normal(0.0, sigma, count)
    for index in range(1, count):
        shocks[index] += 0.6 * shocks[index - 1]
    return np.exp(shocks)


def places(values, settings=detect.DEFAULT):
    return [change.index for change in changes(values, settings)]


@pytest.mark.parametrize("step", [0.05, -0.05, 0.1, 0.2, -0.5, 9.0])
@pytest.mark.parametrize("place", [15, 60, 105])
def test_step_is_found_at_its_place_with_both_levels(step, place):
    (change,) = changes(stepped(120, place, step))
    assert abs(change.index - place) <= 2
    assert change.before == pytest.approx(1.0, rel=0.01)
    assert change.after == pytest.approx(1 + step, rel=0.01)
    assert change.ratio == change.after / change.before
    assert change.z >= detect.DEFAULT.least_z


def test_levels_are_the_medians_of_the_segments():
    values = stepped(80, 40, 0.2)
    values[10] = 50.0
    (change,) = changes(values)
    assert (change.before, change.after) == pytest.approx((np.median(values[:40]), np.median(values[40:])))


def test_every_change_of_a_staircase_is_found_in_the_order_of_time():
    values = noise(1400)
    for place, step in ((200, 1.1), (450, 0.8), (700, 1.25), (1000, 1.06), (1300, 0.9)):
        values[place:] *= step
    assert places(values) == pytest.approx([200, 450, 700, 1000, 1300], abs=2)


def test_what_comes_and_goes_is_two_changes():
    values = noise(120)
    values[50:70] *= 1.2
    assert places(values) == pytest.approx([50, 70], abs=1)


def test_change_where_windows_overlap_is_found_once():
    for place in (249, 250, 251, 499, 500, 501, 750):
        assert places(stepped(1000, place, 0.05)) == pytest.approx([place], abs=2)


@pytest.mark.parametrize("count", [0, 1, 2, 5, 6, 11, 12, 13, 30, 501])
def test_nothing_changes_in_a_constant(count):
    assert changes(np.full(count, 3e-6)) == []


def test_step_without_noise_has_a_finite_strength():
    (change,) = changes([1.0] * 20 + [1.5] * 20)
    assert (change.index, change.before, change.after) == (20, 1.0, 1.5)
    assert math.isfinite(change.z)


@pytest.mark.parametrize("count", [13, 20, 50, 200, 600])
@pytest.mark.parametrize("sigma", [0.002, 0.03, 0.3])
def test_nothing_is_found_in_noise(count, sigma):
    assert [places(noise(count, sigma, seed)) for seed in range(6)] == [[]] * 6


def test_nothing_is_found_in_heavy_tails_and_single_spikes():
    rng = np.random.default_rng(SEED)
    for _ in range(10):
        values = np.exp(0.01 * rng.standard_t(2, 300))
        values[rng.integers(0, 300, 5)] *= 3.0
        assert places(values) == []


def test_noise_that_wanders_seldom_alarms():
    alarms = sum(len(places(autocorrelated(300, 0.01, seed))) for seed in range(20))
    assert alarms <= 1


def test_two_modes_are_no_history_of_changes():
    rng = np.random.default_rng(SEED)
    alarms = 0
    for _ in range(20):
        mode = np.cumsum(rng.random(300) < 0.2) % 2
        alarms += len(places(np.exp(0.02 * mode + rng.normal(0, 0.003, 300))))
    assert alarms <= 4


@pytest.mark.parametrize("shape", [lambda t: 0.1 * t, lambda t: 0.03 * np.sin(2 * np.pi * t), lambda t: -0.2 * t * t])
def test_drift_is_no_step(shape):
    for seed in range(5):
        values = noise(300, 0.01, seed) * np.exp(shape(np.linspace(0, 1, 300)))
        assert places(values) == []


def test_step_on_a_drift_is_found():
    values = stepped(300, 150, 0.2) * np.exp(np.linspace(0, 0.05, 300))
    assert places(values) == pytest.approx([150], abs=2)


@pytest.mark.parametrize("factor", [1e-9, 0.1, 7.0, 1e12])
def test_unit_does_not_matter(factor):
    values = stepped(300, 100, 0.05)
    found = changes(values)
    scaled = changes(values * factor)
    assert [change.index for change in scaled] == [change.index for change in found]
    assert [change.ratio for change in scaled] == pytest.approx([change.ratio for change in found])
    assert [change.z for change in scaled] == pytest.approx([change.z for change in found], rel=1e-3)


def test_reciprocals_change_at_the_same_places_the_other_way():
    values = stepped(200, 80, 0.1)
    (up,), (down,) = changes(values), changes(1 / values)
    assert (down.index, down.ratio) == (up.index, pytest.approx(1 / up.ratio, rel=1e-3))


def test_small_effect_is_left_out_however_sure():
    values = stepped(400, 200, 0.01, sigma=0.001)
    assert changes(values) == []
    assert places(values, Settings(least_effect=0.005)) == pytest.approx([200], abs=1)


def test_change_needs_some_points_after_it():
    found = [bool(changes(stepped(60, 60 - count, 0.2))) for count in range(1, 13)]
    assert not any(found[:4])
    assert all(found[7:])


@pytest.mark.parametrize("count", range(12))
def test_short_series_has_no_changes(count):
    assert changes(stepped(count, count // 2, 1.0)) == []


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, 0.0, -1.0])
@pytest.mark.parametrize("asked", [changes, suspicion, wanders, lambda values: many([values])])
def test_what_is_not_positive_and_finite_is_refused(asked, wrong):
    with pytest.raises(ValueError, match="positive, finite"):
        asked([1.0] * 20 + [wrong])


def test_table_is_refused():
    with pytest.raises(ValueError, match="one axis, this has 2"):
        changes(np.ones((3, 20)))


def test_input_stays_as_it_is():
    values = stepped(100, 50, 0.2)
    before = values.copy()
    changes(values), suspicion(values), many([values])
    assert np.array_equal(values, before)


def mixed(seed):
    """Series of many lengths and noises, some with a step."""
    rng = np.random.default_rng(seed)
    found = [noise(12, 0.01, seed), np.ones(50), noise(4)]
    for count in (20, 60, 150, 600):
        for sigma in (0.003, 0.03):
            step = rng.choice([0.0, 0.02, 0.05, 0.2]) * rng.choice([-1, 1])
            found.append(stepped(count, int(rng.integers(6, count - 6)), step, sigma, int(rng.integers(1000))))
            found.append(autocorrelated(count, sigma, int(rng.integers(1000))))
            wild = stepped(count, count // 3, step, sigma, int(rng.integers(1000)))
            wild[rng.integers(0, count, 3)] *= 2.0
            found.append(wild)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_cheap_look_loses_nothing(seed):
    series = mixed(seed)
    strict = detect.DEFAULT.among(len(series))
    assert many(series) == [changes(values, strict) for values in series]
    lost = [values for values in series if changes(values) and not wanders(values)]
    assert lost == []


def test_cheap_look_spares_most_of_what_does_not_change():
    kept = sum(wanders(noise(500, seed=seed), detect.DEFAULT.among(1000)) for seed in range(50))
    assert kept < 20
    assert wanders(stepped(500, 400, 0.1))


def test_among_many_series_a_change_must_be_surer():
    alone, among = detect.DEFAULT.among(1), detect.DEFAULT.among(1000)
    assert alone == detect.DEFAULT
    assert among.least_z == pytest.approx(math.sqrt(25 + 2 * math.log(1000)))
    weak = next(
        values
        for values in (stepped(100, 50, 0.022, 0.02, seed) for seed in range(200))
        if (found := changes(values)) and found[0].z < 5.5
    )
    assert len(many([weak])[0]) == 1
    assert many([weak] + [noise(100, 0.02, seed) for seed in range(99)])[0] == []


def test_of_no_series_there_are_no_changes():
    assert many([]) == []


def test_newest_point_far_off_is_suspicious():
    values = np.append(noise(40), 1.2)
    found = suspicion(values)
    assert (found.index, found.after) == (40, pytest.approx(1.2))
    assert found.before == pytest.approx(np.median(values[10:40]))
    assert found.z > 3
    assert found.ratio == found.after / found.before


def test_newest_three_show_what_one_does_not():
    values = np.append([1.0, 1.03, 0.97] * 10, [1.12, 1.13, 1.12])
    assert suspicion(values[:-2]) is None
    found = suspicion(values)
    assert (found.index, found.after) == (30, pytest.approx(1.12))


def test_wild_point_before_the_newest_is_not_suspicious_any_more():
    assert suspicion([*noise(40), 1.5, 1.0, 1.0]) is None


def test_small_steps_and_short_series_are_not_suspicious():
    assert suspicion([1.0] * 30 + [1.019]) is None
    assert suspicion([1.0] * 30 + [1.021]) is not None
    assert [suspicion([1.0] * count + [2.0]) is None for count in range(7)] == [True] * 5 + [False] * 2
    assert suspicion([]) is None


def test_suspicion_asks_only_about_the_newest():
    assert suspicion(stepped(100, 50, 0.3)) is None


def test_long_run_variance_counts_what_correlates():
    rng = np.random.default_rng(SEED)
    white = rng.normal(0.0, 1.0, 4000)
    assert long_run_variance(white, 20) == pytest.approx(1.0, rel=0.3)
    slow = np.repeat(rng.normal(0.0, 1.0, 800), 5)
    assert long_run_variance(slow, 20) == pytest.approx(5.0, rel=0.5)
    assert long_run_variance(np.diff(white), 20) >= np.mean(np.square(np.diff(white)))


def test_block_variance_is_not_moved_by_a_few_steps():
    values = np.random.default_rng(SEED).normal(0.0, 1.0, 1000)
    moved = values + 50 * (np.arange(1000) >= 500)
    assert block_variance(moved, 10) == pytest.approx(block_variance(values, 10), rel=0.2)


def test_clipping_is_by_the_robust_deviation():
    assert clip(np.array([-1.0, 1.0, -1.0, 1.0, 100.0]), 2.0).max() == pytest.approx(2 * 1.4826)


def test_a_suspicion_begins_where_the_new_level_does():
    steady = [1.0, 1.002, 0.999, 1.001, 0.998, 1.0, 1.001]
    assert detect.suspicion([*steady, 1.3, 1.31, 1.29, 1.3]).index == 7
    assert detect.suspicion([*steady, 1.3]).index == 7
    assert detect.suspicion([*steady, 1.3, 1.0, 1.3]).index == 9
