"""Transfer learning: ResNet-18 as torchvision has it, with a frozen backbone and a new head."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from os import PathLike
from typing import Any

import torch
from nnbench.suites.architectures.dense import affine, dropped_out, relu
from nnbench.suites.architectures.images import batch_normalized, convolved, max_pooled
from nnbench.suites.architectures.recipes import RECIPES
from nnbench.suites.architectures.residual_networks import ResidualBlock, TorchResidualBlock, stages
from torch import Tensor, nn

from nnbench.catalog import Evidence, Suite, Variant
from nnbench.specs import case, randn

suite = Suite("architectures")

Weights = str | PathLike[str] | Mapping[str, Tensor]
HEAD = "fc"
DROPOUT = 0.3


def head(num_classes: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 256), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(256, num_classes))


def stem() -> nn.Conv2d:
    return nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)


def start_backbone(made: nn.Module, weights: Weights | None) -> None:
    """Give the backbone the weights of a state_dict or its file; without them let it start as torchvision's does.

    A head among them is left out: it is for other classes. ``RuntimeError`` for other missing or unknown names.
    """
    if weights is None:
        for layer in made.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        return
    # No case of the checks gives weights; tests/suites/test_image_architectures.py holds these lines.
    state = weights if isinstance(weights, Mapping) else _read(weights)  # equivalent: in every case
    body = [name for name in state if not _is_of_head(name)]  # equivalent: in every case
    missing, unknown = made.load_state_dict({name: state[name] for name in body}, strict=False)
    wrong = [*(name for name in missing if not _is_of_head(name)), *unknown]  # equivalent: in every case
    if wrong:
        raise RuntimeError(f"weights are those of torchvision's ResNet-18: missing or unknown {', '.join(wrong[:5])}")


def _read(file: str | PathLike[str]) -> Mapping[str, Tensor]:
    return dict(torch.load(file, map_location="cpu", weights_only=True))  # equivalent: in every case, as above


def _is_of_head(name: str) -> bool:
    return name.startswith(f"{HEAD}.")


class Backbone(nn.Module):
    """What reference and torch variant share: a backbone that training leaves alone where it is frozen."""

    frozen = False

    def freeze(self) -> None:
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(_is_of_head(name))
        self.frozen = True
        self.train()  # equivalent: to the checks, which set the mode; test_a_frozen_network_begins_frozen holds it

    def train(self, mode: bool = True) -> Any:
        """The mode of all layers; a frozen backbone stays in evaluation mode.

        Without gradients alone its weights would stay, but in training its normalisations would follow the new data.
        """
        super().train(mode)
        for name, child in self.named_children():
            if self.frozen and name != HEAD:
                child.eval()
        return self


class TransferResNet18(Backbone):
    """ResNet-18 with a new head of two dense layers, its backbone frozen unless told otherwise.

    ``h = maximum of each 3x3, stride 2, of relu(normalized(conv7x7, stride 2, of x))``, then the residual blocks of
    ``ResNet18Cifar``, then ``y = dropout(relu(m W1^T + b1)) W2^T + b2`` from the mean m of h over the pixels, with 256
    units and a dropout of 0.3. ``freeze_backbone``: all but the head takes no gradient, and its normalisations use
    their running statistics in training too and leave them as they are. Parameters and buffers have the names of
    torchvision's ResNet-18, the head's are fc.0 and fc.3. ``weights`` is a state_dict of torchvision's, or the path of
    one, whose head is left out; without it the backbone starts at random as torchvision's does (the recipe trains one
    on other data where there are no weights). x (N, 3, H, W), y (N, num_classes) logits.
    ``RuntimeError`` for another number of channels and for weights of another network.
    Source: Neural Networks - Intermediate Handout; torchvision.models.resnet18.
    """

    def __init__(self, num_classes: int = 5, freeze_backbone: bool = True, weights: Weights | None = None) -> None:
        super().__init__()
        self.conv1 = stem()
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages(ResidualBlock)
        self.fc = head(num_classes)
        start_backbone(self, weights)
        if freeze_backbone:
            self.freeze()

    def forward(self, x: Tensor) -> Tensor:
        h = max_pooled(relu(batch_normalized(convolved(x, self.conv1), self.bn1)), 3, 2, padding=1)
        h = self.layer4(self.layer3(self.layer2(self.layer1(h))))
        units = dropped_out(relu(affine(h.mean((2, 3)), self.fc[0])), DROPOUT, self.fc.training)
        return affine(units, self.fc[3])


class TorchTransferResNet18(Backbone):
    """The same network out of torch's layers."""

    def __init__(self, num_classes: int = 5, freeze_backbone: bool = True, weights: Weights | None = None) -> None:
        super().__init__()
        self.conv1 = stem()
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages(TorchResidualBlock)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = head(num_classes)
        start_backbone(self, weights)
        if freeze_backbone:
            self.freeze()

    def forward(self, x: Tensor) -> Tensor:
        h = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        h = self.layer4(self.layer3(self.layer2(self.layer1(h))))
        return self.fc(self.avgpool(h).flatten(1))


def deprecated_argument(documented: Variant, reference: Variant) -> Evidence:
    """E10: what torchvision says when the network is built."""
    told = {made.name: _told_when_built(made) for made in (documented, reference)}
    said = told[documented.name]
    shown = "pretrained" in said and ("deprecated" in said or "TypeError" in said)
    return Evidence(shown, f"when it is built: {said or 'nothing'}; the reference: {told[reference.name] or 'nothing'}")


def _told_when_built(variant: Variant) -> str:
    """The first warning, or the error of a torchvision that no longer takes the argument."""
    with warnings.catch_warnings(record=True) as caught, torch.random.fork_rng(devices=[]):
        warnings.simplefilter("always")
        try:
            variant.build()
        except TypeError as error:
            return f"TypeError: {error}"
    return next((f"{warning.category.__name__}: {warning.message}" for warning in caught), "")


suite.component(
    "transfer_resnet18",
    kind="architecture",
    reference=TransferResNet18,
    variants={
        "torch": TorchTransferResNet18,
        "torchvision": "nnbench.suites.architectures._torchvision:TransferResNet18",
        "documented": Variant(
            "documented",
            "nnbench.suites.architectures._torchvision:DocumentedTransferResNet18",
            erratum="E10",
            evidence={"E10": deprecated_argument},
        ),
    },
    cases=[
        *(case(randn(1, 3, size, size), num_classes=5, freeze_backbone=True) for size in (64, 224)),
        case(randn(2, 3, 9, 10), timed=False),
        case(randn(2, 3, 33, 34), num_classes=2, freeze_backbone=False, timed=False),
    ],
    documented=["handout"],
    properties=["mode", "stochastic", "batch_independent"],
    recipe=RECIPES["transfer_resnet18"],
)
