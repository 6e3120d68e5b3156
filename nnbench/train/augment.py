"""Augmented images: batches that the workers of a DataLoader make, the same ones however many workers there are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from nnbench.errors import listing
from nnbench.failures import NotMeasurable
from nnbench.specs import Recipe
from nnbench.train.parts import Part

Augment = Callable[[Tensor, torch.Generator], Tensor]
MOST_WORKERS = 4


def crop_and_flip(images: Tensor, chance: torch.Generator, padding: int = 4) -> Tensor:
    """Each image (N, C, H, W) cut anew out of itself with ``padding`` black pixels around it, half of them mirrored.

    Source: He et al. (2016), Deep Residual Learning for Image Recognition, section 4.2.
    """
    number, channels, height, width = images.shape
    top, left = (torch.randint(2 * padding + 1, (number, 1), generator=chance) for _ in range(2))
    mirrored = torch.rand(number, 1, generator=chance) < 0.5
    rows, columns = top + torch.arange(height), left + torch.arange(width)
    columns = torch.where(mirrored, columns.flip(1), columns)
    image, channel = torch.arange(number)[:, None, None, None], torch.arange(channels)[:, None, None]
    padded = nn.functional.pad(images, [padding] * 4)
    return padded[image, channel, rows[:, None, :, None], columns[:, None, None, :]]


AUGMENTATIONS: dict[str, Callable[..., Tensor]] = {"crop_and_flip": crop_and_flip}


class AugmentedBatches(Dataset[tuple[Tensor, Tensor]]):
    """Batches of a part by their number in the epoch; each has random numbers of its own, whoever makes it.

    ``seeds`` are the training's seed, the epoch, and the number of the first of these batches in it.
    """

    def __init__(self, part: Part, places: Sequence[Tensor], augment: Augment, seeds: tuple[int, int, int]) -> None:
        self.part, self.places, self.augment, self.seeds = part, places, augment, seeds

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        seed, epoch, first = self.seeds
        batch = self.part.rows(self.places[number])
        return self.augment(batch.inputs[0], chance_of(seed, epoch, first + number)), batch.targets


def chance_of(*numbers: int) -> torch.Generator:
    """Random numbers that these numbers alone decide; neighbours have nothing in common."""
    digest = hashlib.sha256(" ".join(map(str, numbers)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def augmented(
    part: Part, places: Sequence[Tensor], recipe: Recipe, seeds: tuple[int, int, int], workers: int | None = None
) -> Iterator[Part]:
    """The batches of images at these places, augmented as the recipe says, in their order.

    Raises ``NotMeasurable`` for an augmentation that is not known and for what are no images.
    """
    if recipe.augment not in AUGMENTATIONS:
        raise NotMeasurable(f"no augmentation is called {recipe.augment!r}; there are {listing(AUGMENTATIONS)}")
    if part.inputs[0].dim() != 4:
        raise NotMeasurable(f"{recipe.augment} is for images (N, C, H, W), not {tuple(part.inputs[0].shape)}")
    augment = partial(AUGMENTATIONS[recipe.augment], **recipe.augment_arguments)
    batches = AugmentedBatches(part, places, augment, seeds)
    loader: DataLoader[Any] = DataLoader(
        batches,
        batch_size=None,
        num_workers=idle_cores() if workers is None else workers,
        generator=torch.Generator(),  # or it would draw from the numbers that dropout takes
    )
    for images, targets in loader:
        yield Part((images,), targets)


def idle_cores() -> int:
    """How many workers there are place for beside the training itself; none on a single core."""
    return min(len(os.sched_getaffinity(0)) - 1, MOST_WORKERS)
