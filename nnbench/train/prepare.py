"""A recipe's data made ready: images, tables, sentences or a series in, tensors out."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nnbench.data import ImageData, SeriesData, TextData, encode, load, vocabulary
from nnbench.data.fitting import PROBABILITY, generator_arguments, misfit
from nnbench.data.made import TABLES
from nnbench.data.subsets import SUBSETS, Subset
from nnbench.errors import did_you_mean, listing
from nnbench.failures import NotMeasurable
from nnbench.specs import Recipe
from nnbench.train.parts import Part, Parts, balanced, drawn
from nnbench.train.torchs import refuse_unknown


def prepare(recipe: Recipe, name: str = "") -> Parts:
    """The recipe's data, or the data set of this name in its place, split and scaled as the recipe says.

    Raises ``DataUnavailable`` where it is not there, and ``NotMeasurable`` for data that the network cannot take or a
    name that torch does not have, before anything is loaded.
    """
    name = name or recipe.data
    refuse_unknown(recipe)
    reason = misfit(recipe, name)
    if reason:
        raise NotMeasurable(reason)
    if name in TABLES:
        return _table(recipe, name)
    subset = SUBSETS.get(name)
    found = load(subset.of if subset else name)
    if isinstance(found, TextData):
        return _sentences(recipe, found)
    if isinstance(found, SeriesData):
        return _series(recipe, found)
    return _images(recipe, found, name, subset)


def _said(recipe: Recipe, name: str, argument: str) -> Any:
    """What the recipe says of its data; raises ``NotMeasurable`` where it does not."""
    if argument not in recipe.data_arguments:
        raise NotMeasurable(f"{name} needs {argument} among the data_arguments of the recipe")
    return recipe.data_arguments[argument]


def _images(recipe: Recipe, data: ImageData, name: str, subset: Subset | None) -> Parts:
    kinds = (data.train_images, data.train_labels), (data.test_images, data.test_labels)
    split = "its own test images"
    classes, stays = len(data.classes), bool(recipe.augment)
    if subset:
        kinds = _chosen(*kinds[0], subset, subset.train), _chosen(*kinds[1], subset, subset.test)
    train, test = (_image_part(recipe, images, labels, data.scale) for images, labels in kinds)
    if subset:
        split, classes = _told(subset, train, test, data.classes), len(subset.classes) or classes
    train, validation, more = _held_back(recipe, train)
    return Parts(name, data.checksum, split + more, train, validation, test, _width(test), classes, stays)


def _chosen(images: np.ndarray, labels: np.ndarray, subset: Subset, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The images of a subset, before they are made floats; its classes are numbered anew."""
    if subset.classes:
        kept = np.isin(labels, subset.classes)
        images, labels = images[kept], np.array([subset.classes.index(label) for label in labels[kept]])
    if not number:
        return images, labels
    places = balanced(torch.as_tensor(labels, dtype=torch.int64), number, subset.seed).numpy()
    return images[places], labels[places]


def _told(subset: Subset, train: Part, test: Part, classes: Sequence[str]) -> str:
    """How a subset is made, in words."""
    drawn_by = f", drawn by seed {subset.seed}" if subset.train else ""
    of = f" of {listing(classes[place] for place in subset.classes)}" if subset.classes else ""
    return f"{len(train)} of its training and {len(test)} of its test images{of}{drawn_by}"


def _image_part(recipe: Recipe, images: np.ndarray, labels: np.ndarray, scale: int) -> Part:
    """Images in [0, 1], or standardized: flat where the network takes features, else (N, channels, height, width)."""
    pixels = torch.as_tensor(images).to(torch.float32) / scale
    if recipe.features_argument:
        pixels = pixels.flatten(1)
    else:
        pixels = (pixels.unsqueeze(-1) if pixels.dim() == 3 else pixels).permute(0, 3, 1, 2).contiguous()
    if "mean" in recipe.data_arguments:
        mean, deviation = (torch.tensor(recipe.data_arguments[name])[:, None, None] for name in ("mean", "deviation"))
        pixels = (pixels - mean) / deviation
    return Part((pixels,), torch.as_tensor(labels, dtype=torch.int64))


def _held_back(recipe: Recipe, train: Part) -> tuple[Part, Part | None, str]:
    """The training part without its validation samples, these, and how they were drawn in words."""
    share, seed = recipe.data_arguments.get("validation_share", 0), recipe.data_arguments.get("random_state", 0)
    if not share:
        return train, None, ""
    kept, held = drawn(len(train), share, seed)
    return train.rows(kept), train.rows(held), f"; {len(held)} training samples for the validation, by seed {seed}"


def _of_sklearn(recipe: Recipe, name: str) -> tuple[np.ndarray, np.ndarray, str]:
    """Features, targets, and in words how the samples were made where the recipe says nothing of that."""
    from sklearn import datasets

    if not TABLES[name].is_made:
        return *getattr(datasets, f"load_{name}")(return_X_y=True), ""
    make, arguments = getattr(datasets, name), generator_arguments(recipe, name)
    _refuse_unknown(name, make, arguments)
    features, targets = make(**arguments)
    told = "" if recipe.data == name else f"{len(features)} samples made by seed {arguments['random_state']}; "
    return features, targets, told


