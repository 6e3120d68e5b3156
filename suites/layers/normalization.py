"""Normalization layers: features brought to mean 0 and variance 1, over each sample or over the batch."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from nnbench.suites.layers import channels_first
from torch import Tensor, nn

from nnbench.catalog import Suite, Variant
from nnbench.specs import case, rand, randn

suite = Suite("layers")


def in_wide_arithmetic(x: Tensor) -> Tensor:
    """Half types in float32: moments are sums of many terms, and torch's own kernels do the same."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


class Normalization(nn.Module):
    """The scale and the shift after normalization; they start as ones and zeros, and each may be missing (None)."""

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(
        self, shape: tuple[int, ...], eps: float, scale: bool, shift: bool, device: Any, dtype: torch.dtype | None
    ) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(shape, device=device, dtype=dtype)) if scale else None
        self.bias = nn.Parameter(torch.zeros(shape, device=device, dtype=dtype)) if shift else None

    def _scaled(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        """The scaled and shifted x, the parameters being seen in this shape."""
        x = x if self.weight is None else x * self.weight.reshape(shape)
        return x if self.bias is None else x + self.bias.reshape(shape)


class LayerNorm(Normalization):
    """Layer normalization: each sample's last dimensions to mean 0 and variance 1.

    ``y = (x - mean) / sqrt(variance + eps) * weight + bias``, mean and (biased) variance over the last dimensions, of
    ``normalized_shape``. x and y (..., *normalized_shape), weight and bias of normalized_shape; without
    ``elementwise_affine`` there is neither, without ``bias`` no bias. ``RuntimeError`` for an x that ends otherwise or
    an empty ``normalized_shape``. Source: torch.nn.LayerNorm; Ba, Kiros and Hinton, arXiv:1607.06450.
    """

    def __init__(
        self,
        normalized_shape: int | list[int] | torch.Size,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if isinstance(normalized_shape, Sequence):
            shape = tuple(normalized_shape)
        else:
            shape = (operator.index(normalized_shape),)
        super().__init__(shape, eps, elementwise_affine, elementwise_affine and bias, device, dtype)
        self.normalized_shape = shape
        self.elementwise_affine = elementwise_affine

    reset_parameters = nn.LayerNorm.reset_parameters
    extra_repr = nn.LayerNorm.extra_repr

    def forward(self, x: Tensor) -> Tensor:
        dimensions = tuple(range(-len(self.normalized_shape), 0))
        if not dimensions or x.shape[dimensions[0] :] != self.normalized_shape:
            raise RuntimeError(f"LayerNorm of {self.normalized_shape} takes (..., that), not {tuple(x.shape)}")
        wide = in_wide_arithmetic(x)
        centred = wide - wide.mean(dimensions, keepdim=True)
        variance = (centred**2).mean(dimensions, keepdim=True)
        return self._scaled(centred / (variance + self.eps).sqrt(), self.normalized_shape).to(x.dtype)


def layer_norm_oracle(
    x: np.ndarray,
    *,
    weight: np.ndarray | float = 1.0,
    bias: np.ndarray | bool = False,
    normalized_shape: int | Sequence[int],
    eps: float = 1e-5,
    elementwise_affine: bool = True,
) -> np.ndarray:
    """Each sample as a vector: projected onto the vectors of sum zero, then divided by its regularized length."""
    size = math.prod(np.atleast_1d(normalized_shape).tolist())
    samples = x.reshape(-1, size)
    projected = samples @ (np.eye(size) - 1 / size)
    lengths = np.sqrt(np.einsum("sf,sf->s", projected, projected) + size * eps)
    return (projected * math.sqrt(size) / lengths[:, None]).reshape(x.shape) * weight + bias


class BatchNorm(Normalization):
    """Batch normalization of the second dimension; subclasses say what inputs they take."""

    running_mean: Any  # a tensor or None, as the next two
    running_var: Any
    num_batches_tracked: Any
    input_dimensions: tuple[int, ...]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__((num_features,), eps, affine, affine and bias, device, dtype)
        self.num_features = num_features
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        mean = torch.zeros(num_features, device=device, dtype=dtype)
        seen = torch.zeros((), device=device, dtype=torch.int64)
        for name, start in {"mean": mean, "var": torch.ones_like(mean)}.items():
            self.register_buffer(f"running_{name}", start if track_running_stats else None)
        self.register_buffer("num_batches_tracked", seen if track_running_stats else None)

    reset_running_stats = nn.BatchNorm1d.reset_running_stats
    reset_parameters = nn.BatchNorm1d.reset_parameters
    extra_repr = nn.BatchNorm1d.extra_repr

    def forward(self, x: Tensor) -> Tensor:
        of_batch = self.training or self.running_mean is None
        self._refuse_input(x, of_batch)
        by_feature = (-1, *[1] * len(x.shape[2:]))  # the shape in which a number a feature meets x
        wide = in_wide_arithmetic(x)
        if of_batch:
            others = [place for place in range(x.dim()) if place != 1]
            # About a rough mean first, so that features far from zero keep precision.
            rough = wide.detach().mean(others)  # equivalent: it cancels out, and its gradient with it
            shifted = wide - rough.reshape(by_feature)
            rest = shifted.mean(others)
            mean = rough + rest  # equivalent: what the rest adds is rounding
            centred = shifted - rest.reshape(by_feature)
            variance = (centred**2).mean(others)
            if self.track_running_stats:
                self._track(mean, variance, math.prod(x.shape[place] for place in others))
        else:
            variance = in_wide_arithmetic(self.running_var)
            centred = wide - self.running_mean.reshape(by_feature)
        y = centred / (variance + self.eps).sqrt().reshape(by_feature)
        return self._scaled(y, by_feature).to(x.dtype)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running statistics towards a batch's; its variance counts as a sample's, divided by count - 1."""
        self.num_batches_tracked += 1
        if not count:
            return  # an empty batch has no moments
        share = self.num_batches_tracked.double().reciprocal() if self.momentum is None else self.momentum
        unbiased = variance * (count / (count - 1))
        self.running_mean.copy_((1 - share) * self.running_mean + share * mean)
        self.running_var.copy_((1 - share) * self.running_var + share * unbiased)

    def _refuse_input(self, x: Tensor, of_batch: bool) -> None:
        if x.dim() not in self.input_dimensions:
            raise ValueError(f"{type(self).__name__} takes {self.input_dimensions} dimensions, not {tuple(x.shape)}")
        if x.shape[1] != self.num_features:
            raise RuntimeError(f"the second dimension holds {self.num_features} features, not {x.shape[1]}")
        if of_batch and x.numel() == self.num_features:
            raise ValueError(f"one value a feature has no variance: {tuple(x.shape)}")
        if self.eps < 0 or (of_batch and self.eps == 0):
            raise ValueError(f"eps is above 0 (0 with running statistics in evaluation mode), not {self.eps}")


class BatchNorm1d(BatchNorm):
    """Batch normalization of feature vectors or sequences: each feature to mean 0 and variance 1 over the batch.

    ``y = (x - mean) / sqrt(variance + eps) * weight + bias``, mean and (biased) variance of each feature over all other
    dimensions. Training moves ``running_mean`` and ``running_var`` (unbiased) by ``momentum`` of the way to the
    batch's, or with ``momentum=None`` keeps the mean over all batches; evaluation uses them instead, unless there are
    none (``track_running_stats=False``). x and y (N, C) or (N, C, L), the rest (C,).
    ``ValueError`` for other dimensions, one value a feature, or a negative eps; ``RuntimeError`` for another C.
    Source: torch.nn.BatchNorm1d; Ioffe and Szegedy, arXiv:1502.03167.
    """

    input_dimensions = (2, 3)


class BatchNorm2d(BatchNorm):
    """Batch normalization of images: each channel to mean 0 and variance 1 over the batch and its pixels.

    ``y = (x - mean) / sqrt(variance + eps) * weight + bias``, mean and (biased) variance of each channel over N, H and
    W. x and y (N, C, H, W), weight, bias, ``running_mean`` and ``running_var`` (C,); the running statistics, the two
    modes and the errors are those of ``BatchNorm1d``.
    Source: torch.nn.BatchNorm2d; Ioffe and Szegedy, arXiv:1502.03167.
    """

    input_dimensions = (4,)


def batch_norm_oracle(
    x: np.ndarray,
    *,
    weight: np.ndarray | float = 1.0,
    bias: np.ndarray | bool = False,
    eps: float = 1e-5,
    **settings: Any,
) -> np.ndarray:
    """Training mode: each feature a row, its variance the mean square less the squared mean.

    What remains, the running statistics and their settings, does not enter.
    """
    rows = np.moveaxis(x, 1, -1)
    everything = tuple(range(x.ndim - 1))
    mean = np.average(rows, axis=everything)
    inverse = np.power(np.average(rows * rows, axis=everything) - mean * mean + eps, -0.5)
    return np.moveaxis(rows * (inverse * weight) + (bias - mean * inverse * weight), -1, 1)


# Options whose speed nobody asks for, in float64: of so few numbers one may lie far from what rounding mostly does.
TINY: dict[str, Any] = {"dtype": "float64", "timed": False}
BIASED = "its running variance takes in a batch's biased variance where torch's takes in the unbiased one"

suite.component(
    "layer_norm",
    reference=LayerNorm,
    variants={
        "torch": nn.LayerNorm,
        "keras": "nnbench.suites._keras.normalization:LayerNormalization",
        "documented": channels_first.DOCUMENTED,
    },
    oracle=layer_norm_oracle,
    cases=[
        case(randn(32, 64), normalized_shape=64),
        case(randn(32, 5), normalized_shape=5),
        case(randn(2, 64, 768), normalized_shape=768),  # a base transformer's: batch, positions, features
        case(randn(3, 4, 5), normalized_shape=(4, 5), eps=0.5, **TINY),
        case(randn(3, 4, 5), normalized_shape=[5], bias=False, **TINY),
        case(randn(3, 4, 5), normalized_shape=5, elementwise_affine=False, **TINY),
    ],
    documented=["deepdive", "pytorch"],
    properties=["batch_independent"],
)
suite.component(
    "batch_norm1d",
    reference=BatchNorm1d,
    variants={
        "torch": nn.BatchNorm1d,
        "keras": Variant("keras", "nnbench.suites._keras.normalization:BatchNormalization1d", difference=BIASED),
    },
    oracle=batch_norm_oracle,
    cases=[
        case(randn(32, 5), num_features=5),
        case(randn(32, 256), num_features=256),
        case(randn(16, 64, 256), num_features=64),  # after a convolution over 256 time steps
        case(randn(6, 3), num_features=3, eps=0.5, momentum=0.7, **TINY),
        case(randn(6, 3, 8), num_features=3, momentum=None, bias=False, **TINY),
        case(randn(6, 3), num_features=3, eps=0.5, affine=False, **TINY),
        case(rand(1024, 2), num_features=2, eps=0.5, timed=False),  # far from zero, for how wide it is
    ],
    documented=["handout", "guide", "fundamentals", "pytorch"],
    properties=["mode"],
)
suite.component(
    "batch_norm2d",
    reference=BatchNorm2d,
    variants={
        "torch": nn.BatchNorm2d,
        "keras": Variant("keras", "nnbench.suites._keras.normalization:BatchNormalization2d", difference=BIASED),
    },
    oracle=batch_norm_oracle,
    cases=[
        case(randn(1, 64, 32, 32), num_features=64),
        case(randn(1, 32, 32, 32), num_features=32),
        case(randn(4, 64, 32, 32), num_features=64),  # a residual block's
        case(randn(3, 4, 2, 5), num_features=4, eps=0.5, momentum=0.7, **TINY),
        case(randn(3, 4, 2, 5), num_features=4, momentum=None, bias=False, **TINY),
        case(randn(3, 4, 2, 5), num_features=4, affine=False, **TINY),
        case(rand(4, 2, 16, 16), num_features=2, timed=False),  # far from zero, for how wide it is
    ],
    documented=["handout", "deepdive", "pytorch"],
    properties=["mode"],
)
