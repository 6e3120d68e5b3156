"""The contenders of each factor, and factors that are written out."""

from dataclasses import replace

import pytest

from nnbench.errors import NnbenchError
from nnbench.experiments.factors import FACTORS, Settings, factor, measure
from nnbench.experiments.levels import levels
from nnbench.model import CaseInfo, ComponentInfo
from nnbench.recipe_changes import refuse_wrong


def info(identifier, recipe=None, arguments=None, variants=("reference", "torch")):
    case = CaseInfo("one", "abc", arguments or {}, (), "float32", "cpu")
    return ComponentInfo(identifier, "architecture", "", (), (), variants, (case,), recipe, "here.py:1")


RECIPE = {
    "data": "mnist",
    "loss": "CrossEntropyLoss",
    "optimizer": "SGD",
    "optimizer_arguments": {"lr": 0.1, "weight_decay": 0.01},
    "epochs": 9,
    "arguments": {},
}
NET = info("architectures.net", RECIPE, {"dropout": 0.4})
OTHER = info("architectures.other", RECIPE, variants=("reference",))
ELSEWHERE = info("architectures.elsewhere", RECIPE | {"data": "cifar10"})
SETTINGS = Settings(6, ())


def changes(name, task=NET, settings=SETTINGS):
    return {one.name: one.changes for one in factor(name, task, settings)}


@pytest.mark.parametrize("name", sorted(set(FACTORS) - {"architectures"}))
def test_every_factor_has_contenders_of_different_names_and_valid_changes(name):
    made = factor(name, NET, SETTINGS)
    assert len({one.name for one in made}) == len(made) >= 2
    assert len({str(one.changes) for one in made}) == len(made)
    for one in made:
        refuse_wrong(one.changes)
        assert one.component == "" or "@" in one.component


def test_optimizers_name_their_rate_so_that_nothing_of_the_recipe_is_left():
    found = changes("optimizers")
    assert found["SGD with momentum"] == {
        "optimizer": "optimizers.sgd@torch",
        "lr": 0.01,
        "optimizer_arguments": {"momentum": 0.9},
    }
    assert all({"optimizer", "lr", "optimizer_arguments"} <= one.keys() for one in found.values())


def test_dropout_rates_begin_at_none_and_are_levels():
    made = factor("dropout", NET, SETTINGS)
    assert [one.level for one in made] == [one.changes["arguments"]["dropout"] for one in made]
    assert made[0].level == 0


def test_a_task_without_dropout_is_refused_with_those_that_have_it():
    with pytest.raises(NnbenchError, match=r"architectures\.other takes no dropout; those that do are net"):
        factor("dropout", OTHER, Settings(6, (NET, OTHER)))


def test_schedules_are_as_long_as_the_trial():
    found = changes("schedulers")
    assert found["cosine"]["scheduler_arguments"] == {"T_max": 6}
    assert found["steps"]["scheduler_arguments"]["step_size"] == 2
    assert changes("schedulers", settings=Settings())["cosine"]["scheduler_arguments"] == {"T_max": 9}


def test_architectures_are_those_that_train_on_the_same_data():
    found = changes("architectures", settings=Settings(6, (NET, OTHER, ELSEWHERE)))
    assert found == {
        "net": {"architecture": "architectures.net@torch"},
        "other": {"architecture": "architectures.other@reference"},
    }
    with pytest.raises(NnbenchError, match="only net, and nothing to compare it with"):
        factor("architectures", NET, Settings(6, (NET, ELSEWHERE)))


def test_regularizers_stand_alone():
    found = changes("regularizers")
    assert found["none"] == {"arguments": {"dropout": 0.0}}
    assert found["L2"]["arguments"] == {"dropout": 0.0}
    assert found["dropout 0.5"] == {"arguments": {"dropout": 0.5}}
    assert changes("regularizers", OTHER)["none"] == {}
    assert "dropout 0.5" not in changes("regularizers", OTHER)


def test_what_decides_is_accuracy_or_a_regressions_loss():
    assert (measure(NET).metric, measure(NET).better) == ("test_accuracy", "more")
    regression = info("architectures.line", RECIPE | {"loss": "MSELoss"})
    assert (measure(regression).metric, measure(regression).better) == ("test_loss", "less")


