"""The way that a training takes: the same to the last bit, and where it parts from another."""

import pytest
import torch
from trained_things import training

from nnbench.errors import NnbenchError
from nnbench.train.trajectory import checksum, record
from nnbench.trajectories import Difference, Trajectory, first_difference, read, write


def way(seed=0, steps=5, **more):
    made = training(seed, **more)
    torch.manual_seed(seed)
    return list(record(made, steps))


def test_the_same_training_takes_the_same_way():
    assert way() == way()
    assert first_difference(way(), way()) is None
    assert len(way(steps=7)) == 7  # beyond an epoch of three batches


def test_the_first_step_and_tensor_that_differ_are_named():
    other = way(optimizer_arguments={"lr": 0.0500001})
    assert first_difference(way(), other) == Difference(0, "0.weight (4 of 4 tensors)")


def test_another_order_of_samples_shows_in_the_loss():
    found = first_difference(way(0), way(1))
    assert found.step == 0
    assert found.what.startswith("the loss, ")


def test_other_tensors_are_named():
    one, two = way(steps=1), way(steps=1)
    two[0].tensors["more"] = two[0].tensors.pop("0.weight")
    assert first_difference(one, two) == Difference(0, "tensors: 0.weight, more")


def test_what_both_have_is_compared():
    assert first_difference(way(steps=3), way(steps=5)) is None


def test_a_checksum_is_of_every_bit():
    model = training().model
    before = checksum(model)
    with torch.no_grad():
        model[3].bias[0] = torch.nextafter(model[3].bias[0], torch.tensor(9.0))
    assert checksum(model) != before
    assert len(before) == 8


def test_a_trajectory_is_kept_exactly(tmp_path):
    kept = Trajectory({"seed": 0}, {"torch": "2.13"}, tuple(way()))
    write(tmp_path / "way.json", kept)
    assert read(tmp_path / "way.json") == kept


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": 9}', '{"format": 1, "of": {}, "where": {}, "steps": [1]}']
)
def test_what_is_no_trajectory_is_told(tmp_path, content):
    (tmp_path / "way.json").write_text(content)
    with pytest.raises(NnbenchError, match=r"way\.json"):
        read(tmp_path / "way.json")


def test_a_missing_one_is_told(tmp_path):
    with pytest.raises(NnbenchError, match="cannot read"):
        read(tmp_path / "way.json")
