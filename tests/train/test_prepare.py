"""A recipe's data made ready: shapes, scales, splits, and where it is from."""

import dataclasses

import numpy as np
import pytest
import torch

import nnbench
from nnbench.data import ImageData, SeriesData, TextData
from nnbench.data.fitting import misfit
from nnbench.errors import NnbenchError
from nnbench.failures import NotMeasurable
from nnbench.train import prepare as module
from nnbench.train.parts import balanced, drawn
from nnbench.train.prepare import Subset, built_for, prepare

RECIPES = {one.id.partition(".")[2]: one.recipe for one in nnbench.components() if one.recipe}


def images(train=60, test=20, shape=(32, 32, 3)):
    def pixels(number):
        return np.random.RandomState(number).randint(0, 256, (number, *shape), dtype=np.uint8)

    labels = [np.arange(number) % 10 for number in (train, test)]
    return ImageData("cifar10", "abc", pixels(train), labels[0], pixels(test), labels[1], tuple("0123456789"), 255)


@pytest.fixture
def loaded(monkeypatch):
    """What `load` gives, by name."""
    found = {}
    monkeypatch.setattr(module, "load", lambda name: found[name])
    return found


def test_images_are_flat_for_a_network_of_features(loaded):
    loaded["mnist"] = images(shape=(28, 28))
    parts = prepare(RECIPES["mnist_mlp"])
    assert parts.train.inputs[0].shape == (60, 784)
    assert float(parts.train.inputs[0].max()) == 1.0
    assert parts.validation is None
    assert built_for(RECIPES["mnist_mlp"], parts) == {"input_size": 784, "num_classes": 10}


def test_images_keep_their_shape_for_a_convolution(loaded):
    loaded["cifar10"] = images()
    parts = prepare(RECIPES["cnn"])
    assert parts.train.inputs[0].shape == (54, 3, 32, 32)
    assert len(parts.validation) == 6
    assert "6 training samples for the validation, by seed 0" in parts.split
    held = {tuple(one.flatten().tolist()) for one in parts.validation.inputs[0]}
    assert not held & {tuple(one.flatten().tolist()) for one in parts.train.inputs[0]}


def test_a_subset_has_as_many_of_each_class_and_is_always_the_same(loaded, monkeypatch):
    loaded["cifar10"] = images(200, 100)
    monkeypatch.setitem(module.SUBSETS, "small", Subset("cifar10", 50, 20))
    parts, again = (prepare(RECIPES["resnet18_cifar"], "small") for _ in range(2))
    assert parts.train.targets.bincount().tolist() == [5] * 10
    assert parts.test.targets.bincount().tolist() == [2] * 10
    assert torch.equal(parts.train.inputs[0], again.train.inputs[0])
    assert "drawn by seed 0" in parts.split


@pytest.mark.parametrize(
    ("task", "data", "said"),
    [
        ("mnist_mlp", "sunspots", "sunspots is a series, and the task is trained on images"),
        ("time_series_lstm", "digits", "digits is images, and the task is trained on a series"),
        ("lstm_classifier", "digits", "digits is images, and the task is trained on sentences"),
    ],
)
def test_data_of_another_kind_is_refused_in_words(loaded, task, data, said):
    split, years = np.repeat(["train", "test"], 10), np.arange("1900", "1920", dtype="datetime64[Y]")
    loaded["sunspots"] = SeriesData("sunspots", "abc", np.arange(20.0), years, np.full(20, True), split, "")
    loaded["digits"] = images()
    with pytest.raises(NotMeasurable, match=said):
        prepare(RECIPES[task], data)


def test_the_documented_subset_is_ten_and_two_thousand():
    subset = module.SUBSETS["cifar10_subset"]
    assert (subset.of, subset.train, subset.test) == ("cifar10", 10_000, 2_000)


@pytest.mark.parametrize("name", [name for name, one in RECIPES.items() if one.data in module.TABLES])
def test_a_table_is_split_and_standardized_by_its_training_part(name):
    parts = prepare(RECIPES[name])
    sizes = [len(parts.train), len(parts.validation), len(parts.test)]
    whole = {"breast_cancer": 569}.get(RECIPES[name].data, 1000)
    assert sizes[2] == int(0.2 * whole)
    assert sizes[1] == int(0.2 * (whole - sizes[2]))
    assert sum(sizes) == whole
    features = parts.train.inputs[0]
    assert features.mean(0).abs().max() < 1e-5
    assert features.std(0, correction=0).sub(1).abs().max() < 1e-5
    assert parts.test.inputs[0].mean(0).abs().max() > 1e-3
    assert len(parts.checksum) == 32
    assert torch.equal(prepare(RECIPES[name]).test.inputs[0], parts.test.inputs[0])


def test_targets_are_what_the_loss_takes():
    assert prepare(RECIPES["basic_network"]).train.targets.dtype == torch.int64
    probabilities = prepare(RECIPES["binary_classifier"]).train.targets
    assert set(probabilities.flatten().tolist()) == {0.0, 1.0}
    numbers = prepare(RECIPES["regressor"]).train.targets
    assert (numbers.shape[1], round(float(numbers.std()), 2)) == (1, 1.0)


