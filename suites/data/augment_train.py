"""What images go through before a network is trained on them: another cut, turn and light each time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from nnbench.suites.data.images import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    answered,
    float_dtype,
    normalised,
    pictures,
    refuse_no_images,
    refuse_not_positive,
    resized,
    to_unit,
)
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import InputSpec, case, rand, randint

suite = Suite("data")

ATTEMPTS = 10  # at a cut that fits into the image
LUMA = (0.2989, 0.587, 0.114)  # shares of red, green and blue in what the eye takes for brightness (ITU-R BT.601)
STEPS = 4  # that a colour jitter puts in random order; the two that are not here take part in the draw


class AugmentTrain:
    """Random cut resized to 224 x 224, mirrored, turned, in another light, normalised as for ImageNet.

    Each image on its own, in this order:
    a cut of ``uniform(scale)`` of the area whose width over height is log-uniform in ``ratio``, resized (antialiased
    bilinear); mirrored with probability ``flip``; turned by ``uniform(-degrees, degrees)`` (nearest pixel, black from
    outside); in random order ``clamp(b x)`` and ``clamp(c x + (1 - c) mean of the greys)`` with b and c uniform within
    ``brightness`` and ``contrast`` of 1; then ``(x - mean) / std`` per channel with x in [0, 1].
    images (N, 3, H, W), uint8 or float in [0, 1]; result (N, 3, size, size), float32 for uint8, otherwise the images'
    own dtype. Between the steps bytes stay bytes: rounded when resized, rounded down when light changes. The random
    numbers are torch's, in torchvision's order: from one seed both give the same images. ``ValueError`` for other
    shapes, ranges and settings, ``TypeError`` for other dtypes. Source: torchvision.transforms.RandomResizedCrop,
    RandomHorizontalFlip, RandomRotation, ColorJitter, Normalize.
    """

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
        refuse_not_positive(size=size)
        refuse_no_range("scale", scale)
        refuse_no_range("ratio", ratio)
        refuse_no_shares(flip=flip, brightness=brightness, contrast=contrast)
        if not degrees >= 0:
            raise ValueError(f"degrees is 0 or more, not {degrees}")
        self.size, self.scale, self.ratio, self.flip, self.degrees = size, scale, ratio, flip, degrees
        self.brightness, self.contrast, self.mean, self.std = brightness, contrast, mean, std

    def __call__(self, images: Tensor) -> Tensor:
        refuse_no_images(images)
        augmented = torch.empty(len(images), 3, self.size, self.size, dtype=float_dtype(images))
        for place, image in enumerate(images):
            augmented[place] = self._augmented(image)
        return augmented

    def _augmented(self, image: Tensor) -> Tensor:
        top, left, height, width = random_cut(image.shape[1], image.shape[2], self.scale, self.ratio)
        image = resized(image[:, top : top + height, left : left + width], self.size, self.size)
        if torch.rand(1) < self.flip:
            image = image.flip(-1)
        image = turned(image, uniform(-self.degrees, self.degrees))
        return normalised(to_unit(self._in_another_light(image)), self.mean, self.std)

    def _in_another_light(self, image: Tensor) -> Tensor:
        order = torch.randperm(STEPS).tolist()
        brighter, clearer = (uniform(1 - by, 1 + by) if by else None for by in (self.brightness, self.contrast))
        for step in order:
            if step == 0 and brighter is not None:
                image = blended(image, 0.0, brighter)
            if step == 1 and clearer is not None:
                image = blended(image, mean_grey(image), clearer)
        return image


def uniform(low: float, high: float) -> float:
    return float(torch.empty(1).uniform_(low, high))


def random_cut(
    height: int, width: int, scale: tuple[float, float], ratio: tuple[float, float]
) -> tuple[int, int, int, int]:
    """Top, left, height and width of a cut: the first of ten that fits, otherwise the middle."""
    low, high = torch.log(torch.tensor(ratio)).tolist()
    for _ in range(ATTEMPTS):
        area = height * width * uniform(*scale)
        proportion = float(torch.exp(torch.empty(1).uniform_(low, high)))
        wide, tall = round(math.sqrt(area * proportion)), round(math.sqrt(area / proportion))
        if 0 < wide <= width and 0 < tall <= height:
            top = int(torch.randint(height - tall + 1, (1,)))
            return top, int(torch.randint(width - wide + 1, (1,))), tall, wide
    return middle(height, width, ratio)


def middle(height: int, width: int, ratio: tuple[float, float]) -> tuple[int, int, int, int]:
    """The largest cut from the middle whose proportions are allowed; all of the image where its own are."""
    tall = min([height, round(width / ratio[0])])
    wide = min([width, round(height * ratio[1])])
    return (height - tall) // 2, (width - wide) // 2, tall, wide


def turned(image: Tensor, degrees: float) -> Tensor:
    """The image turned counter-clockwise about its middle: each pixel is the nearest one of the original, or black.

    The way to the original goes through coordinates from -1 to 1 and in the image's own precision, as torch's grid
    sampling does: it decides which pixel is the nearest where two are almost equally near.
    """
    height, width = image.shape[-2:]
    dtype = float_dtype(image)
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = torch.tensor([[cosine, sine], [-sine, cosine], [0, 0]], dtype=dtype)
    y, x = (torch.arange(size, dtype=dtype) - (size - 1) / 2 for size in (height, width))
    places = torch.stack(torch.broadcast_tensors(x, y[:, None], torch.ones((), dtype=dtype)), -1)
    halves = torch.tensor([width / 2, height / 2], dtype=dtype)
    original = (places.flatten(0, 1)[None].bmm((turn / halves)[None]) + 1) * halves - 0.5
    column, row = original.reshape(*places.shape[:2], 2).round().long().unbind(-1)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    return image[:, row.clamp(0, height - 1), column.clamp(0, width - 1)] * inside


def mean_grey(image: Tensor) -> Tensor:
    red, green, blue = image
    grey = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    return grey.to(image.dtype).to(grey.dtype).mean()


def blended(image: Tensor, other: Tensor | float, share: float) -> Tensor:
    """``share`` of the image and the rest of the other, kept in range; a share above 1 moves away from the other."""
    largest = 1 if image.is_floating_point() else 255
    return (share * image + (1.0 - share) * other).clamp(0, largest).to(image.dtype)


def refuse_no_range(name: str, values: tuple[float, float]) -> None:
    if len(values) != 2 or not 0 < values[0] <= values[1]:
        raise ValueError(f"{name} is two numbers above 0, the smaller first, not {values}")


def refuse_no_shares(**shares: float) -> None:
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise ValueError(f"{name} is from 0 to 1, not {share}")


# torch's seed whose fifth number is 0.5: after the four of a cut, on the border of what is mirrored.
SEED_OF_A_BORDER = 619920


def on_coloured(make: Callable[..., Any], numbers: Tensor, *more: Tensor) -> dict[str, Any]:
    """Images with more red than green and blue: noise alone is grey.

    Numbers from 0 to 1 are in float64 always, as a turn takes another pixel where rounding decides which is the
    nearest; with a further input, twice, first from the seed of a border. Whole numbers are bytes with a further input,
    otherwise floats: between the steps these are not rounded. They are pale: in float32 rounding moves the places in a
    large image, and neighbours would differ.
    """
    shares = torch.tensor([1, 0.6, 0.3], dtype=torch.float64).reshape(3, 1, 1)
    if numbers.is_floating_point():
        images = (0.7 + 0.3 * numbers.double()) * shares
        return from_a_border(make(), images) if more else answered(make(), images)
    if more:
        return answered(make(), pictures((numbers * shares).long()))
    return answered(make(), (0.9 + to_unit(pictures(numbers)) / 128) * shares.float())


def from_a_border(augment: Callable[..., Tensor], images: Tensor) -> dict[str, Any]:
    """From that seed, and again from where chance stands: what keeps its draws gives the first images twice."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED_OF_A_BORDER)
        found = answered(augment, images)
    return found | {"again": augment(images)}


