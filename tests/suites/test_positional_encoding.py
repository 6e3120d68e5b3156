"""The positional encoding: its table, its edges, and the buffer that it keeps."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from suite_support import assert_close, built, inputs_of, oracle_answer

import nnbench
from nnbench import case, randn
from nnbench.specs import Case

COMPONENT = nnbench.component("layers.positional_encoding")
ROWS = [
    *COMPONENT.cases,
    case(randn(2, 3, 5), d_model=5, max_len=3),
    case(randn(2, 3, 1), d_model=1),
    case(randn(1, 1, 2), d_model=2, max_len=1),
    case(randn(2, 0, 4), d_model=4),
    case(randn(1, 5000, 6), d_model=6),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
def test_the_reference_equals_its_oracle(row: Case) -> None:
    reference, inputs = built(COMPONENT, "reference", row), inputs_of(row)
    assert_close(reference(*inputs).detach(), oracle_answer(COMPONENT, row, reference, inputs))


@pytest.mark.parametrize("position", [0, 1, 17, 4999])
@pytest.mark.parametrize("number", [0, 1, 2, 255])
def test_each_number_is_the_sine_or_cosine_of_its_angle(position: int, number: int) -> None:
    pe = COMPONENT.reference.build(d_model=256).pe
    angle = position / 10000 ** (number // 2 * 2 / 256)
    assert float(pe[0, position, number]) == pytest.approx((math.cos if number % 2 else math.sin)(angle), abs=6e-8)


def test_the_table_is_the_only_state_and_comes_from_a_state_dict() -> None:
    made = COMPONENT.reference.build(d_model=4, max_len=6)
    assert {name: tensor.shape for name, tensor in made.state_dict().items()} == {"pe": (1, 6, 4)}
    assert list(made.parameters()) == []
    made.load_state_dict({"pe": torch.full((1, 6, 4), 2.0)})
    assert torch.equal(made(torch.ones(3, 5, 4)), torch.full((3, 5, 4), 3.0))


def test_gradients_pass_unchanged_and_the_input_stays() -> None:
    made, x = COMPONENT.reference.build(d_model=4), torch.ones(2, 3, 4, requires_grad=True)
    upstream = torch.arange(24.0).reshape(2, 3, 4)
    (gradient,) = torch.autograd.grad(made(x), x, upstream)
    assert torch.equal(gradient, upstream)
    assert torch.equal(x, torch.ones(2, 3, 4))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_a_module_in_a_dtype_stays_in_it(dtype: torch.dtype) -> None:
    made = COMPONENT.reference.build(d_model=4).to(dtype)
    y = made(torch.zeros(1, 3, 4, dtype=dtype))
    assert y.dtype == dtype
    assert float(y[0, 1, 0]) == pytest.approx(math.sin(1), abs=max(torch.finfo(dtype).eps, 6e-8))


@pytest.mark.parametrize("arguments", [{"d_model": 0}, {"d_model": -2}, {"d_model": 4, "max_len": 0}], ids=str)
def test_sizes_below_one_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        COMPONENT.reference.build(**arguments)


@pytest.mark.parametrize("shape", [(1, 7, 4), (2, 3, 1), (2, 3, 5), (3, 4), (1, 1, 3, 4)])
@pytest.mark.parametrize("max_len", [1, 6])
def test_inputs_that_do_not_fit_are_refused(shape: tuple[int, ...], max_len: int) -> None:
    with pytest.raises(RuntimeError, match=rf"\(N, T, 4\) with T up to {max_len}"):
        COMPONENT.reference.build(d_model=4, max_len=max_len)(torch.ones(shape))
