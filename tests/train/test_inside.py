"""What is seen inside a trained network, against networks whose inside is known."""

import pytest
import torch
from torch import nn
from trained_things import part

from nnbench.train.inside import dead_units, masks, weights
from nnbench.train.parts import Part

POINTS = part(400, 7)


def filled(layer, value):
    nn.init.constant_(layer.weight, value)
    nn.init.zeros_(layer.bias)
    return layer


def test_weights_are_counted_without_biases_in_norm_and_small_ones():
    layer = filled(nn.Linear(2, 2), 3.0)
    layer.weight.data[0, 0] = 1e-4
    assert weights(layer) == {
        "parameters": (6.0,),
        "weight_norm": (pytest.approx(27**0.5),),
        "small_weights": (0.25,),
    }


def test_a_unit_that_is_the_same_for_every_sample_is_dead():
    first = nn.Linear(3, 4)
    with torch.no_grad():
        first.bias[:] = torch.tensor([-100.0, -100.0, 0.0, 0.0])  # two that no sample gets above zero
    model = nn.Sequential(first, nn.ReLU(), nn.Linear(4, 2))
    assert dead_units(model, POINTS) == {"dead_units": (0.5,)}
    assert dead_units(nn.Linear(3, 2), POINTS) == {}


def test_channels_are_the_units_of_convolutions():
    convolution = nn.Conv2d(1, 2, 1)
    nn.init.constant_(convolution.weight, 1.0)
    with torch.no_grad():
        convolution.bias[:] = torch.tensor([0.0, -1000.0])
    model = nn.Sequential(convolution, nn.ReLU(), nn.Conv2d(2, 1, 1))
    pictures = Part((torch.randn(8, 1, 2, 2),), torch.zeros(8))
    assert dead_units(model, pictures) == {"dead_units": (0.5,)}


def test_a_mask_keeps_its_share_and_scales_what_it_keeps():
    model = nn.Sequential(nn.Linear(3, 100), nn.Dropout(0.25), nn.Linear(100, 2))
    p, seen, kept, scale, is_identity = masks(model, POINTS)["dropout_masks"]
    assert (p, seen, is_identity) == (0.25, 40_000, 1.0)
    assert abs(kept / seen - 0.75) < 0.02
    assert scale == pytest.approx(1 / 0.75, rel=1e-5)
    assert not model.training


class Wrong(nn.Dropout):
    """Drops in evaluation too, and scales nothing."""

    def forward(self, x):
        return torch.where(torch.rand_like(x) < self.p, 0, x)


def test_a_mask_that_is_wrong_shows():
    model = nn.Sequential(nn.Linear(3, 100), Wrong(0.5), nn.Linear(100, 2))
    p, seen, kept, scale, is_identity = masks(model, POINTS)["dropout_masks"]
    assert abs(kept / seen - p) < 0.02
    assert scale == pytest.approx(1.0)
    assert is_identity == 0.0


def test_what_is_zero_already_and_what_drops_everything_can_be_looked_at():
    everything = nn.Sequential(filled(nn.Linear(3, 4), 0.0), nn.Dropout(0.5), nn.Linear(4, 2))
    assert masks(everything, POINTS)["dropout_masks"] == (0.5, 0.0, 0.0, 0.0, 1.0)
    nothing = nn.Sequential(nn.Linear(3, 4), nn.Dropout(1.0), nn.Linear(4, 2))
    assert masks(nothing, POINTS)["dropout_masks"][2:] == (0.0, 0.0, 1.0)
    assert masks(nn.Linear(3, 2), POINTS) == {}


def test_looking_moves_neither_running_figures_nor_chance():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    before = {name: one.clone() for name, one in model.state_dict().items()}
    torch.manual_seed(1)
    masks(model, POINTS)
    after = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(3), after)
    assert all(torch.equal(one, before[name]) for name, one in model.state_dict().items())
    assert not any(one._forward_hooks for one in model.modules())
