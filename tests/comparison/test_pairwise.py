import math
import random

import pytest

from nnbench.comparison import best_set, groups, interval, intervals, letters, order, pairs
from nnbench.comparison.failed import failure_p, superiority
from nnbench.comparison.pairwise import holm
from nnbench.comparison.power import seeds_needed, seeds_to_settle
from nnbench.comparison.spreads import Spread, steadied


def by_names(found):
    return {(one.a, one.b): one for one in found}


def noise(seed, seeds, *means, deviation=1.0):
    draw = random.Random(seed)
    return {f"c{place}": [draw.gauss(mean, deviation) for _ in range(seeds)] for place, mean in enumerate(means)}


def test_two_contenders_are_students_paired_t():
    one = pairs({"a": [0.90, 0.92, 0.95], "b": [0.80, 0.83, 0.84]}, "more")[0]
    # By hand: differences 0.10, 0.09, 0.11; mean 0.1, deviation 0.01; t = 17.32 with 2 degrees of freedom.
    assert one.difference == pytest.approx(0.1)
    assert (one.low, one.high) == pytest.approx((0.1 - 0.0573, 0.1 + 0.0573), abs=1e-4)
    assert one.p == pytest.approx(0.003317, rel=1e-3)
    assert (one.verdict, one.superiority) == ("better", 1.0)


def test_a_steady_loser_is_told_as_narrowly_as_its_seeds_agree():
    best, worst = [0.9813, 0.9797, 0.9806, 0.9789, 0.9795], [0.8972, 0.8958, 0.8969, 0.8949, 0.8962]
    (pair,) = pairs({"best": best, "worst": worst}, "more", 0.003, ideal=1.0)
    assert pair.verdict == "better"
    assert 0.0825 < pair.low < pair.difference < pair.high < 0.0850


def test_less_is_better_turns_the_verdict_and_not_the_difference():
    one = pairs({"a": [0.90, 0.92, 0.95], "b": [0.80, 0.83, 0.84]}, "less")[0]
    assert one.difference == pytest.approx(0.1)
    assert one.low < one.difference < one.high
    assert (one.verdict, one.superiority) == ("worse", 0.0)


def test_order_of_the_names_changes_nothing_but_the_sign():
    values = noise(3, 5, 0, 0, 4)
    forth = by_names(pairs(values, "more"))
    back = by_names(pairs(dict(reversed(values.items())), "more"))
    turned = {"better": "worse", "worse": "better"}
    for (a, b), one in forth.items():
        other = back[b, a]
        assert other.difference == pytest.approx(-one.difference)
        assert other.p == pytest.approx(one.p)
        assert other.verdict == turned.get(one.verdict, one.verdict)


def test_shared_noise_of_the_seeds_does_not_hide_a_difference():
    seeds = [5.0, -3.0, 8.0, 0.0, -6.0]
    values = {"a": [one + 1.0 + 0.01 * place for place, one in enumerate(seeds)], "b": seeds}
    assert pairs(values, "more")[0].verdict == "better"
    assert pairs({"a": values["a"], "b": list(reversed(seeds))}, "more")[0].verdict == "undecided"


def test_small_differences_within_the_margin_are_equal():
    values = {"a": [0.900, 0.902, 0.901, 0.899, 0.900], "b": [0.901, 0.900, 0.900, 0.901, 0.899]}
    assert pairs(values, "more", margin=0.01)[0].verdict == "equal"
    assert pairs(values, "more", margin=0.0)[0].verdict == "undecided"


def test_a_trifle_is_no_difference_however_sure():
    values = {"a": [0.9001, 0.9101, 0.9201, 0.9301, 0.94011], "b": [0.9000, 0.9100, 0.9200, 0.9300, 0.9400]}
    assert pairs(values, "more", margin=0.0001)[0].verdict == "better"
    assert pairs(values, "more", margin=0.01)[0].verdict == "equal"


def test_a_contender_that_never_finishes_is_worse_than_one_that_does():
    one = pairs({"a": [None, math.inf], "b": [0.5, 0.6]}, "more")[0]
    assert (one.verdict, one.superiority) == ("worse", 0.0)
    assert one.difference is one.low is one.p_adjusted is None
    assert one.p == pytest.approx(1 / 3)


