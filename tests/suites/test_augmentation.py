"""The image pipelines: torchvision's images from the same draws, evaluation without any, and refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from nnbench.suites.data.augment_train import SEED_OF_A_BORDER, middle, random_cut, uniform
from nnbench.suites.data.images import IMAGENET_MEAN, IMAGENET_STD, pictures, resized, triangle_weights
from torch import Tensor

import nnbench

TRAIN = nnbench.component("data.augment_train")
EVALUATION = nnbench.component("data.augment_eval")

# In float64: tightly enough to tell every weight, loosely enough for another order of summation.
CLOSE = {"rtol": 1e-9, "atol": 1e-10}
GREY_LEVEL = 1 / 255 / min(IMAGENET_STD)


def images(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def image_bytes(*shape: int, seed: int = 0) -> Tensor:
    return torch.randint(256, shape, generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def both(component: Any, batch: Tensor, seed: int, **arguments: Any) -> list[Tensor]:
    """The answers of the reference and of torchvision to the same images and the same chance."""
    found = []
    for variant in ("reference", "torchvision"):
        made = component.variant(variant).build(**arguments)
        torch.manual_seed(seed)
        found.append(made(batch))
    return found


TRAIN_OPTIONS: list[dict[str, Any]] = [
    {},
    {"size": 32},
    {"scale": (0.9, 1.0), "ratio": (1.0, 1.0)},
    {"scale": (1.0, 1.0), "ratio": (3.0, 4.0)},  # never fits: the cut is from the middle
    {"flip": 0.0},
    {"flip": 1.0},
    {"degrees": 0},
    {"degrees": 180},
    {"brightness": 0.0},
    {"contrast": 0.0},
    {"brightness": 0.0, "contrast": 0.0},
    {"brightness": 1.0, "contrast": 1.0},
    {"mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6)},
]


@pytest.mark.parametrize("arguments", TRAIN_OPTIONS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_training_images_equal_torchvisions_from_the_same_seed(arguments: dict[str, Any], seed: int) -> None:
    ours, theirs = both(TRAIN, images(2, 3, 40, 61, seed=seed), seed, **{"size": 48} | arguments)
    torch.testing.assert_close(ours, theirs, **CLOSE)


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (2, 3, 30, 3), (2, 3, 3, 30), (1, 3, 224, 224)])
def test_training_images_of_any_shape_equal_torchvisions(shape: tuple[int, ...]) -> None:
    ours, theirs = both(TRAIN, images(*shape), 5, size=20)
    torch.testing.assert_close(ours, theirs, **CLOSE)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_pixel_is_another_one_in_either_precision(dtype: torch.dtype) -> None:
    """A turn takes the nearest pixel: where rounding decides which, one rounded otherwise is another pixel."""
    for seed in range(10):
        ours, theirs = both(TRAIN, images(2, 3, 70, 90).to(dtype), seed)
        assert ours.dtype == theirs.dtype == dtype
        assert (ours - theirs).abs().max() < 1e-4


@pytest.mark.parametrize("component", [TRAIN, EVALUATION], ids=["train", "eval"])
def test_bytes_differ_from_torchvisions_by_single_grey_levels_where_rounding_decides(component: Any) -> None:
    arguments = {"size": 100} if component is TRAIN else {"resize": 110, "crop": 100}
    ours, theirs = both(component, image_bytes(3, 3, 150, 213), 2, **arguments)
    assert ours.dtype == theirs.dtype == torch.float32
    differs = (ours - theirs).abs() > 1e-4
    assert differs.double().mean() < 1e-3
    # Brightness and contrast may make two of one level.
    assert (ours - theirs).abs().max() < 3 * GREY_LEVEL


def test_after_training_augmentation_torch_stands_where_torchvision_leaves_it() -> None:
    left = []
    for variant in ("reference", "torchvision"):
        torch.manual_seed(1)
        TRAIN.variant(variant).build(size=8)(images(3, 3, 20, 20))
        left.append(torch.rand(()).item())
    assert left[0] == left[1]


def test_each_image_is_augmented_on_its_own() -> None:
    torch.manual_seed(0)
    first, second = TRAIN.reference.build(size=32)(images(1, 3, 64, 64).repeat(2, 1, 1, 1))
    assert not torch.equal(first, second)


def test_without_chance_training_is_evaluation_of_the_same_size() -> None:
    sure = TRAIN.reference.build(size=32, scale=(1, 1), ratio=(1, 1), flip=0, degrees=0, brightness=0, contrast=0)
    batch = images(2, 3, 50, 50)
    torch.testing.assert_close(sure(batch), EVALUATION.reference.build(resize=32, crop=32)(batch))


@pytest.mark.parametrize("component", [TRAIN, EVALUATION], ids=["train", "eval"])
def test_no_images_give_no_images(component: Any) -> None:
    assert component.reference.build()(torch.zeros(0, 3, 30, 30)).shape == (0, 3, 224, 224)


def test_an_image_on_the_border_is_not_mirrored() -> None:
    torch.manual_seed(SEED_OF_A_BORDER)
    random_cut(4, 4, (1.0, 1.0), (1.0, 1.0))
    assert torch.rand(1) == 0.5
    images_of = {}
    for flip in (0.0, 0.5, 1.0):
        still = TRAIN.reference.build(
            size=4, scale=(1, 1), ratio=(1, 1), flip=flip, degrees=0, brightness=0, contrast=0
        )
        torch.manual_seed(SEED_OF_A_BORDER)
        images_of[flip] = still(images(1, 3, 4, 4))
    assert torch.equal(images_of[0.5], images_of[0.0])
    assert not torch.equal(images_of[0.5], images_of[1.0])


def test_some_cuts_of_that_case_would_have_no_pixels() -> None:
    torch.manual_seed(0)
    (arguments,) = [dict(one.arguments) for one in TRAIN.cases if one.arguments.get("ratio") == (0.1, 10.0)]
    areas = [4 * uniform(*arguments["scale"]) for _ in range(100)]
    assert any(round(math.sqrt(area * 0.1)) == 0 for area in areas)
    cuts = [random_cut(2, 2, **arguments_of_cuts(arguments)) for _ in range(100)]
    assert all(height and width for _, _, height, width in cuts)


def arguments_of_cuts(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: arguments[name] for name in ("scale", "ratio")}


def test_cuts_lie_in_the_image_and_have_the_sizes_asked_for() -> None:
    torch.manual_seed(0)
    cuts = [random_cut(60, 80, (0.3, 0.5), (0.5, 2.0)) for _ in range(300)]
    shares = [height * width / 4800 for _, _, height, width in cuts]
    proportions = [width / height for _, _, height, width in cuts]
    assert all(top + height <= 60 and left + width <= 80 for top, left, height, width in cuts)
    assert 0.28 < min(shares) < 0.32
    assert 0.48 < max(shares) < 0.52
    assert 0.47 < min(proportions) < 0.6
    assert 1.7 < max(proportions) < 2.1


@pytest.mark.parametrize(
    ("size", "ratio", "cut"),
    [
        ((10, 100), (0.5, 2.0), (0, 40, 10, 20)),
        ((100, 10), (0.5, 2.0), (40, 0, 20, 10)),
        ((100, 90), (0.5, 2.0), (0, 0, 100, 90)),
        ((60, 80), (3 / 4, 4 / 3), (0, 0, 60, 80)),  # just allowed
        ((80, 60), (3 / 4, 4 / 3), (0, 0, 80, 60)),
    ],
)
def test_the_middle_is_as_large_as_its_proportions_allow(
    size: tuple[int, int], ratio: tuple[float, float], cut: tuple[int, int, int, int]
) -> None:
    assert middle(*size, ratio) == cut


@pytest.mark.parametrize("shape", [(300, 400), (400, 300), (256, 256), (100, 101), (257, 999), (40, 200)])
@pytest.mark.parametrize("arguments", [{}, {"resize": 100, "crop": 99}, {"resize": 64, "crop": 64}], ids=str)
def test_evaluation_images_equal_torchvisions(shape: tuple[int, int], arguments: dict[str, Any]) -> None:
    ours, theirs = both(EVALUATION, images(1, 3, *shape), 0, **arguments)
    torch.testing.assert_close(ours, theirs, **CLOSE)


@pytest.mark.parametrize("place", range(len(EVALUATION.cases)))
def test_the_cases_of_evaluation_are_those_where_all_agree_on_every_grey_level(place: int) -> None:
    assert EVALUATION.oracle is not None
    for seed in range(2):
        row = EVALUATION.cases[place]
        whole = row.inputs[0].distribution == "randint"
        numbers = (image_bytes if whole else images)(*row.inputs[0].shape, seed=seed)
        ours, theirs = both(EVALUATION, pictures(numbers), 0, **row.arguments)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
        said = EVALUATION.oracle((numbers.long() if whole else numbers).numpy(), **row.arguments)["images"]
        torch.testing.assert_close(ours, torch.from_numpy(said), rtol=0, atol=1e-5 if whole else 1e-12)


@pytest.mark.parametrize("sizes", [(7, 3), (3, 7), (5, 5), (1, 4), (4, 1), (64, 48)])
def test_resizing_is_torchs_antialiased_interpolation(sizes: tuple[int, int]) -> None:
    image = images(2, sizes[0], 9)
    expected = torch.nn.functional.interpolate(image[None], (sizes[1], 6), mode="bilinear", antialias=True)[0]
    torch.testing.assert_close(resized(image, sizes[1], 6), expected, **CLOSE)


def test_halving_weighs_four_pixels() -> None:
    assert triangle_weights(8, 4)[1].tolist() == [0, 1 / 8, 3 / 8, 3 / 8, 1 / 8, 0, 0, 0]


@pytest.mark.parametrize("component", [TRAIN, EVALUATION], ids=["train", "eval"])
def test_normalisation_takes_the_mean_colour_to_zero(component: Any) -> None:
    batch = torch.tensor(IMAGENET_MEAN).reshape(1, 3, 1, 1).expand(1, 3, 300, 300)
    still = {"degrees": 0, "brightness": 0, "contrast": 0} if component is TRAIN else {}
    torch.testing.assert_close(component.reference.build(**still)(batch), torch.zeros(1, 3, 224, 224))


NO_IMAGES: list[tuple[Any, type[Exception], str]] = [
    (torch.zeros(3, 30, 30), ValueError, r"\(N, 3, H, W\)"),
    (torch.zeros(1, 1, 30, 30), ValueError, r"not \(1, 1, 30, 30\)"),
    (torch.zeros(1, 3, 0, 30), ValueError, "pixel"),
    (torch.zeros(1, 3, 30, 30, dtype=torch.int64), TypeError, "int64"),
    (torch.zeros(1, 3, 30, 30, dtype=torch.float16), TypeError, "float16"),
    (torch.full((1, 3, 30, 30), 255.0), ValueError, "from 0 to 1, not 255"),
    (torch.full((1, 3, 30, 30), -0.5), ValueError, "from 0 to 1"),
    (torch.full((1, 3, 30, 30), math.nan), ValueError, "from 0 to 1"),
    (np.zeros((1, 3, 30, 30)), TypeError, "ndarray"),
]


@pytest.mark.parametrize("component", [TRAIN, EVALUATION], ids=["train", "eval"])
@pytest.mark.parametrize(("batch", "error", "says"), NO_IMAGES)
def test_what_are_no_images_is_refused(component: Any, batch: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        component.reference.build()(batch)


@pytest.mark.parametrize(
    ("component", "arguments"),
    [
        (TRAIN, {"size": 0}),
        (TRAIN, {"size": 2.5}),
        (TRAIN, {"scale": (0.5, 0.1)}),
        (TRAIN, {"scale": (0.0, 1.0)}),
        (TRAIN, {"ratio": (-1.0, 1.0)}),
        (TRAIN, {"flip": 1.5}),
        (TRAIN, {"degrees": -1}),
        (TRAIN, {"brightness": -0.1}),
        (TRAIN, {"contrast": 2.0}),
        (EVALUATION, {"resize": 0}),
        (EVALUATION, {"crop": -1}),
        (EVALUATION, {"crop": 300}),
    ],
)
def test_settings_out_of_range_are_named(component: Any, arguments: dict[str, Any]) -> None:
    (name,) = arguments
    with pytest.raises(ValueError, match=f"^{name}"):
        component.reference.build(**arguments)
