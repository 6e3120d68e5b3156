"""What the image pipelines share: checking, resizing, and the way from bytes to normalised numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Of ImageNet's training images in [0, 1], as the models trained on them expect it.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def refuse_no_images(images: Tensor) -> None:
    """``ValueError`` unless the images are (N, 3, H, W) with pixels; ``TypeError`` for another dtype than is taken."""
    if not isinstance(images, Tensor):
        raise TypeError(f"images are a tensor, not {type(images).__name__}")
    if images.dim() != 4 or images.shape[1] != 3 or 0 in images.shape[2:]:
        raise ValueError(f"images are (N, 3, H, W) with a pixel at least, not {tuple(images.shape)}")
    if images.dtype not in (torch.uint8, torch.float32, torch.float64):
        raise TypeError(f"images are uint8 from 0 to 255, or float32 or float64 from 0 to 1, not {images.dtype}")
    # The comparison is the right way round for NaN, which is in no range.
    if images.is_floating_point() and images.numel() and not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(f"images of {images.dtype} are from 0 to 1, not {images.min():.4g} to {images.max():.4g}")


def refuse_not_positive(**sizes: int) -> None:
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"{name} is a whole number of pixels from 1 up, not {size!r}")


def float_dtype(image: Tensor) -> torch.dtype:
    """The dtype that an image is worked on in: its own, float32 for bytes."""
    return image.dtype if image.is_floating_point() else torch.float32


def resized(image: Tensor, height: int, width: int) -> Tensor:
    """An image (..., h, w) in another size, by antialiased bilinear interpolation; bytes are rounded to bytes.

    Separable: ``rows @ image @ columns^T`` with the weights of ``triangle_weights``.
    """
    rows = triangle_weights(image.shape[-2], height).to(float_dtype(image))
    columns = triangle_weights(image.shape[-1], width).to(float_dtype(image))
    values = rows @ image.to(rows.dtype) @ columns.T
    return values if image.is_floating_point() else torch.round(values).to(image.dtype)


def triangle_weights(before: int, after: int) -> Tensor:
    """The share of each of ``before`` pixels in each of ``after``: a (after, before) matrix whose rows sum to 1.

    A triangle stands over each new pixel's centre. It reaches one old pixel to either side, and one new pixel where
    pixels are made fewer, so that none is passed over: that is the antialiasing.
    """
    scale = before / after
    centres = (torch.arange(after, dtype=torch.float64) + 0.5) * scale
    distances = torch.arange(before, dtype=torch.float64) + 0.5 - centres[:, None]
    weights = torch.clamp(1 - distances.abs() / max(scale, 1.0), min=0)
    return weights / weights.sum(1, keepdim=True)


def to_unit(image: Tensor) -> Tensor:
    """Bytes as float32 from 0 to 1; floats as they are."""
    return image if image.is_floating_point() else image.to(torch.float32) / 255


def normalised(image: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """``(image - mean) / std`` channel by channel; image (..., 3, h, w)."""
    shift, scale = (torch.tensor(values, dtype=image.dtype).reshape(3, 1, 1) for values in (mean, std))
    return (image - shift) / scale


def pictures(numbers: Tensor) -> Tensor:
    """A case's numbers as images: whole ones, from 0 to 255, are bytes; of those from 0 to 1 bright and pale pixels.

    Rounding moves the places that pixels are taken from: so that it is told from mistakes, neighbours differ little.
    """
    return 0.9 + numbers / 32 if numbers.is_floating_point() else numbers.to(torch.uint8)


def pixels_of(numbers: np.ndarray) -> tuple[np.ndarray, type[np.floating]]:
    """The same images in 64 bits for an oracle, and the dtype of what comes out."""
    images = pictures(torch.from_numpy(numbers))
    return images.double().numpy(), np.float64 if images.is_floating_point() else np.float32


def answered(made: Callable[..., Tensor], images: Tensor, *more: Tensor) -> dict[str, Any]:
    """What is made of images, whether in the right dtype, and whether the images are what they were."""
    kept = images.clone()
    outcome = made(images, *more)
    return {
        "images": outcome,
        "in the right dtype": outcome.dtype == float_dtype(images),
        "unchanged": torch.equal(images, kept),
    }


def right_answer(images: Any) -> dict[str, Any]:
    """As ``answered`` puts what is right."""
    return {"images": images, "in the right dtype": True, "unchanged": True}
