"""A task with changes: what each does, that it leaves the rest alone, and how one that cannot be is refused."""

import pytest
import torch
from changed_things import begin, wanted
from torch import nn
from trained_things import parts

from nnbench.errors import NnbenchError
from nnbench.failures import NotMeasurable
from nnbench.recipe_changes import HELD_OUT, refuse_wrong
from nnbench.train.changed import validated
from nnbench.train.trajectory import checksum


def trained(changes, seed=0, **more):
    training = begin(changes, seed, **more)
    return list(training.run(2))


def test_without_changes_it_is_the_recipe():
    training = begin({})
    assert type(training.optimizer) is torch.optim.Adam
    assert training.optimizer.param_groups[0]["lr"] == 0.05
    assert training.scheduler is None
    assert training.penalty is None


@pytest.mark.parametrize(
    ("changes", "kind", "settings"),
    [
        ({"optimizer": "optimizers.adam"}, torch.optim.Adam, {"lr": 0.05, "weight_decay": 0}),
        ({"optimizer": "optimizers.adam@slow", "lr": 0.5}, torch.optim.Adamax, {"lr": 0.5}),
        ({"optimizer": "optimizers.own"}, torch.optim.Rprop, {"lr": 0.05}),
        ({"optimizer": "SGD", "optimizer_arguments": {"momentum": 0.9}}, torch.optim.SGD, {"momentum": 0.9}),
        ({"optimizer": "SGD", "optimizer_arguments": {"lr": 3.0}}, torch.optim.SGD, {"lr": 3.0}),
        ({"lr": 0.2, "weight_decay": 0.1}, torch.optim.Adam, {"lr": 0.2, "weight_decay": 0.1, "eps": 1e-3}),
        ({"optimizer_arguments": {"amsgrad": True}}, torch.optim.Adam, {"lr": 0.05, "amsgrad": True, "eps": 1e-8}),
    ],
)
def test_an_optimizer_keeps_of_the_recipes_settings_the_rate_alone(changes, kind, settings):
    training = begin(changes, optimizer_arguments={"lr": 0.05, "eps": 1e-3})
    group = training.optimizer.param_groups[0]
    assert type(training.optimizer) is kind
    assert {name: group[name] for name in settings} == settings
    assert [id(one) for one in group["params"]] == [id(one) for one in training.model.parameters()]


def test_a_schedule_moves_the_changed_optimizers_rate():
    changes = {"optimizer": "SGD", "scheduler": "schedulers.step", "scheduler_arguments": {"step_size": 1}, "lr": 1.0}
    assert [one.learning_rate for one in trained(changes)] == pytest.approx([1.0, 0.1])


def test_a_recipes_schedule_stays_with_another_optimizer_and_goes_on_request():
    recipe = {"scheduler": "ExponentialLR", "scheduler_arguments": {"gamma": 0.5}}
    assert [one.learning_rate for one in trained({"optimizer": "SGD"}, **recipe)] == [0.05, 0.025]
    assert [one.learning_rate for one in trained({"scheduler": "none"}, **recipe)] == [0.05, 0.05]


def test_a_cosine_is_as_long_as_the_trial_unless_it_says():
    assert begin({"scheduler": "CosineAnnealingLR"}).scheduler.T_max == 3
    changes = {"scheduler": "CosineAnnealingLR", "scheduler_arguments": {"T_max": 9}}
    assert begin(changes).scheduler.T_max == 9


def test_fields_of_the_recipe_change_under_their_names():
    changes = {"batch_size": 8, "loss": "MultiMarginLoss", "clip_norm": 0.5, "patience": 4}
    training = begin(changes)
    assert {name: getattr(training.recipe, name) for name in changes} == changes
    assert isinstance(training.loss, nn.MultiMarginLoss)


class Sized(nn.Sequential):
    def __init__(self, in_features=3, classes=2, width=4, depth=1):
        super().__init__(nn.Linear(in_features, width), *(nn.Linear(width, width),) * depth, nn.Linear(width, classes))


def test_constructor_arguments_are_laid_over_the_recipes():
    training = begin({"arguments": {"width": 6}}, net=Sized, arguments={"width": 5, "depth": 2})
    assert training.model[0].out_features == 6
    assert len(training.model) == 4


def test_another_architecture_is_built_for_the_same_data():
    training = begin({"architecture": "architectures.linear"})
    assert (training.model.in_features, training.model.out_features) == (3, 2)
    assert training.recipe.batch_size == 16


