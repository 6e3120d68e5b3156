"""The layer that joins dimensions."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("layers")


class Flatten(nn.Module):
    """Dimensions ``start_dim`` to ``end_dim`` joined into one.

    ``y[..., i, ...] = x[..., i1, i2, ..., ik, ...]`` with i = (i1 * n2 + i2) * n3 + ..., n the sizes of the joined
    dimensions. x (N, d1, d2, ...), y (N, d1 * d2 * ...) with the defaults; negative dimensions count from the end, and
    a scalar becomes one element. ``IndexError`` for a dimension that x does not have, ``RuntimeError`` where
    ``start_dim`` comes after ``end_dim``. Source: torch.nn.Flatten.
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, x: Tensor) -> Tensor:
        shape = tuple(x.shape) or (1,)
        start, end = (counted_from_the_start(dim, len(shape)) for dim in (self.start_dim, self.end_dim))
        if start > end:
            raise RuntimeError(f"start_dim={self.start_dim} comes after end_dim={self.end_dim} in {tuple(x.shape)}")
        return x.reshape(*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :])


def counted_from_the_start(dim: int, dimensions: int) -> int:
    if not -dimensions <= dim < dimensions:
        raise IndexError(f"an input of {dimensions} dimensions has no dimension {dim}")
    return dim % dimensions


def flatten_oracle(x: np.ndarray, *, start_dim: int = 1, end_dim: int = -1) -> np.ndarray:
    """Every combination of numbers in the joined dimensions in row-major order: one slice each, side by side."""
    x = np.atleast_1d(x)
    first, last = start_dim % x.ndim, end_dim % x.ndim
    joined = np.moveaxis(x, range(first, last + 1), range(last + 1 - first))
    slices = [joined[place] for place in np.ndindex(joined.shape[: last + 1 - first])]
    return np.stack(slices, first) if slices else np.empty((*x.shape[:first], 0, *x.shape[last + 1 :]))


suite.component(
    "flatten",
    reference=Flatten,
    variants={"torch": nn.Flatten, "keras": "nnbench.suites._keras.layers:Flatten"},
    oracle=flatten_oracle,
    cases=[
        case(randn(32, 16, 4, 4)),
        case(randn(32, 512, 7, 7)),  # the feature maps in front of VGG's fully connected layers
        case(randn(3, 2, 4, 5), end_dim=-2, timed=False),
        case(randn(2, 3, 4, 5), start_dim=-3, end_dim=2, timed=False),
        case(randn(1, 3, 2), start_dim=0, timed=False),
        case(randn(), start_dim=0, timed=False),
    ],
    documented=["handout"],
    properties=["batch_independent"],
)