def test_failures_of_both_are_undecided():
    assert pairs({"a": [None, None], "b": [None, None]}, "more")[0].verdict == "undecided"
    assert pairs({"a": [None, 0.5], "b": [0.5, None]}, "more")[0].verdict == "undecided"


def test_failing_more_often_alone_decides_with_enough_seeds():
    steady = [0.9 + 0.001 * place for place in range(10)]
    failing = [None] * 8 + steady[8:]
    one = pairs({"a": failing, "b": steady}, "more")[0]
    assert one.verdict == "worse"
    assert pairs({"a": [None, *steady[1:]], "b": steady}, "more", margin=0.1)[0].verdict == "undecided"


def test_better_means_do_not_outweigh_more_failures():
    good = [None] * 6 + [0.99, 0.991, 0.992, 0.993]
    poor = [0.90 + 0.0001 * place for place in range(10)]
    one = pairs({"a": good, "b": poor}, "more")[0]
    assert one.p < 0.01
    assert one.difference > 0
    assert (one.verdict, one.superiority) == ("undecided", 0.4)


def test_a_seed_that_was_not_tried_is_no_failure():
    one = pairs({"a": [0.9, 0.91, math.nan], "b": [0.8, 0.81, 0.5]}, "more")[0]
    assert one.difference == pytest.approx(0.1)
    assert one.superiority == 1.0


def test_one_seed_decides_nothing():
    one = pairs({"a": [0.9], "b": [0.1]}, "more", margin=1.0)[0]
    assert (one.difference, one.low, one.p, one.verdict) == (pytest.approx(0.8), None, None, "undecided")


def test_values_that_do_not_move_at_all_decide_nothing_in_three_seeds():
    assert pairs({"a": [0.9] * 3, "b": [0.8] * 3}, "more")[0].verdict == "undecided"
    assert pairs({"a": [0.9] * 3, "b": [0.9] * 3}, "more", margin=0.01)[0].verdict == "equal"


def test_equal_contenders_are_seldom_told_apart_and_different_ones_mostly():
    told, found = 0, 0
    for seed in range(150):
        told += any(one.verdict != "undecided" for one in pairs(noise(seed, 5, 0, 0, 0, 0), "more"))
        found += by_names(pairs(noise(seed, 5, 0, 0, 0, -6), "more"))["c0", "c3"].verdict == "better"
    assert told <= 6
    assert found >= 140


def test_failing_evenly_is_no_evidence():
    assert failure_p([None, 1.0], [None, 1.0]) == 1.0
    assert failure_p([1.0], [1.0]) == 1.0
    assert superiority([None], [None], "less") == 0.5


def test_corrected_probabilities_never_pass_one_another():
    assert holm([0.5, 0.001, 0.002]) == [0.5, 0.003, 0.004]
    assert holm([]) == []


def test_spreads_that_differ_by_chance_alone_become_one():
    alike = steadied([Spread(1.0, 4), Spread(1.2, 4), Spread(0.9, 4)], others=100)
    assert [one.variance for one in alike] == pytest.approx([46 / 45, 49 / 45, 89 / 90])
    assert all(one.freedom == 12 for one in alike)  # their own 4, and twice as many from the others


def test_spreads_that_truly_differ_stay_apart():
    different = steadied([Spread(1.0, 20), Spread(1e4, 20), Spread(1e-4, 20)], others=100)
    assert [one.variance for one in different] == pytest.approx([1.0, 1e4, 1e-4], rel=0.6)
    assert all(20 < one.freedom < 22 for one in different)


def test_no_more_is_borrowed_than_there_is():
    alike = [Spread(1.0, 2), Spread(1.1, 2), Spread(0.9, 2)]
    assert steadied(alike, others=1)[0].freedom == 3
    assert steadied(alike, others=9)[0].freedom == 6
    assert steadied(alike, others=9, leans=1.0)[0].freedom == 4
    assert steadied(alike, others=0) == alike
    assert steadied(alike[:2], others=9) == alike[:2]
    assert steadied([Spread(3.0, 2)], others=9) == [Spread(3.0, 2)]


