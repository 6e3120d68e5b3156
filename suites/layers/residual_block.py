"""The residual block: two convolutions whose result is added to what went in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from nnbench.suites.layers.convolution import Conv2d
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("layers")


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch normalisation, added to their input.

    ``h = relu(bn1(conv1(x)))``; ``y = relu(bn2(conv2(h)) + shortcut(x))``. conv1 has the stride, both have a padding
    of 1; the shortcut is a 1x1 convolution with the stride and a batch normalisation where the shape changes, else x
    itself. ``bn(z) = (z - mean) / sqrt(variance + 1e-5) * weight + bias`` per channel: in training mode with the mean
    and variance of the batch, which move the running ones by a tenth of the way (the variance counted with n - 1), in
    evaluation mode with the running ones. x (N, in_channels, H, W), y (N, out_channels, ceil(H / stride),
    ceil(W / stride)). ``bias`` is that of the convolutions.
    ``RuntimeError`` for another number of channels; ``ValueError`` for an image without N, and for one value per
    channel in training mode.
    Source: He et al., arXiv:1512.03385; torch.nn.BatchNorm2d for the running statistics.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, bias: bool = True) -> None:
        super().__init__()
        self.conv1 = Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=bias)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = Conv2d(out_channels, out_channels=out_channels, kernel_size=3, padding=1, bias=bias)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            self.shortcut.append(Conv2d(in_channels, out_channels, 1, stride, bias=bias))
            self.shortcut.append(nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        h = relu(batch_normalised(self.conv1(x), self.bn1))
        h = batch_normalised(self.conv2(h), self.bn2)
        return relu(h + (batch_normalised(self.shortcut[0](x), self.shortcut[1]) if len(self.shortcut) else x))


class TorchResidualBlock(nn.Module):
    """The same block out of torch's layers."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, bias: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=bias)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=bias)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU()
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            self.shortcut.append(nn.Conv2d(in_channels, out_channels, 1, stride, bias=bias))
            self.shortcut.append(nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


def relu(x: Tensor) -> Tensor:
    return torch.where(x <= 0, 0, x)  # equivalent: at 0 rounding decides; test_residual_block.py has its slope


def batch_normalised(x: Tensor, layer: Any) -> Tensor:
    """x normalised per channel with the parameters, buffers and mode of a ``nn.BatchNorm2d`` as torch makes it."""
    if x.dim() != 4:
        raise ValueError(f"a batch of images (N, C, H, W) is needed, not {tuple(x.shape)}")
    # As in torch, half types are normalised in float32: a variance of small numbers would not be told from 0.
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    mean, variance = batch_statistics(wide, layer) if layer.training else (layer.running_mean, layer.running_var)
    centred = wide - mean.reshape(-1, 1, 1)
    scale = layer.weight / torch.sqrt(variance.to(wide.dtype) + layer.eps)
    return (centred * scale.reshape(-1, 1, 1) + layer.bias.reshape(-1, 1, 1)).to(x.dtype)


def batch_statistics(x: Tensor, layer: Any) -> tuple[Tensor, Tensor]:
    """Each channel's mean and variance over the batch and the pixels; the running ones move towards them."""
    count = x.numel() // x.shape[1]
    if count == 1:
        raise ValueError(f"more than one value per channel is needed in training mode, not those of {tuple(x.shape)}")
    mean = x.mean((0, 2, 3))
    variance = torch.square(x - mean.reshape(-1, 1, 1)).mean((0, 2, 3))
    with torch.no_grad():
        layer.num_batches_tracked += 1
        layer.running_mean += layer.momentum * (mean - layer.running_mean)
        layer.running_var += layer.momentum * (variance * (count / (count - 1)) - layer.running_var)
    return mean, variance


def residual_block_oracle(
    x: np.ndarray, *, in_channels: int, out_channels: int, stride: int = 1, bias: bool = True, **state: np.ndarray
) -> np.ndarray:
    """In training mode. Convolutions are products of spectra; channels are normalised as rows of numbers."""
    h = np.maximum(_normalised(_convolved(x, "conv1", stride, 1, state), "bn1", state), 0)
    h = _normalised(_convolved(h, "conv2", 1, 1, state), "bn2", state)
    if "shortcut.0.weight" in state:
        x = _normalised(_convolved(x, "shortcut.0", stride, 0, state), "shortcut.1", state)
    return np.maximum(h + x, 0)


def _convolved(images: np.ndarray, name: str, stride: int, padding: int, state: dict[str, np.ndarray]) -> np.ndarray:
    kernels = state[f"{name}.weight"]
    padded = np.pad(images, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    size = padded.shape[2:]
    # What wraps round lies beyond the last position at which a kernel fits, and is cut off.
    spectra, filters = np.fft.rfft2(padded), np.fft.rfft2(kernels, size).conj()
    whole = np.fft.irfft2(np.einsum("ncxy,ocxy->noxy", spectra, filters, optimize=True), size)
    height, width = np.array(size) - kernels.shape[2:] + 1
    offset = state.get(f"{name}.bias", np.zeros(len(kernels)))
    return whole[..., :height:stride, :width:stride] + offset[:, None, None]


def _normalised(images: np.ndarray, name: str, state: dict[str, np.ndarray]) -> np.ndarray:
    channels = np.moveaxis(images, 1, -1)
    rows = channels.reshape(-1, channels.shape[-1])
    scores = (rows - np.average(rows, axis=0)) / np.sqrt(np.var(rows, axis=0) + 1e-5)
    scaled = scores * state[f"{name}.weight"] + state[f"{name}.bias"]
    return np.moveaxis(scaled.reshape(channels.shape), -1, 1)


# Options whose speed nobody asks for, in float64: of so few numbers one may lie far from what rounding mostly does.
TINY: dict[str, Any] = {"dtype": "float64", "timed": False}

suite.component(
    "residual_block",
    reference=ResidualBlock,
    variants={"torch": TorchResidualBlock},
    oracle=residual_block_oracle,
    cases=[
        case(randn(2, 64, 8, 8), in_channels=64, out_channels=64, stride=1),
        case(randn(2, 64, 8, 8), in_channels=64, out_channels=128, stride=2),
        case(randn(2, 64, 8, 8), in_channels=64, out_channels=64, stride=1, bias=False),
        case(randn(2, 64, 8, 8), in_channels=64, out_channels=128, stride=2, bias=False),
        case(randn(2, 64, 16, 16), in_channels=64, out_channels=64, stride=1, bias=False),
        case(randn(3, 2, 5, 4), in_channels=2, out_channels=2, **TINY),
        case(randn(3, 2, 5, 4), in_channels=2, out_channels=3, bias=False, **TINY),
        case(randn(3, 2, 5, 4), in_channels=2, out_channels=2, stride=2, **TINY),
    ],
    documented=["deepdive", "pytorch"],
    properties=["mode"],
)