def test_a_penalty_is_on_weights_not_biases_and_in_no_told_loss():
    changes = {"regularizer": "regularizers.squares", "regularizer_arguments": {"l2": 1.0}}
    training, plain = begin(changes), begin({})
    weights = [one for one in training.model.parameters() if one.dim() > 1]
    squares = sum((one.detach() ** 2).sum() for one in weights)
    assert float(training.penalty().detach()) == pytest.approx(float(squares))
    batch = next(iter(training.batches(training.drawn())))
    torch.manual_seed(5)
    told = training.step(batch)
    torch.manual_seed(5)
    assert told == plain.step(batch)
    assert not torch.equal(training.model[0].weight, plain.model[0].weight)
    torch.testing.assert_close(training.model[3].bias, plain.model[3].bias)


def test_the_share_of_the_training_samples_is_drawn_by_the_seed():
    shares = [begin({"train_share": 0.5}, seed).parts for seed in (0, 0, 1)]
    inputs = [one.train.inputs[0] for one in shares]
    assert [len(one) for one in inputs] == [20, 20, 20]
    assert torch.equal(inputs[0], inputs[1])
    assert not torch.equal(inputs[0], inputs[2])
    assert "20 of 40 training samples, by seed 1" in shares[2].split


def test_samples_are_held_out_where_there_is_no_validation_part():
    without, held = parts(validation=False), validated(parts(validation=False), HELD_OUT)
    assert (len(held.train), len(held.validation)) == (37, 3)
    rows = torch.cat([held.train.inputs[0], held.validation.inputs[0]]).tolist()
    assert sorted(rows) == sorted(without.train.inputs[0].tolist())
    assert torch.equal(held.validation.inputs[0], validated(without, HELD_OUT).validation.inputs[0])
    kept = parts(validation=True)
    assert validated(kept, HELD_OUT) is kept
    assert validated(without, 0.0) is without


def test_the_same_seed_starts_at_the_same_weights_and_draws_the_same_order_and_masks():
    plain, other = begin({}, 3), begin({"optimizer": "SGD", "initializer": "initializers.half"}, 3)
    assert torch.equal(plain.model[3].bias, other.model[3].bias)
    orders = [torch.cat(list(one.drawn())) for one in (plain, other)]
    assert torch.equal(*orders)
    begin({}, 3)
    after = torch.rand(4)
    begin({"initializer": "initializers.half", "activation": "activations.tanh", "normalization": "layer"}, 3)
    assert torch.equal(torch.rand(4), after)
    assert checksum(begin({}, 4).model) != checksum(plain.model)


def test_a_part_that_must_not_be_looked_at_is_not():
    training = begin({})
    training.tested = False
    training.parts.test.targets.fill_(99)  # would raise in a loss
    epochs = list(training.run(2))
    assert [(one.test_loss, one.test_accuracy) for one in epochs] == [(None, None)] * 2
    assert all(one.validation_accuracy is not None for one in epochs)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"optimizer": "optimizers.adm"}, "Did you mean optimizers.adam"),
        ({"optimizer": "Adamm"}, "torch has no optimizer 'Adamm'. Did you mean Adam"),
        ({"optimizer": "Optimizer"}, "torch has no optimizer 'Optimizer'"),
        ({"optimizer_arguments": {"momentun": 1}}, "Adam takes no 'momentun'"),
        ({"optimizer_arguments": {"betas": 1}}, "Adam does not take"),
        ({"scheduler": "Cosine"}, "torch has no scheduler 'Cosine'"),
        ({"loss": "Linear"}, "torch has no loss 'Linear'"),
        ({"arguments": {"width": 1}}, "takes no 'width'"),
        ({"regularizer": "regularizers.early_stopping"}, "change patience instead"),
        ({"regularizer": "regularizers.squares", "regularizer_arguments": {"l1": 1}}, "takes no 'l1'"),
        ({"architecture": "activations.tanh"}, "activations.tanh has no training recipe"),
    ],
)
def test_what_the_task_cannot_take_is_refused(changes, said):
    with pytest.raises(NotMeasurable, match=said):
        begin(changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"learning_rate": 1}, "no 'learning_rate' to change.*There are optimizer"),
        ({"lr": 0}, "lr is a learning rate above 0, not 0"),
        ({"lr": True}, "above 0, not True"),
        ({"batch_size": 1.5}, "whole number from 1 up, not 1.5"),
        ({"batch_size": 0}, "whole number from 1 up"),
        ({"train_share": 1.1}, "at most 1"),
        ({"validation_share": 1}, "below 1"),
        ({"normalization": "group"}, "none, batch and layer, not 'group'"),
        ({"arguments": 3}, "constructor arguments"),
    ],
)
def test_a_change_that_there_is_none_of_is_refused_with_those_there_are(changes, said):
    with pytest.raises(NnbenchError, match=said):
        refuse_wrong(changes)


def test_variants_of_what_is_changed_are_known():
    with pytest.raises(NnbenchError, match="has no variant named 'keras'"):
        wanted({}).named("optimizers.adam@keras")
