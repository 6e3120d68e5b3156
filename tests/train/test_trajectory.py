"""The way that a training takes: the same to the last bit, and where it parts from another."""

import json
import zlib

import pytest
import torch
from trained_things import parts, training

from nnbench.errors import NnbenchError
from nnbench.train.trajectory import checksum, record
from nnbench.trajectories import Difference, Trajectory, first_difference, read, write


def way(seed=0, steps=5, **more):
    return list(record(training(seed, **more), steps, 100))


def weights_by_epoch(epochs, **more):
    """What a training has of each tensor after each epoch, by checksum."""
    made = training(**more)
    for _ in made.run(epochs):
        yield {name: zlib.crc32(tensor.numpy().tobytes()) for name, tensor in made.model.state_dict().items()}


def test_the_same_training_takes_the_same_way():
    assert way() == way()
    assert first_difference(way(), way()) is None
    assert len(way(steps=7)) == 7  # beyond an epoch of three batches


PLATEAU = {"scheduler": "ReduceLROnPlateau", "scheduler_arguments": {"factor": 0.1, "patience": 0}}


@pytest.mark.parametrize(
    ("stops", "more"),
    [
        (False, {"scheduler": "ExponentialLR", "scheduler_arguments": {"gamma": 0.5}}),
        (True, {"scheduler": "ExponentialLR", "scheduler_arguments": {"gamma": 3.0}, "patience": 2}),
        (True, PLATEAU | {"patience": 3, "clip_norm": 0.1}),
        (True, {"patience": 2, "data": parts(validation=False)}),
        (True, {"optimizer": "SGD", "optimizer_arguments": {"lr": 1e30}}),  # it diverges
    ],
)
def test_the_steps_are_those_of_the_training_with_its_schedule_and_its_end(stops, more):
    wanted = list(weights_by_epoch(12, **more))
    assert (len(wanted) < 12) == stops
    found = list(record(training(**more), 1000, 12))
    assert [step.tensors for step in found[2::3]] == wanted  # three batches an epoch
    assert len(found) == 3 * len(wanted)


def test_another_schedule_shows_in_the_first_step_after_it():
    more = {"scheduler": "ExponentialLR", "scheduler_arguments": {"gamma": 0.5}}
    other = more | {"scheduler_arguments": {"gamma": 0.4}}
    assert first_difference(way(steps=9, **more), way(steps=9, **other)).step == 3


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


def test_the_end_of_one_is_a_difference():
    found = first_difference(way(steps=3), way(steps=5))
    assert found == Difference(3, "where it ends: after 3 steps before, after 5 steps now")
    found = first_difference(way(steps=5), way(steps=3), asked=5)
    assert found == Difference(3, "where it ends: not within 5 steps before, after 3 steps now")
    assert first_difference(way(steps=3), way(steps=3), asked=5) is None


def test_a_checksum_is_of_every_bit():
    model = training().model
    before = checksum(model)
    with torch.no_grad():
        model[3].bias[0] = torch.nextafter(model[3].bias[0], torch.tensor(9.0))
    assert checksum(model) != before
    assert len(before) == 8


def test_a_trajectory_is_kept_exactly(tmp_path):
    kept = Trajectory({"seed": 0}, {"torch": "2.13"}, tuple(way()), asked=9, epochs=4)
    write(tmp_path / "way.json", kept)
    assert read(tmp_path / "way.json") == kept
    assert kept.wanted == 9


def test_one_that_does_not_say_what_was_asked_for_is_as_long_as_it_is(tmp_path):
    write(tmp_path / "way.json", Trajectory({"seed": 0}, {}, tuple(way())))
    content = json.loads((tmp_path / "way.json").read_text())
    del content["asked"], content["epochs"]  # as an older nnbench wrote it
    (tmp_path / "way.json").write_text(json.dumps(content))
    assert read(tmp_path / "way.json").wanted == len(way())


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