def test_sentences_are_ids_and_lengths_in_the_words_of_the_training_part(loaded):
    splits = np.array(["train", "train", "validation", "test"])
    said = ("a good film", "a bad film", "a dull joke", "")
    loaded["movie_reviews"] = TextData("movie_reviews", "abc", said, np.array([1, 0, 0, 1]), splits, ("bad", "good"))
    parts = prepare(RECIPES["lstm_classifier"])
    ids, lengths = parts.validation.inputs
    assert ids.shape == (1, 64)
    assert ids[0, 1] == ids[0, 2] == 1  # words that no training sentence has
    assert lengths.tolist() == [3]
    assert parts.test.inputs[1].tolist() == [1]  # an empty sentence is one padding long
    assert built_for(RECIPES["lstm_classifier"], parts)["output_dim"] == 2


def test_a_series_is_windows_and_what_follows(loaded):
    split = np.repeat(["train", "validation", "test"], [60, 20, 20])
    years = np.arange("1900", "2000", dtype="datetime64[Y]")
    loaded["sunspots"] = SeriesData("sunspots", "abc", np.arange(100.0), years, np.full(100, True), split, "")
    parts = prepare(RECIPES["time_series_lstm"])
    windows, after = parts.train.inputs[0], parts.train.targets
    assert windows.shape == (40, 20, 1)
    assert after.shape == (40, 1)
    assert (len(parts.validation), len(parts.test)) == (20, 20)
    assert after.mean().abs() < 1e-5
    assert windows.flatten().std(correction=0) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("task", "data", "said"),
    [
        ("simple_nn", "iris", "MSELoss needs a number .* iris has 3 classes; what would do: make_regression"),
        ("regressor", "breast_cancer", "MSELoss needs a number .* breast_cancer has 2 classes"),
        ("binary_classifier", "digits", "BCELoss needs two classes, and digits has 10 classes; .* breast_cancer"),
        ("binary_classifier", "make_regression", "BCELoss needs two classes, .* has a number and no classes"),
        ("mnist_mlp", "make_regression", "CrossEntropyLoss needs a class .* what would do: mnist, .* and iris"),
    ],
)
def test_targets_that_the_loss_does_not_take_are_refused_with_data_that_would_do(task, data, said):
    with pytest.raises(NotMeasurable, match=said) as caught:
        prepare(RECIPES[task], data)
    assert data not in str(caught.value).partition("what would do: ")[2].replace(" and ", ", ").split(", ")


@pytest.mark.parametrize(
    ("task", "data", "said"),
    [
        ("cnn", "mnist", "mnist has images of 1 channel, and the task is trained on those of 3; what would do: cifar"),
        ("cnn", "iris", "iris is a table, and the task is trained on images"),
        ("lstm_classifier", "iris", "iris is a table, and the task is trained on sentences"),
        ("time_series_lstm", "iris", "a series; what would do: sunspots and mauna_loa_co2"),
    ],
)
def test_inputs_that_the_network_does_not_take_are_refused(task, data, said):
    with pytest.raises(NotMeasurable, match=said):
        prepare(RECIPES[task], data)


def test_each_recipe_can_be_trained_on_what_it_names():
    assert {name: misfit(one, one.data) for name, one in RECIPES.items()} == dict.fromkeys(RECIPES, "")


def test_an_unknown_loss_is_refused_nothing_but_classes_that_the_network_needs():
    recipe = dataclasses.replace(RECIPES["regressor"], loss="MyLoss")
    assert misfit(recipe, "iris") == misfit(recipe, "make_regression") == ""
    needs = dataclasses.replace(recipe, classes_argument="num_classes")
    assert misfit(needs, "make_regression").startswith("make_regression has no classes, which num_classes needs")


def test_a_recipe_that_nothing_fits_says_why():
    recipe = dataclasses.replace(RECIPES["mnist_mlp"], loss="MSELoss")
    told = "; no data here would do, while 'num_classes' is to follow from classes"
    assert misfit(recipe, "mnist").endswith(told)


def test_data_that_there_is_none_of_gets_a_suggestion():
    with pytest.raises(NnbenchError, match=r"no data set named 'irsi'. Did you mean iris\?"):
        prepare(RECIPES["mnist_mlp"], "irsi")


def test_a_network_of_classes_refuses_data_without_them():
    with pytest.raises(NotMeasurable, match="make_regression has no classes"):
        built_for(RECIPES["basic_network"], prepare(RECIPES["regressor"]))


@pytest.mark.parametrize(("task", "classes"), [("mnist_mlp", 3), ("binary_classifier", 0)])
def test_a_made_table_is_the_same_for_every_seed_and_large_enough(task, classes):
    found = []
    for seed in (1, 2):
        np.random.seed(seed)  # what a training's seed does in a worker
        found.append(prepare(RECIPES[task], "make_classification"))
    one, two = found
    assert one.checksum == two.checksum
    assert torch.equal(one.train.inputs[0], two.train.inputs[0])
    assert one.split.startswith("1000 samples made by seed 0; 200 of 1000 samples for the test, by seed 0")
    assert (one.features, one.classes) == (20, classes)
    assert len(one.train.targets.unique()) == (classes or 2)


