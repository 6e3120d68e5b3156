"""What declares itself elementwise is held to it."""

import torch
from torch import nn
from toy_components import component, rows_of


class Centred(nn.Module):
    def forward(self, x):
        return torch.tanh(x - x.mean(-1, keepdim=True))


class Neighbour(nn.Module):
    def forward(self, x):
        return torch.tanh(x) + 1e-5 * x.roll(1, -1)


class Summed(nn.Module):
    def forward(self, x):
        return x.sum(-1)


def elementwise(made):
    declared = component(made, variants={"torch": made, "mine": made}, properties=["elementwise"])
    return rows_of(declared)["elementwise"]


def test_a_function_of_each_number_alone_passes():
    assert elementwise(nn.Tanh).status == "passed"


def test_one_that_centres_its_input_fails():
    row = elementwise(Centred)
    assert row.status == "failed"
    assert "change with numbers at other places" in row.note


def test_a_trace_of_a_neighbour_is_found():
    assert elementwise(Neighbour).status == "failed"


def test_another_shape_is_told():
    assert "(4,)" in elementwise(Summed).note


def test_nothing_is_asked_of_what_does_not_declare_it():
    assert "elementwise" not in rows_of(component(nn.Tanh, variants={"torch": nn.Tanh, "mine": nn.Tanh}))
