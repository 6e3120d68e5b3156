"""Wrong transforms, of the kinds that are made in earnest: the battery catches every one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
import torch
from nnbench.suites.data.augment_affine import DRAWS, augment_affine
from nnbench.suites.data.augment_eval import AugmentEval
from nnbench.suites.data.augment_train import AugmentTrain
from nnbench.suites.data.images import IMAGENET_MEAN, IMAGENET_STD
from torch import Tensor
from wrong_targets import rows_of, what_is_wrong

import nnbench


def drawn(images: Tensor, draws: Tensor | None) -> Tensor:
    return torch.rand(len(images), DRAWS) if draws is None else draws


def alike_for_all(images: Tensor, draws: Tensor | None = None, **arguments: Any) -> Tensor:
    return augment_affine(images, drawn(images, draws)[:1].expand(len(images), DRAWS), **arguments)


def alike_in_both_workers(images: Tensor, draws: Tensor | None = None, **arguments: Any) -> Tensor:
    half = drawn(images, draws)[: (len(images) + 1) // 2]
    return augment_affine(images, torch.cat([half, half])[: len(images)], **arguments)


class DrawnOnce:
    """The draws of the first call for all that follow."""

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments
        self.kept: Tensor | None = None

    def __call__(self, images: Tensor, draws: Tensor | None = None) -> Tensor:
        if self.kept is None:
            self.kept = drawn(images, draws)
        return augment_affine(images, self.kept, **self.arguments)


def upside_down(
    images: Tensor, draws: Tensor | None = None, *, horizontal_flip: bool = True, **arguments: Any
) -> Tensor:
    draws = drawn(images, draws)
    moved = augment_affine(images, draws, horizontal_flip=False, **arguments)
    mirrored = (draws[:, 5] < 0.5)[:, None, None, None] & horizontal_flip
    return torch.where(mirrored, moved.flip(1), moved)


def with_draws(change: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    def moved(images: Tensor, draws: Tensor | None = None, **arguments: Any) -> Tensor:
        return augment_affine(images, change(drawn(images, draws)), **arguments)

    return moved


def other_way(images: Tensor, draws: Tensor | None = None, **arguments: Any) -> Tensor:
    draws = drawn(images, draws).clone()
    draws[:, 0] = 1 - draws[:, 0]
    return augment_affine(images, draws, **arguments)


AFFINE: dict[str, Any] = {
    "the same parameters for every image": alike_for_all,
    "the same parameters in both workers": alike_in_both_workers,
    "parameters drawn once": DrawnOnce,
    "mirrored on the other axis": upside_down,
    "turned the other way": other_way,
    "always mirrored": with_draws(lambda draws: draws * torch.tensor([1, 1, 1, 1, 1, 0])),
    "one zoom for rows and columns": with_draws(lambda draws: draws[:, [0, 1, 2, 3, 3, 5]]),
    "rows and columns of shifts exchanged": with_draws(lambda draws: draws[:, [0, 2, 1, 3, 4, 5]]),
    "without chance": lambda images, draws=None, **arguments: augment_affine(
        images, torch.full((len(images), DRAWS), 0.5), **arguments
    ),
    "from a seed of its own": lambda images, draws=None, **arguments: augment_affine(
        images,
        torch.rand(len(images), DRAWS, generator=torch.Generator().manual_seed(0)) if draws is None else draws,
        **arguments,
    ),
}


def one_by_one(augment: AugmentTrain, images: Tensor, anew: Callable[[int], bool]) -> Tensor:
    """Each image alone; chance goes back to where it was before the first wherever ``anew`` says so."""
    start, found = torch.get_rng_state(), []
    for place in range(len(images)):
        if anew(place):
            torch.set_rng_state(start)
        found.append(AugmentTrain.__call__(augment, images[place : place + 1]))
    return torch.cat(found)


class AlikeForAll(AugmentTrain):
    def __call__(self, images: Tensor) -> Tensor:
        return one_by_one(self, images, lambda place: True)


class AlikeInBothWorkers(AugmentTrain):
    def __call__(self, images: Tensor) -> Tensor:
        return one_by_one(self, images, lambda place: place == len(images) // 2)


class DrawnOnceInTraining(AugmentTrain):
    start: Tensor | None = None

    def __call__(self, images: Tensor) -> Tensor:
        if self.start is None:
            self.start = torch.get_rng_state()
        torch.set_rng_state(self.start)
        return super().__call__(images)


class UpsideDown(AugmentTrain):
    def __call__(self, images: Tensor) -> Tensor:
        with mock.patch.object(Tensor, "flip", lambda image, axis: torch.flip(image, [-2])):
            return super().__call__(images)


class NeverMirrored(AugmentTrain):
    def __call__(self, images: Tensor) -> Tensor:
        self.flip = 0.0
        return super().__call__(images)


class OfImages:
    """A pipeline under another's mean and deviation."""

    made: type[Any]

    def __init__(self, mean: Any = IMAGENET_MEAN, std: Any = IMAGENET_STD, **arguments: Any) -> None:
        self.mean, self.std = (torch.tensor(one).reshape(3, 1, 1) for one in (mean, std))
        self.right = self.made(mean=mean, std=std, **arguments)

    def __call__(self, images: Tensor) -> Tensor:
        right = self.right(images)
        found: Tensor = self.changed(right, self.mean.to(right), self.std.to(right), not images.is_floating_point())
        return found

    def changed(self, answer: Tensor, mean: Tensor, std: Tensor, of_bytes: bool) -> Tensor:
        raise NotImplementedError


