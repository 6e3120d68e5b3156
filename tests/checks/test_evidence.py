"""How far a result is off, how far it may be, and results that know nothing."""

import math

import pytest
import torch

from nnbench.checks.evidence import (
    MARGIN,
    Wrong,
    allowance_of,
    error_of,
    floor_in,
    judge,
    null_models,
    scale_of,
)

INF, NAN = math.inf, math.nan


def tensor(*values, dtype=torch.float64):
    return torch.tensor(values, dtype=dtype)


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_scale_is_the_root_mean_square():
    assert scale_of(tensor(3.0, -4.0, 0.0, 0.0)) == 2.5


@pytest.mark.parametrize("values", [(0.0, 0.0), (), (INF, NAN)])
def test_the_scale_of_nothing_is_one(values):
    assert scale_of(tensor(*values)) == 1.0


def test_the_scale_leaves_out_what_is_not_finite():
    assert scale_of(tensor(3.0, INF, -INF, NAN)) == 3.0


def test_the_scale_of_half_precision_does_not_overflow():
    assert scale_of(tensor(60000.0, dtype=torch.float16)) == pytest.approx(60000, rel=1e-3)


def test_the_error_is_the_largest_difference_as_a_share_of_the_scale():
    assert error_of(tensor(10.0, -10.5, 10.0), tensor(10.0, -10.0, 10.0)) == pytest.approx(0.05)
    assert error_of(tensor(1.0, 2.0), tensor(1.0, 2.0)) == 0.0


def test_the_error_is_taken_in_float64_whatever_came_out():
    assert error_of(tensor(1.0, dtype=torch.float32), tensor(1.0 + 1e-12)) == pytest.approx(1e-12, rel=1e-3)


@pytest.mark.parametrize(
    ("got", "want", "error"),
    [
        ((INF, 1.0), (INF, 1.0), 0.0),
        ((NAN, 1.0), (NAN, 1.0), 0.0),
        ((INF, 1.0), (-INF, 1.0), INF),
        ((INF, 1.0), (1.0, 1.0), INF),
        ((1.0, 1.0), (INF, 1.0), INF),
        ((NAN, 1.0), (1.0, 1.0), INF),
        ((1.0, 1.0), (NAN, 1.0), INF),
        ((NAN, 1.0), (INF, 1.0), INF),
        ((INF, 2.0), (INF, 1.0), 1.0),
    ],
)
def test_what_is_not_finite_is_right_only_where_it_should_be(got, want, error):
    assert error_of(tensor(*got), tensor(*want)) == error


@pytest.mark.parametrize(("got", "want"), [((2,), (2, 1)), ((1, 2), (2,)), ((), (1,)), ((3,), (2,)), ((0,), (1,))])
def test_another_shape_is_wrong_even_where_it_would_broadcast(got, want):
    with pytest.raises(Wrong) as wrong:
        error_of(torch.ones(got), torch.ones(want))
    assert str(wrong.value) == f"shape {got} where {want} is right"


def test_nothing_where_nothing_is_right_has_no_error():
    assert error_of(torch.ones(0, 3), torch.ones(0, 3)) == 0.0


@pytest.mark.parametrize(
    ("dtype", "times"), [(torch.float32, 2), (torch.float64, 2), (torch.float16, 3), (torch.bfloat16, 3)]
)
def test_the_allowance_grows_with_the_floor(dtype, times):
    want = drawn(4)
    without = allowance_of(want, 0.0, dtype)
    assert without > 0
    assert allowance_of(want, 0.25, dtype) - without == pytest.approx(times * 0.25)


def test_the_allowance_is_a_few_units_in_the_last_place_of_the_largest_element():
    eps = torch.finfo(torch.float32).eps
    assert allowance_of(tensor(1.0, -1.0), 0.0, torch.float32) == pytest.approx(8 * eps)
    peak = tensor(*([0.0] * 99), 1.0)  # its root mean square is a tenth of its largest element
    assert allowance_of(peak, 0.0, torch.float32) == pytest.approx(80 * eps)
    assert allowance_of(tensor(INF, 1.0), 0.0, torch.float32) == pytest.approx(8 * eps)


