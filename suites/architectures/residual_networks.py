"""Residual networks for small images: convolutions whose results are added to what went in."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from nnbench.suites.architectures.dense import affine, dropped_out, refuse_probability, relu
from nnbench.suites.architectures.images import batch_normalized, convolved
from nnbench.suites.architectures.recipes import RECIPES
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("architectures")


def convolution(in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1) -> nn.Conv2d:
    """A convolution that keeps the size but for the stride; its bias would be lost in the normalisation after it."""
    return nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2, bias=False)


class ResidualBlock(nn.Module):
    """``relu(bn2(conv2(dropout(relu(bn1(conv1(x)))))) + shortcut(x))``, under the names of torchvision's BasicBlock.

    The shortcut is x, or a 1x1 convolution and normalisation of it (``downsample``) where the channels change, as they
    do with every stride.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.conv1 = convolution(in_channels, out_channels, kernel_size, stride)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = convolution(out_channels, out_channels, kernel_size)  # equivalent: swapped, they are the same
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample: nn.Sequential | None = None
        if in_channels != out_channels:
            shortcut = convolution(in_channels, out_channels, 1, stride)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(out_channels))
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        h = relu(batch_normalized(convolved(x, self.conv1), self.bn1))
        h = dropped_out(h, self.dropout, self.training)
        h = batch_normalized(convolved(h, self.conv2), self.bn2)
        return relu(h + self.shortcut(x))

    def shortcut(self, x: Tensor) -> Tensor:
        return x if self.downsample is None else batch_normalized(convolved(x, self.downsample[0]), self.downsample[1])


class TorchResidualBlock(nn.Module):
    """The same block out of torch's layers."""

    def __init__(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.conv1 = convolution(in_channels, out_channels, kernel_size, stride)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = convolution(out_channels, out_channels, kernel_size)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample: nn.Sequential | None = None
        if in_channels != out_channels:
            shortcut = convolution(in_channels, out_channels, 1, stride)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(out_channels))
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        h = self.dropout(self.relu(self.bn1(self.conv1(x))))
        return self.relu(self.bn2(self.conv2(h)) + (x if self.downsample is None else self.downsample(x)))


Block = Callable[..., nn.Module]


def stages(block: Block) -> list[nn.Sequential]:
    """The four stages of ResNet-18, two blocks each: 64 to 512 channels, from the second on at half the size."""
    channels = (64, 64, 128, 256, 512)
    return [
        nn.Sequential(
            block(before, after, stride=1 if before == after else 2),
            block(after, after),  # equivalent: swapped, they are the same
        )
        for before, after in pairwise(channels)
    ]


class ResNet18Cifar(nn.Module):
    """ResNet-18 for images of 32 x 32: a 3x3 stem without pooling, eight residual blocks, one dense layer.

    ``h = relu(normalized(conv3x3(x)))`` with 64 channels; two blocks each with 64, 128, 256 and 512 channels, the first
    of a stage but the first stage with stride 2; then ``y = (mean of h over the pixels) W^T + b``. A block is
    ``relu(normalized(conv3x3(relu(normalized(conv3x3(h))))) + shortcut(h))``, the shortcut a 1x1 convolution and
    normalisation where the shape changes; normalized as in ``CNN``. Parameters have torchvision's names and start as
    those of torch's layers: 11,173,962 for 10 classes. x (N, 3, H, W), y (N, num_classes) logits. ``RuntimeError`` for
    another number of channels, ``ValueError`` in training for one value a channel.
    Source: PyTorch Neural Networks: A Comprehensive Guide; He et al., arXiv:1512.03385.
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = convolution(3, 64)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages(ResidualBlock)
        self.fc = nn.Linear(512, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        h = relu(batch_normalized(convolved(x, self.conv1), self.bn1))
        h = self.layer4(self.layer3(self.layer2(self.layer1(h))))
        return affine(h.mean((2, 3)), self.fc)


class TorchResNet18Cifar(nn.Module):
    """The same network out of torch's layers."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = convolution(3, 64)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.layer1, self.layer2, self.layer3, self.layer4 = stages(TorchResidualBlock)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.bn1(self.conv1(x)))
        h = self.layer4(self.layer3(self.layer2(self.layer1(h))))
        return self.fc(self.avgpool(h).flatten(1))


