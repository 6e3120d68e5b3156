"""What a network is trained, validated and tested on: tensors, where they are from, and how they were split."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Part:
    """Samples: the tensors that a network is called with, and its targets; all have the samples along dimension 0.

    Targets are classes int64 (N,), or float32 (N, outputs) of a regression and of a probability.
    """

    inputs: tuple[Tensor, ...]
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def rows(self, which: Tensor) -> Part:
        """The samples at these places int64 (n,), in this order."""
        return Part(tuple(tensor[which] for tensor in self.inputs), self.targets[which])

    def to(self, device: str | torch.device) -> Part:
        return Part(tuple(tensor.to(device) for tensor in self.inputs), self.targets.to(device))


@dataclass(frozen=True, eq=False)
class Parts:
    """A data set made ready: ``name`` and ``checksum`` say what it is, ``split`` in words how it was divided.

    ``features`` is the size of a sample's last dimension, ``classes`` their number, 0 where the target is a number.
    ``stays`` says that the training part is read by processes that make batches of it, and goes to no GPU as a whole.
    ``backbone`` says where the weights of a network that is transferred are from.
    """

    name: str
    checksum: str
    split: str
    train: Part
    validation: Part | None
    test: Part
    features: int
    classes: int
    stays: bool = False
    backbone: str = ""

    def to(self, device: str) -> Parts:
        """The same on another device."""
        validation = self.validation.to(device) if self.validation is not None else None
        train = self.train if self.stays else self.train.to(device)
        return replace(self, train=train, validation=validation, test=self.test.to(device))


def drawn(number: int, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Places of the samples that stay, and of the ``share`` of all (rounded down) that the seed draws, in order."""
    order = torch.randperm(number, generator=torch.Generator().manual_seed(seed))
    taken = int(number * share)
    return order[taken:].sort().values, order[:taken].sort().values


def balanced(classes: Tensor, number: int, seed: int) -> Tensor:
    """Places of ``number`` samples, as many of each class, drawn by the seed, in order.

    Raises ``ValueError`` where that cannot be.
    """
    kinds = classes.unique()
    each = number // len(kinds)
    generator = torch.Generator().manual_seed(seed)
    found = []
    for kind in kinds:
        places = (classes == kind).nonzero().flatten()
        if len(places) < each:
            raise ValueError(f"{each} samples of class {int(kind)} are wanted and there are {len(places)}")
        found.append(places[torch.randperm(len(places), generator=generator)[:each]])
    return torch.cat(found).sort().values
