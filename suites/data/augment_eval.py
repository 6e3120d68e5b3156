"""What images go through before a network is evaluated on them: always the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from nnbench.suites.data.images import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    answered,
    normalised,
    pictures,
    pixels_of,
    refuse_no_images,
    refuse_not_positive,
    resized,
    right_answer,
    to_unit,
)
from PIL import Image
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import case, rand, randint

suite = Suite("data")


class AugmentEval:
    """Resize the shorter side to 256, cut the 224 x 224 pixels in the middle, normalise as for ImageNet.

    Antialiased bilinear interpolation; the longer side becomes ``floor(resize * long / short)``; the cut starts at
    ``round((size - crop) / 2)``; then ``(x - mean) / std`` per channel with x in [0, 1]. images (N, 3, H, W), uint8 or
    float in [0, 1]; result (N, 3, crop, crop), float32 for uint8, otherwise the images' own dtype. Bytes are rounded to
    bytes when they are resized. ``ValueError`` for other shapes, ranges and sizes, ``TypeError`` for other dtypes.
    Source: torchvision.transforms.Resize, CenterCrop, Normalize.
    """

    def __init__(
        self,
        resize: int = 256,
        crop: int = 224,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        refuse_not_positive(resize=resize, crop=crop)
        if crop > resize:
            raise ValueError(f"crop is at most resize, {resize}, not {crop}: beyond the image there is nothing to cut")
        self.resize, self.crop, self.mean, self.std = resize, crop, mean, std

    def __call__(self, images: Tensor) -> Tensor:
        refuse_no_images(images)
        height, width = sizes_with_shorter_side(self.resize, *images.shape[2:])
        top, left = round((height - self.crop) / 2), round((width - self.crop) / 2)
        cut = resized(images, height, width)[..., top : top + self.crop, left : left + self.crop]
        return normalised(to_unit(cut), self.mean, self.std)


def sizes_with_shorter_side(shorter: int, height: int, width: int) -> tuple[int, int]:
    """Height and width at the same proportions, the longer side rounded down."""
    before = min([height, width])
    return int(shorter * height / before), int(shorter * width / before)


def on_pictures(make: Callable[..., Any], numbers: Tensor) -> dict[str, Any]:
    return answered(make(), pictures(numbers))


def augment_eval_oracle(
    numbers: np.ndarray,
    resize: int = 256,
    crop: int = 224,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
) -> dict[str, Any]:
    """Resized whole, bytes by Pillow and floats by averages pixel by pixel; scaled after it was cut."""
    height, width = numbers.shape[2:]
    share = resize / min(height, width)
    size = (int(width * share + 1e-9), int(height * share + 1e-9))
    edges = [int(np.rint((side - crop) / 2)) for side in size]
    images, dtype = pixels_of(numbers)
    of_bytes = dtype == np.float32
    whole = _resized_by_pillow(images, size) if of_bytes else _averages(_averages(images, size[1], 2), size[0], 3)
    cut = whole[:, :, edges[1] :, edges[0] :][:, :, :crop, :crop]
    scale, offset = 1 / np.multiply(255.0 if of_bytes else 1.0, std), np.divide(mean, std)
    return right_answer((cut * scale[:, None, None] - offset[:, None, None]).astype(dtype))


def _resized_by_pillow(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Channel by channel, as 32-bit floats: its bytes would be rounded between rows and columns."""
    channels = [Image.fromarray(channel) for image in images.astype(np.float32) for channel in image]
    resized = np.asarray([np.asarray(one.resize(size, Image.Resampling.BILINEAR)) for one in channels])
    return np.rint(resized.astype(np.float64)).reshape(*images.shape[:2], *resized.shape[1:])


def _averages(images: np.ndarray, size: int, axis: int) -> np.ndarray:
    """Along one axis, each of the new pixels as the weighted average of those within its reach; in 64 bits."""
    share = images.shape[axis] / size
    reach, found = max(share, 1.0), []
    for centre in (np.arange(size) + 0.5) * share - 0.5:
        near = np.arange(max(int(np.ceil(centre - reach)), 0), min(int(centre + reach) + 1, images.shape[axis]))
        found.append(np.average(images.take(near, axis), axis, weights=reach - np.abs(near - centre)))
    return np.stack(found, axis)


suite.component(
    "augment_eval",
    kind="transform",
    reference=AugmentEval,
    variants={"torchvision": "nnbench.suites._torchvision.augmentation:AugmentEval"},
    oracle=augment_eval_oracle,
    drive=on_pictures,
    # Bytes in sizes at which every sum is exact. At others its last digit decides about whole grey levels, where a
    # value lies halfway between two, and no two implementations agree on every one.
    cases=[
        case(randint(256, (4, 3, 256, 320))),
        case(randint(256, (2, 3, 512, 640))),
        case(randint(256, (2, 3, 320, 256)), resize=128, crop=99),
        case(randint(256, (1, 3, 512, 640)), resize=128, crop=101),
        case(randint(256, (1, 3, 128, 160))),
        case(rand(2, 3, 61, 88, requires_grad=False), resize=40, crop=33, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4)),
        case(rand(1, 3, 60, 41, requires_grad=False), resize=64, crop=61),
    ],
    documented=["handout"],
    properties=["batch_independent"],
)
