"""What a component starts from: constants must be the same, drawn weights alike."""

import pytest
import torch
from torch import nn
from toy_components import component, rows_of

from nnbench import case, randn


class Affine(nn.Module):
    """``x * weight + bias``, the weights drawn, with a table that is made when it is built."""

    deviation, mean, bias_value, table_value = 0.5, 0.0, 0.0, 2.0

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(self.mean + self.deviation * torch.randn(60))
        self.bias = nn.Parameter(torch.full((60,), self.bias_value))
        self.register_buffer("table", torch.full((60,), self.table_value))

    def forward(self, x):
        return x * self.weight + self.bias + self.table


def with_(**changes):
    return type("Changed", (Affine,), changes)


def found(reference=Affine, variant="reference", **variants):
    made = component(reference, case(randn(4, 60)), variants={"torch": Affine, **variants})
    return rows_of(made, variant)["initial_weights"]


@pytest.mark.parametrize("seed", range(20))
def test_a_right_start_passes_whatever_the_seed(seed):
    class OtherNumbers(Affine):
        """Of the same distribution."""

        def __init__(self):
            torch.rand(3)
            super().__init__()

    made = component(OtherNumbers, case(randn(4, 60)), variants={"torch": Affine})
    row = rows_of(made, "reference", seed)["initial_weights"]
    assert row.status == "passed"
    assert row.error > 0


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"deviation": 1.0}, "standard errors"),
        ({"mean": 0.5}, "standard errors"),
        ({"deviation": 0.0}, "standard errors"),
        ({"bias_value": 0.01}, "60 numbers of bias are not what they always start from"),
        ({"table_value": 2.01}, "60 numbers of table are not what they always start from"),
    ],
)
def test_a_reference_that_starts_elsewhere_is_wrong(changed, told):
    row = found(with_(**changed))
    assert row.status == "failed"
    assert told in row.note


def test_another_variant_may_draw_as_it_likes_but_has_the_reference_s_tables():
    assert found(variant="mine", mine=with_(deviation=1.0, bias_value=1.0)).status == "passed"
    assert found(variant="mine", mine=with_(table_value=3.0)).status == "failed"


def test_without_weights_or_without_torch_there_is_nothing_to_say():
    assert rows_of(component(nn.Tanh, variants={"torch": nn.Tanh}), "reference")["initial_weights"].status == "skipped"
    row = rows_of(component(Affine, case(randn(4, 60))), "reference")["initial_weights"]
    assert "no torch variant" in row.note
