"""Convolutions, from matrix products of windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from nnbench.suites.layers.affine import AffineLayer
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("layers")

Pair = tuple[int, int]


class Conv2d(AffineLayer):
    """Two-dimensional convolution (cross-correlation) over pixels.

    ``y[n, o, i, j] = b[o] + sum over c, u, v of W[o, c, u, v] * padded[n, c, s*i + d*u, s*j + d*v]``, s the stride, d
    the dilation, c running over the channels of o's group. x (N, C, H, W) or (C, H, W), weight (out_channels,
    C / groups, *kernel_size), bias (out_channels,), y (N, out_channels, H', W') or that without N. ``padding`` is a
    number, a pair, "same" (where it is odd, more at the end) or "valid"; ``padding_mode`` is zeros, reflect, replicate
    or circular.
    ``ValueError`` for arguments that do not fit together, ``RuntimeError`` for an input that does not fit them.
    Source: torch.nn.Conv2d.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: str | int | Pair = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        refuse_what_does_not_fit(in_channels, out_channels, groups, padding, pair(stride), padding_mode)
        super().__init__((out_channels, in_channels // groups, *pair(kernel_size)), bias, device, dtype)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = pair(kernel_size)
        self.stride = pair(stride)
        self.padding = padding if isinstance(padding, str) else pair(padding)
        self.dilation = pair(dilation)
        self.groups = groups
        self.padding_mode = padding_mode

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() not in (3, 4) or x.shape[-3] != self.in_channels:
            raise RuntimeError(f"Conv2d takes (N, {self.in_channels}, H, W) or that without N, not {tuple(x.shape)}")
        y = self._convolve(x if x.dim() == 4 else x.unsqueeze(0))
        return y if x.dim() == 4 else y.squeeze(0)

    def _convolve(self, x: Tensor) -> Tensor:
        for dimension, margins in zip((2, 3), self._margins(), strict=True):
            x = extended(x, dimension, margins, self.padding_mode)
        patches = windows(x, self.kernel_size, self.stride, self.dilation)
        samples, _, _, _, height, width = patches.shape
        # One matrix product a group: (outputs, channels and kernel positions) times (those, pixels).
        columns = patches.reshape(samples, self.groups, self.weight[0].numel(), height * width)
        kernels = self.weight.reshape(self.groups, self.out_channels // self.groups, self.weight[0].numel())
        y = (kernels @ columns).reshape(samples, self.out_channels, height, width)
        return y if self.bias is None else y + self.bias.reshape(-1, 1, 1)

    def _margins(self) -> list[Pair]:
        """How far each spatial dimension is extended before its start and after its end."""
        if self.padding == "valid":
            return [(0, 0), (0, 0)]
        if self.padding == "same":
            reach = [step * (size - 1) for step, size in zip(self.dilation, self.kernel_size, strict=True)]
            return [(whole // 2, whole - whole // 2) for whole in reach]
        return [(int(margin), int(margin)) for margin in self.padding]


def pair(value: int | Sequence[int]) -> Pair:
    if isinstance(value, int):
        return value, value
    height, width = value
    return height, width


PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def refuse_what_does_not_fit(
    in_channels: int, out_channels: int, groups: int, padding: str | int | Pair, stride: Pair, padding_mode: str
) -> None:
    """Raise the ``ValueError`` that torch raises for the same arguments."""
    if groups <= 0 or in_channels % groups or out_channels % groups:
        raise ValueError(f"groups is positive and divides in_channels and out_channels; {groups} does not")
    if isinstance(padding, str) and padding not in ("same", "valid"):
        raise ValueError(f"padding is a number, a pair, 'same' or 'valid', not {padding!r}")
    if padding == "same" and stride != (1, 1):
        raise ValueError(f"padding='same' needs a stride of 1, not {stride}")
    if padding_mode not in PADDING_MODES:
        raise ValueError(f"padding_mode is one of {', '.join(PADDING_MODES)}, not {padding_mode!r}")


def extended(x: Tensor, dimension: int, margins: Pair, mode: str) -> Tensor:
    """The tensor with margins added to one dimension: zeros, or elements of its own chosen by the mode."""
    if margins == (0, 0):
        return x
    before, after = margins
    size = x.shape[dimension]
    if mode == "zeros":
        first, last = (x.new_zeros(*x.shape[:dimension], margin, *x.shape[dimension + 1 :]) for margin in margins)
        return torch.cat([first, x, last], dimension)
    limit = {"reflect": size - 1, "circular": size}.get(mode, math.inf)
    if max(margins) > limit:
        raise RuntimeError(f"padding_mode={mode!r} can add {limit} to a dimension of {size}, not {max(margins)}")
    return x.index_select(dimension, taken_from(before, size, after, mode).to(x.device))


def taken_from(before: int, size: int, after: int, mode: str) -> Tensor:
    """For each position from -before to size + after, the position from 0 to size - 1 whose element stands there."""
    positions = torch.arange(-before, size + after)
    if mode == "circular":
        return positions % size
    if mode == "replicate":
        return positions.clamp(0, size - 1)
    return size - 1 - (size - 1 - positions.abs()).abs()  # reflected at 0, then at size - 1


def windows(x: Tensor, kernel_size: Pair, stride: Pair, dilation: Pair) -> Tensor:
    """(N, C, H, W) as a strided view (N, C, *kernel_size, H', W'): what each kernel position sees for each output."""
    for dimension, size, step, gap in zip((2, 3), kernel_size, stride, dilation, strict=True):
        # unfold puts the window last; with dilation only every gap-th element of it counts.
        x = x.unfold(dimension, gap * (size - 1) + 1, step)[..., ::gap]
    return x.permute(0, 1, 4, 5, 2, 3)


def conv2d_oracle(
    x: np.ndarray,
    *,
    weight: np.ndarray,
    bias: np.ndarray | bool | None = None,
    in_channels: int,
    out_channels: int,
    kernel_size: int | Pair,
    stride: int | Pair = 1,
    padding: str | int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> np.ndarray:
    """The sum over kernel positions of one shifted, thinned-out image each, times that position's weights."""
    gaps, steps = np.broadcast_to(dilation, 2), np.broadcast_to(stride, 2)
    spans = gaps * (np.array(weight.shape[2:]) - 1)
    modes = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    margins = [(0, 0), (0, 0), *_numpy_margins(padding, spans)]
    padded = np.pad(x[None] if x.ndim == 3 else x, margins, mode=modes[padding_mode])  # type: ignore[call-overload]
    height, width = (np.array(padded.shape[2:]) - spans - 1) // steps + 1
    images = padded.reshape(len(padded), groups, in_channels // groups, *padded.shape[2:])
    kernels = weight.reshape(groups, out_channels // groups, *weight.shape[1:])
    total = np.zeros((len(padded), groups, out_channels // groups, height, width))
    for u, v in np.ndindex(*weight.shape[2:]):
        rows, columns = np.arange(height) * steps[0] + u * gaps[0], np.arange(width) * steps[1] + v * gaps[1]
        seen = images[..., rows[:, None], columns]
        total += np.einsum("ngchw,goc->ngohw", seen, kernels[..., u, v], optimize=True)
    y = total.reshape(len(padded), out_channels, height, width)
    y = y + bias[:, None, None] if isinstance(bias, np.ndarray) else y
    return y[0] if x.ndim == 3 else y


def _numpy_margins(padding: str | int | Pair, spans: np.ndarray) -> list[Pair]:
    if padding == "valid":
        return [(0, 0), (0, 0)]
    if padding == "same":
        return [(span // 2, span - span // 2) for span in spans.tolist()]
    return [(margin, margin) for margin in np.broadcast_to(np.asarray(padding), 2).tolist()]


suite.component(
    "conv2d",
    reference=Conv2d,
    variants={"torch": nn.Conv2d},
    oracle=conv2d_oracle,
    cases=[
        case(randn(1, 3, 32, 32), in_channels=3, out_channels=64, kernel_size=3, stride=1, padding=1),
        case(randn(32, 3, 32, 32), in_channels=3, out_channels=32, kernel_size=3, padding=1),
        case(randn(32, 1, 28, 28), in_channels=1, out_channels=32, kernel_size=3),
        case(randn(32, 3, 32, 32), in_channels=3, out_channels=16, kernel_size=3),
        case(randn(4, 64, 32, 32), in_channels=64, out_channels=64, kernel_size=3, padding=1),  # a residual block's
    ],
    documented=["handout", "deepdive", "fundamentals", "pytorch"],
    properties=["batch_independent"],
)
