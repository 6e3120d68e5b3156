"""Bytes of images as numbers from 0 to 1, in the shape that a network takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from nnbench.suites.data.images import answered, pictures, right_answer
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import case, randint

suite = Suite("data")


def to_unit_range(images: Tensor, flat: bool = False) -> Tensor:
    """Bytes divided by 255, with a dimension of one channel at the end, or every image as one row.

    images (N, H, W), uint8; result float32 in [0, 1], (N, H, W, 1), or (N, H * W) where ``flat``. ``ValueError`` for
    another shape, ``TypeError`` for another dtype: numbers that were divided already would be divided again.
    """
    if not isinstance(images, Tensor):
        raise TypeError(f"images are a tensor, not {type(images).__name__}")
    if images.dtype != torch.uint8:
        raise TypeError(f"images are uint8, from 0 to 255, not {images.dtype}")
    if images.dim() != 3 or 0 in images.shape[1:]:
        raise ValueError(f"images are (N, H, W) with a pixel at least, not {tuple(images.shape)}")
    unit = images.to(torch.float32) / 255
    return unit.flatten(1) if flat else unit[..., None]


def on_bytes(make: Callable[..., Any], numbers: Tensor) -> dict[str, Any]:
    return answered(make(), pictures(numbers))


def to_unit_range_oracle(numbers: np.ndarray, flat: bool = False) -> dict[str, Any]:
    """Looked up among 256 evenly spaced numbers."""
    count, height, width = numbers.shape
    unit = np.linspace(0, 1, 256).astype(np.float32)[numbers]
    return right_answer(unit.reshape((count, height * width) if flat else (count, height, width, 1)))


suite.component(
    "to_unit_range",
    kind="transform",
    reference=to_unit_range,
    oracle=to_unit_range_oracle,
    drive=on_bytes,
    cases=[
        case(randint(256, (32, 28, 28)), flat=False),
        case(randint(256, (32, 28, 28)), flat=True),
        case(randint(256, (1000, 28, 28)), flat=True),
        case(randint(200, (2, 4, 7))),  # none is as bright as can be; and few, of which much is asked
    ],
    documented=["fundamentals"],
    properties=["batch_independent"],
)
