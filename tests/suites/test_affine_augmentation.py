"""Images moved at random: SciPy's from the same parameters, single draws, precision, and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from nnbench.suites.data import augment_affine as affine
from nnbench.suites.data.images import pictures
from torch import Tensor

import nnbench

AFFINE = nnbench.component("data.augment_affine")
CLOSE = {"rtol": 1e-9, "atol": 1e-10}


def images(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def image_bytes(*shape: int) -> Tensor:
    return torch.randint(256, shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


AFFINE_OPTIONS: list[dict[str, Any]] = [
    {},
    {"rotation_range": 0.0, "width_shift_range": 0.0, "height_shift_range": 0.0, "zoom_range": 0.0},
    {"rotation_range": 180.0},
    {"width_shift_range": 0.9},
    {"height_shift_range": 0.9},
    {"zoom_range": 0.9},
    {"horizontal_flip": False},
]


@pytest.mark.parametrize("arguments", AFFINE_OPTIONS, ids=str)
@pytest.mark.parametrize("shape", [(5, 28, 28, 1), (4, 9, 17, 3), (3, 1, 1, 2), (2, 1, 6, 1)])
def test_affine_images_equal_scipys(shape: tuple[int, ...], arguments: dict[str, Any]) -> None:
    batch, draws = images(*shape), images(shape[0], affine.DRAWS, seed=1)
    got = affine.augment_affine(pictures(batch), draws, **arguments)
    assert AFFINE.oracle is not None
    expected = torch.from_numpy(AFFINE.oracle(batch.numpy(), draws.numpy(), **arguments)["images"])
    torch.testing.assert_close(got, expected, **CLOSE)


STILL = [0.5] * 6  # the middle of every range, and just not mirrored


def test_the_middle_of_every_range_leaves_an_image_as_it_is() -> None:
    batch = images(2, 5, 6, 3)
    torch.testing.assert_close(affine.augment_affine(batch, torch.tensor([STILL] * 2)), batch)


@pytest.mark.parametrize(
    ("place", "share", "moved"),
    [
        (1, 1.0, [[3, 4], [5, 6], [5, 6]]),  # taken from one pixel further down: a third of three
        (2, 1.0, [[2, 2], [4, 4], [6, 6]]),  # taken from nearly two pixels further to the right
        (5, 0.0, [[2, 1], [4, 3], [6, 5]]),
    ],
)
def test_draws_move_an_image_as_they_say(place: int, share: float, moved: list[list[int]]) -> None:
    image = torch.tensor([[1, 2], [3, 4], [5, 6]], dtype=torch.float64)
    draws = torch.tensor([STILL], dtype=torch.float64)
    draws[0, place] = share
    got = affine.augment_affine(image[None, ..., None], draws, height_shift_range=1 / 3, width_shift_range=0.999)
    torch.testing.assert_close(got[0, ..., 0], torch.tensor(moved, dtype=torch.float64), **CLOSE)


def test_draws_are_torchs_where_none_are_given() -> None:
    batch = images(3, 8, 8, 1)
    torch.manual_seed(4)
    drawn = affine.augment_affine(batch)
    torch.manual_seed(4)
    torch.testing.assert_close(drawn, affine.augment_affine(batch, torch.rand(3, affine.DRAWS)))


def test_bytes_keep_their_range_and_become_floats() -> None:
    got = affine.augment_affine(image_bytes(4, 9, 9, 1), torch.tensor([STILL] * 4))
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, image_bytes(4, 9, 9, 1).float())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_images_are_moved_in_wide_arithmetic(dtype: torch.dtype) -> None:
    batch, draws = images(4, 28, 28, 1).to(dtype), images(4, affine.DRAWS, seed=1)
    got = affine.augment_affine(batch, draws)
    assert got.dtype == dtype
    exact = affine.augment_affine(batch.double(), draws)
    assert (got.double() - exact).abs().max() <= 2 * torch.finfo(dtype).eps + 1e-4


@pytest.mark.parametrize(
    ("batch", "arguments", "error", "says"),
    [
        (torch.zeros(28, 28, 1), {}, ValueError, r"\(N, H, W, C\)"),
        (torch.zeros(1, 0, 28, 1), {}, ValueError, "pixel"),
        (torch.zeros(1, 28, 28, 1, dtype=torch.int64), {}, TypeError, "int64"),
        (np.zeros((1, 28, 28, 1)), {}, TypeError, "ndarray"),
        (torch.zeros(2, 8, 8, 1), {"draws": torch.zeros(2, 5)}, ValueError, r"\(2, 6\).*not \(2, 5\)"),
        (torch.zeros(2, 8, 8, 1), {"rotation_range": -1.0}, ValueError, "rotation_range"),
        (torch.zeros(2, 8, 8, 1), {"zoom_range": 1.0}, ValueError, "zoom_range"),
        (torch.zeros(2, 8, 8, 1), {"width_shift_range": -0.1}, ValueError, "width_shift_range"),
        (torch.zeros(2, 8, 8, 1), {"width_shift_range": 2}, NotImplementedError, "width_shift_range"),
        (torch.zeros(2, 8, 8, 1), {"height_shift_range": 1.0}, NotImplementedError, "height_shift_range"),
        (torch.zeros(2, 8, 8, 1), {"fill_mode": "reflect"}, NotImplementedError, "fill_mode"),
    ],
)
def test_what_cannot_be_moved_is_refused(
    batch: Any, arguments: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        affine.augment_affine(batch, **arguments)
