"""Images turned, shifted, mirrored and zoomed at random, as Keras' ImageDataGenerator does it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.ndimage
import torch
from nnbench.suites.data.images import answered, float_dtype, pictures, pixels_of, right_answer
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import case, rand, randint

suite = Suite("data")

# What is drawn for an image, in this order: its turn, its shift down and to the right, its zoom down and to the right,
# and whether it is mirrored.
DRAWS = 6


def augment_affine(
    images: Tensor,
    draws: Tensor | None = None,
    rotation_range: float = 20.0,
    width_shift_range: float = 0.2,
    height_shift_range: float = 0.2,
    horizontal_flip: bool = True,
    zoom_range: float = 0.2,
    fill_mode: str = "nearest",
) -> Tensor:
    """Each image turned, shifted, zoomed and mirrored at random, bilinearly; the outermost pixels go on outside.

    The pixel at p from the middle (rows, columns) is taken from ``R(angle) (shift + zoom * p)`` of the original:
    angle uniform within ``rotation_range`` degrees, shift within ``height_shift_range`` and ``width_shift_range`` of
    the size, zoom within ``zoom_range`` of 1, for rows and columns each; with ``horizontal_flip`` half of the images
    are mirrored then. ``draws`` (N, 6) are the uniform numbers in [0, 1) that decide it, drawn by torch where they are
    not given. images (N, H, W, C), uint8 or float; the result as well, float32 for uint8, in the images' own range.
    ``ValueError`` for other shapes and ranges, ``TypeError`` for other dtypes, ``NotImplementedError`` for another
    ``fill_mode`` and for shifts in pixels. Source: keras.preprocessing.image.ImageDataGenerator.
    """
    refuse_other_layouts(images)
    refuse_settings(rotation_range, width_shift_range, height_shift_range, zoom_range, fill_mode)
    draws = torch.rand(len(images), DRAWS) if draws is None else draws
    if draws.shape != (len(images), DRAWS):
        raise ValueError(f"draws are {(len(images), DRAWS)}, {DRAWS} for each image, not {tuple(draws.shape)}")
    values = images.to(float_dtype(images))
    spread = draws.to(torch.float64 if values.dtype == torch.float64 else torch.float32) * 2 - 1
    height, width = images.shape[1:3]
    widest = (math.radians(rotation_range), height_shift_range * height, width_shift_range * width, zoom_range)
    moved = between_pixels(values, *original_places(spread[..., None, None], height, width, *widest))
    mirrored = (draws[:, 5] < 0.5)[:, None, None, None] & horizontal_flip
    return torch.where(mirrored, moved.flip(2), moved).to(values.dtype)


def original_places(
    spread: Tensor, height: int, width: int, turn: float, shift_down: float, shift_right: float, zoom: float
) -> tuple[Tensor, Tensor]:
    """The rows and columns (N, height, width) that pixels are taken from; ``spread`` (N, 6, 1, 1) is from -1 to 1."""
    y, x = (torch.arange(size, dtype=spread.dtype) - (size - 1) / 2 for size in (height, width))
    angle = spread[:, 0] * turn
    down = spread[:, 1] * shift_down + (1 + spread[:, 3] * zoom) * y[:, None]
    right = spread[:, 2] * shift_right + (1 + spread[:, 4] * zoom) * x
    row = torch.cos(angle) * down - torch.sin(angle) * right
    column = torch.sin(angle) * down + torch.cos(angle) * right
    return row + (height - 1) / 2, column + (width - 1) / 2


def between_pixels(images: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Images (N, H, W, C) at rows and columns (N, h, w), bilinearly; places outside are moved inside."""
    (top, bottom, down), (left, right, across) = (
        neighbours(place, size) for place, size in ((row, images.shape[1]), (column, images.shape[2]))
    )
    image = torch.arange(len(images))[:, None, None]
    above = images[image, top, left] * (1 - across) + images[image, top, right] * across
    below = images[image, bottom, left] * (1 - across) + images[image, bottom, right] * across
    return above * (1 - down) + below * down


