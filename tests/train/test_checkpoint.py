"""A training's state on disk."""

import signal
import subprocess
import sys

import pytest
import torch
from trained_things import training

from nnbench.errors import NnbenchError
from nnbench.train.checkpoint import Keeper, load, save
from nnbench.train.trajectory import checksum

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
    with pytest.raises(NnbenchError, match="has format 1 and this nnbench reads 2; remove it"):
        load(tmp_path / "one.pt", OF)
