"""The lookup table against torch's and its oracle, over torch's options."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest
import torch
from suite_support import answer, assert_close, built, inputs_of, oracle_answer

import nnbench
from nnbench import case, randint, randn
from nnbench.specs import Case

EMBEDDING = nnbench.component("layers.embedding")
NUMBERS = randint(7, (4, 6))
TABLE: dict[str, Any] = {"num_embeddings": 7, "embedding_dim": 3}
OPTIONS: dict[str, list[Case]] = {
    "layers.embedding": [
        case(NUMBERS, **TABLE),
        case(NUMBERS, **TABLE, padding_idx=0),
        case(NUMBERS, **TABLE, padding_idx=6),
        case(NUMBERS, **TABLE, padding_idx=-1),
        case(NUMBERS, **TABLE, padding_idx=-7),
        case(NUMBERS, **TABLE, scale_grad_by_freq=True),
        case(NUMBERS, **TABLE, scale_grad_by_freq=True, padding_idx=3),
        *(case(NUMBERS, **TABLE, max_norm=1.0, norm_type=p) for p in (1.0, 2.0, 3.5, math.inf)),
        case(NUMBERS, **TABLE, max_norm=0.0),
        case(NUMBERS, **TABLE, max_norm=1.2, scale_grad_by_freq=True, padding_idx=2),
        case(NUMBERS, **TABLE, _weight=randn(7, 3)),
        case(NUMBERS, **TABLE, _weight=randn(7, 3), padding_idx=1),
        case(NUMBERS, **TABLE, norm_type=1.0),
        case(randint(7, ()), **TABLE, padding_idx=2, scale_grad_by_freq=True),
        case(randint(7, (5,)), **TABLE),
        case(randint(7, (2, 3, 4)), **TABLE),
        case(randint(7, (0, 4)), **TABLE, padding_idx=0, scale_grad_by_freq=True, max_norm=1.0),
        case(randint(1, (3,)), num_embeddings=1, embedding_dim=1, padding_idx=0),
    ]
}
ROWS = OPTIONS["layers.embedding"]


@pytest.mark.parametrize("option", ROWS, ids=lambda option: option.label)
def test_outputs_gradients_and_shortened_rows_equal_torchs(option: Case) -> None:
    ours, theirs = (built(EMBEDDING, variant, option) for variant in ("reference", "torch"))
    theirs.load_state_dict(ours.state_dict())
    (output, gradients), (expected, expected_gradients) = (answer(made, inputs_of(option)) for made in (ours, theirs))
    assert_close(output, expected, "output")
    assert gradients.keys() == expected_gradients.keys() == {"weight"}
    assert_close(gradients["weight"], expected_gradients["weight"], "gradient")
    assert_close(ours.weight.detach(), theirs.weight.detach(), "table")


@pytest.mark.parametrize("option", ROWS, ids=lambda option: option.label)
def test_a_state_dict_of_torchs_loads_and_starts_the_same(option: Case) -> None:
    states = []
    for variant in ("reference", "torch"):
        torch.manual_seed(5)
        states.append(built(EMBEDDING, variant, option).state_dict())
    assert list(states[0]) == list(states[1]) == ["weight"]
    assert torch.equal(states[0]["weight"], states[1]["weight"])
    ours, theirs = (built(EMBEDDING, variant, option) for variant in ("reference", "torch"))
    ours.load_state_dict(theirs.state_dict())
    assert_close(ours(*inputs_of(option)).detach(), theirs(*inputs_of(option)).detach())


@pytest.mark.parametrize("option", [*EMBEDDING.cases, *ROWS], ids=lambda option: option.label)
def test_the_reference_equals_its_oracle(option: Case) -> None:
    reference, inputs = built(EMBEDDING, "reference", option), inputs_of(option)
    expected = oracle_answer(EMBEDDING, option, reference, inputs)  # first: a call may shorten rows
    assert_close(reference(*inputs).detach(), expected)


def test_the_padding_starts_at_zero_and_gets_no_gradient() -> None:
    made = EMBEDDING.reference.build(**TABLE, padding_idx=-2)
    assert made.padding_idx == 5
    assert made.weight.ne(0).any(1).tolist() == [True] * 5 + [False, True]
    (gradient,) = torch.autograd.grad(made(torch.tensor([5, 1, 5, 1])).sum(), made.weight)
    assert gradient[:, 0].tolist() == [0, 2, 0, 0, 0, 0, 0]


def test_infinite_and_undefined_rows_are_handed_out_as_they_are() -> None:
    made = EMBEDDING.reference.build(**TABLE, padding_idx=0, scale_grad_by_freq=True)
    with torch.no_grad():
        made.weight[1] = torch.tensor([torch.inf, -torch.inf, torch.nan])
    output = made(torch.tensor([[0, 1], [1, 2]]))
    torch.testing.assert_close(output[0, 1].detach(), made.weight[1].detach(), equal_nan=True, rtol=0, atol=0)
    (gradient,) = torch.autograd.grad(output.sum(), made.weight)
    assert gradient[:, 0].tolist() == [0, 1, 1, 0, 0, 0, 0]


def test_a_frozen_table_is_the_given_one_and_is_not_trained() -> None:
    table = torch.randn(7, 3)
    for variant in ("reference", "torch"):
        made = EMBEDDING.variant(variant).build(**TABLE, _weight=table, _freeze=True, scale_grad_by_freq=True)
        assert not made.weight.requires_grad
        assert torch.equal(made(torch.tensor([4, 4])), table[[4, 4]])


PRETRAINED: list[dict[str, Any]] = [
    {},
    {"freeze": False},
    {"padding_idx": -2, "freeze": False},
    {"max_norm": 1.0, "norm_type": 1.0},
    {"scale_grad_by_freq": True, "freeze": False, "padding_idx": 0},
]


def around_a_table(variant: str, settings: dict[str, Any]) -> Any:
    table = torch.randn(7, 3, generator=torch.Generator().manual_seed(3)).double()
    return table, EMBEDDING.variant(variant).resolve().from_pretrained(table, **settings)


@pytest.mark.parametrize("settings", PRETRAINED, ids=str)
def test_a_layer_around_a_given_table_is_torchs(settings: dict[str, Any]) -> None:
    numbers, found = torch.tensor([[0, 5, 5], [6, 0, 1]]), []
    for variant in ("reference", "torch"):
        table, made = around_a_table(variant, settings)
        assert made.weight.data_ptr() == table.data_ptr()
        output = made(numbers)
        gradient = torch.autograd.grad((output**2).sum(), made.weight)[0] if output.requires_grad else None
        found.append((output.detach(), gradient, made.padding_idx, made.weight.detach(), str(made)))
    (output, gradient, *rest), (expected, expected_gradient, *expected_rest) = found
    assert_close(output, expected)
    assert_close(gradient, expected_gradient)
    assert rest[0::2] == expected_rest[0::2]
    assert_close(rest[1], expected_rest[1])


def test_a_given_table_has_rows_and_columns_and_keeps_its_subclass() -> None:
    ours, theirs = (EMBEDDING.variant(variant).resolve() for variant in ("reference", "torch"))
    for made in (ours, theirs):
        with pytest.raises(AssertionError):
            made.from_pretrained(torch.ones(3))
    with pytest.raises(NotImplementedError, match="sparse"):
        ours.from_pretrained(torch.ones(3, 2), sparse=True)
    mine = type("Mine", (ours,), {})
    assert type(mine.from_pretrained(torch.ones(3, 2))) is mine
    parameters = [list(inspect.signature(one.from_pretrained).parameters.values()) for one in (ours, theirs)]
    names_and_defaults = [[(one.name, one.default) for one in each] for each in parameters]
    assert names_and_defaults[0] == names_and_defaults[1]


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64], ids=str)
def test_both_kinds_of_numbers_are_taken(dtype: torch.dtype) -> None:
    made = EMBEDDING.reference.build(**TABLE, padding_idx=0, scale_grad_by_freq=True, max_norm=0.5)
    assert made(torch.tensor([[0, 6]], dtype=dtype)).shape == (1, 2, 3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_the_table_is_made_where_and_as_asked(dtype: torch.dtype) -> None:
    weight = EMBEDDING.reference.build(**TABLE, padding_idx=1, dtype=dtype, device="meta").weight
    assert (weight.dtype, weight.device.type) == (dtype, "meta")


def test_sparse_gradients_are_refused_by_name() -> None:
    with pytest.raises(NotImplementedError, match="sparse"):
        EMBEDDING.reference.build(**TABLE, sparse=True)


@pytest.mark.parametrize("arguments", [{"padding_idx": 7}, {"padding_idx": -8}, {"_weight": torch.ones(3, 7)}], ids=str)
def test_arguments_that_do_not_fit_are_refused(arguments: dict[str, Any]) -> None:
    for variant in ("torch", "reference"):
        with pytest.raises(AssertionError):
            EMBEDDING.variant(variant).build(**TABLE, **arguments)


@pytest.mark.parametrize(
    "numbers", [torch.tensor([7]), torch.tensor([-1]), torch.tensor([1.0]), torch.tensor([True])], ids=str
)
@pytest.mark.parametrize("more", [{}, {"padding_idx": 1, "max_norm": 1.0, "scale_grad_by_freq": True}], ids=str)
def test_numbers_without_a_row_are_refused(numbers: torch.Tensor, more: dict[str, Any]) -> None:
    with pytest.raises((IndexError, RuntimeError)) as theirs:
        EMBEDDING.variant("torch").build(**TABLE)(numbers)
    with pytest.raises(theirs.type):
        EMBEDDING.reference.build(**TABLE, **more)(numbers)
