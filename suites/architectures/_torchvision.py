"""torchvision's ResNet-18 with a new head: built as torchvision wants it today, and as the documents build it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nnbench.suites.architectures.transfer import Backbone, Weights, head, start_backbone
from torch import Tensor, nn

from nnbench.vision import import_torchvision

models: Any = import_torchvision().models


class WithNewHead(Backbone):
    """A ResNet-18 of torchvision's, its last layer replaced, under the same names and with its own forward."""

    def __init__(self, network: nn.Module, num_classes: int, freeze_backbone: bool) -> None:
        super().__init__()
        network.fc = head(num_classes)
        for name, layer in network.named_children():
            self.add_module(name, layer)
        self.network = (network,)  # in a tuple, or its parameters would be there twice
        if freeze_backbone:
            self.freeze()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.network[0](x)
        return y


class TransferResNet18(WithNewHead):
    """``TransferResNet18`` around torchvision's network."""

    def __init__(self, num_classes: int = 5, freeze_backbone: bool = True, weights: Weights | None = None) -> None:
        network = models.resnet18(weights=None)
        if weights is not None:
            start_backbone(network, weights)
        super().__init__(network, num_classes, freeze_backbone)


class DocumentedTransferResNet18(WithNewHead):
    """The same as the documents build it, with an argument that torchvision has deprecated.

    The weights that it asks for are not fetched: random ones take their place.
    """

    def __init__(self, num_classes: int = 5, freeze_backbone: bool = True) -> None:
        with nothing_fetched():
            network = models.resnet18(pretrained=True)
        super().__init__(network, num_classes, freeze_backbone)


@contextmanager
def nothing_fetched() -> Iterator[None]:
    """Inside, what torchvision would download is random weights of the right shapes."""
    kind = models.ResNet18_Weights
    fetch = kind.get_state_dict

    def random_weights(self: Any, *_: Any, **__: Any) -> dict[str, Tensor]:
        state: dict[str, Tensor] = models.resnet18(weights=None).state_dict()
        return state

    kind.get_state_dict = random_weights
    try:
        yield
    finally:
        kind.get_state_dict = fetch