def test_the_allowance_grows_with_the_root_of_the_terms():
    want = drawn(4)
    assert allowance_of(want, 0.0, torch.float64, 10_000) == pytest.approx(100 * allowance_of(want, 0.0, torch.float64))
    half = allowance_of(want, 0.0, torch.bfloat16, 10_000)
    assert half < 1.01 * allowance_of(want, 0.0, torch.bfloat16)  # half types are summed in float32


def test_a_floor_goes_with_the_precision():
    assert floor_in(torch.float32, 1e-3, torch.float32) == 1e-3
    assert floor_in(torch.float64, 1e-3, torch.float32) == 1e-3 * 2.0**-29
    assert floor_in(torch.float32, 1e-3, torch.bfloat16) == 1e-3 * 2.0**-16


def test_an_error_within_the_allowance_passes():
    found = judge(1.0, 1.0, "against torch", {"zeros": 10.1, "the mean": INF})
    assert (found.status, found.error, found.allowance, found.note) == ("passed", 1.0, 1.0, "against torch")


@pytest.mark.parametrize("error", [1.1, INF, NAN])
def test_a_larger_error_fails_and_says_by_how_much(error):
    found = judge(error, 1.0, "against torch", {"zeros": 0.0})
    assert found.status == "failed"
    assert found.note == f"off by {error:.2g} of its scale against torch"


@pytest.mark.parametrize("miss", [0.0, MARGIN - 0.01, NAN])
def test_a_null_model_that_nearly_passes_makes_the_case_mistrusted(miss):
    found = judge(0.0, 1.0, "against torch", {"zeros": miss, "the mean": 100.0, "its input": miss})
    assert found.status == "mistrusted"
    assert found.note.startswith("zeros and its input would pass too: this case proves nothing")


def test_a_wrong_result_fails_even_where_the_case_proves_nothing():
    assert judge(2.0, 1.0, "", {"zeros": 0.0}).status == "failed"


def test_null_models_miss_an_ordinary_result():
    misses = null_models(drawn(8, 4), (drawn(8, 4, seed=1), drawn(3)), drawn(8, 4, seed=2))
    assert list(misses) == ["zeros", "a stale output", "the mean", "outputs in another order", "its input"]
    assert min(misses.values()) > 1.0


@pytest.mark.parametrize(
    ("want", "inputs", "stale", "near"),
    [
        (torch.zeros(8, 4).double(), (), drawn(8, 4), {"zeros", "the mean", "outputs in another order"}),
        (torch.ones(8, 4).double(), (), drawn(8, 4), {"the mean", "outputs in another order"}),
        (drawn(8, 4), (drawn(8, 4),), drawn(8, 4, seed=1), {"its input"}),
        (drawn(8, 4), (drawn(8, 4, seed=1), drawn(8, 4)), drawn(8, 4, seed=2), {"its input"}),
        (drawn(8, 4), (), drawn(8, 4), {"a stale output"}),
        (torch.zeros(()).double(), (), torch.ones(()).double(), {"zeros"}),
        (torch.full((8, 4), NAN).double(), (), drawn(8, 4), {"the mean", "outputs in another order"}),
    ],
    ids=["zeros", "constant", "identity", "identity of the second", "constant in the input", "scalar", "nan"],
)
def test_null_models_expose_a_case_that_proves_nothing(want, inputs, stale, near):
    misses = null_models(want, inputs, stale)
    assert {name for name, miss in misses.items() if miss == 0.0} == near


def test_integer_inputs_are_no_null_model():
    assert "its input" not in null_models(drawn(3), (torch.tensor([1, 2, 3]),), drawn(3, seed=1))
