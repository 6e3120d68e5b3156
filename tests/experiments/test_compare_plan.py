"""What ``nnbench compare`` fills in where the command line is silent, and what it refuses."""

import click
import pytest
from plans import COMPONENTS, RECIPE, component

from nnbench.cli import compare_plan, options
from nnbench.cli.compare_asked import Asked
from nnbench.cli.compare_plan import AT_LEAST, BUDGET
from nnbench.errors import DataUnavailable, NnbenchError

ADAGRAD = component("optimizers.adagrad", "optimizer")
REST = [component(f"optimizers.{name}", "optimizer") for name in ("adamw", "rmsprop")]
CNN = component(
    "architectures.cnn",
    recipe=RECIPE | {"data": "cifar10", "epochs": 2, "features_argument": ""},
    variants=("reference",),
)
EVERYTHING = (*COMPONENTS, ADAGRAD, *REST, CNN)


@pytest.fixture
def here(monkeypatch):
    """Says which data sets are here."""
    sets = {"mnist", "cifar10", "digits"}
    monkeypatch.setattr(compare_plan, "is_available", lambda name: name in sets)
    monkeypatch.setattr(compare_plan.trainer, "find_task", find)
    return sets


def find(components, name):
    return next(one for one in components if one.id == f"architectures.{name}")


def planned(name="optimizers", **asked):
    return compare_plan.plan(Asked(name, **asked), [with_mnist(one) for one in EVERYTHING])


def with_mnist(one):
    return component(one.id, recipe=RECIPE | {"data": "mnist"}) if one.id == "architectures.mnist_mlp" else one


def test_a_first_look_takes_what_fits_into_minutes(here):
    made = planned()
    assert (made.seeds, made.epochs, made.budget, made.at_least) == ((0, 1, 2, 3, 4), 3, BUDGET, AT_LEAST)
    assert (made.task.id, made.variant, made.data, made.metric) == (
        "architectures.mnist_mlp",
        "torch",
        "mnist",
        "test_accuracy",
    )
    assert len(made.contenders) >= 4
    assert made.definitions.keys() == {one.name for one in made.contenders}
    assert len(made.definitions["Adam"]) == 16


@pytest.mark.parametrize("size", [{"seeds": 2}, {"epochs": 7}, {"tune": 3}])
def test_who_names_a_size_gets_all_of_it(here, size):
    assert planned(**size).budget == 0.0


def test_a_budget_that_is_named_holds_whatever_else_is(here):
    made = planned(seeds=7, seed=3, budget=60.0)
    assert (made.budget, made.at_least, made.seeds) == (60.0, 0, tuple(range(3, 10)))


def test_a_recipe_of_fewer_epochs_is_not_prolonged(here):
    assert planned("", written="lr=0.1,0.01", task="cnn").epochs == 2


def test_without_mnist_the_digits_that_come_with_scikit_learn_stand_in(here, capsys):
    here.remove("mnist")
    assert planned().data == "digits"
    assert "`nnbench data get mnist` gets it" in capsys.readouterr().err


def test_data_that_was_asked_for_has_no_stand_in(here):
    here.remove("mnist")
    with pytest.raises(DataUnavailable, match=r"mnist is not here\. `nnbench data get mnist` gets it"):
        planned(task="mnist_mlp")
    assert planned(task="mnist_mlp", elsewhere=True).data == "mnist"  # the workers have it, or say so


def test_a_cpu_takes_the_part_of_a_large_data_set(here, capsys):
    assert planned("", written="lr=0.1,0.01", task="cnn").data == "cifar10_subset"
    assert "--data cifar10 takes it all" in capsys.readouterr().err
    assert planned("", written="lr=0.1,0.01", task="cnn", device="cuda").data == "cifar10"
    here.remove("cifar10")
    with pytest.raises(DataUnavailable, match="cifar10 is not here"):
        planned("", written="lr=0.1,0.01", task="cnn", data="cifar10_first_subset")


def test_data_that_the_task_cannot_take_is_refused_unless_its_loss_is_another(here):
    with pytest.raises(NnbenchError, match="--data make_regression: CrossEntropyLoss needs"):
        planned(task="mnist_mlp", data="make_regression")
    assert planned(task="mnist_mlp", data="make_regression", fixed={"loss": "MSELoss"}).data == "make_regression"


def test_a_task_without_torchs_variant_is_trained_as_its_reference(here):
    assert planned("", written="lr=0.1,0.01", task="cnn").variant == "reference"
    with pytest.raises(NnbenchError, match=r"architectures\.cnn has reference"):
        planned("", written="lr=0.1,0.01", task="cnn", variant="torch")


def test_what_is_set_for_all_is_in_each_and_beside_what_differs(here):
    fixed = {"optimizer": "SGD", "optimizer_arguments": {"nesterov": True}}
    made = planned("", written="optimizer_arguments.momentum=0.5,0.9", fixed=fixed)
    assert [one.changes for one in made.contenders] == [
        {"optimizer": "SGD", "optimizer_arguments": {"nesterov": True, "momentum": momentum}} for momentum in (0.5, 0.9)
    ]
    with pytest.raises(NnbenchError, match="each contender has its own optimizer"):
        planned(fixed=fixed)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("3min", 180.0), ("1.5h", 5400.0), ("20", 20.0)])
def test_a_time_is_written_with_its_unit(text, seconds):
    assert options.Duration().convert(text, None, None) == seconds


def test_what_is_no_time_is_told():
    with pytest.raises(click.BadParameter, match="write 90s, 3min or 1h"):
        options.Duration().convert("soon", None, None)