def test_more_seeds_are_needed_for_less():
    assert seeds_needed(4.0, 2.0) < seeds_needed(2.0, 2.0) < seeds_needed(1.0, 2.0) < seeds_needed(0.5, 2.0)
    assert seeds_needed(1.0, 2.0, pairs=6) > seeds_needed(1.0, 2.0)
    assert seeds_needed(0.0, 2.0) is None
    assert seeds_needed(1e-6, 2.0) is None
    # A one-sample t test at 1 % with a power of 80 %, an effect of one deviation: 15 in the usual tables.
    assert seeds_needed(1.0, 1.0) in (14, 15, 16)


def test_a_tie_is_settled_by_whichever_way_is_shorter():
    assert seeds_to_settle(0.01, 1.0, 2.0, 1, 2) == seeds_needed(1.99, 1.0)
    assert seeds_to_settle(1.9, 1.0, 2.0, 1, 2) == seeds_needed(1.9, 1.0)
    assert seeds_to_settle(0.0, 1.0, 0.0, 1, 2) is None


def test_only_what_is_undecided_needs_more_seeds():
    found = by_names(pairs(noise(1, 5, 0, 0.5, 9), "more", margin=1.0))
    assert found["c0", "c2"].seeds is None
    assert found["c0", "c1"].verdict == "undecided"
    assert found["c0", "c1"].seeds > 5


def test_mean_has_students_interval():
    found = interval([1.0, 2.0, 3.0])
    assert found.estimate == 2
    assert found.high - 2 == pytest.approx(9.9248 / math.sqrt(3), rel=1e-4)
    assert interval([1.0]).high == math.inf


def test_means_steady_each_other_and_failures_are_left_out():
    found = intervals(noise(2, 3, 0, 0, 0, 0) | {"failed": [None, None], "alone": [1.0, None]})
    assert set(found) == {"c0", "c1", "c2", "c3", "alone"}
    assert found["alone"].low == -math.inf
    widths = [found[name].high - found[name].low for name in ("c0", "c1", "c2", "c3")]
    own = [one.high - one.low for one in map(interval, noise(2, 3, 0, 0, 0, 0).values())]
    assert max(widths) / min(widths) < max(own) / min(own)


def test_seeds_that_came_to_the_same_value_are_as_uncertain_as_the_others():
    found = intervals({"same": (0.9733, 0.9733), "b": (0.97, 0.98), "c": (0.96, 0.975), "d": (0.97, 0.974)})
    widths = {name: one.high - one.low for name, one in found.items()}
    assert widths["same"] == min(widths.values())
    assert widths["same"] > widths["d"] / 3


def test_step_of_the_values_is_the_least_spread_of_a_mean():
    found = intervals({"a": [0.75, 0.75, 0.75], "b": [0.5, 0.5, 0.5]})
    assert found["a"].high - 0.75 == pytest.approx(9.9248 * 0.25 / math.sqrt(6 * 3), rel=1e-4)
    assert intervals({"a": [0.75, 0.75], "b": [0.75, 0.75]})["a"] == interval([0.75, 0.75])


def test_means_of_whole_steps_hold_the_truth_with_two_seeds():
    generator = random.Random(0)
    held = 0
    for _ in range(200):
        values = {name: [float(round(generator.gauss(0, 1))) for _ in range(2)] for name in "abcd"}
        held += sum(one.low <= 0 <= one.high for one in intervals(values).values())
    assert held >= 0.98 * 4 * 200


def test_groups_overlap_where_the_middle_is_like_both_ends():
    values = {
        "good": [3.0, 3.1, 2.9, 3.0, 3.05],
        "middle": [2.0, 4.0, 1.5, 3.5, 2.6],
        "poor": [2.0, 2.1, 1.9, 2.0, 2.05],
    }
    found = pairs(values, "more")
    ranked = order(values, "more")
    assert ranked == ["good", "middle", "poor"]
    assert groups(ranked, found) == (("good", "middle"), ("middle", "poor"))
    assert letters(groups(ranked, found)) == {"good": "a", "middle": "ab", "poor": "b"}
    assert best_set(values, found, "more") == ("good", "middle")


def test_best_are_ordered_by_mean_and_those_that_mostly_fail_come_last():
    values = {"fails": [9.0, None, None], "low": [1.0, 1.0, 1.0], "high": [2.0, 2.0, None], "never": [None] * 3}
    assert order(values, "more") == ["high", "low", "fails", "never"]
    assert order(values, "less") == ["low", "high", "fails", "never"]
