"""Weights whose spread keeps the variance of what flows through a layer."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("initializers")

# By which factor weights have to be larger, since the nonlinearity after them makes smaller what flows.
GAINS = {
    **dict.fromkeys(["linear", "sigmoid", "conv1d", "conv2d", "conv3d"], 1.0),
    **dict.fromkeys(["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"], 1.0),
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
}


@torch.no_grad()
def xavier_uniform(tensor: Tensor, gain: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    """Uniform numbers that keep the variance forwards and backwards alike.

    Fills with numbers uniform in ``-b ... b``, ``b = gain * sqrt(6 / (fan_in + fan_out))``: fan_in and fan_out are the
    second and the first size, times the number of kernel elements. Fills in place, and returns, a tensor (fan_out,
    fan_in) or (out, in, *kernel). ``ValueError`` for fewer than two dimensions.
    Source: torch.nn.init.xavier_uniform_; Glorot and Bengio (2010).
    """
    fan_in, fan_out = fans(tensor)
    deviation = gain * math.sqrt(2 / (fan_in + fan_out))
    bound = math.sqrt(3) * deviation  # of a uniform distribution with that standard deviation
    return tensor.uniform_(-bound, bound, generator=generator)


@torch.no_grad()
def kaiming_normal(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Normal numbers that keep the variance through rectifiers, forwards ("fan_in") or backwards ("fan_out").

    Fills with numbers of mean 0 and standard deviation ``gain / sqrt(fan)``: fan_in and fan_out are the second and the
    first size, times the number of kernel elements; the gain is sqrt(2) for "relu", ``sqrt(2 / (1 + a^2))`` for
    "leaky_relu" with the negative slope ``a`` (no other nonlinearity asks for it), 5/3 for "tanh", 3/4 for "selu", else
    1. Fills in place, and returns, a tensor (fan_out, fan_in) or (out, in, *kernel); one without elements warns.
    ``ValueError`` for fewer than two dimensions, another mode or nonlinearity, and an ``a`` that is no number.
    Source: torch.nn.init.kaiming_normal_; He et al., arXiv:1502.01852.
    """
    if tensor.numel() == 0:
        warnings.warn("there is nothing to fill in a tensor without elements", stacklevel=2)
        return tensor
    fan_in, fan_out = fans(tensor)
    sizes = {"fan_in": fan_in, "fan_out": fan_out}
    if mode.lower() not in sizes:
        raise ValueError(f"mode is one of {', '.join(sizes)}, not {mode!r}")
    deviation = gain_of(nonlinearity, a) / math.sqrt(sizes[mode.lower()])
    return tensor.normal_(0, deviation, generator=generator)


def fans(tensor: Tensor) -> tuple[int, int]:
    """How many numbers flow into each output of a layer, and out of each input."""
    if tensor.dim() < 2:
        raise ValueError(f"a weight has two dimensions or more, not {tensor.dim()}: no fan_in and fan_out otherwise")
    kernel = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel, tensor.shape[0] * kernel


def gain_of(nonlinearity: str, slope: Any) -> float:
    if nonlinearity == "leaky_relu":
        if isinstance(slope, bool) or not isinstance(slope, int | float | None):
            raise ValueError(f"a is the slope of leaky_relu, a number, not {slope!r}")
        return math.sqrt(2 / (1 + (0.01 if slope is None else slope) ** 2))
    if nonlinearity not in GAINS:
        raise ValueError(f"nonlinearity is one of leaky_relu, {', '.join(GAINS)}, not {nonlinearity!r}")
    return GAINS[nonlinearity]


def xavier_uniform_oracle(tensor: np.ndarray, gain: float = 1.0) -> dict[str, Any]:
    """The variance is the gain squared over the mean of both fans; a uniform distribution's is width^2 / 12."""
    variance = gain**2 / np.mean([tensor[0].size, tensor[:, 0].size])
    width = np.sqrt(12 * variance)
    return {"0": stats.uniform(-width / 2, width)}


LEFT = {"relu": 1 / 2, "tanh": 9 / 25, "selu": 16 / 9}
SLOPE = 0.01  # of torch.nn.LeakyReLU, where none is given


def kaiming_normal_oracle(
    tensor: np.ndarray, a: float | None = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> dict[str, Any]:
    """The variance undoes what a rectifier leaves of a mean square: half of it, and a^2 of the other half."""
    left = (1 + (SLOPE if a is None else a) ** 2) / 2 if nonlinearity == "leaky_relu" else LEFT.get(nonlinearity, 1.0)
    fan = (tensor[0] if mode.lower() == "fan_in" else tensor[:, 0]).size
    return {"0": stats.norm(0, np.sqrt(1 / (left * fan)))}


suite.component(
    "xavier_uniform",
    kind="initializer",
    reference=xavier_uniform,
    variants={"torch": nn.init.xavier_uniform_},
    oracle=xavier_uniform_oracle,
    cases=[
        case(randn(128, 784)),
        case(randn(128, 784), gain=5 / 3),
        case(randn(256, 128, 3, 3)),
        case(randn(24, 20), gain=0.01, timed=False),
        *(case(randn(*shape), timed=False) for shape in ((5, 1), (12, 10, 3), (6, 5, 4, 3, 2))),
        case(randn(24, 20), dtype="float64", timed=False),
    ],
    documented=["deepdive", "pytorch"],
)
suite.component(
    "kaiming_normal",
    kind="initializer",
    reference=kaiming_normal,
    variants={"torch": nn.init.kaiming_normal_},
    oracle=kaiming_normal_oracle,
    cases=[
        case(randn(64, 3, 7, 7), mode="fan_out", nonlinearity="relu"),
        case(randn(128, 784)),
        case(randn(128, 784), a=0.2, nonlinearity="leaky_relu"),
        case(randn(128, 784), a=0.2, nonlinearity="relu"),  # which has no slope
        *(case(randn(128, 784), nonlinearity=name) for name in ("linear", "tanh", "selu")),
        case(randn(64, 32, 3, 3)),
        case(randn(256, 128, 3, 3), mode="fan_out", nonlinearity="relu"),  # in the third stage of a ResNet
        *(case(randn(24, 20), a=slope, timed=False) for slope in (None, -3)),
        case(randn(24, 20), a=3, nonlinearity="relu", timed=False),
        case(randn(24, 20), mode="FAN_OUT", timed=False),
        *(case(randn(24, 20), nonlinearity=name, timed=False) for name in sorted(GAINS)),
        *(case(randn(*shape), timed=False) for shape in ((1, 1), (12, 10, 3), (6, 5, 4, 3, 2))),
        case(randn(24, 20), dtype="float64", timed=False),
    ],
    documented=["deepdive", "pytorch"],
)
