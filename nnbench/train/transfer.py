"""Transfer learning: weights for a backbone, pretrained ones where they can be had, else trained here on other data."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import platformdirs
import torch

from nnbench.catalog import Component
from nnbench.data.cache import VARIABLE, cache_folder
from nnbench.data.subsets import SMALLER
from nnbench.errors import NnbenchError
from nnbench.specs import Recipe
from nnbench.train.checkpoint import Keeper, of_recipe, put
from nnbench.train.fit import Told, Training, evaluate, told_nothing
from nnbench.train.parts import Parts
from nnbench.train.prepare import built_for, prepare
from nnbench.units import share

SEED = 0  # of every backbone that is trained here: one set of weights, whatever the seed of what is built on it
PUBLISHED = re.compile(r"-([0-9a-f]{8})\.\w+")  # the beginning of the file's SHA-256, as torchvision names weights


@dataclass(frozen=True)
class Backbone:
    """A state_dict's file, and in words where its weights are from."""

    file: Path
    told: str


@dataclass(frozen=True)
class Keeping:
    """The folder that the state of a backbone's training is kept in while it goes on, None for nowhere, and after how
    many seconds within an epoch.
    """

    folder: Path | None = None
    seconds: float = 30.0


NOWHERE = Keeping()


def transferred(
    component: Component,
    recipe: Recipe,
    parts: Parts,
    device: str,
    tell: Told = told_nothing,
    keeping: Keeping = NOWHERE,
) -> tuple[Recipe, Parts]:
    """The recipe with the weights of the component's backbone among its arguments, and the data that says so.

    Unchanged where the recipe has no backbone. Raises ``DataUnavailable`` where the backbone's data is not there, and
    ``NnbenchError`` where a backbone that has to be trained can be kept nowhere.
    """
    if not recipe.backbone or component.recipe is None:
        return recipe, parts
    found = backbone(component, component.recipe, parts.name, device, tell, keeping)
    arguments = dict(recipe.arguments) | {"weights": str(found.file)}
    return replace(recipe, arguments=arguments), replace(parts, backbone=found.told)


def backbone(
    component: Component,
    recipe: Recipe,
    data: str,
    device: str,
    tell: Told = told_nothing,
    keeping: Keeping = NOWHERE,
) -> Backbone:
    """The weights that the recipe's network starts from: pretrained, or trained here and kept.

    ``data`` is what it is transferred to: where that is the smaller part of a data set, so is the backbone's.
    """
    for file in pretrained(recipe.backbone["weights"]):
        return Backbone(file, f"pretrained weights, {file.name}")
    own = _own_recipe(recipe, data)
    name = f"{component.id}-{own.data}-{_key(component, own)}.pt"
    there = [folder / name for folder in folders() if (folder / name).is_file()]
    file = there[0] if there else _writable() / name
    if not there:
        _train(component, own, device, file, tell, keeping)
    return Backbone(file, _account(file).read_text())


def folders() -> tuple[Path, Path]:
    """Where backbones are kept: beside the data, and in the user's own cache where nobody may write there."""
    return cache_folder() / "backbones", platformdirs.user_cache_path("nnbench") / "backbones"


def _writable() -> Path:
    """The first of the folders that a file can be written to, found before minutes of training and not after."""
    refused = []
    for folder in folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError as error:
            refused.append(f"{folder} ({error.strerror or error})")
    told = f"its backbone has to be trained first, and can be kept neither in {' nor in '.join(refused)}"
    raise NnbenchError(f"{told}; set {VARIABLE} to a copy of the data in a folder that you may write to")


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


def _train(component: Component, own: Recipe, device: str, file: Path, tell: Told, keeping: Keeping) -> None:
    """Train the whole network, by torch's layers where there are such: they are the quickest."""
    parts = prepare(own).to(device)
    torch.manual_seed(SEED)
    variant = component.variants.get("torch", component.reference)
    training = Training(variant.build(**built_for(own, parts)).to(device), parts, own, SEED, tested=False)
    doing = f"training its backbone on {parts.name}, epoch {{}} of {own.epochs}"

    def told(done: int, of: int) -> None:
        tell(done, of, doing.format(training.epoch + 1))

    state = keeping.folder / f"backbone-{file.name}" if keeping.folder is not None else None
    _go_through(training, state, keeping.seconds, told)
    _, accuracy = evaluate(training.model, parts.test, training.loss)
    elsewhere = "" if file.parent == folders()[0] else "; kept in the user's cache, as beside the data nobody may write"
    _account(file).write_text(_described(parts, training, accuracy) + elsewhere)
    put(file, training.model.state_dict())
    if state is not None:
        state.unlink(missing_ok=True)


def _go_through(training: Training, state: Path | None, seconds: float, tell: Told) -> None:
    """Every epoch, those that are left where a state was kept; raises ``NnbenchError`` where it diverges."""
    parts, epochs = training.parts, training.recipe.epochs
    if state is None:
        for _ in training.run(epochs, tell):
            pass
    else:
        of = {"backbone on": parts.name, "its checksum": parts.checksum, "seed": SEED} | of_recipe(training.recipe)
        keeper = Keeper(state, training, of, seconds)
        for _ in training.run(epochs, keeper.watching(tell)):
            keeper.keep()
    if training.stopped:
        raise NnbenchError(f"its backbone, trained first on {parts.name}: {training.stopped}")


def _described(parts: Parts, training: Training, accuracy: float | None) -> str:
    """Where the weights are from, in words."""
    epochs = "1 epoch" if training.epoch == 1 else f"{training.epoch} epochs"
    reached = "" if accuracy is None else f", {share(accuracy)} right of its own test part"
    return f"trained here on {parts.name} for {epochs}{reached}; no pretrained weights are here"
