"""Comparisons of optimizers and dropout rates: nothing differs but what is compared."""

import math

import pytest
import torch
from nnbench.suites.training.compare_dropout import compare_dropout
from nnbench.suites.training.compare_optimizers import DOCUMENTED, compare_optimizers
from nnbench.suites.training.fit import fit
from nnbench.suites.training.samples import parameters, perceptron, split
from torch import nn

SGD = torch.optim.SGD
CURVES = ["train_loss", "validation_loss", "validation_accuracy", "learning_rate"]


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def samples():
    return split(numbers(96, 6), torch.randint(3, (96,), generator=torch.Generator().manual_seed(1)))


def network(dropout=0.0):
    return perceptron([numbers(12, 6, seed=2), numbers(3, 12, seed=3)], dropout)


def test_the_documented_optimizers_are_compared_unless_others_are_named():
    found = compare_optimizers(network(), *samples(), epochs=2)
    assert list(found) == ["SGD", "SGD with momentum", "Adam", "AdamW", "RMSprop", "Adagrad"]
    assert {name: history["learning_rate"][0] for name, history in found.items()} == {
        "SGD": 0.01,
        "SGD with momentum": 0.01,
        "Adam": 0.001,
        "AdamW": 0.001,
        "RMSprop": 0.001,
        "Adagrad": 0.01,
    }
    assert all(list(history) == CURVES and len(history["train_loss"]) == 2 for history in found.values())


@pytest.mark.parametrize("name", DOCUMENTED)
def test_each_optimizer_gives_what_it_gives_alone(name):
    found = compare_optimizers(network(0.3), *samples(), epochs=3, batch_size=20, seed=4)
    optimizer, settings = DOCUMENTED[name]
    torch.manual_seed(4)
    options = {"optimizer": optimizer, "optimizer_arguments": settings, "batch_size": 20, "seed": 4}
    assert found[name] == fit(network(0.3), *samples(), epochs=3, **options)


def test_the_model_and_the_callers_random_numbers_stay_as_they_were():
    model = network(0.3)
    torch.manual_seed(0)
    undisturbed = torch.rand(3)
    torch.manual_seed(0)
    compare_optimizers(model, *samples(), epochs=1)
    compare_dropout(network, *samples(), epochs=1)
    assert torch.equal(torch.rand(3), undisturbed)
    assert torch.equal(parameters(model), parameters(network()))
    assert model.training


def test_one_optimizer_under_two_names_gives_the_same_twice_wherever_it_stands():
    choice = (torch.optim.Adam, {"lr": 0.01})
    found = compare_optimizers(
        network(0.5), *samples(), epochs=3, optimizers={"first": choice, "other": (SGD, {"lr": 1.0}), "last": choice}
    )
    assert found["first"] == found["last"] != found["other"]


def test_a_run_that_diverges_stays_in_the_comparison():
    choices = {"wild": (SGD, {"lr": 1e300}), "tame": (SGD, {"lr": 0.1})}
    found = compare_optimizers(network(), *samples(), epochs=3, optimizers=choices)
    assert len(found["wild"]["validation_loss"]) == 3
    assert math.isnan(found["wild"]["validation_loss"][-1])
    assert (
        found["tame"]
        == compare_optimizers(network(), *samples(), epochs=3, optimizers={"tame": choices["tame"]})["tame"]
    )


@pytest.mark.parametrize("compared", [compare_optimizers, compare_dropout])
def test_the_seed_decides_the_order_of_the_samples(compared):
    model = network() if compared is compare_optimizers else network
    first, again, other = (compared(model, *samples(), epochs=2, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


def test_the_documented_rates_are_compared_unless_others_are_named():
    found = compare_dropout(network, *samples(), epochs=2)
    assert [result["rate"] for result in found] == [0.0, 0.1, 0.3, 0.5]
    assert all(list(result["history"]) == CURVES for result in found)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.3, 0.5])
def test_each_rate_gives_what_it_gives_alone(rate):
    found = {result["rate"]: result["history"] for result in compare_dropout(network, *samples(), epochs=3, seed=4)}
    torch.manual_seed(4)
    assert found[rate] == fit(network(rate), *samples(), epochs=3, optimizer=torch.optim.Adam, seed=4)


def test_networks_that_draw_their_weights_all_start_from_the_same():
    def drawing(rate):
        return nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Dropout(rate), nn.Linear(12, 3)).double()

    found = compare_dropout(drawing, *samples(), epochs=1, optimizer_arguments={"lr": 0.0})
    assert len({result["history"]["validation_loss"][0] for result in found}) == 1
    assert len({result["history"]["train_loss"][0] for result in found}) == 4


def test_more_dropout_is_more_loss_in_training_on_average():
    """The loss is convex in the hidden units: by Jensen's inequality its mean over masks is above the loss without."""
    repeats = 200
    unmoved = {"optimizer": SGD, "optimizer_arguments": {"lr": 0.0}, "batch_size": 64}
    found = compare_dropout(network, *samples(), epochs=repeats, **unmoved)
    without, *others = [torch.tensor(result["history"]["train_loss"], dtype=torch.float64) for result in found]
    assert torch.allclose(without, without[0], rtol=1e-12)
    means = [float(losses.mean()) for losses in (without, *others)]
    errors = [float(losses.std()) / math.sqrt(repeats) for losses in (without, *others)]
    for place in range(3):
        assert means[place + 1] - means[place] > 5 * math.hypot(errors[place], errors[place + 1])


def test_nothing_is_learnt_where_everything_is_dropped_but_the_last_bias():
    (found,) = compare_dropout(network, *samples(), epochs=2, rates=[1.0])
    (_, classes), _ = samples()
    assert all(math.isfinite(value) for value in found["history"]["validation_loss"])
    assert found["history"]["train_loss"][0] == pytest.approx(math.log(classes.unique().numel()), rel=0.05)


@pytest.mark.parametrize("rate", [-0.1, 1.1, math.nan])
def test_rates_outside_0_to_1_are_refused_before_anything_is_trained(rate):
    built = []
    with pytest.raises(ValueError, match=f"lie between 0 and 1, not {rate}"):
        compare_dropout(built.append, *samples(), epochs=1, rates=[0.1, rate])
    assert not built
