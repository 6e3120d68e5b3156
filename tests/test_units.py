"""Numbers as people read them."""

import math

import pytest

from nnbench.stats import Interval
from nnbench.units import by_unit, count, duration, seconds, share, size, times


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12.345, "12.3 s"),
        (1.0, "1.00 s"),
        (0.0123, "12.3 ms"),
        (0.001, "1.00 ms"),
        (0.000123456, "123 µs"),
        (1.5e-6, "1.50 µs"),
        (4.56e-8, "45.6 ns"),
        (4.56e-10, "0.456 ns"),
        (0.0, "0 ns"),
        (123.4, "123 s"),
        (12345.0, "12345 s"),
    ],
)
def test_a_time_has_three_digits_in_the_unit_that_fits(value, text):
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (1536 * 2**10, "1.50 MiB"), (2**30, "1.00 GiB")],
)
def test_a_size_is_in_binary_units(value, text):
    assert size(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (1000, "1.00 k"), (242762, "243 k"), (5e6, "5.00 M"), (1e9, "1.00 G"), (2.5e12, "2.50 T")],
)
def test_a_count_has_a_decimal_prefix(value, text):
    assert count(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.4, "0 s"), (45, "45 s"), (59.6, "1 min 00 s"), (125, "2 min 05 s"), (3600, "60 min 00 s")]
)
def test_a_waiting_time_is_in_minutes_and_seconds(value, text):
    assert duration(value) == text


def test_a_ratio_shows_the_larger_half_of_its_interval():
    assert times(Interval(1.25, 1.20, 1.28)) == "1.25x ± 0.05"
    assert times(Interval(1.25, 1.24, 1.28)) == "1.25x ± 0.03"


def test_a_share_is_in_per_cent():
    assert share(0.9581) == "95.81 %"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.002, "s", "2.00 ms"), (2048, "B", "2.00 KiB"), (1234, "1", "1.23 k"), (0.25, "J", "0.25 J")],
)
def test_a_value_is_shown_in_its_own_unit(value, unit, text):
    assert by_unit(value, unit) == text


def test_what_is_not_finite_is_shown_as_it_is():
    assert seconds(math.inf) == "inf s"
    assert seconds(math.nan) == "nan ns"
