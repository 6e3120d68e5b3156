"""Other sizes, layouts and numbers: what is right for one kind of input only is caught, what is right passes."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from toy_components import Tanh, Weighted, component, held_against, rows_of, wrong

from nnbench import case, rand, randint, randn


class Squeezes(nn.Module):
    def forward(self, x):
        return torch.tanh(x).squeeze(0) if x.shape[0] == 1 else torch.tanh(x)


class DividesByTheBatch(nn.Module):
    def forward(self, x):
        return torch.tanh(x) * (4 / max(x.shape[0], 1))


class RefusesNothing(nn.Module):
    def forward(self, x):
        if not x.numel():
            raise RuntimeError("nothing to do")
        return torch.tanh(x)


class PairsOnly(nn.Module):
    """Right where the last two sizes are even."""

    def forward(self, x):
        return torch.cat([torch.tanh(x[..., : x.shape[-1] // 2 * 2]), x[..., x.shape[-1] // 2 * 2 :]], -1)


@pytest.mark.parametrize(
    ("mine", "told"),
    [
        (Squeezes, "shape (6,) where (1, 6) is right"),
        (DividesByTheBatch, "with a batch of"),
        (
            RefusesNothing,
            "with an empty batch it raised RuntimeError: nothing to do",
        ),
    ],
)
def test_a_batch_of_another_size(mine, told):
    rows = held_against(Tanh, mine)
    assert rows["sizes"].status == "failed"
    assert told in rows["sizes"].note


def test_odd_sizes():
    rows = held_against(Tanh, PairsOnly, case(randn(2, 3, 4, 4)))
    assert wrong(rows) == ["sizes"]
    assert "with odd sizes" in rows["sizes"].note


def test_sizes_that_are_right_are_named():
    rows = held_against(Tanh, torch.tanh, case(randn(4, 6, 8)))
    assert rows["sizes"].note == "a batch of one, a batch of three, an empty batch, no batch, odd sizes"


def test_what_the_judge_refuses_is_asked_of_nobody():
    class Four(nn.Module):
        def forward(self, x):
            if x.shape != (4, 6):
                raise ValueError("four by six only")
            return torch.tanh(x)

    rows = held_against(Four, torch.tanh)
    assert (rows["sizes"].status, wrong(rows)) == ("skipped", [])


def test_a_layout_taken_for_contiguous():
    class Contiguous(nn.Module):
        def forward(self, x):
            return torch.tanh(x.as_strided(x.shape, torch.empty(x.shape, device="meta").stride()))

    assert wrong(held_against(Tanh, Contiguous)) == ["layouts"]


def test_channels_last_alone_can_be_wrong():
    class Turns(nn.Module):
        def forward(self, x):
            is_last = x.is_contiguous(memory_format=torch.channels_last)
            return torch.tanh(x).flip(1) if is_last else torch.tanh(x)

    rows = held_against(Tanh, Turns, case(randn(2, 3, 4, 4)))
    assert wrong(rows) == ["layouts"]
    assert "channels last" in rows["layouts"].note


def test_the_slope_at_zero_is_torchs():
    class Slope(nn.Module):
        def forward(self, x):
            return torch.where(x < 0, 0.0, x)

    rows = held_against(nn.ReLU, Slope)
    assert wrong(rows) == ["whole_numbers"]
    assert "at zeros and ties" in rows["whole_numbers"].note


def test_exact_sums_are_exact_to_the_bit():
    class Rounds(nn.Module):
        def forward(self, x):
            return (x + 1) * (1 + torch.finfo(x.dtype).eps)

    rows = held_against(lambda x: x + 1, Rounds)
    assert "in its last bits" in rows["whole_numbers"].note


def test_what_is_not_exact_is_held_to_the_usual_allowance():
    rows = held_against(nn.GELU, functional.gelu)
    assert rows["whole_numbers"].status == "passed"
    assert rows["whole_numbers"].allowance > 0


def test_whole_probabilities_stay_probabilities():
    made = component(
        nn.BCELoss, case(rand(8, 3), rand(8, 3, requires_grad=False)), kind="loss", variants={"mine": nn.BCELoss}
    )
    assert wrong(rows_of(made)) == []


def test_weights_are_whole_numbers_too():
    rows = held_against(Weighted, Weighted, case(randint(-2, 3, (4, 6))))
    assert rows["whole_numbers"].status == "passed"


@pytest.mark.parametrize(
    ("hides", "told"),
    [
        (lambda x: torch.tanh(x.nan_to_num(0.0)), "with NaN among its inputs"),
        (lambda x: torch.tanh(x) + (x.abs() > 1e30), "with infinity among its inputs"),
        (lambda x: torch.where(x == 0, 1.0, torch.tanh(x)), "with zero among its inputs"),
        (lambda x: torch.tanh(x) + 0 * x.sum(), "where there should be none"),
    ],
)
def test_one_special_value(hides, told):
    rows = held_against(Tanh, hides)
    assert rows["special_values"].status == "failed"
    assert told in rows["special_values"].note


def test_of_an_infinity_that_the_judge_has_no_number_for_nothing_is_asked():
    rows = held_against(lambda x: x - x, lambda x: x * 0.0, case(randn(4, 6)))
    assert rows["special_values"].status == "passed"
    rows = held_against(
        lambda x: torch.tanh(x) + (x - x), lambda x: torch.tanh(x.clamp(-1e3, 1e3)) + 0 * x.clamp(-9, 9)
    )
    assert rows["special_values"].status == "passed"


def test_one_tensor_for_several_inputs():
    class Product(nn.Module):
        def forward(self, x, y):
            return x * y.tanh()

    class Same(Product):
        def forward(self, x, y):
            return super().forward(x, y) * (1.01 if x is y else 1)

    pair = case(randn(4, 6), randn(4, 6))
    assert held_against(Product, Product, pair)["same_input"].status == "passed"
    assert wrong(held_against(Product, Same, pair)) == ["same_input"]
    assert held_against(Tanh, Tanh)["same_input"].status == "skipped"


def test_a_difference_of_large_numbers():
    class Variance(nn.Module):
        def forward(self, x):
            return x.var(-1, unbiased=False)

    class Naive(nn.Module):
        def forward(self, x):
            return x.square().mean(-1) - x.mean(-1).square()

    rows = held_against(Variance, Naive, case(randn(4, 64)))
    assert wrong(rows) == ["offset_inputs"]
