"""Networks altered in place: activations, normalization, initial weights."""

import pytest
import torch
from changed_things import begin, half
from torch import nn
from trained_things import Net, parts

from nnbench.failures import NotMeasurable
from nnbench.train.altered import normalize


class Shared(nn.Module):
    """One ReLU under two names, and twice in one sequence."""

    def __init__(self, in_features=3, classes=2):
        super().__init__()
        relu = nn.ReLU()
        self.body = nn.Sequential(nn.Linear(in_features, 4), relu, nn.Linear(4, 4), relu)
        self.relu = relu
        self.head = nn.Linear(4, classes)

    def forward(self, x):
        return self.head(self.relu(self.body(x)))


class Functional(nn.Module):
    """Calls no layer as a module."""

    def __init__(self, in_features=3, classes=2):
        super().__init__()
        self.layer = nn.Linear(in_features, classes)

    def forward(self, x):
        return torch.relu(x @ self.layer.weight.T)


class Pictures(nn.Sequential):
    """A convolution with a normalization of its own, for points seen as 3 pictures of one pixel."""

    def __init__(self, in_features=3, classes=2):
        super().__init__(
            nn.Unflatten(1, (in_features, 1, 1)),
            nn.Conv2d(in_features, 4, 1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(4, classes),
        )


def kinds(model):
    return [type(one) for one in model.modules()]


def test_every_relu_is_replaced_wherever_it_stands():
    model = begin({"activation": "activations.tanh"}, net=Shared).model
    assert nn.ReLU not in kinds(model)
    assert isinstance(model.relu, nn.Tanh)
    assert isinstance(model.body[1], nn.Tanh)
    assert isinstance(model.body[3], nn.Tanh)


def test_normalization_is_put_behind_each_hidden_layer_and_trained():
    training = begin({"normalization": "batch"})
    assert training.model(torch.randn(5, 3)).shape == (5, 2)
    norm = training.model[0].normalization
    assert isinstance(norm, nn.BatchNorm1d)
    assert not hasattr(training.model[3], "normalization")
    before = norm.weight.clone()
    list(training.run(1))
    assert norm.num_batches_tracked > 0
    assert not torch.equal(norm.weight, before)


@pytest.mark.parametrize(("kind", "expected"), [("layer", nn.GroupNorm), ("batch", nn.BatchNorm2d)])
def test_a_networks_own_normalization_makes_place(kind, expected):
    model = begin({"normalization": kind}, net=Pictures).model
    assert isinstance(model[2], nn.Identity)
    assert isinstance(model[1].normalization, expected)
    assert model[1](torch.randn(2, 3, 1, 1)).mean().abs() < 1e-6


def test_no_normalization_is_a_network_without_its_own():
    assert nn.BatchNorm2d not in kinds(begin({"normalization": "none"}, net=Pictures).model)
    assert kinds(begin({"normalization": "none"}).model) == kinds(Net())


def test_to_look_for_layers_leaves_the_network_in_its_mode_and_without_hooks():
    model = Net()
    normalize(model, "layer", parts().train)
    assert model.training
    assert len(model[0]._forward_hooks) == 1
    assert not model[3]._forward_hooks


def test_initial_weights_are_drawn_anew_and_biases_stay():
    plain, filled = begin({}).model, begin({"initializer": "initializers.half"}).model
    assert torch.equal(filled[0].weight, half(torch.empty(8, 3)))
    assert torch.equal(filled[0].bias, plain[0].bias)


def test_an_initializer_of_networks_is_given_the_network():
    model = begin({"initializer": "initializers.network"}).model
    assert torch.equal(model[3].weight, torch.full((2, 8), 0.25))


@pytest.mark.parametrize("change", [{"activation": "activations.tanh"}, {"normalization": "batch"}])
def test_a_network_without_modules_of_the_kind_is_refused(change):
    with pytest.raises(NotMeasurable, match=r"Functional (has no nn.ReLU|calls no hidden)"):
        begin(change, net=Functional)
