"""A recipe with changes: another optimizer, schedule, data share or network, from the same seed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from nnbench.catalog import Component
from nnbench.errors import did_you_mean, listing
from nnbench.failures import NotMeasurable
from nnbench.recipe_changes import NO_SCHEDULER, refuse_wrong
from nnbench.specs import Recipe
from nnbench.train.altered import alter
from nnbench.train.fit import Training
from nnbench.train.parts import Parts, drawn
from nnbench.train.prepare import built_for, prepare
from nnbench.variants import Variant

# What decides which optimizer and schedule there are; without any of them the engine's own are left as they are.
STEPPED = {"optimizer", "optimizer_arguments", "lr", "weight_decay", "scheduler", "scheduler_arguments"}
# Registered beside the penalties, but changes of their own.
NO_PENALTIES = {"regularizers.clip_grad_norm": "clip_norm", "regularizers.early_stopping": "patience"}
PLAIN = ("batch_size", "loss", "clip_norm", "patience")  # fields of a recipe under their own names


@dataclass(frozen=True)
class Wanted:
    """A task with changes: ``components`` are those that a change may name, by id."""

    component: Component
    variant: str
    changes: Mapping[str, Any]
    components: Mapping[str, Component]
    epochs: int
    seed: int

    def named(self, text: str) -> Variant:
        """The implementation that a change names: torch's where none is named and there is one."""
        found, variant = self.registered(text), text.partition("@")[2]
        return found.variant(variant or ("torch" if "torch" in found.variants else "reference"))

    def registered(self, text: str) -> Component:
        """The component that a change names; raises ``NotMeasurable`` with those that are alike."""
        identifier = text.partition("@")[0]
        if identifier not in self.components:
            suite = identifier.partition(".")[0]
            alike = [one for one in self.components if one.startswith(f"{suite}.")] or list(self.components)
            told = f"nothing is registered as {identifier!r}.", did_you_mean(identifier, self.components)
            raise NotMeasurable(" ".join(filter(None, [*told, f"There are {listing(alike)}"])))
        return self.components[identifier]


def ready(wanted: Wanted, data: str, device: str, held_out: float = 0.0) -> tuple[Recipe, Parts]:
    """The changed recipe and its data; ``held_out`` is the share that validates where the data has no such part.

    Raises ``NnbenchError`` for a change that there is none of, ``NotMeasurable`` for one that this task cannot take.
    """
    refuse_wrong(wanted.changes)
    recipe = changed(own_recipe(wanted), wanted.changes)
    share = wanted.changes.get("validation_share", held_out)
    return recipe, trained_on(validated(prepare(recipe, data), share), wanted).to(device)


def built(wanted: Wanted, recipe: Recipe, parts: Parts, device: str) -> Training:
    """The network and all that trains it; raises ``NotMeasurable`` for a change that this task cannot take.

    The same seed draws the same initial weights, order of samples and dropout, whatever else is changed.
    """
    torch.manual_seed(wanted.seed)
    arguments = built_for(recipe, parts)
    other = wanted.changes.get("architecture")
    variant = wanted.named(other) if other else wanted.component.variant(wanted.variant)
    _refuse_settings(other or wanted.component.id, variant.resolve(), arguments)
    model = variant.build(**arguments).to(device)
    _alter(model, wanted, parts)
    training = Training(model, parts, recipe, wanted.seed)
    if STEPPED & wanted.changes.keys():
        training.optimizer = _optimizer(recipe, wanted, model)
        training.scheduler = _scheduler(recipe, wanted, training.optimizer)
    training.penalty = _penalty(wanted, model)
    return training


def _alter(model: nn.Module, wanted: Wanted, parts: Parts) -> None:
    try:
        alter(model, wanted.changes, wanted.named, parts.train, wanted.seed)
    except NotMeasurable as error:
        has_another = wanted.variant == "reference" and "torch" in wanted.component.variants
        raise NotMeasurable(f"{error}; its torch variant may have it" if has_another else str(error)) from None


