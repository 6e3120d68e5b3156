"""Activations wrong as people get them wrong, in no single place of the reference: the battery sees each."""

import math

import pytest
import torch
from torch.nn import functional
from wrong_versions import failures, registered, right_rows_of, rows_of, with_lost_gradients


def sigmoid(module, x):
    return 1 / (1 + torch.exp(-x))


def in_half(function):
    return lambda module, x: function(x.half()).to(x.dtype) if x.dtype == torch.float32 else function(x)


def gelu(module, x, approximate=None):
    return functional.gelu(x, approximate=approximate or module.approximate)


def softmax_along(dim):
    def forward(module, x):
        return x.softmax(dim(module, x))

    return forward


def guessed(module, x):
    return module.dim if module.dim is not None else 0 if x.dim() in (0, 1, 3) else 1


RIGHT = {
    "activations.relu": [lambda module, x: functional.relu(x)],
    "activations.leaky_relu": [lambda module, x: functional.leaky_relu(x, module.negative_slope)],
    "activations.elu": [lambda module, x: functional.elu(x, module.alpha)],
    "activations.gelu": [gelu],
    "activations.silu": [lambda module, x: functional.silu(x)],
    "activations.mish": [lambda module, x: functional.mish(x)],
    "activations.sigmoid": [lambda module, x: x.sigmoid()],
    "activations.tanh": [lambda module, x: x.tanh()],
    "activations.softmax": [softmax_along(guessed)],
}
WRONG = {
    "activations.relu": {
        "slope 1 at 0": lambda module, x: torch.where(x >= 0, x, 0),
        "slope 1/2 at 0": lambda module, x: torch.maximum(x, torch.zeros_like(x)),
        "NaN of minus infinity": lambda module, x: x * (x > 0),
        "NaN taken away": lambda module, x: torch.where(x > 0, x, 0),
        "none above 6": lambda module, x: functional.relu6(x),
    },
    "activations.leaky_relu": {
        "slope 0 at 0": lambda module, x: functional.relu(x) - module.negative_slope * functional.relu(-x),
        "slope 1 at 0": lambda module, x: torch.where(x >= 0, x, module.negative_slope * x),
        "the larger of two": lambda module, x: torch.maximum(x, module.negative_slope * x),
        "the default slope": lambda module, x: functional.leaky_relu(x),
    },
    "activations.elu": {
        "alpha forgotten": lambda module, x: functional.elu(x),
        "slope 1 at 0": lambda module, x: torch.where(x >= 0, x, module.alpha * x.clamp(max=0).expm1()),
    },
    "activations.gelu": {
        "exact for tanh's": lambda module, x: gelu(module, x, "none"),
        "tanh's for the exact": lambda module, x: gelu(module, x, "tanh"),
        "a sigmoid's": lambda module, x: x * torch.sigmoid(1.702 * x),
        "a coefficient of 0.0447": lambda module, x: (
            gelu(module, x)
            if module.approximate == "none"
            else 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.0447 * x**3)))
        ),
    },
    "activations.silu": {
        "an exponential that overflows": lambda module, x: x * x.exp() / (1 + x.exp()),
        "a hard sigmoid": lambda module, x: functional.hardswish(x),
    },
    "activations.mish": {
        "linear too early": lambda module, x: x * functional.softplus(x, threshold=2).tanh(),
    },
    "activations.sigmoid": {
        "the other way round": lambda module, x: torch.sigmoid(-x),
        "a hard one": lambda module, x: functional.hardsigmoid(x),
        "an exponential that overflows": lambda module, x: x.exp() / (1 + x.exp()),
        "in half precision": in_half(torch.sigmoid),
    },
    "activations.tanh": {
        "in half precision": in_half(torch.tanh),
        "exponentials that overflow": lambda module, x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()),
    },
    "activations.softmax": {
        "along the last dimension": softmax_along(lambda module, x: -1),
        "along the first": softmax_along(lambda module, x: 0),
        "along the last where none is said": softmax_along(lambda m, x: m.dim if m.dim is not None else -1),
        "exponentials that overflow": lambda m, x: x.exp() / x.exp().sum(guessed(m, x), keepdim=True),
        "logarithms": lambda module, x: x.log_softmax(guessed(module, x)),
    },
}


@pytest.mark.parametrize(("identifier", "forward"), right_rows_of(RIGHT))
def test_another_right_formulation_passes(identifier, forward):
    assert [(row.check, row.note) for row in failures(identifier, forward)] == []


@pytest.mark.parametrize(("identifier", "forward"), rows_of(with_lost_gradients(WRONG, RIGHT)))
def test_what_is_wrong_is_caught(identifier, forward):
    caught = next(failures(identifier, forward), None)
    assert caught is not None
    assert caught.status == "failed"


def test_every_component_stands_in_the_tables():
    assert set(RIGHT) == set(WRONG) == registered("activations")
