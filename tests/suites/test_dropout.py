"""Dropout: its mask's share and scale, its modes, and what it refuses, beside torch's."""

import math

import pytest
import torch
from torch import nn

import nnbench

CALLS = 400
SHAPE = (50, 40)


def built(**arguments):
    return nnbench.component("layers.dropout").reference.build(**arguments)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
def test_the_share_of_zeros_is_p(p):
    torch.manual_seed(0)
    layer = built(p=p)
    zeros = sum(float((layer(torch.ones(SHAPE)) == 0).double().mean()) for _ in range(CALLS)) / CALLS
    standard_error = math.sqrt(p * (1 - p) / (CALLS * math.prod(SHAPE)))
    assert abs(zeros - p) < 5 * standard_error  # chance alone fails this less than once in a million


@pytest.mark.parametrize("p", [0.1, 0.5, 0.75])
def test_what_is_kept_is_scaled_by_the_share_kept(p):
    torch.manual_seed(0)
    y = built(p=p).double()(torch.full(SHAPE, 3.0, dtype=torch.float64))
    assert torch.allclose(y[y != 0], torch.tensor(3.0 / (1 - p), dtype=torch.float64), rtol=1e-15)


def test_every_call_draws_a_mask_of_its_own():
    layer = built(p=0.5)
    assert not torch.equal(layer(torch.ones(SHAPE)), layer(torch.ones(SHAPE)))


def test_in_evaluation_mode_and_without_a_rate_it_is_the_identity():
    x = torch.randn(SHAPE)
    assert torch.equal(built(p=0.5).eval()(x), x)
    assert torch.equal(built(p=0.0)(x), x)


def test_with_a_rate_of_one_nothing_is_left():
    x = torch.randn(SHAPE)
    assert torch.equal(built(p=1.0)(x), nn.Dropout(1.0)(x))


def test_gradients_go_where_the_mask_let_through():
    x = torch.randn(SHAPE, requires_grad=True)
    y = built(p=0.25)(x)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.allclose(gradient, (y != 0) / 0.75)


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_what_is_no_probability_is_refused_as_torch_refuses_it(p):
    for make in (built, nn.Dropout):
        with pytest.raises(ValueError, match="probability"):
            make(p=p)


def test_in_place_is_refused_by_name():
    with pytest.raises(NotImplementedError, match="inplace"):
        built(inplace=True)