# Channels, kernel size and stride of each block of the residual network of the exercise.
EXERCISE = ((32, 3, 2), (64, 5, 2), (128, 3, 2))
STEM = 16


def exercise_blocks(block: Block, dropout: float) -> nn.Sequential:
    inputs = [STEM, *(channels for channels, *_ in EXERCISE)]
    return nn.Sequential(
        *(
            block(before, channels, stride=stride, kernel_size=kernel_size, dropout=dropout)
            for before, (channels, kernel_size, stride) in zip(inputs, EXERCISE, strict=False)
        )
    )


class ResidualCNN(nn.Module):
    """A small network with kernels of several sizes, batch normalisation, dropout and residual connections.

    ``h = relu(normalized(conv7x7(x)))`` with 16 channels, then three residual blocks (32 channels with 3x3 kernels, 64
    with 5x5, 128 with 3x3, all with stride 2), then ``y = (mean of h over the pixels) W^T + b``. A block is
    ``relu(normalized(conv(dropout(relu(normalized(conv(h)))))) + shortcut(h))``, the shortcut a 1x1 convolution and
    normalisation; normalized as in ``CNN``. The exercise leaves widths and depth open. x (N, 3, H, W), y
    (N, num_classes) logits. ``ValueError`` for a dropout outside 0 to 1 and, in training, for one value a channel;
    ``RuntimeError`` for another number of channels.
    Source: Neural Networks Deep Dive, exercise 1; the dropout's place: Zagoruyko and Komodakis, arXiv:1605.07146.
    """

    def __init__(self, num_classes: int = 10, dropout: float = 0.2) -> None:
        super().__init__()
        refuse_probability(dropout)
        self.stem = convolution(3, STEM, 7)
        self.norm = nn.BatchNorm2d(STEM)
        self.blocks = exercise_blocks(ResidualBlock, dropout)
        self.output = nn.Linear(EXERCISE[-1][0], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        h = relu(batch_normalized(convolved(x, self.stem), self.norm))
        return affine(self.blocks(h).mean((2, 3)), self.output)


class TorchResidualCNN(nn.Module):
    """The same network out of torch's layers."""

    def __init__(self, num_classes: int = 10, dropout: float = 0.2) -> None:
        super().__init__()
        self.stem = convolution(3, STEM, 7)
        self.norm = nn.BatchNorm2d(STEM)
        self.relu = nn.ReLU()
        self.blocks = exercise_blocks(TorchResidualBlock, dropout)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.output = nn.Linear(EXERCISE[-1][0], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        h = self.blocks(self.relu(self.norm(self.stem(x))))
        return self.output(self.pool(h).flatten(1))


suite.component(
    "residual_cnn",
    kind="architecture",
    reference=ResidualCNN,
    variants={"torch": TorchResidualCNN},
    cases=[
        *(case(randn(batch, 3, 32, 32)) for batch in (2, 8)),
        case(randn(2, 3, 9, 10), num_classes=2, dropout=0.4, timed=False),
        case(randn(2, 3, 9, 10), num_classes=2, dropout=0.0, timed=False),
    ],
    documented=["deepdive"],
    properties=["mode", "stochastic"],  # in training a sample's output depends on the batch around it
    recipe=RECIPES["residual_cnn"],
)
suite.component(
    "resnet18_cifar",
    kind="architecture",
    reference=ResNet18Cifar,
    variants={"torch": TorchResNet18Cifar},
    cases=[case(randn(2, 3, 32, 32), num_classes=10), case(randn(2, 3, 9, 10), timed=False)],
    documented=["pytorch"],
    properties=["mode"],
    recipe=RECIPES["resnet18_cifar"],
)
