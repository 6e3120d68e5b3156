"""The plain convolutional network: blocks of convolution, normalisation and ReLU, then a dense classifier."""

from __future__ import annotations

from itertools import pairwise

from nnbench.suites.architectures.dense import affine, dropped_out, refuse_probability, relu
from nnbench.suites.architectures.images import averaged, batch_normalized, convolved, max_pooled
from nnbench.suites.architectures.recipes import RECIPES
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("architectures")

CHANNELS = (32, 64, 128)
POOLED = 4  # rows and columns that the classifier sees, whatever the image's size
UNITS = 256


class CNN(nn.Module):
    """Three convolutions with batch normalisation, pooled to 4 x 4, and two dense layers.

    ``h = relu(normalized(conv3x3(h)))`` from ``h = x`` with 32, 64 and 128 channels and a padding of 1; the maximum of
    each 2 x 2 after the first two, the mean of each of 4 x 4 rectangles after the third; then
    ``y = dropout(relu(h W1^T + b1)) W2^T + b2`` with 256 units. normalized(h) = (h - mean) / sqrt(variance + 1e-5) *
    weight + bias with each channel's mean and variance in the batch, in evaluation with their running averages
    (momentum 0.1). The convolutions have no bias, which the normalisation would take away again; parameters start as
    those of torch's layers. x (N, in_channels, H, W), y (N, num_classes) logits. ``ValueError`` for a dropout outside 0
    to 1; ``RuntimeError`` for another number of channels. Source: Neural Networks - Intermediate Handout.
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 3, dropout: float = 0.5) -> None:
        super().__init__()
        refuse_probability(dropout)
        sizes = list(pairwise([in_channels, *CHANNELS]))
        self.convolutions = nn.ModuleList([nn.Conv2d(*size, 3, padding=1, bias=False) for size in sizes])
        self.norms = nn.ModuleList([nn.BatchNorm2d(channels) for channels in CHANNELS])
        self.hidden = nn.Linear(CHANNELS[-1] * POOLED**2, UNITS)
        self.output = nn.Linear(UNITS, num_classes)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        *before, last = range(len(CHANNELS))
        for place in before:
            x = max_pooled(self._features(x, place), 2, 2)
        x = averaged(self._features(x, last), POOLED)
        h = relu(affine(x.flatten(1), self.hidden))
        return affine(dropped_out(h, self.dropout, self.training), self.output)

    def _features(self, x: Tensor, place: int) -> Tensor:
        return relu(batch_normalized(convolved(x, self.convolutions[place]), self.norms[place]))


class TorchCNN(nn.Module):
    """The same network out of torch's layers."""

    def __init__(self, num_classes: int = 10, in_channels: int = 3, dropout: float = 0.5) -> None:
        super().__init__()
        sizes = list(pairwise([in_channels, *CHANNELS]))
        self.convolutions = nn.ModuleList([nn.Conv2d(*size, 3, padding=1, bias=False) for size in sizes])
        self.norms = nn.ModuleList([nn.BatchNorm2d(channels) for channels in CHANNELS])
        self.pools = nn.ModuleList([nn.MaxPool2d(2), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(POOLED)])
        self.relu = nn.ReLU()
        self.hidden = nn.Linear(CHANNELS[-1] * POOLED**2, UNITS)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(UNITS, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        for convolution, norm, pool in zip(self.convolutions, self.norms, self.pools, strict=True):
            x = pool(self.relu(norm(convolution(x))))
        return self.output(self.dropout(self.relu(self.hidden(x.flatten(1)))))


suite.component(
    "cnn",
    kind="architecture",
    reference=CNN,
    variants={"torch": TorchCNN},
    cases=[
        *(case(randn(batch, 3, 32, 32), num_classes=10) for batch in (2, 8)),
        case(randn(2, 1, 20, 23), num_classes=2, in_channels=1, dropout=0.0, timed=False),
        case(randn(2, 3, 5, 7), timed=False),
    ],
    documented=["handout"],
    properties=["mode", "stochastic"],  # in training a sample's output depends on the batch around it
    recipe=RECIPES["cnn"],
)
