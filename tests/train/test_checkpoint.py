"""A training's state on disk."""

import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn
from trained_things import training

import nnbench
from nnbench.errors import NnbenchError
from nnbench.train.checkpoint import Keeper, load, of_recipe, save
from nnbench.train.train import Request, train
from nnbench.train.trajectory import checksum

OLD = nnbench.Recipe("points", "MSELoss", "Adam", {"lr": 0.01}, 16, 3, scheduler="StepLR")
OF = {"component": "mine.net", "variant": "reference", "data": "abc", "seed": 0}


def test_what_is_kept_is_read_back(tmp_path):
    made = training(scheduler="StepLR", scheduler_arguments={"step_size": 1})
    list(made.run(2))
    save(tmp_path / "deep" / "one.pt", made.state() | {"of": OF})
    rest = [one.train_loss for one in made.run(4)]
    other = training(seed=5, scheduler="StepLR", scheduler_arguments={"step_size": 1})
    other.restore(load(tmp_path / "deep" / "one.pt", OF))
    assert [one.train_loss for one in other.run(4)] == rest
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["one.pt"]


@pytest.mark.parametrize(("name", "value"), [("variant", "torch"), ("seed", 1), ("data", "def")])
def test_that_of_another_training_is_refused(tmp_path, name, value):
    save(tmp_path / "one.pt", {"of": OF})
    with pytest.raises(NnbenchError, match=f"of another training: {name}"):
        load(tmp_path / "one.pt", OF | {name: value})


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04"])
def test_what_is_damaged_is_told(tmp_path, content):
    (tmp_path / "one.pt").write_bytes(content)
    with pytest.raises(NnbenchError, match="is no checkpoint of a training"):
        load(tmp_path / "one.pt", OF)


def test_one_that_runs_code_is_not_run(tmp_path):
    class Hostile:
        def __reduce__(self):
            return (open, (str(tmp_path / "written"), "w"))

    torch.save(Hostile(), tmp_path / "one.pt")
    with pytest.raises(NnbenchError):
        load(tmp_path / "one.pt", OF)
    assert not (tmp_path / "written").exists()


