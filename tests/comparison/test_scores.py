import math

import pytest

from nnbench.comparison import pairs
from nnbench.comparison.scores import scale


def test_without_an_ideal_a_score_is_the_value_with_its_sign():
    by = scale({"a": [1.0, 2.0]}, "less")
    assert (by.score(2.0), by.gain(0.5, 3.0), by.scored(0.5, 3.0)) == (-2.0, 0.5, 0.5)


def test_halving_the_error_is_the_same_gain_at_every_level():
    by = scale({"a": [0.9, 0.95, 0.8, 0.90001]}, "more", ideal=1.0)
    assert by.score(0.95) - by.score(0.9) == pytest.approx(math.log(2), abs=1e-3)
    assert by.score(0.9) - by.score(0.8) == pytest.approx(math.log(2), abs=1e-3)


def test_gain_comes_back_in_the_units_of_the_values():
    by = scale({"a": [0.1, 0.2, 0.10001]}, "less", ideal=0.0)
    scored = by.score(0.1) - by.score(0.2)
    unit = by.unit([0.1], [0.2])
    assert unit == by.unit([0.2], [0.1]) == pytest.approx(0.1, rel=1e-3)
    assert by.gain(scored, unit) == pytest.approx(0.1)
    assert by.gain(-scored, unit) == pytest.approx(-0.1)
    assert by.scored(0.1, unit) == pytest.approx(scored)


@pytest.mark.parametrize(("values", "better", "ideal"), [([-1.0, 2.0], "less", 0.0), ([1.0, 1.0], "more", 1.0)])
def test_values_beyond_the_ideal_or_all_at_it_have_none(values, better, ideal):
    assert scale({"a": values}, better, ideal).ideal is None


def test_value_at_the_ideal_has_a_score_too():
    by = scale({"a": [1.0, 0.99, 0.98]}, "more", ideal=1.0)
    assert math.isfinite(by.score(1.0))
    assert by.score(1.0) > by.score(0.99) > by.score(0.98)


def test_narrow_values_give_the_same_answer_with_and_without_an_ideal():
    values = {"a": [0.900, 0.9013, 0.8992, 0.9007], "b": [0.8983, 0.8991, 0.8972, 0.8990]}
    plain, by_error = pairs(values, "more")[0], pairs(values, "more", ideal=1.0)[0]
    assert by_error.difference == plain.difference
    assert (by_error.low, by_error.high) == pytest.approx((plain.low, plain.high), rel=0.05)
    assert by_error.p == pytest.approx(plain.p, rel=0.1)


def test_order_of_the_names_turns_the_interval_around():
    values = {"a": [0.02, 0.022, 0.019, 0.021, 0.02], "b": [0.5, 0.6, 0.65, 0.3, 0.4]}
    forth = pairs(values, "less", ideal=0.0)[0]
    back = pairs(dict(reversed(values.items())), "less", ideal=0.0)[0]
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low))


def test_equal_means_of_scattered_values_have_a_wide_interval():
    # Their logarithms differ while their means do not: the interval must not follow the one or the other to nothing.
    values = {"a": [0.010, 0.028, 0.012, 0.030], "b": [0.019, 0.021, 0.020, 0.020001]}
    one = pairs(values, "less", ideal=0.0)[0]
    assert abs(one.difference) < 1e-5
    assert one.high - one.low > 0.01


def test_interval_holds_the_difference_and_leaves_out_zero_where_it_is_told():
    values = {"a": [0.02, 0.022, 0.019, 0.021, 0.02], "b": [0.5, 0.6, 0.65, 0.3, 0.4]}
    one = pairs(values, "less", ideal=0.0)[0]
    assert one.verdict == "better"
    assert one.low < one.difference < one.high < 0