def test_what_a_recipe_says_of_the_table_that_it_has_made_is_followed():
    said = {"n_samples": 50, "n_features": 6, "n_classes": 2}
    recipe = dataclasses.replace(RECIPES["layer_types"], data_arguments=said)
    one, two = prepare(recipe), prepare(recipe)
    assert (one.features, one.classes, len(one.test)) == (6, 2, 10)
    assert one.checksum == two.checksum  # with the seed 0, though the recipe has none
    wrong = dataclasses.replace(recipe, data_arguments={"n_sample": 50})
    with pytest.raises(NotMeasurable, match=r"make_classification takes no 'n_sample'. Did you mean n_samples"):
        prepare(wrong)


@pytest.mark.parametrize("argument", ["vocabulary_size", "length"])
def test_what_sentences_need_and_a_recipe_does_not_say_is_named(loaded, argument):
    loaded["movie_reviews"] = TextData("movie_reviews", "abc", ("a",), np.array([1]), np.array(["train"]), ("a", "b"))
    own = RECIPES["lstm_classifier"]
    said = {name: value for name, value in own.data_arguments.items() if name != argument}
    with pytest.raises(NotMeasurable, match=f"movie_reviews needs {argument}"):
        prepare(dataclasses.replace(own, data_arguments=said))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"optimizer": "Adamm"}, r"there is no torch.optim.Adamm. Did you mean Adam\b"),
        ({"optimizer": "adam"}, r"there is no torch.optim.adam. Did you mean .*Adam\b"),  # a module of torch's
        ({"loss": "CrossEntropyLos"}, r"there is no torch.nn.CrossEntropyLos. Did you mean CrossEntropyLoss\b"),
        ({"scheduler": "StepLr"}, r"there is no torch.optim.lr_scheduler.StepLr. Did you mean StepLR\b"),
        ({"scheduler": "zzz"}, r"there is no torch.optim.lr_scheduler.zzz. There are ChainedScheduler, .* and StepLR"),
    ],
)
def test_a_misspelt_name_of_torchs_is_told_before_the_data_is_loaded(loaded, changed, said):
    recipe = dataclasses.replace(RECIPES["mnist_mlp"], **changed)
    with pytest.raises(NotMeasurable, match=said):
        prepare(recipe)


def test_what_is_drawn_is_all_there_once():
    kept, taken = drawn(10, 0.35, 1)
    assert len(taken) == 3
    assert sorted([*kept.tolist(), *taken.tolist()]) == list(range(10))
    assert not torch.equal(drawn(1000, 0.5, 1)[1], drawn(1000, 0.5, 2)[1])


def test_too_few_of_a_class_are_told():
    with pytest.raises(ValueError, match="3 samples of class 1 are wanted and there are 1"):
        balanced(torch.tensor([0, 0, 0, 1]), 6, 0)


def test_a_table_without_a_recipe_of_its_own_is_taken_too():
    parts = prepare(dataclasses.replace(RECIPES["basic_network"], data_arguments={}), "iris")
    assert (parts.features, parts.classes, len(parts.test)) == (4, 3, 30)


def test_some_of_the_classes_are_numbered_anew_and_the_two_halves_share_no_image(loaded):
    loaded["cifar10"] = images(200, 100)
    recipe = dataclasses.replace(RECIPES["cnn"], data_arguments={})
    first, rest = (prepare(recipe, name) for name in ("cifar10_first", "cifar10_rest"))
    for parts in (first, rest):
        assert (parts.classes, parts.train.targets.bincount().tolist()) == (5, [20] * 5)
        assert parts.test.targets.bincount().tolist() == [10] * 5
    assert rest.split == "100 of its training and 50 of its test images of 5, 6, 7, 8 and 9"
    whole = prepare(recipe, "cifar10").train
    wanted = whole.rows((whole.targets >= 5).nonzero().flatten())
    assert torch.equal(rest.train.inputs[0], wanted.inputs[0])
    assert torch.equal(rest.train.targets, wanted.targets - 5)


def test_images_are_standardized_by_channel_where_the_recipe_says_so(loaded):
    loaded["cifar10"] = images()
    plain, standard = ({}, {"mean": [0.1, 0.2, 0.3], "deviation": [0.5, 1.0, 2.0]})
    before, after = (
        prepare(dataclasses.replace(RECIPES["cnn"], data_arguments=each)).train for each in (plain, standard)
    )
    for channel, (mean, deviation) in enumerate([(0.1, 0.5), (0.2, 1.0), (0.3, 2.0)]):
        wanted = (before.inputs[0][:, channel] - mean) / deviation
        assert torch.allclose(after.inputs[0][:, channel], wanted, atol=1e-6)
