"""The image pipelines out of torchvision's own transforms (version 1), image by image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from nnbench.vision import import_torchvision

import_torchvision()

from torchvision import transforms  # noqa: E402  it may only be imported in the way that the line above does

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class AugmentTrain:
    """Cut, mirrored, turned, of another brightness and contrast, normalised."""

    def __init__(
        self,
        size: int = 224,
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
        flip: float = 0.5,
        degrees: float = 15,
        brightness: float = 0.2,
        contrast: float = 0.2,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        self.steps = transforms.Compose(
            [
                transforms.RandomResizedCrop(size, scale, ratio),
                transforms.RandomHorizontalFlip(flip),
                transforms.RandomRotation(degrees),
                transforms.ColorJitter(brightness, contrast),
                transforms.Lambda(to_unit),
                transforms.Normalize(mean, std),
            ]
        )

    def __call__(self, images: Tensor) -> Tensor:
        return torch.stack([self.steps(image) for image in images])


class AugmentEval:
    """Resized, cut in the middle, normalised."""

    def __init__(
        self,
        resize: int = 256,
        crop: int = 224,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        self.steps = transforms.Compose(
            [
                transforms.Resize(resize),
                transforms.CenterCrop(crop),
                transforms.Lambda(to_unit),
                transforms.Normalize(mean, std),
            ]
        )

    def __call__(self, images: Tensor) -> Tensor:
        return torch.stack([self.steps(image) for image in images])


def to_unit(image: Any) -> Any:
    """Bytes as float32 from 0 to 1; floats as they are."""
    return image if image.is_floating_point() else transforms.functional.convert_image_dtype(image)
