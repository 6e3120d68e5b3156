"""Pooling and flattening against torch's and their oracles, over torch's options."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from suite_support import answer, assert_close, built, ids, inputs_of, oracle_answer

import nnbench
from nnbench import case, randn
from nnbench.specs import Case

VARIANTS = ("reference", "torch")
SEQUENCES, IMAGES = randn(2, 3, 11), randn(2, 3, 9, 8)
# Windows that overlap, leave gaps, fit exactly, and reach beyond the end by any number of elements.
GRID: list[dict[str, Any]] = [
    {"kernel_size": size, "stride": step, "padding": margin, "ceil_mode": ceil}
    for size, step, margin, ceil in itertools.product((2, 3, 5), (1, 2, 4), (0, 1, 2), (False, True))
    if 2 * margin <= size
]
GRID += [{"kernel_size": 3}, {"kernel_size": 1}, {"kernel_size": 1, "stride": 3}]
UNBATCHED = {1: randn(3, 11), 2: randn(3, 9, 8)}
EMPTY = {1: randn(0, 3, 11), 2: randn(0, 3, 9, 8)}
AVERAGED = {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}
OPTIONS: dict[str, list[Case]] = {
    "layers.max_pool1d": [
        *(case(SEQUENCES, **row) for row in GRID),
        *(case(SEQUENCES, **row, dilation=2) for row in GRID),
        case(SEQUENCES, kernel_size=(3,), stride=(2,), padding=(1,), dilation=(3,)),
        case(UNBATCHED[1], kernel_size=2),
        case(EMPTY[1], kernel_size=2, padding=1),
        case(randn(1, 1, 1), kernel_size=2, ceil_mode=True),
    ],
    "layers.max_pool2d": [
        *(case(IMAGES, **row) for row in GRID),
        case(IMAGES, kernel_size=(3, 2), stride=(1, 3), padding=(1, 0), dilation=(2, 4)),
        case(IMAGES, kernel_size=(4, 2), padding=(2, 1), dilation=(1, 2), ceil_mode=True),
        case(UNBATCHED[2], kernel_size=(2, 3)),
        case(EMPTY[2], kernel_size=2),
        case(randn(2, 3, 2, 2), kernel_size=2),
    ],
    "layers.avg_pool2d": [
        *(case(IMAGES, **row) for row in GRID),
        *(case(IMAGES, **row, count_include_pad=False) for row in GRID),
        *(case(IMAGES, **AVERAGED, divisor_override=count) for count in (1, 7, -2)),
        case(IMAGES, **AVERAGED, count_include_pad=False, divisor_override=5),
        case(IMAGES, kernel_size=(4, 2), stride=(1, 3), padding=(2, 1), count_include_pad=False),
        case(IMAGES, kernel_size=(2, 5), padding=(1, 2), ceil_mode=True),
        case(UNBATCHED[2], kernel_size=(2, 3), padding=1),
        case(EMPTY[2], kernel_size=2),
    ],
    "layers.adaptive_avg_pool2d": [
        *(case(IMAGES, output_size=size) for size in (1, 2, 4, 5, 8, 9, 13)),
        *(case(IMAGES, output_size=size) for size in ((1, 1), (3, 5), (7, 2), (1, 20))),
        *(case(IMAGES, output_size=size) for size in ((None, 3), (4, None), (None, None))),
        case(UNBATCHED[2], output_size=(2, 3)),
        case(EMPTY[2], output_size=2),
    ],
    "layers.flatten": [
        case(IMAGES),
        *(case(IMAGES, start_dim=start) for start in (0, 2, 3, -1, -3)),
        *(case(IMAGES, start_dim=start, end_dim=end) for start, end in ((0, 1), (1, 2), (-3, -2), (2, 2), (0, -2))),
        case(randn(), start_dim=0),
        case(randn(5), start_dim=0),
        case(randn(2, 0, 3)),
        case(randn(0, 2, 3)),
    ],
}
ROWS = [(identifier, option) for identifier, options in OPTIONS.items() for option in options]
CASES = [(identifier, documented) for identifier in OPTIONS for documented in nnbench.component(identifier).cases]


@pytest.mark.parametrize(("identifier", "option"), ROWS, ids=ids(ROWS))
def test_outputs_and_gradients_equal_torchs(identifier: str, option: Case) -> None:
    component = nnbench.component(identifier)
    ours, theirs = (built(component, variant, option) for variant in VARIANTS)
    assert not ours.state_dict()
    assert not theirs.state_dict()
    (output, gradients), (expected, expected_gradients) = (answer(made, inputs_of(option)) for made in (ours, theirs))
    assert_close(output, expected, "output")
    assert_close(gradients["input 0"], expected_gradients["input 0"], "gradient")


@pytest.mark.parametrize(("identifier", "option"), CASES + ROWS, ids=ids(CASES + ROWS))
def test_the_reference_equals_its_oracle(identifier: str, option: Case) -> None:
    component = nnbench.component(identifier)
    reference, inputs = built(component, "reference", option), inputs_of(option)
    assert_close(reference(*inputs).detach(), oracle_answer(component, option, reference, inputs))


def at(identifier: str, variant: str, option: Case, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    x = x.clone().requires_grad_()
    output = nnbench.component(identifier).variant(variant).build(**option.arguments)(x)
    upstream = torch.linspace(0.5, 2, output.numel(), dtype=output.dtype).reshape(output.shape)
    return output.detach(), torch.autograd.grad(output, x, upstream)[0]


POOLS = [(identifier, option) for identifier, option in ROWS if "pool" in identifier and option.inputs[0].elements]
MAXIMA = [(identifier, option) for identifier, option in POOLS if "max" in identifier]


@pytest.mark.parametrize(("identifier", "option"), MAXIMA, ids=ids(MAXIMA))
def test_of_equal_elements_the_gradient_goes_to_torchs(identifier: str, option: Case) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 3, option.inputs[0].shape, generator=generator).double()
    (ours, our_gradient), (theirs, their_gradient) = (at(identifier, variant, option, x) for variant in VARIANTS)
    assert torch.equal(ours, theirs)
    assert_close(our_gradient, their_gradient)


@pytest.mark.parametrize("value", [torch.inf, -torch.inf, torch.nan])
def test_infinities_and_nan_reach_the_windows_that_torchs_reach(value: float) -> None:
    for identifier, option in POOLS:
        x = inputs_of(option)[0].detach()
        x[..., x.shape[-1] // 2] = value
        component = nnbench.component(identifier)
        ours, theirs = (built(component, variant, option)(x) for variant in VARIANTS)
        torch.testing.assert_close(ours, theirs, equal_nan=True, rtol=1e-9, atol=1e-12, msg=f"{identifier} {option}")


@pytest.mark.parametrize("identifier", ["layers.max_pool1d", "layers.max_pool2d"])
def test_the_gradient_of_nan_goes_to_the_nan(identifier: str) -> None:
    option = OPTIONS[identifier][0]
    x = torch.arange(6.0).reshape(1, 1, 6) if identifier.endswith("1d") else torch.arange(24.0).reshape(1, 1, 4, 6)
    x[..., 0, 2] = torch.nan
    arguments = case(*option.inputs, kernel_size=2)
    (_, ours), (_, theirs) = (at(identifier, variant, arguments, x) for variant in VARIANTS)
    assert ours[..., 0, 2] != 0
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("identifier", ["layers.avg_pool2d", "layers.adaptive_avg_pool2d"])
def test_errors_are_comparable_with_torchs(identifier: str, dtype: torch.dtype) -> None:
    times = 2 if dtype == torch.float32 else 3
    for option in (case(kernel_size=5, padding=2), case(kernel_size=12)):
        given = option if identifier == "layers.avg_pool2d" else case(output_size=option.arguments["kernel_size"])
        x = torch.randn(2, 8, 31, 31, generator=torch.Generator().manual_seed(0)).to(dtype)
        exact, ours, theirs = (
            at(identifier, variant, given, narrow)
            for variant, narrow in (("reference", x.double()), ("reference", x), ("torch", x))
        )
        for want, mine, other in zip(exact, ours, theirs, strict=True):
            assert mine.dtype == dtype
            floor = 8 * torch.finfo(dtype).eps * float(want.abs().max())
            assert (mine.double() - want).abs().max() <= times * (other.double() - want).abs().max() + floor


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32], ids=str)
def test_a_mean_does_not_overflow_where_its_sum_would_in_half_precision(dtype: torch.dtype) -> None:
    x = torch.full((1, 1, 4, 4), 60_000.0, dtype=dtype)
    for identifier, arguments in (("avg_pool2d", {"kernel_size": 4}), ("adaptive_avg_pool2d", {"output_size": 1})):
        assert nnbench.component(f"layers.{identifier}").reference.build(**arguments)(x).item() == x[0, 0, 0, 0].item()


@pytest.mark.parametrize("identifier", OPTIONS)
def test_strided_inputs_give_the_same(identifier: str) -> None:
    option = OPTIONS[identifier][0]
    reference, (dense,) = built(nnbench.component(identifier), "reference", option), inputs_of(option)
    order = list(reversed(range(dense.dim())))
    strided = dense.permute(order).contiguous().permute(order)
    assert torch.equal(reference(strided), reference(dense))


@pytest.mark.parametrize("size", [0, (0, 3), (3, 0)])
def test_no_window_is_a_size_too(size: Any) -> None:
    component = nnbench.component("layers.adaptive_avg_pool2d")
    ours, theirs = (component.variant(variant).build(output_size=size)(torch.ones(2, 3, 4, 5)) for variant in VARIANTS)
    assert ours.shape == theirs.shape


@pytest.mark.parametrize("identifier", ["layers.max_pool1d", "layers.max_pool2d"])
def test_indices_are_refused_by_name(identifier: str) -> None:
    with pytest.raises(NotImplementedError, match="return_indices"):
        nnbench.component(identifier).reference.build(kernel_size=2, return_indices=True)


SIZES: list[dict[str, Any]] = [
    {"kernel_size": 0}, {"kernel_size": -1}, {"kernel_size": 2, "stride": 0}, {"kernel_size": 2, "stride": -1},
    {"kernel_size": 2, "padding": 2}, {"kernel_size": 2, "padding": -1}, {"kernel_size": 12}, {"kernel_size": 2.5},
    {"kernel_size": (2, 2, 2)}, {"kernel_size": 2, "stride": (1, 1, 1)}, {"kernel_size": 2, "padding": (0, 0, 0)},
]  # fmt: skip
INVALID: list[tuple[str, dict[str, Any]]] = [
    *((name, sizes) for name in ("max_pool1d", "max_pool2d", "avg_pool2d") for sizes in SIZES),
    *((name, {"kernel_size": 2, "dilation": gap}) for name in ("max_pool1d", "max_pool2d") for gap in (0, -1, 11)),
    ("avg_pool2d", {"kernel_size": 2, "divisor_override": 0}),
    *(("adaptive_avg_pool2d", {"output_size": size}) for size in (-1, (2, -1), (2,), (1, 2, 3), None, 2.5)),
    *(("flatten", {"start_dim": dim}) for dim in (4, -5)),
    *(("flatten", {"end_dim": dim}) for dim in (0, 4, -5)),
]


def refusal(name: str, variant: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> type[BaseException]:
    with pytest.raises((IndexError, RuntimeError, TypeError)) as refused:
        nnbench.component(f"layers.{name}").variant(variant).build(**arguments)(torch.ones(shape))
    return refused.type


@pytest.mark.parametrize(("name", "arguments"), INVALID, ids=str)
def test_what_torch_refuses_is_refused(name: str, arguments: dict[str, Any]) -> None:
    shape = (2, 3, 9) if name.endswith("1d") else (2, 3, 9, 8)
    assert refusal(name, "reference", arguments, shape) is refusal(name, "torch", arguments, shape)


SHAPES: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    *(("max_pool1d", {"kernel_size": 2}, shape) for shape in ((5,), (1, 1, 3, 5), (1, 0, 5), (1, 3, 0), (0, 5))),
    *(
        (name, {"kernel_size": 2}, shape)
        for name in ("max_pool2d", "avg_pool2d")
        for shape in ((1, 1, 3, 5, 5), (1, 0, 5, 5), (1, 3, 0, 5), (0, 5, 5))
    ),
    *(("adaptive_avg_pool2d", {"output_size": 2}, shape) for shape in ((3, 5), (1, 1, 3, 5, 5), (1, 3, 0, 5))),
    ("flatten", {}, (3,)),
]


@pytest.mark.parametrize(("name", "arguments", "shape"), SHAPES, ids=str)
def test_shapes_that_torch_refuses_are_refused(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> None:
    assert refusal(name, "reference", arguments, shape) is refusal(name, "torch", arguments, shape)
