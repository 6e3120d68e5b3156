"""Transfer learning: weights for a backbone, pretrained ones where they can be had, else trained here on other data."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from nnbench.catalog import Component
from nnbench.data.cache import cache_folder
from nnbench.data.subsets import SMALLER
from nnbench.specs import Recipe
from nnbench.train.checkpoint import put
from nnbench.train.fit import Told, Training, told_nothing
from nnbench.train.parts import Parts
from nnbench.train.prepare import built_for, prepare

SEED = 0  # of every backbone that is trained here: one set of weights, whatever the seed of what is built on it
PUBLISHED = re.compile(r"-([0-9a-f]{8})\.\w+")  # the beginning of the file's SHA-256, as torchvision names weights


@dataclass(frozen=True)
class Backbone:
    """A state_dict's file, and in words where its weights are from."""

    file: Path
    told: str


def transferred(
    component: Component, recipe: Recipe, parts: Parts, device: str, tell: Told = told_nothing
) -> tuple[Recipe, Parts]:
    """The recipe with the weights of the component's backbone among its arguments, and the data that says so.

    Unchanged where the recipe has no backbone. Raises ``DataUnavailable`` where the backbone's data is not there.
    """
    if not recipe.backbone or component.recipe is None:
        return recipe, parts
    found = backbone(component, component.recipe, parts.name, device, tell)
    arguments = dict(recipe.arguments) | {"weights": str(found.file)}
    return replace(recipe, arguments=arguments), replace(parts, backbone=found.told)


def backbone(component: Component, recipe: Recipe, data: str, device: str, tell: Told = told_nothing) -> Backbone:
    """The weights that the recipe's network starts from: pretrained, or trained here and kept beside the data.

    ``data`` is what it is transferred to: where that is the smaller part of a data set, so is the backbone's.
    """
    for file in pretrained(recipe.backbone["weights"]):
        return Backbone(file, f"pretrained weights, {file.name}")
    own = _own_recipe(recipe, data)
    file = cache_folder() / "backbones" / f"{component.id}-{own.data}-{_key(component, own)}.pt"
    if not file.is_file():
        _train(component, own, device, file, tell)
    return Backbone(file, _account(file).read_text())


def _account(file: Path) -> Path:
    return file.with_suffix(".txt")


def pretrained(pattern: str) -> Iterator[Path]:
    """Files of this name pattern in the caches of nnbench and of torch that are what their names say."""
    for folder in (cache_folder() / "weights", Path(torch.hub.get_dir()) / "checkpoints"):
        yield from (file for file in sorted(folder.glob(pattern)) if _is_whole(file))


def _is_whole(file: Path) -> bool:
    published = PUBLISHED.search(file.name)
    return published is None or hashlib.sha256(file.read_bytes()).hexdigest().startswith(published.group(1))


def _own_recipe(recipe: Recipe, data: str) -> Recipe:
    """How the backbone is trained: the recipe's way, but for what its ``backbone`` says."""
    others = {name: value for name, value in recipe.backbone.items() if name != "weights"}
    own = replace(recipe, patience=0, scheduler="", scheduler_arguments={}, **others, backbone={})
    return replace(own, data=SMALLER.get(own.data, own.data)) if data in SMALLER.values() else own


def _key(component: Component, own: Recipe) -> str:
    """What the weights depend on, in eight digits; not on the note."""
    of = asdict(replace(own, note="")) | {"component": component.id, "seed": SEED, "torch": torch.__version__}
    return hashlib.sha256(json.dumps(of, sort_keys=True, default=str).encode()).hexdigest()[:8]


def _train(component: Component, own: Recipe, device: str, file: Path, tell: Told) -> None:
    """Train the whole network, by torch's layers where there are such: they are the quickest."""
    parts = prepare(own).to(device)
    torch.manual_seed(SEED)
    variant = component.variants.get("torch", component.reference)
    training = Training(variant.build(**built_for(own, parts)).to(device), parts, own, SEED)
    doing = f"training its backbone on {parts.name}, epoch {{}} of {own.epochs}"
    epochs = training.run(own.epochs, lambda done, of: tell(done, of, doing.format(training.epoch + 1)))
    *_, last = epochs
    reached = "" if last.test_accuracy is None else f", {last.test_accuracy:.1%} right of its own test part"
    told = f"trained here on {parts.name} for {last.number} epochs{reached}; no pretrained weights are here"
    file.parent.mkdir(parents=True, exist_ok=True)
    _account(file).write_text(told)
    put(file, training.model.state_dict())
