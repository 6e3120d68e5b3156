"""Training recipes: every architecture has one, it says all that its data is made of, and it can be started."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import datasets
from torch import Tensor, nn

import nnbench
from nnbench.data import DATASETS, ImageData, SeriesData, TextData, encode, vocabulary
from nnbench.data.subsets import needed
from nnbench.specs import Recipe
from nnbench.train.train import Request, train

SEQUENCES = {"lstm_classifier", "time_series_lstm", "attention_classifier"}  # their networks' tests are elsewhere
SAMPLES = 6


def features(*shape: int) -> Tensor:
    return torch.randn(SAMPLES, *shape)


def classes(number: int) -> Tensor:
    return torch.randint(number, (SAMPLES,))


# data -> how many features and classes it gives a network, and random samples of its shape.
DATA: dict[str, tuple[int, int, Callable[[], tuple[Tensor, Tensor]]]] = {
    "mnist": (784, 10, lambda: (features(784), classes(10))),
    "cifar10": (3072, 10, lambda: (features(3, 32, 32)[:2], classes(10)[:2])),
    "cifar10_rest": (3072, 5, lambda: (features(3, 32, 32)[:2], classes(5)[:2])),
    "make_classification": (20, 3, lambda: (features(20), classes(3))),
    "breast_cancer": (30, 2, lambda: (features(30), classes(2).float()[:, None])),
    "make_regression": (20, 1, lambda: (features(20), features(1))),
}
OURS = {made.id.partition(".")[2]: made for made in nnbench.components() if made.id.startswith("architectures.")}
RECIPES: dict[str, Recipe] = {
    name: made.recipe for name, made in OURS.items() if made.recipe is not None and name not in SEQUENCES
}
OF_SEQUENCES: dict[str, Recipe] = {
    name: made.recipe for name, made in OURS.items() if made.recipe is not None and name in SEQUENCES
}
EVERY = RECIPES | OF_SEQUENCES
SHARES = ("test_share", "validation_share")
GENERATORS = {"make_classification": datasets.make_classification, "make_regression": datasets.make_regression}
TABLES = [name for name, recipe in RECIPES.items() if recipe.data in (*GENERATORS, "breast_cancer")]


def table(recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """All samples of a recipe's generator, or of scikit-learn's table, from what the recipe says and nothing else."""
    if recipe.data == "breast_cancer":
        features, targets = datasets.load_breast_cancer(return_X_y=True)
        return features, targets
    made_with = {name: value for name, value in recipe.data_arguments.items() if name not in SHARES}
    features, targets = GENERATORS[recipe.data](**made_with)
    return features, targets


def parts(recipe: Recipe, samples: int) -> dict[str, np.ndarray]:
    """The rows of each part: first the test's, then the validation's out of the others."""
    said = recipe.data_arguments
    rows = np.random.RandomState(said["random_state"]).permutation(samples)
    test = int(said.get("test_share", 0) * samples)
    validation = int(said["validation_share"] * (samples - test))
    return {"test": rows[:test], "validation": rows[test : test + validation], "train": rows[test + validation :]}


def standardized(values: np.ndarray, training: np.ndarray) -> np.ndarray:
    return (values - values[training].mean(0)) / values[training].std(0)


def batch(recipe: Recipe) -> tuple[Tensor, Tensor]:
    """The first batch of a table's training part, in the shapes that the recipe's loss takes."""
    features, targets = table(recipe)
    rows = parts(recipe, len(features))["train"]
    assert recipe.standardize
    features = standardized(features, rows)
    is_regression = recipe.loss == "MSELoss"
    targets = standardized(targets, rows) if is_regression else targets
    chosen = rows[: recipe.batch_size]
    wanted = torch.from_numpy(targets[chosen])
    wanted = wanted.long() if recipe.loss == "CrossEntropyLoss" else wanted.float()[:, None]
    return torch.from_numpy(features[chosen]).float(), wanted


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
    assert len(RECIPES) == 17


def test_every_architecture_for_sentences_or_series_has_a_recipe() -> None:
    assert set(OF_SEQUENCES) == SEQUENCES


@pytest.mark.parametrize("name", TABLES)
def test_the_data_arguments_make_the_table_that_the_network_is_trained_on(name: str) -> None:
    recipe = RECIPES[name]
    features, targets = table(recipe)
    inputs, outputs, _ = DATA[recipe.data]
    assert features.shape == (len(targets), inputs)
    if recipe.loss == "MSELoss":
        assert targets.shape == (len(features),)
    else:
        assert set(targets) == set(range(outputs))
    again, same_targets = table(recipe)
    assert np.array_equal(features, again)
    assert np.array_equal(targets, same_targets)
    rows = parts(recipe, len(features))
    assert min(len(part) for part in rows.values()) >= 2 * recipe.batch_size
    assert sorted(np.concatenate(list(rows.values()))) == list(range(len(features)))
    standard = standardized(features, rows["train"])[rows["train"]]
    assert np.allclose(standard.mean(0), 0)
    assert np.allclose(standard.std(0), 1)


@pytest.mark.parametrize("variant", ["reference", "torch"])
@pytest.mark.parametrize("name", TABLES)
def test_a_step_on_the_table_makes_the_loss_smaller(name: str, variant: str) -> None:
    """In evaluation, for without chance; and with a small step, downhill for certain."""
    recipe = RECIPES[name]
    samples, wanted = batch(recipe)
    network, _ = started(name, variant)
    network.eval()
    settings = {key: value for key, value in recipe.optimizer_arguments.items() if key != "lr"}
    optimizer = getattr(torch.optim, recipe.optimizer)(network.parameters(), lr=1e-4, **settings)
    loss_function = getattr(nn, recipe.loss)()
    before = loss_function(network(samples), wanted)
    before.backward()
    optimizer.step()
    with torch.no_grad():
        after = loss_function(network(samples), wanted)
    assert before.isfinite()
    assert float(after) < float(before.detach())


@pytest.mark.parametrize("name", EVERY)
def test_what_stops_or_slows_training_has_a_validation_part_to_look_at(name: str) -> None:
    recipe = EVERY[name]
    watches = recipe.patience > 0 or recipe.scheduler == "ReduceLROnPlateau"
    has_part = recipe.data in DATASETS and DATASETS[recipe.data].validation_samples > 0
    has_share = 0 < recipe.data_arguments.get("validation_share", 0) < 0.5
    assert not watches or has_part or has_share
    assert not (has_part and has_share)
    needs_test = needed(recipe.data) not in DATASETS
    assert needs_test == ("test_share" in recipe.data_arguments)
    assert ("random_state" in recipe.data_arguments) == any(share in recipe.data_arguments for share in SHARES)


@pytest.mark.parametrize("name", ["lstm_classifier", "attention_classifier"])
def test_the_data_arguments_make_the_ids_that_the_network_reads(name: str) -> None:
    recipe = OF_SEQUENCES[name]
    said = recipe.data_arguments
    sentences = [" ".join(f"word{(start + place) % 12_000}" for place in range(100)) for start in range(0, 12_000, 50)]
    words = vocabulary(sentences, said["vocabulary_size"])
    assert max(words.values()) == recipe.arguments["vocab_size"] - 1
    ids = torch.from_numpy(encode([*sentences[:3], "word3"], words, said["length"]))
    assert ids.shape == (4, 64)
    network = OURS[name].reference.build(**{recipe.classes_argument: 2}, **recipe.arguments)
    scores = network(ids)
    assert scores.shape == (4, 2)
    assert nn.CrossEntropyLoss()(scores, torch.tensor([0, 1, 0, 1])).isfinite()


def test_the_data_arguments_make_the_windows_that_the_network_reads() -> None:
    recipe = OF_SEQUENCES["time_series_lstm"]
    split = np.repeat(["train", "validation", "test"], [60, 20, 20])
    years = np.arange("1900", "2000", dtype="datetime64[Y]")
    series = SeriesData("made", "", np.sin(np.arange(100.0)), years, np.full(100, True), split, "")
    before, after = series.windows("train", recipe.data_arguments["window"])
    assert before.shape == (60 - 20, 20)
    assert recipe.standardize
    network = OURS["time_series_lstm"].reference.build(**{recipe.features_argument: 1}, **recipe.arguments)
    predicted = network(torch.from_numpy(before).float()[..., None])
    assert nn.MSELoss()(predicted, torch.from_numpy(after).float()[:, None]).isfinite()


def small_data(recipe: Recipe) -> Any:
    """A data set of the recipe's kind, so small that an epoch takes no time; a table is its own."""
    labels, split = np.arange(40) % 10, np.repeat(["train", "validation", "test"], [30, 5, 5])
    random = np.random.RandomState(0)
    if recipe.data == "movie_reviews":
        sentences = tuple(" ".join(random.choice(["good", "bad", "film"], 5)) for _ in range(40))
        return TextData("movie_reviews", "abc", sentences, labels % 2, split, ("bad", "good"))
    if recipe.data == "sunspots":
        values, years = random.rand(80), np.arange("1900", "1980", dtype="datetime64[Y]")
        split = np.repeat(["train", "validation", "test"], [60, 10, 10])
        return SeriesData("sunspots", "abc", values, years, np.full(80, True), split, "")
    shape = (28, 28) if recipe.data == "mnist" else (32, 32, 3)
    number, tested = (40, 20) if recipe.backbone else (12, 2)  # with both halves of the classes in both parts
    images = random.randint(0, 256, (number, *shape), dtype=np.uint8)
    test = images[:tested], labels[:tested]
    return ImageData(recipe.data, "abc", images, labels[:number], *test, tuple("0123456789"), 255)


