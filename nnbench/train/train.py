"""An architecture trained by its recipe: built for the data, trained, and each epoch told as measurements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nnbench.catalog import Component
from nnbench.metrics import METRICS
from nnbench.model import Measurement, Status
from nnbench.train.checkpoint import load, save
from nnbench.train.fit import DIVERGED, Epoch, Told, Training, told_nothing
from nnbench.train.parts import Parts
from nnbench.train.prepare import built_for, prepare
from nnbench.train.trajectory import checksum, record
from nnbench.trajectories import Step


@dataclass(frozen=True)
class Request:
    """What to train with: the data set (the recipe's where empty), seed, epochs (the recipe's where 0), and where to
    keep a checkpoint (nowhere where empty).
    """

    data: str = ""
    seed: int = 0
    epochs: int = 0
    device: str = "cpu"
    checkpoint: str = ""


def train(component: Component, variant: str, request: Request, tell: Told = told_nothing) -> Iterator[Measurement]:
    """Train one variant and report each epoch; the same seed gives the same run, stopped and resumed or not.

    Raises ``ValueError`` for a component without a recipe, ``NotMeasurable`` for data that it cannot be trained on and
    ``DataUnavailable`` where the data is not there.
    """
    training = _begun(component, variant, request)
    parts = training.parts
    file = Path(request.checkpoint) if request.checkpoint else None
    if file is not None and file.is_file():
        training.restore(load(file, told_of(component, variant, parts, request)))
    for epoch in training.run(request.epochs or training.recipe.epochs, tell):
        if file is not None:
            save(file, training.state() | {"of": told_of(component, variant, parts, request)})
        yield from measurements(component, variant, parts, epoch, request.seed, checksum(training.model))


def trajectory(component: Component, variant: str, request: Request, steps: int) -> Iterator[Step]:
    """The first steps of the training that ``train`` would make; raises like it."""
    yield from record(_begun(component, variant, request), steps)


def _begun(component: Component, variant: str, request: Request) -> Training:
    """The network, built for its data from the seed, and all that trains it."""
    recipe = component.recipe
    if recipe is None:
        raise ValueError(f"{component.id} has no training recipe")
    parts = prepare(recipe, request.data).to(request.device)
    torch.manual_seed(request.seed)
    model = component.variant(variant).build(**built_for(recipe, parts)).to(request.device)
    return Training(model, parts, recipe, request.seed)


def told_of(component: Component, variant: str, parts: Parts, request: Request) -> dict[str, Any]:
    """What a checkpoint must be of to be gone on from."""
    return {"component": component.id, "variant": variant, "data": parts.checksum, "seed": request.seed}


def measurements(
    component: Component, variant: str, parts: Parts, epoch: Epoch, seed: int, weights: str
) -> Iterator[Measurement]:
    """An epoch's numbers, a row each; its context names data, checksum, split, seed and the weights' own checksum."""
    status, note = (Status.FAILED, epoch.stopped) if epoch.stopped == DIVERGED else (Status.OK, "")
    context = {
        "data": parts.name,
        "checksum": parts.checksum,
        "split": parts.split,
        "seed": seed,
        "test_samples": len(parts.test),
        "epoch": epoch.number,
        "weights": weights,
        **({"stopped": epoch.stopped} if epoch.stopped else {}),
    }
    for metric, value in _values(epoch).items():
        yield Measurement(
            component=component.id,
            variant=variant,
            case=f"{parts.name},epoch={epoch.number}",
            metric=metric,
            unit=METRICS[metric].unit,
            values=(value,),
            status=status,
            note=note,
            context=context,
        )


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
