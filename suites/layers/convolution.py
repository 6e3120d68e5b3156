"""Convolutions, from matrix products of windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from nnbench.suites.layers.affine import AffineLayer
from nnbench.suites.layers.windows import Margins, extended, refuse_below, sizes, windows
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("layers")

Sizes = int | tuple[int, ...]


class Convolution(AffineLayer):
    """A convolution over as many dimensions as there are ``axes``; the subclasses give the formula."""

    axes: tuple[str, ...]
    output_padding = ()  # torch's own text of the settings asks for it

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: str | Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        dimensions = len(self.axes)
        kernel, steps, gaps = (
            sizes(name, value, dimensions)
            for name, value in {"kernel_size": kernel_size, "stride": stride, "dilation": dilation}.items()
        )
        refuse_below(1, kernel_size=kernel, stride=steps, dilation=gaps)
        refuse_what_does_not_fit(in_channels, out_channels, groups, padding, steps, padding_mode)
        super().__init__((out_channels, in_channels // groups, *kernel), bias, device, dtype)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel
        self.stride = steps
        self.padding = padding if isinstance(padding, str) else sizes("padding", padding, dimensions)
        self.dilation = gaps
        self.groups = groups
        self.padding_mode = padding_mode

    extra_repr = nn.Conv2d.extra_repr

    def forward(self, x: Tensor) -> Tensor:
        sample = len(self.axes) + 1
        if x.dim() not in (sample, sample + 1) or x.shape[-sample] != self.in_channels:
            raise RuntimeError(
                f"{type(self).__name__} takes (N, {self.in_channels}, {', '.join(self.axes)}) or that without N, "
                f"not {tuple(x.shape)}"
            )
        return self._convolve(x) if x.dim() > sample else self._convolve(x.unsqueeze(0)).squeeze(0)

    def _convolve(self, x: Tensor) -> Tensor:
        patches = self._patches(x)
        samples, positions = len(x), patches.shape[-len(self.axes) :]
        # One matrix product a group: (outputs, channels and kernel positions) times (those, positions).
        columns = patches.reshape(samples, self.groups, self.weight[0].numel(), positions.numel())
        kernels = self.weight.reshape(self.groups, self.out_channels // self.groups, self.weight[0].numel())
        y = kernels @ columns
        if self.bias is not None:
            y = y + self.bias.reshape(self.groups, self.out_channels // self.groups, 1)
        return y.reshape(samples, self.out_channels, *positions)

    def _patches(self, x: Tensor) -> Tensor:
        """(N, C, *kernel_size, *positions): what each kernel position sees for each output, a strided view."""
        spatial = range(2, x.dim())
        for place, dimension in enumerate(spatial):
            x = extended(x, dimension, self._margins(place), self.padding_mode)
        for place, dimension in enumerate(spatial):
            x = windows(x, dimension, self.kernel_size[place], self.stride[place], self.dilation[place])
        return x.permute(0, 1, *range(spatial.stop, x.dim()), *spatial)

    def _margins(self, place: int) -> Margins:
        """How far one spatial dimension is extended before its start and after its end."""
        if self.padding == "valid":
            return 0, 0
        if self.padding == "same":
            reach = self.dilation[place] * (self.kernel_size[place] - 1)
            return reach // 2, reach - reach // 2
        return int(self.padding[place]), int(self.padding[place])


class Conv1d(Convolution):
    """One-dimensional convolution (cross-correlation) over a sequence.

    ``y[n, o, i] = b[o] + sum over c, u of W[o, c, u] * padded[n, c, s*i + d*u]``, s the stride, d the dilation, c
    running over the channels of o's group. x (N, C, L) or (C, L), weight (out_channels, C / groups, kernel_size), bias
    (out_channels,), y (N, out_channels, L') or that without N. ``padding`` is a number, "same" (where it is odd, more
    at the end) or "valid"; ``padding_mode`` is zeros, reflect, replicate or circular.
    ``ValueError`` for arguments that do not fit together, ``RuntimeError`` for sizes below 1 and for an input that
    does not fit. Source: torch.nn.Conv1d.
    """

    axes = ("L",)


class Conv2d(Convolution):
    """Two-dimensional convolution (cross-correlation) over pixels.

    ``y[n, o, i, j] = b[o] + sum over c, u, v of W[o, c, u, v] * padded[n, c, s*i + d*u, s*j + d*v]``, s the stride, d
    the dilation, c running over the channels of o's group. x (N, C, H, W) or (C, H, W), weight (out_channels,
    C / groups, *kernel_size), bias (out_channels,), y (N, out_channels, H', W') or that without N. ``padding`` is a
    number, a pair, "same" (where it is odd, more at the end) or "valid"; ``padding_mode`` is zeros, reflect, replicate
    or circular.
    ``ValueError`` for arguments that do not fit together, ``RuntimeError`` for sizes below 1 and for an input that
    does not fit. Source: torch.nn.Conv2d.
    """

    axes = ("H", "W")


PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def refuse_what_does_not_fit(
    in_channels: int, out_channels: int, groups: int, padding: str | Sizes, stride: tuple[int, ...], padding_mode: str
) -> None:
    """Raise the ``ValueError`` that torch raises for the same arguments."""
    if groups <= 0 or in_channels % groups or out_channels % groups:
        raise ValueError(f"groups is positive and divides in_channels and out_channels; {groups} does not")
    if isinstance(padding, str) and padding not in ("same", "valid"):
        raise ValueError(f"padding is a number, one for each dimension, 'same' or 'valid', not {padding!r}")
    if padding == "same" and max(stride) != 1:
        raise ValueError(f"padding='same' needs a stride of 1, not {stride}")
    if padding_mode not in PADDING_MODES:
        raise ValueError(f"padding_mode is one of {', '.join(PADDING_MODES)}, not {padding_mode!r}")


def convolution_oracle(
    x: np.ndarray,
    *,
    weight: np.ndarray,
    bias: np.ndarray | bool | None = None,
    in_channels: int,
    out_channels: int,
    kernel_size: Sizes,
    stride: Sizes = 1,
    padding: str | Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> np.ndarray:
    """The sum over kernel positions of one shifted, thinned-out image each, times that position's weights."""
    dimensions = weight.ndim - 2
    gaps, steps = np.broadcast_to(dilation, dimensions), np.broadcast_to(stride, dimensions)
    spans = gaps * (np.array(weight.shape[2:]) - 1)
    modes = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    margins = [(0, 0), (0, 0), *_numpy_margins(padding, spans)]
    batch = x[None] if x.ndim == dimensions + 1 else x
    padded = np.pad(batch, margins, mode=modes[padding_mode])  # type: ignore[call-overload]
    found = (np.array(padded.shape[2:]) - spans - 1) // steps + 1
    images = padded.reshape(len(padded), groups, in_channels // groups, *padded.shape[2:])
    kernels = weight.reshape(groups, out_channels // groups, *weight.shape[1:])
    total = np.zeros((len(padded), groups, out_channels // groups, *found))
    for place in np.ndindex(*weight.shape[2:]):
        shifted = [np.arange(found[axis]) * steps[axis] + place[axis] * gaps[axis] for axis in range(dimensions)]
        seen = images[(..., *np.ix_(*shifted))]
        total += np.einsum("ngc...,goc->ngo...", seen, kernels[(..., *place)], optimize=True)
    y = total.reshape(len(padded), out_channels, *found)
    y = y + np.reshape(bias, (-1, *[1] * dimensions)) if isinstance(bias, np.ndarray) else y
    return y[0] if x.ndim == dimensions + 1 else y


def _numpy_margins(padding: str | Sizes, spans: np.ndarray) -> list[Margins]:
    if padding == "valid":
        return [(0, 0)] * len(spans)
    if padding == "same":
        return [(span // 2, span - span // 2) for span in spans.tolist()]
    return [(margin, margin) for margin in np.broadcast_to(np.asarray(padding), len(spans)).tolist()]


CHANNELS: dict[str, Any] = {"in_channels": 4, "out_channels": 6}

suite.component(
    "conv1d",
    reference=Conv1d,
    variants={"torch": nn.Conv1d, "keras": "nnbench.suites._keras.convolution:Conv1D"},
    oracle=convolution_oracle,
    cases=[
        case(randn(32, 128, 100), in_channels=128, out_channels=64, kernel_size=3, padding=1),
        case(randn(32, 1, 100), in_channels=1, out_channels=16, kernel_size=3),
        # a state-space language model's: one short causal kernel a channel
        case(randn(1, 1024, 512), in_channels=1024, out_channels=1024, kernel_size=4, padding=3, groups=1024),
        case(randn(2, 4, 11), **CHANNELS, kernel_size=2, stride=3, padding=1, dilation=2, groups=2, timed=False),
        case(randn(2, 4, 11), **CHANNELS, kernel_size=4, padding="same", dilation=3, timed=False),
        case(randn(2, 4, 11), **CHANNELS, kernel_size=2, padding="same", padding_mode="reflect", timed=False),
        case(randn(2, 4, 11), **CHANNELS, kernel_size=3, padding="valid", bias=False, timed=False),
        case(randn(2, 4, 3), **CHANNELS, kernel_size=3, padding=2, padding_mode="reflect", timed=False),
        case(randn(2, 4, 3), **CHANNELS, kernel_size=3, padding=4, padding_mode="replicate", timed=False),
        case(randn(2, 4, 3), **CHANNELS, kernel_size=3, padding=3, padding_mode="circular", timed=False),
        case(randn(2, 4, 11), in_channels=4, out_channels=1, kernel_size=3, timed=False),
    ],
    documented=["deepdive", "pytorch"],
    properties=["batch_independent"],
)
suite.component(
    "conv2d",
    reference=Conv2d,
    variants={"torch": nn.Conv2d, "keras": "nnbench.suites._keras.convolution:Conv2D"},
    oracle=convolution_oracle,
    cases=[
        case(randn(1, 3, 32, 32), in_channels=3, out_channels=64, kernel_size=3, stride=1, padding=1),
        case(randn(32, 3, 32, 32), in_channels=3, out_channels=32, kernel_size=3, padding=1),
        case(randn(32, 1, 28, 28), in_channels=1, out_channels=32, kernel_size=3),
        case(randn(32, 3, 32, 32), in_channels=3, out_channels=16, kernel_size=3),
        case(randn(4, 64, 32, 32), in_channels=64, out_channels=64, kernel_size=3, padding=1),  # a residual block's
        case(randn(2, 4, 7, 8), **CHANNELS, kernel_size=(3, 2), stride=(2, 1), padding=(0, 1), groups=2, timed=False),
        case(randn(2, 4, 7, 8), **CHANNELS, kernel_size=2, stride=(1, 2), dilation=(3, 2), padding=1, timed=False),
        case(randn(2, 4, 7, 8), **CHANNELS, kernel_size=(4, 3), padding="same", dilation=(1, 2), timed=False),
        case(randn(2, 4, 7, 8), **CHANNELS, kernel_size=(2, 3), padding="same", padding_mode="reflect", timed=False),
        case(randn(2, 4, 7, 8), **CHANNELS, kernel_size=(1, 2), padding="valid", bias=False, timed=False),
        case(randn(2, 4, 3, 4), **CHANNELS, kernel_size=3, padding=(2, 1), padding_mode="reflect", timed=False),
        case(randn(2, 4, 3, 4), **CHANNELS, kernel_size=3, padding=(3, 5), padding_mode="replicate", timed=False),
        case(randn(2, 4, 3, 4), **CHANNELS, kernel_size=3, padding=(3, 4), padding_mode="circular", timed=False),
        case(randn(2, 4, 6, 5), in_channels=4, out_channels=1, kernel_size=3, timed=False),
    ],
    documented=["handout", "deepdive", "fundamentals", "pytorch"],
    properties=["batch_independent"],
)
