"""What images go through before a network is evaluated on them: always the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from nnbench.suites.data.images import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    bytes_of,
    normalised,
    require_images,
    require_positive,
    resized,
    to_unit,
)
from PIL import Image
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import case, randint

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
        require_positive(resize=resize, crop=crop)
        if crop > resize:
            raise ValueError(f"crop is at most resize, {resize}, not {crop}: beyond the image there is nothing to cut")
        self.resize, self.crop, self.mean, self.std = resize, crop, mean, std

    def __call__(self, images: Tensor) -> Tensor:
        require_images(images)
        height, width = sizes_with_shorter_side(self.resize, *images.shape[2:])
        top, left = round((height - self.crop) / 2), round((width - self.crop) / 2)
        cut = resized(images, height, width)[..., top : top + self.crop, left : left + self.crop]
        return normalised(to_unit(cut), self.mean, self.std)


def sizes_with_shorter_side(shorter: int, height: int, width: int) -> tuple[int, int]:
    """Height and width at the same proportions, the longer side rounded down."""
    if height <= width:
        return shorter, int(shorter * width / height)
    return int(shorter * height / width), shorter


def on_bytes(make: Callable[..., Any], numbers: Tensor) -> Tensor:
    outcome: Tensor = make()(bytes_of(numbers))
    return outcome


def augment_eval_oracle(numbers: np.ndarray, resize: int = 256, crop: int = 224) -> np.ndarray:
    """Pillow resizes, channel by channel, as 32-bit floats: its bytes would be rounded between rows and columns."""
    height, width = numbers.shape[2:]
    share = resize / min(height, width)
    size = (int(width * share + 1e-9), int(height * share + 1e-9))
    resized = [[_resized_by_pillow(channel, size) for channel in image] for image in numbers.astype(np.float32)]
    edges = [int(np.rint((side - crop) / 2)) for side in size]
    cut = np.asarray(resized)[:, :, edges[1] :, edges[0] :][:, :, :crop, :crop]
    scale = 1 / np.multiply(255.0, IMAGENET_STD)
    offset = np.divide(IMAGENET_MEAN, IMAGENET_STD)
    return np.rint(cut) * scale[:, None, None] - offset[:, None, None]


def _resized_by_pillow(channel: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(channel).resize(size, Image.Resampling.BILINEAR), dtype=np.float64)


suite.component(
    "augment_eval",
    kind="transform",
    reference=AugmentEval,
    variants={"torchvision": "nnbench.suites._torchvision.augmentation:AugmentEval"},
    oracle=augment_eval_oracle,
    drive=on_bytes,
    # Sizes at which every sum is exact. At others its last digit decides about whole grey levels, where a value lies
    # halfway between two, and no two implementations agree on every one.
    cases=[case(randint(256, (4, 3, 256, 320))), case(randint(256, (2, 3, 512, 640)))],
    documented=["handout"],
    properties=["batch_independent"],
)