def test_a_written_factor_changes_one_thing():
    made = factor("lr=1e-3:1e-1:3", NET)
    assert [(one.name, one.changes, one.level) for one in made] == [
        ("lr 0.001", {"lr": 0.001}, 0.001),
        ("lr 0.01", {"lr": 0.01}, 0.01),
        ("lr 0.1", {"lr": 0.1}, 0.1),
    ]


def test_a_dotted_factor_keeps_the_recipes_other_settings():
    found = changes("optimizer_arguments.momentum=0,0.9")
    assert found["momentum 0.9"] == {"optimizer_arguments": {"lr": 0.1, "weight_decay": 0.01, "momentum": 0.9}}


def test_names_can_be_levels_too():
    made = factor("optimizer=SGD,optimizers.adam@torch", NET)
    assert [(one.name, one.component) for one in made] == [("SGD", ""), ("adam@torch", "optimizers.adam@torch")]
    assert {one.level for one in made} == {None}
    alike = factor("optimizer=Adam,optimizers.adam", NET)
    assert [one.name for one in alike] == ["Adam", "optimizers.adam"]


def test_a_component_is_checked_in_the_variant_that_is_trained():
    known = Settings(1, (NET, replace(NET, id="activations.a"), replace(OTHER, id="activations.b")))
    made = factor("activation=activations.a,activations.b", NET, known)
    assert [one.component for one in made] == ["activations.a@torch", "activations.b@reference"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dropot", "Did you mean dropout.*--factor lr="),
        ("lrr=1,2", "Did you mean lr"),
        ("arguments=1,2", "write arguments.NAME=1,2"),
        ("lr.x=1,2", "write lr=1,2"),
        ("lr=0.1", "two different values"),
        ("lr=0.1,0.1", "two different values"),
        ("lr=", "a factor has values"),
        ("lr=-1,1", "above 0, not -1"),
        ("lr=1:2:x", "1:2:x: a range is FIRST:LAST:HOW_MANY"),
        ("lr=1:2", "a range is"),
        ("lr", "write lr=VALUES"),
        ("regularizer_arguments.l1=0,1", r"net has no regularizer .* --set regularizer="),
        ("scheduler_arguments.gamma=0,1", r"net has no scheduler"),
        ("lr=1:2:1", "from 2 to"),
        ("batch_size=1.5,2", "whole number"),
    ],
)
def test_what_is_no_factor_is_refused_with_what_to_type(text, said):
    with pytest.raises(NnbenchError, match=said):
        factor(text, NET)


def test_components_that_are_not_registered_are_refused():
    with pytest.raises(NnbenchError, match=r"nothing is registered as 'optimizers\.adm'"):
        factor("optimizer=SGD,optimizers.adm", NET, Settings(1, (NET,)))


def test_what_takes_no_name_of_torchs_is_refused_with_what_it_takes():
    relu = replace(NET, id="activations.relu", kind="module", recipe=None)
    with pytest.raises(NnbenchError, match=r"Did you mean activations\.relu\? There are activations\.relu\."):
        factor("activation=ReLU,activations.relu", NET, Settings(1, (NET, relu)))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1:3:3", [1.0, 2.0, 3.0]),
        ("0.001:0.1:3", [0.001, 0.01, 0.1]),
        ("0.1:0.001:3", [0.1, 0.01, 0.001]),
        ("-1:1:3", [-1.0, 0.0, 1.0]),
        ("true,false", [True, False]),
        ("1,1.5,mean", [1, 1.5, "mean"]),
    ],
)
def test_values_as_they_are_written(text, values):
    assert [one.value for one in levels(text)] == values


def test_names_of_a_range_are_short_where_that_tells_them_apart():
    assert [one.name for one in levels("1e-4:1e-1:7")][:2] == ["0.0001", "0.000316"]
    assert [one.name for one in levels("1:1.001:3")] == ["1", "1.0005", "1.001"]


def test_whole_numbers_of_a_range_are_rounded_and_each_taken_once():
    assert [one.value for one in levels("1:2:5", whole=True)] == [1, 2]
