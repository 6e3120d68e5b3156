"""What networks for images share: each layer's forward from primitive operations, on what torch's layers hold."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad, unfold


def convolved(x: Tensor, layer: Any) -> Tensor:
    """The cross-correlation of (N, C, H, W) with the kernels of a ``nn.Conv2d`` without bias, groups or dilation.

    ``y[n, o, i, j] = sum over c, u, v of W[o, c, u, v] * padded[n, c, s*i + u, s*j + v]``, s the stride: a matrix
    product with what each position sees, a column a position. ``RuntimeError`` for another shape.
    """
    if x.dim() != 4 or x.shape[1] != layer.in_channels:
        raise RuntimeError(f"images are (N, {layer.in_channels}, H, W) here, not {tuple(x.shape)}")
    settings = zip(x.shape[2:], layer.kernel_size, layer.padding, layer.stride, strict=True)
    positions = [(length + 2 * padding - size) // stride + 1 for length, size, padding, stride in settings]
    seen = unfold(x, layer.kernel_size, padding=layer.padding, stride=layer.stride)
    return (layer.weight.flatten(1) @ seen).unflatten(2, positions)


def batch_normalized(x: Tensor, layer: Any) -> Tensor:
    """(x - mean) / sqrt(variance + eps) * weight + bias for each channel of (N, C, H, W), as a ``nn.BatchNorm2d`` does.

    In training mean and variance are those of the batch and its pixels, and the layer's running ones move towards
    them; in evaluation they are the running ones. ``ValueError`` for one value a channel in training.
    """
    # As in torch, half types are normalised in float32: a variance of small numbers would not be told from 0.
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    mean, variance = batch_statistics(wide, layer) if layer.training else (layer.running_mean, layer.running_var)
    scale = layer.weight / torch.sqrt(variance + layer.eps)
    centred = wide - mean.reshape(-1, 1, 1)
    return (centred * scale.reshape(-1, 1, 1) + layer.bias.reshape(-1, 1, 1)).to(x.dtype)


def batch_statistics(x: Tensor, layer: Any) -> tuple[Tensor, Tensor]:
    """Each channel's mean and variance over the batch and the pixels; the layer's running ones move towards them."""
    count = x.numel() // x.shape[1]
    if count == 1:
        raise ValueError(f"batch normalisation in training takes more than one value a channel, not {tuple(x.shape)}")
    mean = x.mean((0, 2, 3))
    variance = torch.square(x - mean.reshape(-1, 1, 1)).mean((0, 2, 3))
    with torch.no_grad():
        layer.num_batches_tracked += 1
        if count:
            unbiased = variance * (count / (count - 1))  # torch normalises with n, but remembers with n - 1
            layer.running_mean += layer.momentum * (mean - layer.running_mean)
            layer.running_var += layer.momentum * (unbiased - layer.running_var)
    return mean, variance


def max_pooled(x: Tensor, size: int, stride: int, padding: int = 0) -> Tensor:
    """The maximum of each square window of (N, C, H, W); the padding is -infinity."""
    padded = pad(x, [padding] * 4, value=-torch.inf)
    return padded.unfold(2, size, stride).unfold(3, size, stride).flatten(4).max(-1).values


def averaged(x: Tensor, size: int) -> Tensor:
    """(N, C, size, size) from (N, C, H, W): means of rectangles that cover it, overlapping where they have to.

    Rows from i * H / size rounded down to (i + 1) * H / size rounded up, columns alike.
    """
    for dimension in (2, 3):
        length = x.shape[dimension]
        edges = [(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]
        x = torch.stack([x.narrow(dimension, a, b - a).mean(dimension) for a, b in edges], dimension)
    return x
