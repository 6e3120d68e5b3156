"""``nnbench train`` as a user runs it: on data that is always there."""

import json

import pytest


def test_a_training_is_told_stored_and_can_be_gone_on_with(user):
    options = ("--data", "digits", "--checkpoint", "kept", "--json")
    first = user.run("train", "neural_net", "--epochs", "1", *options)
    assert first.code == 0, first.err
    rows = {row["metric"]: row for row in first.rows}
    told = rows["test_accuracy"]
    assert (told["component"], told["task"], told["data"]) == ("architectures.neural_net", "neural_net", "digits")
    assert (told["seed"], told["epoch"], told["status"]) == (0, 1, "ok")
    assert 0.2 < told["value"] <= 1
    more = user.run("train", "neural_net", "--epochs", "2", *options)
    assert {row["epoch"] for row in more.rows} == {2}
    assert "nothing was left to train" in user.run("train", "neural_net", "--epochs", "2", *options[:-1]).out
    assert "99 % interval" in user.run("train", "neural_net", "--epochs", "1", "--data", "digits").out
    again = user.run("train", "neural_net", "--epochs", "2", "--data", "digits", "--json")
    assert {row["weights"] for row in again.rows if row["epoch"] == 2} == {row["weights"] for row in more.rows}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--data", "mnst"], "Did you mean mnist?"),
        (["--checkpoint", "mine.py/inside"], "cannot write there"),
        (["--record", "a.json", "--replay", "b.json"], "name one of them"),
    ],
)
def test_mistakes_are_told_before_anything_is_trained(user, options, said):
    (user.folder / "mine.py").write_text("")
    answer = user.run("train", "simple_nn", *options)
    assert (answer.code, said in answer.err) == (2, True)
    assert not (user.folder / "results" / "runs").exists()


def test_data_that_does_not_fit_is_refused_in_one_line_and_nothing_is_stored(user):
    answer = user.run("train", "simple_nn", "--data", "iris")
    assert (answer.code, answer.out) == (2, "")
    (line,) = answer.err.splitlines()
    assert "--data iris: MSELoss needs a number as the target of each sample, and iris has 3 classes; what" in line
    assert not (user.folder / "results").exists()


def test_missing_data_is_told_once_with_what_to_type_and_exits_with_3(user):
    for more in ([], ["--record", "way.json", "--json"]):
        answer = user.run("train", "mnist_mlp", *more)
        assert (answer.code, answer.out) == (3, "")
        (line,) = answer.err.splitlines()
        assert line.endswith("To get it, type: nnbench data get mnist")
        assert not (user.folder / "results").exists()
    (row,) = user.run("train", "mnist_mlp", "--json").rows
    assert (row["status"], "nnbench data get mnist" in row["note"]) == ("skipped", True)


def test_what_cannot_be_trained_is_said_in_one_line(user):
    assert "no task is called 'nothing'" in user.run("train", "nothing").err
    two = user.run("train", "neural_net", "--variant", "torch", "--variant", "reference", "--record", "way.json")
    assert (two.code, "name one --variant" in two.err) == (2, True)
    wrong = user.run("train", "neural_net", "--variant", "none")
    assert (wrong.code, "architectures.neural_net has reference" in wrong.err) == (2, True)


def test_the_first_steps_are_recorded_and_replayed(user):
    task = ("train", "basic_network", "--variant", "torch")  # without a reference band
    assert user.run(*task, "--record", "way.json", "--steps", "5").code == 0
    same = user.run(*task, "--replay", "way.json")
    assert (same.code, "the same for 5 steps" in same.out) == (0, True)
    way = user.folder / "way.json"
    kept = json.loads(way.read_text())
    first = next(iter(kept["steps"][2]["tensors"]))
    kept["steps"][2]["tensors"][first] ^= 1
    way.write_text(json.dumps(kept))
    other = user.run(*task, "--replay", "way.json")
    assert other.code == 1
    assert f"differs from step 3 of 5 on, in {first} (1 of" in other.out
    assert "nnbench train basic_network --variant torch --record way.json --seeds 20" in other.out
    wrong = user.run(*task, "--replay", "way.json", "--seed", "7")
    assert (wrong.code, "name the same task and seed" in wrong.err) == (2, True)
