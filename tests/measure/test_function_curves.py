"""Curves of elementwise modules, for reports to draw."""

import math

import pytest
import torch
from torch import nn

from nnbench import Suite, case, randn
from nnbench.measure.curves import HIGH, LOW, POINTS, curves


def component(reference, *cases, **declared):
    made = {"properties": ["elementwise"], "variants": {"torch": reference}} | declared
    return Suite("mine").component("thing", reference=reference, cases=cases or [case(randn(4, 3))], **made)


def of(made, variant="reference", place=0):
    return dict(curves(made, variant, made.cases[place]))


def test_values_and_autograds_derivative_are_told_at_evenly_spaced_points():
    found = of(component(nn.Tanh))
    x = torch.linspace(LOW, HIGH, POINTS, dtype=torch.float64)
    assert found["curve_value"] == pytest.approx(x.tanh().tolist(), abs=1e-15)
    assert found["curve_derivative"] == pytest.approx((1 - x.tanh() ** 2).tolist(), abs=1e-15)
    assert found["curve_value"][POINTS // 2] == 0.0


def test_a_derivative_of_its_own_is_taken_as_it_is():
    class Straight(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.sign()

        @staticmethod
        def backward(ctx, upstream):
            return upstream

    class Sign(nn.Module):
        def forward(self, x):
            return Straight.apply(x)

    found = of(component(Sign))
    assert set(found["curve_value"]) == {-1.0, 0.0, 1.0}
    assert set(found["curve_derivative"]) == {1.0}


def test_what_does_not_declare_itself_elementwise_has_no_curve():
    assert of(component(nn.Tanh, properties=["batch_independent"])) == {}


def test_other_variants_have_none():
    assert of(component(nn.Tanh), "torch") == {}


def test_each_set_of_arguments_has_one():
    shapes = [case(randn(4, 3), alpha=1.0), case(randn(9, 2), alpha=1.0), case(randn(4, 3), alpha=0.5)]
    made = component(nn.ELU, *shapes)
    assert [bool(of(made, place=place)) for place in range(3)] == [True, False, True]
    assert of(made, place=2)["curve_value"][0] == pytest.approx(0.5 * math.expm1(LOW))


def test_a_case_for_the_checks_alone_hides_none():
    made = component(nn.ELU, case(randn(4, 3), alpha=1.0, timed=False), case(randn(4, 4), alpha=1.0))
    assert of(made, place=1).keys() == {"curve_value", "curve_derivative"}
