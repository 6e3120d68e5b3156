"""Binary cross-entropies against torch and their oracles: weights, ends, magnitudes, dtypes, refusals."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from suite_support import assert_close
from test_regression_losses import (
    NARROW,
    REDUCTIONS,
    VARIANTS,
    assert_cases_equal_oracle,
    assert_comparable_errors,
    assert_equals_oracle,
    assert_same_answer,
    build,
    refusal,
    signature,
)
from torch import Tensor

import nnbench

BINARY = ("losses.bce", "losses.bce_with_logits")
SHAPE = (4, 3)


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def hard(shape: tuple[int, ...]) -> Tensor:
    return (uniform(*shape, seed=5) < 0.5).double()


WEIGHTS: list[dict[str, Any]] = [
    {},
    {"weight": uniform(3, seed=6)},
    {"weight": uniform(4, 1, seed=6)},
    {"weight": uniform(*SHAPE, seed=6)},
    {"weight": torch.tensor(2.5, dtype=torch.float64)},
]
POSITIVE: list[dict[str, Any]] = [
    {"pos_weight": 3 * uniform(3, seed=7)},
    {"pos_weight": torch.tensor(2.5, dtype=torch.float64)},
    {"pos_weight": 3 * uniform(*SHAPE, seed=7), "weight": uniform(3, seed=6)},
]
OPTIONS = {"losses.bce": WEIGHTS, "losses.bce_with_logits": WEIGHTS + POSITIVE}
ROWS = [(name, more | {"reduction": by}) for name, sets in OPTIONS.items() for more in sets for by in REDUCTIONS]


def named(row: Any) -> str:
    if not isinstance(row, dict):
        return str(row)
    return ",".join(f"{name}={tuple(v.shape) if isinstance(v, Tensor) else v}" for name, v in row.items())


def inputs_for(identifier: str, shape: tuple[int, ...], target: str = "soft") -> list[Tensor]:
    """Probabilities or logits, and targets, all with gradients."""
    first = uniform(*shape) if identifier == "losses.bce" else 4 * normal(*shape)
    second = uniform(*shape, seed=1) if target == "soft" else hard(shape)
    return [first.requires_grad_(), second.requires_grad_()]


@pytest.mark.parametrize(("identifier", "arguments"), ROWS, ids=named)
@pytest.mark.parametrize("target", ["soft", "hard"])
def test_outputs_and_gradients_equal_torchs(identifier: str, arguments: dict[str, Any], target: str) -> None:
    ours, theirs = (build(identifier, variant, **arguments) for variant in VARIANTS)
    assert_same_answer(ours, theirs, inputs_for(identifier, SHAPE, target))


@pytest.mark.parametrize("identifier", BINARY)
@pytest.mark.parametrize("shape", [(), (1,), (0, 3), (2, 3, 4, 5)], ids=str)
@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_any_shape_is_taken(identifier: str, shape: tuple[int, ...], reduction: str) -> None:
    ours, theirs = (build(identifier, variant, reduction=reduction) for variant in VARIANTS)
    assert_same_answer(ours, theirs, inputs_for(identifier, shape))


@pytest.mark.parametrize(("identifier", "arguments"), ROWS, ids=named)
@pytest.mark.parametrize("target", ["soft", "hard"])
def test_the_reference_equals_its_oracle(identifier: str, arguments: dict[str, Any], target: str) -> None:
    assert_equals_oracle(identifier, arguments, inputs_for(identifier, SHAPE, target))


@pytest.mark.parametrize("identifier", BINARY)
def test_cases_equal_the_oracle(identifier: str) -> None:
    assert_cases_equal_oracle(identifier)


@pytest.mark.parametrize(
    ("identifier", "arguments"), [("losses.bce", WEIGHTS[1]), ("losses.bce_with_logits", POSITIVE[2])]
)
@pytest.mark.parametrize(("before", "after"), [VARIANTS, VARIANTS[::-1]])
def test_a_state_dict_loads_either_way(identifier: str, arguments: dict[str, Any], before: str, after: str) -> None:
    first = build(identifier, before, **arguments)
    second = build(identifier, after, **{name: torch.ones_like(value) for name, value in arguments.items()})
    assert (
        list(first.state_dict()) == list(second.state_dict()) == [n for n in ("weight", "pos_weight") if n in arguments]
    )
    second.load_state_dict(first.state_dict())
    inputs = inputs_for(identifier, SHAPE)
    assert_close(second(*inputs).detach(), first(*inputs).detach())


ENDS = [0.0, 5e-324, 1e-60, 3e-44, 1e-20, 1e-13, 1e-12, 1e-9, 0.5]
ALL_ENDS = ENDS + [1 - end for end in ENDS]


@pytest.mark.parametrize("target", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_bce_at_the_ends_is_torchs_and_finite(target: float, dtype: torch.dtype) -> None:
    p = torch.tensor(ALL_ENDS, dtype=dtype, requires_grad=True)
    t, found = torch.full_like(p, target).requires_grad_(), []
    for variant in VARIANTS:
        losses = build("losses.bce", variant, reduction="none")(p, t)
        found.append((losses.detach(), *torch.autograd.grad(losses.sum(), (p, t))))
    losses, slopes, _ = found[0]  # the gradient towards the target leaves the clamp out, and can be inf
    assert losses.isfinite().all()
    assert slopes.isfinite().all()
    tolerance = 1e-12 if dtype == torch.float64 else 1e-6
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=torch.finfo(dtype).tiny)


def test_bce_equals_its_oracle_at_the_ends() -> None:
    p = torch.tensor(ALL_ENDS, dtype=torch.float64)
    for target in (0.0, 0.3, 1.0):
        assert_equals_oracle("losses.bce", {"reduction": "none"}, [p, torch.full_like(p, target)])


def test_logarithms_are_clamped_at_minus_100() -> None:
    p, target = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0]), torch.tensor([1.0, 0.0, 0.0, 1.0, 0.25])
    assert build("losses.bce", reduction="none")(p, target).tolist() == [100.0, 100.0, 0.0, 0.0, 25.0]


@pytest.mark.parametrize("identifier", BINARY)
def test_second_derivatives_are_right(identifier: str) -> None:
    module, inputs = build(identifier, reduction="none"), inputs_for(identifier, SHAPE)
    assert torch.autograd.gradcheck(module, inputs)
    assert torch.autograd.gradgradcheck(module, inputs)


LOGITS = [0.0, -0.0, 1e-300, 1e-8, 1.0, 20.0, 40.0, 100.0, 710.0, 750.0, 1e4, 1e300]


@pytest.mark.parametrize("target", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("arguments", [{}, {"pos_weight": torch.tensor(3.0, dtype=torch.float64)}], ids=named)
def test_logits_of_every_magnitude_are_torchs(target: float, arguments: dict[str, Any]) -> None:
    x = torch.tensor([sign * size for size in LOGITS for sign in (1, -1)], dtype=torch.float64, requires_grad=True)
    t, found = torch.full_like(x, target), []
    for variant in VARIANTS:
        losses = build("losses.bce_with_logits", variant, **arguments, reduction="none")(x, t)
        found.append((losses.detach(), *torch.autograd.grad(losses.sum(), x)))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("identifier", "arguments"), [row for row in ROWS if row[1]["reduction"] != "sum"], ids=named)
@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_errors_are_comparable_with_torchs(identifier: str, arguments: dict[str, Any], dtype: torch.dtype) -> None:
    inputs = inputs_for(identifier, SHAPE)
    if identifier == "losses.bce":
        inputs[0] = 0.01 + 0.98 * inputs[0]
    # Torch's weights in half types are multiplied after a rounding of their own, so that ours can only be nearer.
    narrow = {name: value.to(dtype) if isinstance(value, Tensor) else value for name, value in arguments.items()}
    assert_comparable_errors(identifier, narrow, inputs, dtype)


@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32"), ("float16", "float32")])
def test_the_result_of_logits_has_torchs_dtype(dtypes: tuple[str, str]) -> None:
    x, target = (torch.tensor([0.25, 0.5], dtype=getattr(torch, name)) for name in dtypes)
    found = [build("losses.bce_with_logits", variant, reduction="none")(x, target) for variant in VARIANTS]
    torch.testing.assert_close(*found, rtol=1e-3, atol=0)  # torch rounds to the narrower dtype in between


@pytest.mark.parametrize("identifier", BINARY)
@pytest.mark.parametrize("weight", [torch.tensor([1, 2, 3]), torch.tensor([1.0, 2.0, 3.0])], ids=["int64", "float32"])
def test_a_weights_dtype_does_not_change_the_results(identifier: str, weight: Tensor) -> None:
    inputs = inputs_for(identifier, SHAPE)
    assert_same_answer(*(build(identifier, variant, weight=weight) for variant in VARIANTS), inputs)


T = uniform(*SHAPE, seed=1)
MISFITS: list[tuple[str, dict[str, Any], list[Tensor]]] = [
    *((name, {}, [uniform(*SHAPE), target]) for name in BINARY for target in (T[:1], T[0], T[..., None], T.long())),
    *((name, {"weight": torch.ones(size)}, [uniform(*SHAPE), T]) for name in BINARY for size in ((2,), (2, 4, 3))),
    *((name, {"reduction": by}, [uniform(*SHAPE), T]) for name in BINARY for by in ("average", None)),
    *(("losses.bce_with_logits", {"pos_weight": torch.ones(size)}, [T, T]) for size in ((2,), (4,), (2, 4, 3))),
    *(("losses.bce", {}, [p, T]) for p in (T + 1, T - 1, T * torch.nan, T.float())),
    *(("losses.bce", {}, [T, t]) for t in (T + 1, T - 1, T * torch.nan, T.float(), T.half())),
]  # fmt: skip


@pytest.mark.parametrize(("identifier", "arguments", "inputs"), MISFITS)
def test_what_torch_refuses_is_refused(identifier: str, arguments: dict[str, Any], inputs: list[Tensor]) -> None:
    theirs = refusal(identifier, "torch", arguments, inputs)
    assert theirs is not None
    assert refusal(identifier, "reference", arguments, inputs) is theirs


@pytest.mark.parametrize("identifier", BINARY)
@pytest.mark.parametrize("argument", ["size_average", "reduce"])
@pytest.mark.parametrize("value", [True, False])
def test_deprecated_arguments_are_named(identifier: str, argument: str, value: bool) -> None:
    with pytest.raises(NotImplementedError, match=argument):
        build(identifier, **{argument: value})
    build(identifier, **{argument: None})


@pytest.mark.parametrize("identifier", BINARY)
def test_constructor_arguments_and_their_defaults_are_torchs(identifier: str) -> None:
    component = nnbench.component(identifier)
    assert signature(component.variant("reference").resolve()) == signature(component.variant("torch").resolve())
