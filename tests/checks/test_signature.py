"""Defaults: a reference's are torch's where a case relies on them."""

import pytest
from torch import nn
from toy_components import component, rows_of

from nnbench import case, randn


class Leaky(nn.LeakyReLU):
    def __init__(self, negative_slope=0.01, inplace=False):
        super().__init__(negative_slope, inplace)


class Steeper(Leaky):
    def __init__(self, negative_slope=0.02, inplace=False):
        super().__init__(negative_slope, inplace)


class Whole(Leaky):
    def __init__(self, negative_slope=0.01, inplace=0):
        super().__init__(negative_slope, inplace)


def found(reference, *cases, variant="reference"):
    made = component(reference, *cases, variants={"torch": nn.LeakyReLU, "mine": Steeper})
    return rows_of(made, variant)["defaults"]


def test_equal_defaults_pass_and_are_named():
    row = found(Leaky)
    assert (row.status, row.note) == ("passed", "of negative_slope, inplace")


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        (Steeper, "negative_slope is 0.02 where it is not given, and torch's is 0.01"),
        (Whole, "inplace is 0 where it is not given, and torch's is False"),
    ],
)
def test_another_default_is_wrong(reference, told):
    row = found(reference)
    assert (row.status, row.note) == ("failed", told)


def test_a_default_that_every_case_overrides_may_be_another():
    assert found(Steeper, case(randn(4, 6), negative_slope=0.1)).note == "of inplace"


def test_only_a_reference_is_asked():
    assert found(Leaky, variant="mine").status == "skipped"


def test_what_has_no_signature_is_not_asked():
    made = component(lambda x: x.tanh(), variants={"torch": nn.Tanh()})
    assert rows_of(made, "reference")["defaults"].status == "skipped"
