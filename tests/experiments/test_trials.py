"""Which trials are the same training, and what of the code decides it."""

from dataclasses import replace

import made_up
import pytest
from plans import RECIPE, component

from nnbench.experiments import trials
from nnbench.experiments.trials import definition, identity, software, unlike

TRIAL = made_up.trial(made_up.optimizer("adam"), 0, 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "architectures.cnn"},
        {"variant": "torch"},
        {"data": "digits"},
        {"seed": 1},
        {"epochs": 3},
        {"changes": {"lr": 0.002}},
        {"role": "tuning"},
        {"definition": "e" * 16},
        {"holds_out": True},
        {"device": "cuda"},
    ],
)
def test_whatever_changes_the_training_changes_the_identity(changes):
    assert identity(replace(TRIAL, **changes)) != identity(TRIAL)


def test_names_and_the_way_that_changes_are_written_do_not():
    other = replace(TRIAL, factor="lr", contender="one", changes=dict(reversed(TRIAL.changes.items())))
    assert identity(other) == identity(TRIAL)
    assert identity(replace(TRIAL, changes={"lr": 1})) == identity(replace(TRIAL, changes={"lr": 1.0}))
    assert identity(replace(TRIAL, changes={"lr": True})) != identity(replace(TRIAL, changes={"lr": 1}))


@pytest.fixture
def defined(tmp_path):
    """The definition of a task and an optimizer in files of these texts."""
    number = iter(range(100))

    def make(task="x = 1", optimizer="y = 1", changes=(("optimizer", "optimizers.adam@torch"),)):
        folder = tmp_path / str(next(number))
        folder.mkdir()
        (folder / "task.py").write_text(task)
        (folder / "optimizer.py").write_text(optimizer)
        one = replace(component("architectures.net", recipe=RECIPE), location=f"{folder}/task.py:1")
        other = replace(component("optimizers.adam", "optimizer"), location=f"{folder}/optimizer.py:1")
        return definition(one, [one, other], dict(changes))

    return make


def test_the_code_of_task_and_optimizer_decides_and_its_layout_does_not(defined):
    assert defined() == defined("x  =  1  # the same", '"""The same."""\ny = 1')
    assert defined() != defined(task="x = 2")
    assert defined() != defined(optimizer="y = 2")
    assert defined(changes=()) == defined(changes=(), optimizer="y = 2")  # which it does not use


def test_a_task_in_a_file_that_is_gone_or_no_python_still_has_a_definition(defined):
    assert defined(task="x = (") != defined(task="x = [")


def test_a_recipe_and_the_training_code_decide(defined, monkeypatch):
    before = defined()
    monkeypatch.setattr(trials, "software", lambda: software() | {"torch": "0.1"})
    assert defined() != before


def test_other_software_is_told_by_name():
    assert unlike(software()) == []
    other = software() | {"torch": "0.1"}
    assert unlike(other) == [f"torch 0.1 there and {software()['torch']} here"]
    assert unlike({name: version for name, version in software().items() if name != "numpy"}) == [
        f"numpy none there and {software()['numpy']} here"
    ]