def no_gradient(*shape: int) -> InputSpec:
    return rand(*shape, requires_grad=False)


WHOLE: dict[str, Any] = {"scale": (1.0, 1.0), "ratio": (1.0, 1.0)}  # cuts, of square images

suite.component(
    "augment_train",
    kind="transform",
    reference=AugmentTrain,
    variants={"torchvision": "nnbench.suites._torchvision.augmentation:AugmentTrain"},
    drive=on_coloured,
    cases=[
        case(randint(256, (4, 3, 256, 320))),
        case(randint(256, (2, 3, 480, 640))),
        case(no_gradient(4, 3, 128, 160), size=64, scale=(0.3, 0.6), flip=0.9, degrees=40.0, mean=(0.0, 0.1, 0.2)),
        case(no_gradient(2, 3, 64, 400), size=48, scale=(0.9, 1.0), contrast=0.0),  # no cut of that size fits
        case(no_gradient(2, 3, 64, 80), size=64, brightness=0.0, std=(0.2, 0.3, 0.4)),
        # Without another size: resized, the last digit decides about whole grey levels, as in evaluation.
        case(randint(256, (2, 3, 64, 64)), randint(1, (1,)), name="bytes", size=64, scale=(1.0, 1.0), ratio=(1.0, 1.0)),
        case(randint(256, (20, 3, 4, 4)), randint(1, (1,)), name="few_bytes", timed=False, size=4, **WHOLE),
        case(no_gradient(3, 3, 4, 4), randint(1, (1,)), name="from_a_border", timed=False, size=4, **WHOLE),
        # Cuts of no pixels, which are drawn again.
        case(no_gradient(20, 3, 2, 2), size=2, scale=(0.05, 0.3), ratio=(0.1, 10.0), timed=False),
        case(no_gradient(2, 3, 50, 6), size=5, scale=(0.9, 1.0), timed=False),  # upright
    ],
    documented=["handout"],
    properties=["stochastic"],
)