def _refuse_unknown(name: str, make: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    valid = list(inspect.signature(make).parameters)
    for argument in arguments:
        if argument not in valid:
            told = f"{name} takes no {argument!r}.", did_you_mean(argument, valid), f"It takes {listing(valid)}"
            raise NotMeasurable(" ".join(filter(None, told)))


def _table(recipe: Recipe, name: str) -> Parts:
    """A table of scikit-learn's; the test samples are drawn first, then the validation's from the others."""
    features, targets, made = _of_sklearn(recipe, name)
    whole = Part((torch.as_tensor(features, dtype=torch.float32),), _targets(recipe, targets))
    seed = recipe.data_arguments.get("random_state", 0)
    kept, tested = drawn(len(whole), recipe.data_arguments.get("test_share", 0.2), seed)
    train, validation, more = _held_back(recipe, whole.rows(kept))
    parts = Parts(
        name=name,
        checksum=_md5(features, targets),
        split=f"{made}{len(tested)} of {len(whole)} samples for the test, by seed {seed}{more}",
        train=train,
        validation=validation,
        test=whole.rows(tested),
        features=whole.inputs[0].shape[1],
        classes=0 if whole.targets.is_floating_point() else int(whole.targets.max()) + 1,
    )
    return _standardized(parts) if recipe.standardize else parts


def _targets(recipe: Recipe, targets: np.ndarray) -> Tensor:
    """Classes for a loss that takes them, else numbers in a column."""
    if np.issubdtype(targets.dtype, np.integer) and recipe.loss != PROBABILITY:
        return torch.as_tensor(targets, dtype=torch.int64)
    return torch.as_tensor(targets, dtype=torch.float32).unsqueeze(1)


def _md5(*arrays: np.ndarray) -> str:
    return hashlib.md5(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


def _sentences(recipe: Recipe, data: TextData) -> Parts:
    """Ids of words and the number of words of each sentence; the vocabulary is that of the training sentences."""
    sentences, _ = data.part("train")
    words = vocabulary(sentences, _said(recipe, data.name, "vocabulary_size"))
    length = _said(recipe, data.name, "length")

    def part(split: str) -> Part:
        sentences, labels = data.part(split)
        ids = torch.as_tensor(encode(sentences, words, length))
        return Part((ids, (ids != 0).sum(1).clamp(min=1)), torch.as_tensor(labels, dtype=torch.int64))

    kinds = part("train"), part("validation"), part("test")
    return Parts(data.name, data.checksum, "its own, into three", *kinds, 1, len(data.classes))


def _series(recipe: Recipe, data: SeriesData) -> Parts:
    """Windows (N, window, 1) and the value that follows each (N, 1)."""
    window = _said(recipe, data.name, "window")

    def part(split: str) -> Part:
        before, after = data.windows(split, window)
        windows = torch.as_tensor(before, dtype=torch.float32).unsqueeze(-1)
        return Part((windows,), torch.as_tensor(after, dtype=torch.float32).unsqueeze(1))

    kinds = part("train"), part("validation"), part("test")
    parts = Parts(data.name, data.checksum, "its own, by time, into three", *kinds, 1, 0)
    return _standardized(parts) if recipe.standardize else parts


def _standardized(parts: Parts) -> Parts:
    """Features, and a regression's targets, less the training part's mean and divided by its deviation."""
    scale = _scale(parts.train.inputs[0])
    of_targets = (0.0, 1.0) if parts.classes or _is_probability(parts.train.targets) else _scale(parts.train.targets)

    def scaled(part: Part) -> Part:
        return Part(((part.inputs[0] - scale[0]) / scale[1],), _less(part.targets, of_targets))

    validation = scaled(parts.validation) if parts.validation is not None else None
    kinds = scaled(parts.train), validation, scaled(parts.test)
    return Parts(parts.name, parts.checksum, parts.split, *kinds, parts.features, parts.classes)


def _scale(values: Tensor) -> tuple[Tensor, Tensor]:
    over = tuple(range(values.dim() - 1))
    deviation = values.std(over, correction=0)
    return values.mean(over), torch.where(deviation > 0, deviation, 1.0)


def _less(targets: Tensor, scale: tuple[Any, Any]) -> Tensor:
    return targets if targets.dtype == torch.int64 else (targets - scale[0]) / scale[1]


def _is_probability(targets: Tensor) -> bool:
    return targets.is_floating_point() and bool(((targets == 0) | (targets == 1)).all())


def _width(part: Part) -> int:
    return int(part.inputs[0].shape[-1])


def built_for(recipe: Recipe, parts: Parts) -> Mapping[str, Any]:
    """The constructor's arguments: those that follow from the data, and the recipe's own.

    Raises ``NotMeasurable`` where the network needs classes and the data has none.
    """
    if recipe.classes_argument and not parts.classes and recipe.classes_argument not in recipe.arguments:
        raise NotMeasurable(f"{parts.name} has no classes, which {recipe.classes_argument} needs")
    sizes = {recipe.features_argument: parts.features, recipe.classes_argument: parts.classes}
    return {name: size for name, size in sizes.items() if name} | dict(recipe.arguments)
