"""The engine: what an epoch is, what ends a training, and that a stopped one goes on as if it had not been."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from trained_things import Net, part, parts, recipe, training

from nnbench.train.fit import DIVERGED, Training, evaluate
from nnbench.train.parts import Part, Parts
from nnbench.train.trajectory import checksum


def test_every_sample_is_seen_once_an_epoch_in_another_order_each_time():
    seen = []

    class Looking(Net):
        def forward(self, x):
            if self.training:
                seen.append(x)
            return super().forward(x)

    made = Training(Looking(), parts(), recipe(), 0)
    list(made.run(2))
    assert [len(batch) for batch in seen] == [16, 16, 8] * 2
    first, second = torch.cat(seen[:3]), torch.cat(seen[3:])
    assert not torch.equal(first, second)
    for epoch in (first, second):
        assert torch.equal(epoch.sort(0).values, parts().train.inputs[0].sort(0).values)


def test_it_learns_and_tells_what_it_reached():
    epochs = list(training().run(30))
    assert [one.number for one in epochs] == list(range(1, 31))
    assert epochs[-1].train_loss < 0.7 * epochs[0].train_loss
    assert epochs[-1].test_accuracy > 0.7
    assert epochs[-1].validation_loss < epochs[0].validation_loss
    assert all(one.learning_rate == 0.05 and one.gradient_norm > 0 for one in epochs)


def test_the_training_loss_is_the_mean_over_samples_not_over_batches():
    made = training(optimizer="SGD", optimizer_arguments={"lr": 0.0})
    made.model[2].p = 0.0
    (epoch,) = made.run(1)
    whole, _ = evaluate(made.model, made.parts.train, made.loss)
    assert epoch.train_loss == pytest.approx(whole, rel=1e-5)


def test_a_plateau_lowers_the_rate_and_patience_ends_the_training():
    still = {"optimizer": "SGD", "optimizer_arguments": {"lr": 1e-30}}
    plateau = {"scheduler": "ReduceLROnPlateau", "scheduler_arguments": {"factor": 0.5, "patience": 1, "eps": 0.0}}
    epochs = list(training(**still, **plateau, patience=4).run(50))
    assert epochs[-1].stopped == "no gain in 4 epochs"
    assert [one.stopped for one in epochs[:-1]] == [""] * 4
    assert epochs[-1].learning_rate < epochs[0].learning_rate


def test_without_a_validation_part_the_training_loss_is_watched():
    made = training(data=parts(validation=False), optimizer="SGD", optimizer_arguments={"lr": 0.0}, patience=2)
    made.model[2].p = 0.0
    (*_, last) = made.run(9)
    assert (last.validation_loss, last.validation_accuracy) == (None, None)
    assert last.stopped


def test_a_schedule_over_epochs_is_followed():
    epochs = list(training(scheduler="ExponentialLR", scheduler_arguments={"gamma": 0.1}).run(3))
    assert [one.learning_rate for one in epochs] == pytest.approx([0.05, 0.005, 0.0005])


def test_gradients_are_clipped_where_the_recipe_says_so_and_their_norm_is_that_before():
    data = parts()
    one_batch = replace(data, train=data.train.rows(torch.arange(16)))
    free, clipped = (
        training(data=one_batch, optimizer="SGD", optimizer_arguments={"lr": 0.01}, clip_norm=limit)
        for limit in (0.0, 0.01)
    )
    before = [one.clone() for one in clipped.model.parameters()]
    torch.manual_seed(0)
    (told,) = clipped.run(1)
    torch.manual_seed(0)
    (wanted,) = free.run(1)
    assert told.gradient_norm == wanted.gradient_norm > 0.05
    moved = [one - old for one, old in zip(clipped.model.parameters(), before, strict=True)]
    assert float(nn.utils.get_total_norm(moved)) == pytest.approx(0.01 * 0.01, rel=1e-3)


def test_what_diverges_is_told_and_ended():
    epochs = list(training(optimizer="SGD", optimizer_arguments={"lr": 1e30}).run(5))
    assert epochs[-1].stopped == DIVERGED
    assert not math.isfinite(epochs[-1].train_loss)
    assert len(epochs) < 5


def test_batches_are_told():
    said = []
    list(training().run(1, lambda done, of: said.append((done, of))))
    assert said == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("stopped_after", [1, 3])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"scheduler": "ReduceLROnPlateau", "scheduler_arguments": {"patience": 1}, "patience": 3},
        {"optimizer": "SGD", "optimizer_arguments": {"lr": 0.1, "momentum": 0.9}},
    ],
)
def test_a_resumed_training_is_the_one_that_was_never_stopped(stopped_after, more):
    whole = training(**more)
    wanted = [(one.train_loss, one.test_loss, one.learning_rate) for one in whole.run(6)]
    begun = training(**more)
    before = [(one.train_loss, one.test_loss, one.learning_rate) for one in begun.run(stopped_after)]
    state = begun.state()
    torch.rand(5)
    resumed = training(seed=99, **more)
    resumed.restore(state)
    after = [(one.train_loss, one.test_loss, one.learning_rate) for one in resumed.run(6)]
    assert before + after == wanted
    assert checksum(resumed.model) == checksum(whole.model)


def test_the_same_seed_is_the_same_training_and_another_is_not():
    same, again, other = training(3), training(3), training(4)
    for made in (same, again, other):
        torch.manual_seed(made.seed)
        list(made.run(2))
    assert checksum(same.model) == checksum(again.model) != checksum(other.model)


def test_a_probability_is_right_on_its_side_of_a_half():
    class Half(nn.Module):
        def forward(self, x):
            return x

    given = Part((torch.tensor([[0.2], [0.7], [0.9]]),), torch.tensor([[0.0], [1.0], [0.0]]))
    loss, accuracy = evaluate(Half(), given, nn.BCELoss())
    assert accuracy == pytest.approx(2 / 3)
    assert loss > 0


def test_a_regression_has_no_accuracy():
    numbers = Part((torch.zeros(4, 3),), torch.ones(4, 2))
    data = Parts("numbers", "", "", numbers, None, numbers, 3, 0)
    (epoch,) = training(data=data, loss="MSELoss").run(1)
    assert epoch.test_accuracy is None
    assert epoch.test_loss > 0


def test_evaluation_takes_no_chance_and_learns_nothing():
    made = training()
    before = checksum(made.model)
    at_once, in_parts = (evaluate(made.model, part(50, 5), made.loss, size) for size in (2048, 7))
    assert at_once == pytest.approx(in_parts)
    assert checksum(made.model) == before