def test_a_write_that_fails_leaves_the_last_one(tmp_path, monkeypatch):
    save(tmp_path / "one.pt", {"of": OF, "epoch": 1})

    def fails(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr("nnbench.train.checkpoint.torch.save", fails)
    with pytest.raises(OSError, match="full"):
        save(tmp_path / "one.pt", {"of": OF, "epoch": 2})
    monkeypatch.undo()
    assert load(tmp_path / "one.pt", OF)["epoch"] == 1


def test_within_an_epoch_it_is_kept_when_it_is_time_to_and_not_after_the_last_batch(tmp_path):
    made, kept, now = training(), [], iter(range(100))
    keeper = Keeper(tmp_path / "one.pt", made, OF, seconds=2, clock=lambda: next(now))

    def tell(done, of):
        kept.append((done, (tmp_path / "one.pt").is_file()))

    list(made.run(1, keeper.watching(tell)))
    assert kept == [(1, False), (2, False), (3, True)]
    assert load(tmp_path / "one.pt", OF)["within"][0] == 2


@pytest.mark.parametrize("batches", [1, 2, 3, 4, 5])
def test_what_is_stopped_after_any_batch_goes_on_with_the_same_bits(tmp_path, batches):
    more = {"scheduler": "StepLR", "scheduler_arguments": {"step_size": 1}}
    whole = training(**more)
    wanted = [(one.number, one.train_loss, one.test_loss, one.gradient_norm) for one in whole.run(3)]

    class Stopped(Exception):
        """In the middle."""

    left = [batches]

    def stop(done, of):
        left[0] -= 1
        if left[0] < 0:
            raise Stopped

    begun = training(**more)
    with pytest.raises(Stopped):  # one batch later than what is kept
        list(begun.run(3, Keeper(tmp_path / "one.pt", begun, OF, 0).watching(stop)))
    torch.rand(7)
    resumed = training(99, **more)
    Keeper(tmp_path / "one.pt", resumed, OF, 0)
    assert resumed.epoch * 3 + resumed.batch == batches - (batches % 3 == 0)
    ended = [(one.number, one.train_loss, one.test_loss, one.gradient_norm) for one in resumed.run(3)]
    assert ended == wanted[-len(ended) :]
    assert checksum(resumed.model) == checksum(whole.model)


KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
import torch
from nnbench.train import checkpoint

def half(state, opened):
    opened.write(b"PK and half of it")
    opened.flush()
    os.kill(os.getpid(), signal.SIGKILL)

checkpoint.torch.save = half
checkpoint.save(Path(sys.argv[1]), {"epoch": 2})
"""


def test_a_kill_while_it_is_written_leaves_the_last_one_and_its_remains_are_removed(tmp_path):
    made = training()
    file = tmp_path / "one.pt"
    Keeper(file, made, OF, 0).keep()
    done = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(file)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2
    Keeper(file, training(), OF, 0)
    assert list(tmp_path.iterdir()) == [file]


def test_one_of_an_older_nnbench_is_told(tmp_path):
    torch.save({"of": OF}, tmp_path / "one.pt")
    told = "has format 1, without the recipe that it is of, and this nnbench reads 3; remove it"
    with pytest.raises(NnbenchError, match=told):
        load(tmp_path / "one.pt", OF)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"optimizer_arguments": {"lr": 0.004}}, "optimizer lr 0.01 and not 0.004"),
        ({"optimizer": "SGD"}, "optimizer Adam and not SGD"),
        ({"optimizer_arguments": {"lr": 0.01, "eps": 0.1}}, "optimizer eps none and not 0.1"),
        ({"batch_size": 32}, "batch size 16 and not 32"),
        ({"scheduler": ""}, "scheduler StepLR and not none"),
        ({"scheduler_arguments": {"gamma": 0.5}}, "scheduler gamma none and not 0.5"),
        ({"loss": "L1Loss"}, "loss MSELoss and not L1Loss"),
        ({"patience": 4}, "patience none and not 4"),
        ({"arguments": {"act": nn.Tanh}}, "network act none and not Tanh"),
    ],
)
def test_that_of_another_recipe_is_refused_with_what_differs(tmp_path, more, said):
    save(tmp_path / "one.pt", {"of": OF | of_recipe(OLD)})
    with pytest.raises(NnbenchError, match=rf"one\.pt is of another training: {said}\. Remove it"):
        load(tmp_path / "one.pt", OF | of_recipe(replace(OLD, **more)))
    more_of_it = replace(OLD, epochs=9, note="longer", every_run=True)
    assert load(tmp_path / "one.pt", OF | of_recipe(more_of_it))


def test_one_that_does_not_fit_the_network_is_told(tmp_path):
    made = training()
    Keeper(tmp_path / "one.pt", made, OF, 0).keep()
    other = training()
    other.model[3] = nn.Linear(8, 5)
    with pytest.raises(NnbenchError, match=r"one\.pt does not fit what is trained \(.*\); remove it"):
        Keeper(tmp_path / "one.pt", other, OF, 0)


def test_a_training_with_another_recipe_does_not_go_on_from_it_and_more_epochs_do(tmp_path):
    def trained(epochs, lr=0.01):
        suite, recipe = nnbench.Suite("mine"), nnbench.Recipe("iris", "CrossEntropyLoss", "Adam", {"lr": lr}, 64, 2)
        shape = nnbench.case(nnbench.randn(2, 4), input_size=4, num_classes=3)
        made = suite.component("net", reference=Line, kind="architecture", cases=[shape], recipe=recipe)
        request = Request(epochs=epochs, checkpoint=str(tmp_path / "one.pt"))
        return {row.context["epoch"] for row in train(made, "reference", request)}

    assert trained(1) == {1}
    with pytest.raises(NnbenchError, match=r"another training: optimizer lr 0\.01 and not 0\.004\. Remove it"):
        trained(2, lr=0.004)
    assert trained(3) == {2, 3}


class Line(nn.Linear):
    """As small as a network can be."""

    def __init__(self, input_size, num_classes):
        super().__init__(input_size, num_classes)
