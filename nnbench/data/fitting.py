"""Whether a recipe can be trained on a data set: known from names alone, before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnbench.data.catalog import DATASETS, find
from nnbench.data.made import TABLES
from nnbench.data.subsets import SUBSETS, needed
from nnbench.errors import NnbenchError, did_you_mean, listing
from nnbench.specs import Recipe

# Losses by the target that they take; of any other one nothing is said here.
OF_NUMBERS = ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "PoissonNLLLoss")
OF_CLASSES = ("CrossEntropyLoss", "NLLLoss", "MultiMarginLoss")
PROBABILITY = "BCELoss"  # whose network gives the probability of one of two classes
SHARES = ("test_share", "validation_share")
IMAGES, TABLE = "images", "a table"
KINDS = {"images": IMAGES, "sentences": "sentences", "series": "a series"}


@dataclass(frozen=True)
class Shape:
    """What a network sees of a data set: ``channels`` of images, and how many classes, 0 where it has numbers."""

    kind: str
    channels: int
    classes: int


def misfit(recipe: Recipe, name: str) -> str:
    """Why the recipe cannot be trained on this data, and on which it can, in a sentence; empty where it can.

    Raises ``NnbenchError`` for a name that there is no data of.
    """
    reason = _reason(recipe, name)
    if not reason:
        return ""
    fitting = [one for one in names() if not _reason(recipe, one)]
    if fitting:
        return f"{reason}; what would do: {listing(fitting)}"
    why = f", while {recipe.classes_argument!r} is to follow from classes" if recipe.loss in OF_NUMBERS else ""
    return f"{reason}; no data here would do{why}"


def names() -> Sequence[str]:
    """All that ``--data`` takes."""
    return *DATASETS, *SUBSETS, *TABLES


def refuse_unknown(name: str) -> None:
    """Raises ``NnbenchError`` for what ``--data`` does not take, with suggestions."""
    if name not in names():
        told = [f"no data set named {name!r}.", did_you_mean(name, names()), f"There are {listing(names())}."]
        raise NnbenchError(" ".join(filter(None, told)))


def generator_arguments(recipe: Recipe, name: str) -> dict[str, Any]:
    """What the generator of this table is called with: the recipe's arguments, or ours where it says nothing of it.

    The seed is the recipe's ``random_state``, or 0, and never the training's: every training sees the same data.
    """
    other = (*SHARES, "random_state")
    said = {key: value for key, value in recipe.data_arguments.items() if key not in other}
    if recipe.data != name or not said:
        said = dict(TABLES[name].arguments)
        if recipe.loss == PROBABILITY and "n_classes" in said:
            said["n_classes"] = 2
    return said | {"random_state": recipe.data_arguments.get("random_state", 0)}


def _reason(recipe: Recipe, name: str) -> str:
    own, found = _shape(recipe, recipe.data), _shape(recipe, name)
    takes = (IMAGES, TABLE) if recipe.features_argument and own.kind in (IMAGES, TABLE) else (own.kind,)
    if found.kind not in takes:
        return f"{name} is {found.kind}, and the task is trained on {' or '.join(takes)}"
    if not recipe.features_argument and found.channels != own.channels:
        of = "channel" if found.channels == 1 else "channels"
        return f"{name} has images of {found.channels} {of}, and the task is trained on those of {own.channels}"
    return _other_targets(recipe, name, found.classes)


def _other_targets(recipe: Recipe, name: str, classes: int) -> str:
    """In what the data's targets are not those that the loss or the network takes."""
    has = f"{name} has {classes} classes" if classes else f"{name} has a number and no classes"
    if recipe.loss in OF_NUMBERS and classes:
        return f"{recipe.loss} needs a number as the target of each sample, and {has}"
    if recipe.loss in OF_CLASSES and not classes:
        return f"{recipe.loss} needs a class as the target of each sample, and {has}"
    if recipe.loss == PROBABILITY and classes != 2:
        return f"{recipe.loss} needs two classes, and {has}"
    if recipe.classes_argument and recipe.classes_argument not in recipe.arguments and not classes:
        return f"{name} has no classes, which {recipe.classes_argument} needs"
    return ""


def _shape(recipe: Recipe, name: str) -> Shape:
    if name in TABLES:
        made = generator_arguments(recipe, name) if TABLES[name].is_made else {}
        return Shape(TABLE, 0, _classes(name, made))
    refuse_unknown(name)
    found = find(needed(name))
    few = SUBSETS[name].classes if name in SUBSETS else ()
    channels = (*found.image_shape, 1)[2] if found.image_shape else 0
    return Shape(KINDS[found.kind], channels, len(few or found.classes))


def _classes(name: str, made: Mapping[str, Any]) -> int:
    """Of a table, made with these arguments where it is made: two are what scikit-learn makes where nothing is said."""
    table = TABLES[name]
    return int(made.get("n_classes", 2)) if table.is_made and table.classes else table.classes