class Exchanged(OfImages):
    def changed(self, answer: Tensor, mean: Tensor, std: Tensor, of_bytes: bool) -> Tensor:
        return (answer * std + mean - std) / (mean + 1e-9)


class ScaledAfterwards(OfImages):
    def changed(self, answer: Tensor, mean: Tensor, std: Tensor, of_bytes: bool) -> Tensor:
        return ((answer * std + mean) * 255 - mean) / std / 255 if of_bytes else answer


class NotNormalised(OfImages):
    def changed(self, answer: Tensor, mean: Tensor, std: Tensor, of_bytes: bool) -> Tensor:
        return answer * std + mean


def of(made: type[Any], wrong: type[OfImages]) -> type[OfImages]:
    return type(wrong.__name__, (wrong,), {"made": made})


TRAINING: dict[str, Any] = {
    "the same parameters for every image": AlikeForAll,
    "the same parameters in both workers": AlikeInBothWorkers,
    "parameters drawn once": DrawnOnceInTraining,
    "mirrored on the other axis": UpsideDown,
    "never mirrored": NeverMirrored,
    "mean and deviation exchanged": of(AugmentTrain, Exchanged),
    "brought to 0 to 1 after it was normalised": of(AugmentTrain, ScaledAfterwards),
    "not normalised": of(AugmentTrain, NotNormalised),
}


class StillMirrored(AugmentEval):
    def __call__(self, images: Tensor) -> Tensor:
        mirrored = torch.rand(len(images), 1, 1, 1) < 0.5
        answer = super().__call__(images)
        return torch.where(mirrored, answer.flip(-1), answer)


class StillTraining(AugmentEval):
    def __call__(self, images: Tensor) -> Tensor:
        return AugmentTrain(self.crop, mean=self.mean, std=self.std)(images)


class NotInTheMiddle(AugmentEval):
    def __call__(self, images: Tensor) -> Tensor:
        return super().__call__(images.flip(-1)).flip(-1).roll(1, -1)


class OutOfShape(AugmentEval):
    def __call__(self, images: Tensor) -> Tensor:
        shorter = min(images.shape[-2:])
        return super().__call__(images[..., :shorter, :shorter])


EVALUATION: dict[str, Any] = {
    "mirrored at random still": StillMirrored,
    "what is done in training": StillTraining,
    "not from the middle": NotInTheMiddle,
    "out of shape": OutOfShape,
    "mean and deviation exchanged": of(AugmentEval, Exchanged),
    "brought to 0 to 1 after it was normalised": of(AugmentEval, ScaledAfterwards),
    "not normalised": of(AugmentEval, NotNormalised),
}

WRONG = {
    "data.augment_affine": AFFINE,
    "data.augment_train": TRAINING,
    "data.augment_eval": EVALUATION,
}


@pytest.mark.parametrize(("identifier", "name"), rows_of(WRONG))
def test_a_wrong_one_is_caught(identifier: str, name: str) -> None:
    assert what_is_wrong(identifier, WRONG[identifier][name])


@pytest.mark.parametrize("identifier", WRONG)
def test_a_right_one_is_not(identifier: str) -> None:
    assert not what_is_wrong(identifier, nnbench.component(identifier).reference.target)
