"""The rule of a duel on numbers made for it: what is said, when nothing is, and how often it is wrong."""

import math
from random import Random

import pytest

from nnbench.duels.verdicts import Rule, decide, half_width, noise_floor, pair_error, pair_value, spread

CLOSE = [0.0, 0.001, -0.001, 0.0]


def moved(values, share):
    return [value + math.log1p(share) for value in values]


def test_pair_value_is_the_median_over_blocks():
    assert pair_value([(1.0, 2.0), (1.0, 2.0), (3.0, 90.0)]) == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("share", "verdict"), [(0.05, "slower"), (-0.05, "faster"), (0.0, "same"), (0.004, "same"), (-0.004, "same")]
)
def test_what_pairs_that_agree_say(share, verdict):
    assert decide(moved(CLOSE, share), Rule()).verdict == verdict


def test_fewer_than_four_pairs_say_nothing():
    assert decide(moved(CLOSE, 0.5)[:3], Rule()).verdict == "undecided"
    assert decide(moved(CLOSE, 0.5)[:3], Rule(), is_last=True).verdict == "undecided"


def test_nothing_is_known_of_no_pairs():
    answer = decide([], Rule())
    assert answer.verdict == "undecided"
    assert math.isnan(answer.ratio)


def test_one_pair_has_an_estimate_without_an_interval():
    answer = decide([math.log(2)], Rule())
    assert answer.ratio == pytest.approx(2)
    assert (answer.low, answer.high) == (0, math.inf)


def test_estimate_and_interval_are_ratios():
    answer = decide(moved(CLOSE, 0.05), Rule())
    assert answer.ratio == pytest.approx(1.05)
    assert answer.low < 1.05 < answer.high
    assert math.log(answer.high / answer.ratio) == pytest.approx(half_width(CLOSE))


def test_pairs_that_differ_ask_for_more():
    assert decide([0.0, 0.06, 0.01, 0.09], Rule()).verdict == "undecided"


def test_one_wild_pair_does_not_decide():
    assert decide([*CLOSE, *CLOSE, 0.4], Rule()).verdict in ("same", "undecided")


def test_spread_is_never_less_than_chance_allows():
    assert spread([0.0, 0.0, 0.0, 0.0]) == 0.002


def test_pairs_that_agree_better_than_their_own_blocks_do_not_decide():
    values = moved(CLOSE, -0.025)
    assert decide(values, Rule()).verdict == "faster"
    assert decide(values, Rule(), error=0.03).verdict == "undecided"
    assert spread(CLOSE, error=0.04) == pytest.approx(0.75 * 0.04)


def test_error_of_a_pair_shrinks_with_its_blocks():
    blocks = [(1.0, 1.0), (1.0, 1.1), (1.0, 1.2)]
    assert pair_error(blocks) > 0
    assert pair_error(blocks * 4) == pytest.approx(pair_error(blocks) / 2)
    assert pair_error([(1.0, 1.1)]) == 0


def test_half_the_deviation_counts_where_the_median_sees_nothing():
    values = [0.0] * 7 + [0.2]
    assert spread(values) == pytest.approx(0.5 * 0.2 / math.sqrt(8))


def test_what_looks_like_a_change_is_not_called_the_same_however_small():
    assert half_width(CLOSE) < math.log(1.03) - math.log(1.015)
    assert decide(moved(CLOSE, 0.012), Rule()).verdict == "same"
    assert decide(moved(CLOSE, 0.015), Rule()).verdict == "undecided"


def test_last_pair_decides_what_is_clearly_beyond_the_threshold():
    values = moved([-0.03, 0.0, 0.03, 0.0] * 4, 0.03)
    rule = Rule(most_pairs=16)
    assert half_width(values) > math.log(1.03) - math.log(1.01)
    assert decide(values[:15], rule).verdict == "undecided"
    assert decide(values, rule).verdict == "slower"


def test_last_pair_leaves_undecided_what_may_be_no_change():
    assert decide(moved([-0.1, 0.1] * 8, 0.05), Rule()).verdict == "undecided"


def test_budget_that_is_spent_is_a_last_pair():
    values = moved([-0.03, 0.0, 0.03, 0.0] * 3, 0.032)
    assert decide(values, Rule()).verdict == "undecided"
    assert decide(values, Rule(), is_last=True).verdict == "slower"


def test_threshold_is_the_smallest_change_called_one():
    assert decide(moved(CLOSE, 0.04), Rule()).verdict == "slower"
    assert decide(moved(CLOSE, 0.04), Rule(threshold=0.05)).verdict == "same"


def test_faster_is_slower_the_other_way_round():
    values = moved([0.0, 0.003, -0.002, 0.001], 0.05)
    there, back = decide(values, Rule()), decide([-value for value in values], Rule())
    assert (there.verdict, back.verdict) == ("slower", "faster")
    assert there.ratio * back.ratio == pytest.approx(1)


def ends(luck, share, bias=0.006):
    """The verdict of a whole duel: pairs are added until it is decided; now and then one is far off."""
    values = []
    while len(values) < Rule().most_pairs:
        wild = 5 if luck.random() < 0.05 else 1
        values.append(luck.gauss(math.log1p(share), wild * bias))
        answer = decide(values, Rule()).verdict
        if answer != "undecided":
            return answer
    return answer


def test_same_code_is_hardly_ever_called_slower():
    luck = Random(1)
    wrong = sum(ends(luck, 0.0) in ("slower", "faster") for _ in range(600))
    assert wrong <= 6


def test_five_per_cent_are_found():
    luck = Random(2)
    assert sum(ends(luck, 0.05) == "slower" for _ in range(100)) >= 99


def test_noise_floor_is_a_share():
    assert noise_floor([]) == 0
    assert noise_floor([0.05, -0.05, 0.05]) == pytest.approx(math.expm1(1.4826 * 0.05))
