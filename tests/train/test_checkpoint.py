"""A training's state on disk."""

import pytest
import torch
from trained_things import training

from nnbench.errors import NnbenchError
from nnbench.train.checkpoint import load, save

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