def neighbours(place: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The pixels before and after a place, and how far it is on the way from one to the other (..., 1)."""
    place = place.clamp(0, size - 1)
    before = place.floor()
    after = (before + 1).clamp(max=size - 1)
    return before.long(), after.long(), (place - before)[..., None]


def refuse_other_layouts(images: Tensor) -> None:
    if not isinstance(images, Tensor):
        raise TypeError(f"images are a tensor, not {type(images).__name__}")
    if images.dim() != 4 or 0 in images.shape[1:]:
        raise ValueError(f"images are (N, H, W, C) with a pixel at least, not {tuple(images.shape)}")
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise TypeError(f"images are uint8 or floating-point, not {images.dtype}")


def refuse_settings(rotation: float, width_shift: float, height_shift: float, zoom: float, fill_mode: str) -> None:
    if fill_mode != "nearest":
        raise NotImplementedError(f"fill_mode={fill_mode!r} is not supported: it is 'nearest' only")
    if not rotation >= 0:
        raise ValueError(f"rotation_range is 0 or more degrees, not {rotation}")
    for name, shift in (("width_shift_range", width_shift), ("height_shift_range", height_shift)):
        if not shift >= 0:
            raise ValueError(f"{name} is 0 or more, not {shift}")
        if shift >= 1:
            raise NotImplementedError(f"{name}={shift} is not supported: shifts are shares of the size, below 1")
    if not 0 <= zoom < 1:
        raise ValueError(f"zoom_range is from 0 to below 1, not {zoom}")


SEED = 5  # of draws that are left to the component


def moved_pictures(make: Callable[..., Any], numbers: Tensor, *more: Tensor) -> dict[str, Any]:
    """With the draws of the case, whole ones in quarters; without them torch draws.

    A further input with one dimension has as many rows as the images are moved times.
    """
    images, moved = pictures(numbers), make()
    if more and more[0].dim() == 2:
        draws = more[0] if more[0].is_floating_point() else more[0] / 4
        return answered(moved, images, draws)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        found = answered(moved, images)
        return found | ({"again": [moved(images) for _ in more[0]]} if more else {})


def augment_affine_oracle(numbers: np.ndarray, *more: np.ndarray, **arguments: Any) -> dict[str, Any]:
    """Draws as the case gives them, or out of a generator of torch's, one table after the other."""
    images, dtype = pixels_of(numbers)
    if more and more[0].ndim == 2:
        draws = more[0] / 4 if more[0].dtype == np.int64 else more[0]
        return right_answer(moved_by_scipy(images, draws, **arguments).astype(dtype))
    chance = torch.Generator().manual_seed(SEED)
    tables = [torch.rand(len(images), DRAWS, generator=chance).double().numpy() for _ in range(1 + sum(map(len, more)))]
    first, *others = [moved_by_scipy(images, draws, **arguments).astype(dtype) for draws in tables]
    return right_answer(first) | ({"again": others} if more else {})


def moved_by_scipy(
    images: np.ndarray,
    draws: np.ndarray,
    rotation_range: float = 20.0,
    width_shift_range: float = 0.2,
    height_shift_range: float = 0.2,
    horizontal_flip: bool = True,
    zoom_range: float = 0.2,
) -> np.ndarray:
    """A product of matrices in homogeneous coordinates, applied by SciPy channel by channel."""
    widest = [rotation_range, height_shift_range, width_shift_range, zoom_range, zoom_range]
    moved = []
    for image, chance in zip(images, draws, strict=True):
        angle, down, right, tall, wide = np.interp(chance[:5], [0, 1], [-1, 1]) * widest
        height, width = image.shape[:2]
        middle = _shifted((height - 1) / 2, (width - 1) / 2)
        matrix = middle @ _turned(np.deg2rad(angle)) @ _shifted(down * height, right * width)
        matrix = matrix @ np.diag([1 + tall, 1 + wide, 1]) @ np.linalg.inv(middle)
        channels = [
            scipy.ndimage.affine_transform(image[..., channel], matrix, order=1, mode="nearest")
            for channel in range(image.shape[2])
        ]
        pixels = np.stack(channels, axis=-1)
        moved.append(np.fliplr(pixels) if horizontal_flip and chance[5] < 0.5 else pixels)
    return np.stack(moved)


def _turned(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])


def _shifted(down: float, right: float) -> np.ndarray:
    return np.array([[1, 0, down], [0, 1, right], [0, 0, 1]])


suite.component(
    "augment_affine",
    kind="transform",
    reference=augment_affine,
    oracle=augment_affine_oracle,
    drive=moved_pictures,
    cases=[
        case(rand(32, 28, 28, 1, requires_grad=False), rand(32, DRAWS, requires_grad=False)),
        case(rand(32, 32, 32, 3, requires_grad=False), rand(32, DRAWS, requires_grad=False)),
        case(
            rand(16, 24, 32, 3, requires_grad=False),
            rand(16, DRAWS, requires_grad=False),
            rotation_range=40.0,
            width_shift_range=0.1,
            height_shift_range=0.3,
            horizontal_flip=False,
            zoom_range=0.4,
        ),
        case(rand(8, 12, 9, 3, requires_grad=False)),
        case(randint(200, 256, (8, 9, 12, 3)), rand(8, DRAWS, requires_grad=False)),
        case(rand(32, 3, 4, 1, requires_grad=False), randint(4, (32, DRAWS)), name="at_the_edges", timed=False),
        case(rand(4, 3, 4, 1, requires_grad=False), randint(1, (2,)), name="three_times", timed=False),
    ],
    documented=["fundamentals"],
)
