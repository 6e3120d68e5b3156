"""What gives nothing to check is one row that says what is wrong, and no other check is made."""

import pytest
import torch
from torch import nn
from toy_components import Tanh, held_against, wrong

from nnbench import case, randn


class Raises(nn.Module):
    def forward(self, x):
        raise ValueError("not today")


class Needs(nn.Module):
    def __init__(self, width):
        super().__init__()

    def forward(self, x):
        return x


class TakesTwo(nn.Module):
    def forward(self, x, y):
        return x + y


ANSWERS = {
    "it returned None where a tensor is right": lambda x: None,
    "it returned a str where a tensor is right": lambda x: "done",
    "it returned an int where a tensor is right": lambda x: 1,
    "it returned a ndarray where a tensor is right": lambda x: x.detach().numpy(),
    "it returned no tensor where a tensor is right": lambda x: [],
    "it returned 2 tensors where a tensor is right": lambda x: (x, x),
    "it returned (a tensor, None,) where a tensor is right": lambda x: (x.tanh(), None),
    "it returned {'y': a tensor} where a tensor is right": lambda x: {"y": x.tanh()},
    "it returned (a tensor,) where a tensor is right": lambda x: [x.tanh()],
    "it returned infinity in 24 of 24 places where the reference has numbers": lambda x: x.abs() / 0,
    "it returned a sparse_coo tensor on cpu": lambda x: x.tanh().to_sparse(),
    "it returned a strided tensor on meta": lambda x: x.tanh().to("meta"),
    "it returned shape (4,) where (4, 6) is right": lambda x: x.tanh().sum(1),
    "it returned shape (6, 4) where (4, 6) is right": lambda x: x.tanh().T,
    "it returned float64 where float32 is right": lambda x: x.tanh().double(),
    "it returned float16 where float32 is right": lambda x: x.tanh().half(),
    "it returned int64 where float32 is right": lambda x: x.long(),
    "it returned NaN in 24 of 24 places where the reference has numbers": lambda x: x / 0 - x / 0,
}


@pytest.mark.parametrize("told", ANSWERS)
def test_an_answer_of_another_sort_is_told_once(told):
    rows = held_against(Tanh, ANSWERS[told])
    assert list(rows) == ["answers"]
    assert (rows["answers"].status, rows["answers"].note) == ("failed", told)


@pytest.mark.parametrize(
    ("mine", "told"),
    [
        (Raises, "raised ValueError: not today"),
        (Needs, "it cannot be built with the case's arguments (none): "),
        (Needs, "missing 1 required positional argument: 'width'"),
        (TakesTwo, "missing 1 required positional argument: 'y'"),
    ],
)
def test_what_raises_is_told_once(mine, told):
    rows = held_against(Tanh, mine)
    assert list(rows) == ["answers"]
    assert rows["answers"].status == "failed"
    assert told in rows["answers"].note


def test_what_answers_as_the_reference_does_goes_on_to_the_other_checks():
    rows = held_against(Tanh, torch.tanh)
    assert wrong(rows) == []
    assert len(rows) > 10


def test_nan_where_the_reference_has_it_is_no_matter_here():
    rows = held_against(torch.sqrt, torch.sqrt, case(randn(4, 6)))
    assert rows["answers"].status == "passed"
