"""Training an architecture by its recipe on real data, in batches held in memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nnbench.catalog import Component
from nnbench.data import DATASETS, ImageData, load
from nnbench.errors import listing
from nnbench.failures import NotMeasurable
from nnbench.metrics import METRICS
from nnbench.model import Measurement
from nnbench.specs import Recipe

LOSS = "CrossEntropyLoss"  # the one that takes scores and classes as evaluate gives them


@dataclass(frozen=True)
class Split:
    """Samples as (N, features) float32 in [0, 1] and their classes as (N,) int64."""

    features: Tensor
    classes: Tensor


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave: mean losses over samples, accuracy as a share of 1, wall seconds spent in training."""

    number: int
    train_loss: float
    test_loss: float
    test_accuracy: float
    seconds: float


def train(component: Component, variant: str, data_name: str, seed: int, epochs: int) -> Iterator[Measurement]:
    """Train one variant for some epochs and report each; the same seed gives the same run.

    Raises ``ValueError`` for a component without a recipe, ``NotMeasurable`` for a recipe that asks for what training
    cannot do yet (nothing of it is left out silently) and ``DataUnavailable`` where the data is not there.
    """
    recipe = component.recipe
    if recipe is None:
        raise ValueError(f"{component.id} has no training recipe")
    _refuse_unfollowed(recipe)
    data = load(data_name)
    if not isinstance(data, ImageData):
        raise NotMeasurable(f"training on {data_name} is not there yet: it holds no images")
    training, test = _splits(data)
    sizes = {recipe.features_argument: training.features.shape[1], recipe.classes_argument: len(data.classes)}
    from_data = {argument: size for argument, size in sizes.items() if argument}
    torch.manual_seed(seed)
    model = component.variant(variant).build(**from_data, **recipe.arguments)
    context = {
        "data": data.name,
        "checksum": data.checksum,
        "seed": seed,
        "test_samples": len(test.features),
    }
    for epoch in fit(model, training, test, recipe, seed, epochs):
        yield from _measurements(component, variant, data, epoch, context)


def _refuse_unfollowed(recipe: Recipe) -> None:
    """Raise ``NotMeasurable`` that names everything in a recipe that is not followed yet."""
    has_images = recipe.data in DATASETS and DATASETS[recipe.data].kind == "images"
    asked = {
        f"the data {recipe.data}": not has_images,
        "images that are not flattened": has_images and not recipe.features_argument,
        f"data made with {listing(recipe.data_arguments)}": recipe.data_arguments,
        "standardized data": recipe.standardize,
        f"the loss {recipe.loss}": recipe.loss != LOSS,
        f"the scheduler {recipe.scheduler}": recipe.scheduler,
        f"early stopping after {recipe.patience} epochs": recipe.patience,
    }
    unfollowed = [what for what, is_asked in asked.items() if is_asked]
    if unfollowed:
        raise NotMeasurable(f"training cannot do all that the recipe asks for yet: it lacks {listing(unfollowed)}")


def _splits(data: ImageData) -> tuple[Split, Split]:
    def split(images: Any, labels: Any) -> Split:
        features = torch.as_tensor(images).flatten(1).to(torch.float32) / data.scale
        return Split(features, torch.as_tensor(labels, dtype=torch.int64))

    return split(data.train_images, data.train_labels), split(data.test_images, data.test_labels)


def fit(model: nn.Module, training: Split, test: Split, recipe: Recipe, seed: int, epochs: int) -> Iterator[Epoch]:
    """Run the recipe's epochs on a model and yield what each gave."""
    loss_function = getattr(nn, recipe.loss)()
    optimizer = getattr(torch.optim, recipe.optimizer)(model.parameters(), **recipe.optimizer_arguments)
    generator = torch.Generator().manual_seed(seed)
    for number in range(1, epochs + 1):
        start = time.perf_counter()
        train_loss = _one_epoch(model, training, loss_function, optimizer, recipe.batch_size, generator)
        seconds = time.perf_counter() - start
        test_loss, accuracy = evaluate(model, test, loss_function)
        yield Epoch(number, train_loss, test_loss, accuracy, seconds)


def _one_epoch(
    model: nn.Module,
    data: Split,
    loss_function: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch_size: int,
    generator: torch.Generator,
) -> float:
    """Train on every sample once, in random order; the mean loss over samples, not over batches."""
    model.train()
    total = 0.0
    for rows in torch.randperm(len(data.features), generator=generator).split(batch_size):
        optimizer.zero_grad()
        loss = loss_function(model(data.features[rows]), data.classes[rows])
        loss.backward()
        optimizer.step()
        total += float(loss.detach()) * len(rows)
    return total / len(data.features)


@torch.no_grad()
def evaluate(model: nn.Module, data: Split, loss_function: nn.Module, batch_size: int = 2048) -> tuple[float, float]:
    """Mean loss and accuracy in evaluation mode."""
    model.eval()
    total, right = 0.0, 0
    for features, classes in zip(data.features.split(batch_size), data.classes.split(batch_size), strict=True):
        scores = model(features)
        total += float(loss_function(scores, classes)) * len(classes)
        right += int((scores.argmax(1) == classes).sum())
    return total / len(data.features), right / len(data.features)


def _measurements(
    component: Component, variant: str, data: ImageData, epoch: Epoch, context: dict[str, Any]
) -> Iterator[Measurement]:
    values = {
        "train_loss": epoch.train_loss,
        "test_loss": epoch.test_loss,
        "test_accuracy": epoch.test_accuracy,
        "training_time": epoch.seconds,
    }
    for metric, value in values.items():
        yield Measurement(
            component=component.id,
            variant=variant,
            case=f"{data.name},epoch={epoch.number}",
            metric=metric,
            unit=METRICS[metric].unit,
            values=(value,),
            context=context | {"epoch": epoch.number},
        )
