"""Training recipes: every architecture for images, digits or tables has one, and it can be started."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import nnbench
from nnbench.specs import Recipe

SEQUENCES = {"lstm_classifier", "time_series_lstm", "attention_classifier"}  # their tests are elsewhere
SAMPLES = 6


def features(*shape: int) -> Tensor:
    return torch.randn(SAMPLES, *shape)


def classes(number: int) -> Tensor:
    return torch.randint(number, (SAMPLES,))


# data -> how many features and classes it gives a network, and random samples of its shape.
DATA: dict[str, tuple[int, int, Callable[[], tuple[Tensor, Tensor]]]] = {
    "mnist": (784, 10, lambda: (features(784), classes(10))),
    "cifar10": (3072, 10, lambda: (features(3, 32, 32)[:2], classes(10)[:2])),
    "make_classification": (20, 3, lambda: (features(20), classes(3))),
    "breast_cancer": (30, 2, lambda: (features(30), classes(2).float()[:, None])),
    "make_regression": (20, 1, lambda: (features(20), features(1))),
}
OURS = {made.id.partition(".")[2]: made for made in nnbench.components() if made.id.startswith("architectures.")}
RECIPES: dict[str, Recipe] = {
    name: made.recipe for name, made in OURS.items() if made.recipe is not None and name not in SEQUENCES
}


def started(name: str, variant: str) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A network and its optimizer, sized by the recipe's data."""
    recipe = RECIPES[name]
    inputs, outputs, _ = DATA[recipe.data]
    sizes = {recipe.features_argument: inputs, recipe.classes_argument: outputs}
    torch.manual_seed(0)
    network = (
        OURS[name].variant(variant).build(**{size: value for size, value in sizes.items() if size}, **recipe.arguments)
    )
    return network, getattr(torch.optim, recipe.optimizer)(network.parameters(), **recipe.optimizer_arguments)


def test_every_architecture_that_takes_images_or_tables_has_a_recipe() -> None:
    assert set(RECIPES) == set(OURS) - SEQUENCES
    assert len(RECIPES) == 16


def test_only_the_mnist_network_is_trained_by_every_run() -> None:
    recipes = {made.id: made.recipe for made in nnbench.components() if made.recipe is not None}
    assert [name for name, recipe in recipes.items() if recipe.every_run] == ["architectures.mnist_mlp"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_what_is_documented_and_what_was_chosen(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.note.startswith("documented: ")
    assert "; chosen: " in recipe.note
    assert recipe.data in DATA
    assert recipe.batch_size > 1
    assert recipe.epochs >= 10


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_plain_data(name: str) -> None:
    """It goes to other processes and into the records of a run."""
    told = asdict(RECIPES[name])
    assert json.loads(json.dumps(told)) == told


@pytest.mark.parametrize("name", RECIPES)
def test_every_argument_of_a_recipe_is_one_of_the_constructor(name: str) -> None:
    recipe = RECIPES[name]
    taken = inspect.signature(OURS[name].reference.resolve()).parameters
    from_data = {argument for argument in (recipe.features_argument, recipe.classes_argument) if argument}
    assert from_data | set(recipe.arguments) <= set(taken)
    assert not from_data & set(recipe.arguments)
    required = {key for key, parameter in taken.items() if parameter.default is inspect.Parameter.empty}
    assert required <= from_data | set(recipe.arguments)


@pytest.mark.parametrize("name", RECIPES)
def test_a_scheduler_is_torchs_and_takes_its_settings(name: str) -> None:
    recipe = RECIPES[name]
    if not recipe.scheduler:
        assert not recipe.scheduler_arguments
        return
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = getattr(torch.optim.lr_scheduler, recipe.scheduler)(optimizer, **recipe.scheduler_arguments)
    rates = []
    for _ in range(max(recipe.epochs, 12)):
        optimizer.step()
        measured = (1.0,) if recipe.scheduler == "ReduceLROnPlateau" else ()
        scheduler.step(*measured)
        rates.append(scheduler.get_last_lr()[0])
    assert rates[-1] < 1.0


@pytest.mark.parametrize("variant", ["reference", "torch"])
@pytest.mark.parametrize("name", RECIPES)
def test_one_step_of_training_has_a_finite_loss_and_moves_the_network(name: str, variant: str) -> None:
    network, optimizer = started(name, variant)
    samples, wanted = DATA[RECIPES[name].data][2]()
    before = [parameter.detach().clone() for parameter in network.parameters()]
    loss: Any = getattr(nn, RECIPES[name].loss)()(network(samples), wanted)
    loss.backward()
    optimizer.step()
    assert loss.isfinite()
    assert loss.dim() == 0
    moved = [not torch.equal(*pair) for pair in zip(network.parameters(), before, strict=True)]
    assert moved == [parameter.requires_grad for parameter in network.parameters()]


def test_the_documented_settings_of_the_mnist_network() -> None:
    recipe = RECIPES["mnist_mlp"]
    told = (recipe.data, recipe.loss, recipe.optimizer, recipe.optimizer_arguments, recipe.batch_size, recipe.epochs)
    assert told == ("mnist", "CrossEntropyLoss", "Adam", {"lr": 0.001}, 128, 20)
