"""An architecture trained by its recipe: built for the data, trained, and each epoch told as measurements."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nnbench.catalog import Component
from nnbench.metrics import METRICS
from nnbench.model import Measurement, Status
from nnbench.recipe_changes import FINAL, HELD_OUT, TUNING
from nnbench.train.changed import Wanted, built, ready
from nnbench.train.checkpoint import Keeper, of_recipe
from nnbench.train.fit import DIVERGED, Epoch, Told, Training, told_nothing
from nnbench.train.inside import curves
from nnbench.train.outcome import judged, outcome
from nnbench.train.parts import Parts
from nnbench.train.trajectory import checksum, record
from nnbench.train.transfer import Keeping, transferred
from nnbench.trajectories import Step


@dataclass(frozen=True)
class Request:
    """What to train with: the data set (the recipe's where empty), seed, epochs (the recipe's where 0), and where to
    keep a checkpoint (nowhere where empty), after each epoch and every so many seconds within one.

    ``changes`` are what is done other than the recipe says (``recipe_changes.CHANGES``). A trial of an experiment has a
    ``role`` and the name of its ``contender``: a FINAL one is measured once more at its end, a TUNING one is validated
    and its test part never looked at; a training of no experiment is judged on the test part at its end. ``holds_out``
    says that where the data has no validation part, one is taken out of its training part.
    """

    data: str = ""
    seed: int = 0
    epochs: int = 0
    device: str = "cpu"
    checkpoint: str = ""
    checkpoint_seconds: float = 30.0
    changes: Mapping[str, Any] = field(default_factory=dict)
    role: str = ""
    contender: str = ""
    holds_out: bool = False


Components = Mapping[str, Component]  # that changes may name, by id


def train(
    component: Component,
    variant: str,
    request: Request,
    tell: Told = told_nothing,
    components: Components | None = None,
    resumed: Callable[[int], None] = lambda epochs: None,
) -> Iterator[Measurement]:
    """Train one variant and report each epoch; the same seed gives the same run, stopped and resumed or not.

    ``resumed`` is told how many epochs were done before, where a checkpoint is gone on from.

    Raises ``ValueError`` for a component without a recipe, ``NotMeasurable`` for data that it cannot be trained on or
    changes that it cannot take, and ``DataUnavailable`` where the data is not there.
    """
    wanted = _wanted(component, variant, request, components or {})
    begin = _beginning(wanted, request, tell)
    training = begin()
    training.tested = request.role != TUNING
    parts = training.parts
    row = Rows(component.id, variant, parts, request)
    keeper = None
    if request.checkpoint:
        of = told_of(component, variant, training, request)
        keeper = Keeper(Path(request.checkpoint), training, of, request.checkpoint_seconds)
        tell = keeper.watching(tell)
        resumed(training.epoch)
    for epoch in training.run(request.epochs or training.recipe.epochs, tell):
        yield from row.of_epoch(epoch, checksum(training.model))
        if keeper is not None:
            keeper.keep()  # once its rows are told: what is killed here tells them twice, not never
    if training.stopped == DIVERGED:
        return
    if request.role == FINAL:
        yield from row.of_outcome(outcome(training, begin), training.epoch)
        if "activation" in request.changes:
            drawn = curves(wanted.named(request.changes["activation"]).build())
            yield from row.of_outcome(drawn, training.epoch)
    elif not request.role:
        yield from row.of_outcome(judged(training), training.epoch)


def trajectory(
    component: Component, variant: str, request: Request, steps: int, tell: Told = told_nothing
) -> Iterator[Step]:
    """The first steps of the training that ``train`` would make, fewer where it ends earlier; raises like it.

    What is trained before it, a backbone, is told.
    """
    wanted = _wanted(component, variant, request, {})
    yield from record(_beginning(wanted, request, tell)(), steps, wanted.epochs)


def _wanted(component: Component, variant: str, request: Request, components: Components) -> Wanted:
    if component.recipe is None:
        raise ValueError(f"{component.id} has no training recipe")
    epochs = request.epochs or component.recipe.epochs
    return Wanted(component, variant, request.changes, components, epochs, request.seed)


def _beginning(wanted: Wanted, request: Request, tell: Told = told_nothing) -> Callable[[], Training]:
    """Begins the training, from the seed and with the same data at each call."""
    held_out = HELD_OUT if request.holds_out or request.role == TUNING else 0.0
    recipe, parts = ready(wanted, request.data, request.device, held_out)
    other = request.changes.get("architecture")
    network = wanted.registered(other) if other else wanted.component
    folder = Path(request.checkpoint).parent if request.checkpoint else None
    kept = Keeping(folder, request.checkpoint_seconds)
    recipe, parts = transferred(network, recipe, parts, request.device, tell, kept)
    return functools.partial(built, wanted, recipe, parts, request.device)


def told_of(component: Component, variant: str, training: Training, request: Request) -> dict[str, Any]:
    """What a checkpoint must be of to be gone on from."""
    parts, recipe = training.parts, training.recipe
    own: dict[str, Any] = {"component": component.id, "variant": variant}
    own |= {"data": parts.name, "its checksum": parts.checksum}
    own |= {"seed": request.seed, "training samples": len(parts.train)}
    own |= {f"changed {name}": str(value) for name, value in request.changes.items()}
    if parts.backbone:
        own["backbone"] = parts.backbone
        arguments = {name: value for name, value in recipe.arguments.items() if name != "weights"}  # where they lie
        recipe = replace(recipe, arguments=arguments)
    return own | of_recipe(recipe)


@dataclass(frozen=True)
class Rows:
    """Makes rows of numbers; their context names data, checksum, split and seed."""

    component: str
    variant: str
    parts: Parts
    request: Request

    def of_epoch(self, epoch: Epoch, weights: str) -> Iterator[Measurement]:
        """An epoch's numbers, a row each; the context names the weights' own checksum."""
        more = {"weights": weights, **({"stopped": epoch.stopped} if epoch.stopped else {})}
        for metric, value in _values(epoch).items():
            row = self._row(metric, (value,), epoch.number, more)
            yield replace(row, status=Status.FAILED, note=epoch.stopped) if epoch.stopped == DIVERGED else row

    def of_outcome(self, found: Mapping[str, tuple[float, ...]], epoch: int) -> Iterator[Measurement]:
        """What was measured once, after the last epoch."""
        for metric, values in found.items():
            yield self._row(metric, values, epoch, {})

    def _row(self, metric: str, values: tuple[float, ...], epoch: int, more: Mapping[str, Any]) -> Measurement:
        parts, request = self.parts, self.request
        own = {"data": parts.name, "checksum": parts.checksum, "split": parts.split, "seed": request.seed}
        own |= {"backbone": parts.backbone} if parts.backbone else {}
        about = own | {"test_samples": len(parts.test), "epoch": epoch} | dict(more)
        case = ",".join(part for part in (parts.name, request.contender, f"epoch={epoch}") if part)
        unit = METRICS[metric].unit
        return Measurement(self.component, self.variant, case, metric, unit, values, context=about)


def _values(epoch: Epoch) -> Mapping[str, float]:
    named = {
        "train_loss": epoch.train_loss,
        "validation_loss": epoch.validation_loss,
        "validation_accuracy": epoch.validation_accuracy,
        "test_loss": epoch.test_loss,
        "test_accuracy": epoch.test_accuracy,
        "learning_rate": epoch.learning_rate,
        "gradient_norm": epoch.gradient_norm,
        "training_time": epoch.seconds,
    }
    return {name: value for name, value in named.items() if value is not None}