@pytest.mark.parametrize("name", EVERY)
def test_training_follows_every_recipe(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One epoch, on data of the recipe's kind; the sizes follow from the data."""
    recipe = EVERY[name]
    monkeypatch.setenv("NNBENCH_DATA", str(tmp_path))  # where a backbone is kept
    monkeypatch.setattr("nnbench.train.transfer.torch.hub.get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr("nnbench.train.prepare.load", lambda _: small_data(recipe))
    rows = {row.metric: row for row in train(OURS[name], "reference", Request(epochs=1))}
    assert np.isfinite(rows["train_loss"].values[0])
    assert rows["gradient_norm"].values[0] > 0
    assert ("test_accuracy" in rows) == (recipe.loss != "MSELoss")
    assert ("validation_loss" in rows) == ("validation_share" in recipe.data_arguments or name in SEQUENCES)
    assert rows["train_loss"].context["data"] == recipe.data


def test_it_learns_on_the_digits_that_are_always_here() -> None:
    epochs = list(train(OURS["mnist_mlp"], "reference", Request("digits", epochs=2)))
    losses = [row.values[0] for row in epochs if row.metric == "train_loss"]
    assert losses[1] < losses[0]
    assert epochs[0].case == "digits,epoch=1"


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


@pytest.mark.parametrize("name", EVERY)
def test_a_recipe_is_plain_data(name: str) -> None:
    """It goes to other processes and into the records of a run."""
    told = dataclasses.asdict(EVERY[name])
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