def own_recipe(wanted: Wanted) -> Recipe:
    """The task's; with another architecture, that one's arguments and the shape in which it takes its inputs."""
    recipe, other = wanted.component.recipe, wanted.changes.get("architecture")
    own = wanted.registered(other).recipe if other else recipe
    if recipe is None or own is None:
        raise NotMeasurable(f"{wanted.component.id if recipe is None else other} has no training recipe")
    built = {name: getattr(own, name) for name in ("features_argument", "classes_argument", "arguments", "backbone")}
    return replace(recipe, **built)


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe with those of the changes that are fields of it; raises ``NotMeasurable`` for an unknown loss."""
    plain: dict[str, Any] = {name: changes[name] for name in PLAIN if name in changes}
    if "loss" in plain:
        _of_torch("loss", plain["loss"], nn, nn.modules.loss._Loss)
    if "batch_size" in plain:
        plain["batch_size"] = int(plain["batch_size"])
    if "arguments" in changes:
        plain["arguments"] = dict(recipe.arguments) | dict(changes["arguments"])
    return replace(recipe, **plain)


def validated(parts: Parts, share: float) -> Parts:
    """With this share of the training samples held out, drawn by seed 0, where there is no validation part yet."""
    if parts.validation is not None or not share:
        return parts
    kept, held = drawn(len(parts.train), share, 0)
    told = f"{parts.split}; {len(held)} training samples for the validation, by seed 0"
    return replace(parts, train=parts.train.rows(kept), validation=parts.train.rows(held), split=told)


def trained_on(parts: Parts, wanted: Wanted) -> Parts:
    """With the wanted share of the training samples alone, drawn by the trial's seed."""
    share = wanted.changes.get("train_share", 1)
    if share == 1:
        return parts
    order = torch.randperm(len(parts.train), generator=torch.Generator().manual_seed(wanted.seed))
    places = order[: max(1, round(len(parts.train) * share))].sort().values
    told = f"{parts.split}; {len(places)} of {len(parts.train)} training samples, by seed {wanted.seed}"
    return replace(parts, train=parts.train.rows(places), split=told)


def _optimizer(recipe: Recipe, wanted: Wanted, model: nn.Module) -> torch.optim.Optimizer:
    """Where the optimizer or its settings are changed, nothing but the rate stays of the recipe's settings."""
    changes = wanted.changes
    name = changes.get("optimizer", recipe.optimizer)
    settings = dict(recipe.optimizer_arguments)
    if "optimizer" in changes or "optimizer_arguments" in changes:
        settings = {key: value for key, value in settings.items() if key == "lr"}
        settings |= changes.get("optimizer_arguments", {})
    settings |= {key: changes[key] for key in ("lr", "weight_decay") if key in changes}
    return _made("optimizer", name, wanted, torch.optim, torch.optim.Optimizer, settings, params=model.parameters())


def _scheduler(recipe: Recipe, wanted: Wanted, optimizer: torch.optim.Optimizer) -> Any:
    changes = wanted.changes
    name = changes.get("scheduler", recipe.scheduler)
    if name in ("", NO_SCHEDULER):
        return None
    settings = dict(changes.get("scheduler_arguments", {} if "scheduler" in changes else recipe.scheduler_arguments))
    if "cosine_annealing_lr" in name or name == "CosineAnnealingLR":
        settings = {"T_max": wanted.epochs} | settings
    rules = torch.optim.lr_scheduler
    return _made("scheduler", name, wanted, rules, rules.LRScheduler, settings, optimizer=optimizer)


def _made(what: str, name: str, wanted: Wanted, torchs: Any, kind: type, settings: Any, **handed: Any) -> Any:
    """What a change names, built: registered where its name has a point, else of torch's."""
    target = wanted.named(name).resolve() if "." in name else _of_torch(what, name, torchs, kind)
    _refuse_settings(name, target, settings, **handed)
    try:
        return target(**handed, **settings)
    except (ValueError, TypeError) as error:
        raise NotMeasurable(f"{name} does not take {dict(settings)}: {error}") from None


def _of_torch(what: str, name: str, torchs: Any, kind: type) -> Callable[..., Any]:
    found = getattr(torchs, name, None)
    if isinstance(found, type) and issubclass(found, kind) and found is not kind:
        return found
    every = [(one, value) for one, value in vars(torchs).items() if isinstance(value, type) and value is not kind]
    known = [one for one, value in every if issubclass(value, kind) and not one.startswith("_")]
    raise NotMeasurable(_none_such(f"torch has no {what} {name!r}.", name, sorted(known), "has"))


def _none_such(said: str, name: str, known: Sequence[str], verb: str) -> str:
    return " ".join(filter(None, [said, did_you_mean(name, known), f"It {verb} {listing(known)}"]))


def _refuse_settings(name: str, target: Callable[..., Any], settings: Mapping[str, Any], **handed: Any) -> None:
    """Raises ``NotMeasurable`` for a setting that there is none of, with those there are."""
    try:
        known = inspect.signature(target).parameters
    except (TypeError, ValueError):
        return
    if any(one.kind is one.VAR_KEYWORD for one in known.values()):
        return
    valid = [one for one in known if one not in handed]
    for setting in settings:
        if setting not in valid:
            raise NotMeasurable(_none_such(f"{name} takes no {setting!r}.", setting, valid, "takes"))


def _penalty(wanted: Wanted, model: nn.Module) -> Callable[[], Tensor] | None:
    """The regularizer's, of all weights: parameters of two dimensions and more, so of no bias."""
    name = wanted.changes.get("regularizer")
    if name is None:
        return None
    other = NO_PENALTIES.get(name.partition("@")[0])
    if other:
        raise NotMeasurable(f"{name} is no penalty on weights; change {other} instead")
    settings = wanted.changes.get("regularizer_arguments", {})
    variant = wanted.named(name)
    _refuse_settings(name, variant.resolve(), settings)
    penalty = variant.build(**settings)
    weights = [one for one in model.parameters() if one.dim() > 1]
    return lambda: penalty(*weights)
