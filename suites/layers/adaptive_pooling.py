"""Pooling to a size: the windows follow from how many are asked for."""

from __future__ import annotations

import numpy as np
import torch
from nnbench.suites.layers.windows import refuse_below, sizes
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("layers")


class AdaptiveAvgPool2d(nn.Module):
    """Mean over as many windows of an image as are asked for.

    ``y[n, c, i, j] = mean of x[n, c, a(i):b(i), a(j):b(j)]``, a(i) = i * H / H' rounded down and b(i) = (i + 1) * H /
    H' rounded up, the columns alike. x (N, C, H, W) or (C, H, W), y (N, C, H', W') or that without N.
    ``output_size`` is H' = W' or the pair; None stands for the input's own size. ``RuntimeError`` for negative sizes
    and for another input. Source: torch.nn.AdaptiveAvgPool2d.
    """

    def __init__(self, output_size: int | tuple[int | None, int | None]) -> None:
        super().__init__()
        self.output_size = output_size
        self._height, self._width = sizes("output_size", output_size, 2)
        refuse_below(0, output_size=[size for size in (self._height, self._width) if size is not None] or [0])

    extra_repr = nn.AdaptiveAvgPool2d.extra_repr

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() not in (3, 4) or 0 in x.shape[1:]:
            raise RuntimeError(
                f"AdaptiveAvgPool2d takes (N, C, H, W) or (C, H, W), the first alone may be 0, not {tuple(x.shape)}"
            )
        # The mean of a rectangle is the mean of its rows' means, all of one length.
        return means(means(x, -2, self._height), -1, self._width)


def means(x: Tensor, dimension: int, size: int | None) -> Tensor:
    """One dimension brought to a size by averaging stretches that cover it; they overlap where it does not divide."""
    length = x.shape[dimension]
    size = length if size is None else size
    if size == 0:
        return x.narrow(dimension, 0, 0)  # equivalent: nothing may start anywhere
    stretches = [(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]
    return torch.stack([x.narrow(dimension, a, b - a).mean(dimension) for a, b in stretches], dimension)


def adaptive_avg_pool2d_oracle(x: np.ndarray, *, output_size: int | tuple[int | None, int | None]) -> np.ndarray:
    """Differences of the sums from the first pixel on."""
    height, width = x.shape[-2:]
    asked = (output_size, output_size) if isinstance(output_size, int) else output_size
    rows, columns = (n if size is None else size for n, size in zip((height, width), asked, strict=True))
    (top, bottom), (left, right) = edges(height, rows), edges(width, columns)
    sums = np.zeros((*x.shape[:-2], height + 1, width + 1))
    sums[..., 1:, 1:] = x.cumsum(-2).cumsum(-1)
    bands = sums[..., bottom, :] - sums[..., top, :]
    return (bands[..., right] - bands[..., left]) / np.outer(bottom - top, right - left)


def edges(length: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each of ``size`` stretches starts and ends; an end is one past the last position that its share touches."""
    number = np.arange(size)
    return number * length // max(size, 1), ((number + 1) * length - 1) // max(size, 1) + 1


suite.component(
    "adaptive_avg_pool2d",
    reference=AdaptiveAvgPool2d,
    variants={"torch": nn.AdaptiveAvgPool2d},
    oracle=adaptive_avg_pool2d_oracle,
    cases=[
        case(randn(1, 64, 32, 32), output_size=(4, 4)),
        case(randn(1, 64, 32, 32), output_size=(1, 1)),
        case(randn(32, 512, 7, 7), output_size=(1, 1)),  # before a residual network's classifier
        case(randn(2, 3, 7, 5), output_size=(3, None), timed=False),
        case(randn(2, 3, 4, 5), output_size=(None, 7), timed=False),
        case(randn(3, 6, 5), output_size=2, timed=False),
        case(randn(2, 3, 4, 5, requires_grad=False), output_size=(2, 0), timed=False),
        case(randn(2, 3, 4, 5, requires_grad=False), output_size=(0, 2), timed=False),
    ],
    documented=["handout", "pytorch"],
    properties=["batch_independent"],
)
