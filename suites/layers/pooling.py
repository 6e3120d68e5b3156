"""Pooling: windows of the last dimensions, each reduced to one number."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from nnbench.suites.layers.windows import filled, refuse_below, refuse_shape, sizes, span, windows
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("layers")

Sizes = int | tuple[int, ...]


class Pooling(nn.Module):
    """Windows at every ``stride``-th position of each of the ``axes``, the last dimensions of the input.

    The maximum and the sum of a rectangle are those of its rows' maxima and sums, so one dimension follows the other.
    """

    axes: tuple[str, ...]

    def __init__(
        self, kernel_size: Sizes, stride: Sizes | None, padding: Sizes, dilation: Sizes, ceil_mode: bool
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.ceil_mode = ceil_mode
        # As torch's, the attributes above are what was given; these have one number for each axis.
        dimensions = len(self.axes)
        self._sizes = sizes("kernel_size", self.kernel_size, dimensions)
        self._steps = sizes("stride", self.stride, dimensions)
        self._margins = sizes("padding", self.padding, dimensions)
        self._gaps = sizes("dilation", self.dilation, dimensions)
        refuse_below(1, kernel_size=self._sizes, stride=self._steps, dilation=self._gaps)
        refuse_below(0, padding=self._margins)
        if any(2 * margin > size for margin, size in zip(self._margins, self._sizes, strict=True)):
            raise RuntimeError(f"padding is at most half of kernel_size={kernel_size}, not {padding}")

    def _overhang(self, place: int, length: int) -> int:
        """How far the windows along one axis reach beyond its end and padding: not at all without ``ceil_mode``."""
        padding = self._margins[place]
        covered = span(self._sizes[place], self._gaps[place])
        beyond = (covered - length - 2 * padding) % self._steps[place]
        # A window that would start beyond the last element is left out.
        return beyond if self.ceil_mode and beyond + padding < covered else 0

    def _windows(self, x: Tensor, place: int, inside: float, outside: float) -> Tensor:
        """The windows along one axis as a new last dimension: ``inside`` the padding one value, beyond it another."""
        dimension = place - len(self.axes)
        padding, overhang = self._margins[place], self._overhang(place, x.shape[dimension])
        x = filled(x, dimension, (padding, padding), inside)
        x = filled(x, dimension, (0, overhang), outside)
        return windows(x, dimension, self._sizes[place], self._steps[place], self._gaps[place])


class MaxPool(Pooling):
    """Windows reduced to their maxima; the subclasses give the formula."""

    extra_repr = nn.MaxPool2d.extra_repr

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        if return_indices:
            raise NotImplementedError(f"return_indices={return_indices!r} is not supported: the output is one tensor")
        super().__init__(kernel_size, stride, padding, dilation, ceil_mode)

    def forward(self, x: Tensor) -> Tensor:
        refuse_shape(self, x, self.axes)
        # The last axis first: of equal elements the gradient then goes to the first, read row by row.
        for place in reversed(range(len(self.axes))):
            x = self._windows(x, place, -torch.inf, -torch.inf).max(-1).values
        return x


class MaxPool1d(MaxPool):
    """Maximum over windows of a sequence.

    ``y[n, c, i] = max over u of padded[n, c, s*i + d*u]``, u from 0 to kernel_size - 1, s the stride (kernel_size
    where it is None), d the dilation, and the padding -infinity. x (N, C, L) or (C, L), y (N, C, L') or (C, L') with
    L' = (L + 2 * padding - d * (kernel_size - 1) - 1) / s + 1 rounded down; ``ceil_mode`` rounds up, but keeps no
    window that starts beyond the last element. NaN is above everything; of equal elements the first gets the gradient.
    ``RuntimeError`` for sizes that do not fit, ``NotImplementedError`` for ``return_indices``.
    Source: torch.nn.MaxPool1d.
    """

    axes = ("L",)


class MaxPool2d(MaxPool):
    """Maximum over windows of an image.

    ``y[n, c, i, j] = max over u, v of padded[n, c, s*i + d*u, s*j + d*v]``, u and v from 0 to kernel_size - 1, s the
    stride (kernel_size where it is None), d the dilation, and the padding -infinity. x (N, C, H, W) or (C, H, W), y
    (N, C, H', W') or that without N, H' = (H + 2 * padding - d * (kernel_size - 1) - 1) / s + 1 rounded down, W' alike;
    ``ceil_mode`` rounds up, but keeps no window that starts beyond the last element. Each argument is a number or a
    pair. NaN is above everything; of equal elements the first gets the gradient.
    ``RuntimeError`` for sizes that do not fit, ``NotImplementedError`` for ``return_indices``.
    Source: torch.nn.MaxPool2d.
    """

    axes = ("H", "W")


class AvgPool2d(Pooling):
    """Mean over windows of an image.

    ``y[n, c, i, j] = sum over u, v of padded[n, c, s*i + u, s*j + v] / count``, u and v from 0 to kernel_size - 1, s
    the stride (kernel_size where it is None), and the padding 0. ``count`` is how many of these positions are in the
    image or its padding, with ``count_include_pad=False`` in the image, or ``divisor_override``. x (N, C, H, W) or
    (C, H, W), y (N, C, H', W') or that without N, H' = (H + 2 * padding - kernel_size) / s + 1 rounded down, W' alike;
    ``ceil_mode`` rounds up, but keeps no window that starts beyond the last element and padding before it.
    ``RuntimeError`` for sizes that do not fit and a divisor of 0. Source: torch.nn.AvgPool2d.
    """

    axes = ("H", "W")

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, 1, ceil_mode)
        if divisor_override == 0:
            raise RuntimeError("divisor_override is not 0")
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    extra_repr = nn.AvgPool2d.extra_repr

    def forward(self, x: Tensor) -> Tensor:
        refuse_shape(self, x, self.axes)
        # Half types in float32, as torch's kernels do: a sum may overflow where the mean does not.
        sums = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        divisor = self._counts(sums) if self.divisor_override is None else self.divisor_override
        for place in range(len(self.axes)):
            sums = self._windows(sums, place, 0, 0).sum(-1)
        return (sums / divisor).to(x.dtype)

    def _counts(self, x: Tensor) -> Tensor:
        """(H', W'): the rows that count in a window times the columns that do."""
        counts = [
            self._windows(x.new_ones(x.shape[-2], 1), 0, float(self.count_include_pad), 0).sum(-1),
            self._windows(x.new_ones(1, x.shape[-1]), 1, float(self.count_include_pad), 0).sum(-1),
        ]
        return counts[0] * counts[1]


def pooled(
    x: np.ndarray,
    dimensions: int,
    reduced: Callable[[np.ndarray, int], np.ndarray],
    *,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
) -> np.ndarray:
    """Window by window, each cut to what is inside the input: nothing is padded.

    ``reduced`` gets a window and how many of its positions are in the input or its padding.
    """
    settings = (kernel_size, kernel_size if stride is None else stride, padding, dilation)
    each = np.array([np.broadcast_to(setting, dimensions) for setting in settings]).T.tolist()
    lengths = x.shape[-dimensions:]
    along = [positions_of_windows(n, *given, ceil_mode=ceil_mode) for n, given in zip(lengths, each, strict=True)]
    y = np.empty((*x.shape[:-dimensions], *map(len, along)))
    for place in np.ndindex(y.shape[-dimensions:]):
        inside, padded = zip(*(found[number] for found, number in zip(along, place, strict=True)), strict=True)
        y[(..., *place)] = reduced(x[(..., *np.ix_(*inside))], math.prod(padded))
    return y


def positions_of_windows(
    length: int, size: int, step: int, padding: int, gap: int, *, ceil_mode: bool
) -> list[tuple[list[int], int]]:
    """Along one axis: each window's positions inside the input, and how many are there or in the padding."""
    reach = gap * (size - 1)
    starts = range(-padding, length + padding - reach + (step - 1 if ceil_mode else 0), step)
    seen = [range(start, start + reach + 1, gap) for start in starts if start < length]
    return [([at for at in one if 0 <= at < length], sum(at < length + padding for at in one)) for one in seen]


def max_pool_oracle(dimensions: int, x: np.ndarray, **settings: Any) -> np.ndarray:
    axes = tuple(range(-dimensions, 0))
    settings.pop("return_indices", None)
    return pooled(x, dimensions, lambda window, _: window.max(axes, initial=-np.inf), **settings)


def avg_pool2d_oracle(
    x: np.ndarray, *, count_include_pad: bool = True, divisor_override: int | None = None, **settings: Any
) -> np.ndarray:
    def mean(window: np.ndarray, padded: int) -> np.ndarray:
        count = padded if count_include_pad else math.prod(window.shape[-2:])
        return np.asarray(window.sum((-2, -1)) / (divisor_override or count))

    return pooled(x, 2, mean, **settings)


# Of the rows the last window reaches beyond the padding, of the columns one more would start there and is left out.
PARTLY_BEYOND: dict[str, Any] = {"kernel_size": (4, 2), "stride": (5, 2), "padding": (2, 1), "ceil_mode": True}

suite.component(
    "max_pool1d",
    reference=MaxPool1d,
    variants={"torch": nn.MaxPool1d, "keras": "nnbench.suites._keras.layers:MaxPooling1D"},
    oracle=functools.partial(max_pool_oracle, 1),
    cases=[
        case(randn(32, 16, 100), kernel_size=2),
        case(randn(8, 64, 400), kernel_size=3, stride=2, padding=1),  # after a one-dimensional network's first layer
        case(randn(2, 3, 10), kernel_size=3, stride=2, timed=False),
        case(randn(2, 3, 11), kernel_size=2, dilation=3, stride=1, timed=False),
        case(randn(2, 3, 12), kernel_size=3, stride=4, padding=1, dilation=2, ceil_mode=True, timed=False),
        case(randn(2, 3, 4), kernel_size=4, stride=5, padding=2, ceil_mode=True, timed=False),
        case(randn(2, 3, 5), kernel_size=2, padding=1, ceil_mode=True, timed=False),  # one would start beyond the end
    ],
    documented=["pytorch"],
    properties=["batch_independent"],
)
suite.component(
    "max_pool2d",
    reference=MaxPool2d,
    variants={"torch": nn.MaxPool2d, "keras": "nnbench.suites._keras.layers:MaxPooling2D"},
    oracle=functools.partial(max_pool_oracle, 2),
    cases=[
        case(randn(1, 64, 32, 32), kernel_size=2, stride=2),
        case(randn(1, 64, 56, 56), kernel_size=3, stride=2, padding=1),  # behind a residual network's stem
        case(randn(2, 3, 7, 10), kernel_size=(3, 2), timed=False),
        case(randn(2, 3, 9, 11), kernel_size=(2, 3), stride=1, dilation=(3, 2), timed=False),
        case(randn(2, 3, 8, 12), kernel_size=3, stride=(3, 4), padding=1, dilation=2, ceil_mode=True, timed=False),
        case(randn(2, 3, 4, 5), **PARTLY_BEYOND, timed=False),
    ],
    documented=["handout", "deepdive"],
    properties=["batch_independent"],
)
suite.component(
    "avg_pool2d",
    reference=AvgPool2d,
    variants={"torch": nn.AvgPool2d, "keras": "nnbench.suites._keras.layers:AveragePooling2D"},
    oracle=avg_pool2d_oracle,
    cases=[
        case(randn(1, 64, 32, 32), kernel_size=2, stride=2),
        case(randn(1, 64, 32, 32), kernel_size=2),
        case(randn(2, 128, 56, 56), kernel_size=2, stride=2),  # between the blocks of a densely connected network
        case(randn(2, 3, 7, 10), kernel_size=(3, 2), stride=(2, 3), padding=1, timed=False),
        case(randn(2, 3, 7, 10), kernel_size=(3, 2), padding=(0, 1), count_include_pad=False, timed=False),
        case(randn(2, 3, 7, 8), kernel_size=3, padding=1, divisor_override=5, timed=False),
        case(randn(2, 3, 4, 5), **PARTLY_BEYOND, timed=False),
        case(randn(2, 3, 4, 5), **PARTLY_BEYOND, count_include_pad=False, timed=False),
        case(randn(2, 3, 8, 10), kernel_size=3, stride=(4, 5), padding=1, ceil_mode=True, timed=False),
        case(randn(3, 4, 5), kernel_size=2, timed=False),
    ],
    documented=["deepdive", "pytorch"],
    properties=["batch_independent"],
)
