"""Losses of a difference, against torch and their oracles: options, ties, infinities, dtypes, refusals."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import torch
from suite_support import answer, assert_close
from torch import Tensor, nn

import nnbench
from nnbench.specs import Case, InputSpec

REDUCTIONS = ("mean", "sum", "none")
BORDERS = (0.3, 1.0, 2, 100.0)
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "losses.mse": [{}],
    "losses.l1": [{}],
    "losses.smooth_l1": [{}, {"beta": 0}, {"beta": 0.0}, *({"beta": border} for border in BORDERS)],
    "losses.huber": [{}, *({"delta": border} for border in BORDERS)],
}
OURS_ALONE: dict[str, list[dict[str, Any]]] = {
    "losses.mse_mae": [{}, *({"alpha": alpha} for alpha in (0, 0.2, 0.7, 1))],
}
ROWS = [(name, more | {"reduction": by}) for name, sets in SETTINGS.items() for more in sets for by in REDUCTIONS]
JUDGED = ROWS + [
    (name, more | {"reduction": by}) for name, sets in OURS_ALONE.items() for more in sets for by in REDUCTIONS
]
SHAPES = [(4, 3), (2, 3, 4, 5), (1,), ()]
NARROW = {torch.float32: 2, torch.float16: 3, torch.bfloat16: 3}  # how much more wrong than torch
VARIANTS = ("reference", "torch")


def build(identifier: str, variant: str = "reference", **arguments: Any) -> Any:
    return nnbench.component(identifier).variant(variant).build(**arguments)


def pair(shape: tuple[int, ...], seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [2 * torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2)]


def assert_same_answer(ours: nn.Module, theirs: nn.Module, inputs: list[Tensor]) -> None:
    output, gradients = answer(ours, inputs)
    expected, expected_gradients = answer(theirs, inputs)
    assert_close(output, expected, "output")
    assert gradients.keys() == expected_gradients.keys() != set()
    for name, gradient in gradients.items():
        assert_close(gradient, expected_gradients[name], f"gradient of {name}")


def drawn(spec: InputSpec, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    if spec.distribution == "randint":
        return torch.randint(spec.low, spec.high, spec.shape, generator=generator)
    draw = torch.rand if spec.distribution == "rand" else torch.randn
    return draw(spec.shape, generator=generator, dtype=torch.float64)


def assert_equals_oracle(identifier: str, arguments: dict[str, Any], inputs: list[Tensor]) -> None:
    oracle = nnbench.component(identifier).oracle
    assert oracle is not None
    given = {name: value.numpy() if isinstance(value, Tensor) else value for name, value in arguments.items()}
    expected = np.asarray(oracle(*(tensor.detach().numpy() for tensor in inputs), **given))
    with torch.no_grad():
        assert_close(build(identifier, **arguments)(*inputs), torch.as_tensor(expected), identifier)


def assert_cases_equal_oracle(identifier: str) -> None:
    cases: tuple[Case, ...] = nnbench.component(identifier).cases
    for case in cases:
        arguments = {
            name: drawn(value, 9) if isinstance(value, InputSpec) else value for name, value in case.arguments.items()
        }
        assert_equals_oracle(identifier, arguments, [drawn(spec, seed) for seed, spec in enumerate(case.inputs)])


def assert_comparable_errors(
    identifier: str, arguments: dict[str, Any], inputs: list[Tensor], dtype: torch.dtype
) -> None:
    """At most twice (half types: three times) as wrong as torch, plus 8 units in the last place of the largest."""
    narrow = [tensor.detach().to(dtype) for tensor in inputs]
    right = answers_in(build(identifier, **arguments), [tensor.double() for tensor in narrow])
    ours, theirs = (answers_in(build(identifier, variant, **arguments), narrow) for variant in VARIANTS)
    for name, want in right.items():
        assert ours[name].dtype == theirs[name].dtype == dtype
        mine, others = (float((found[name].double() - want).abs().max()) for found in (ours, theirs))
        floor = 8 * torch.finfo(dtype).eps * float(want.abs().max())
        assert mine <= NARROW[dtype] * others + floor, f"{name}: {mine} against torch's {others}"


def answers_in(module: nn.Module, inputs: list[Tensor]) -> dict[str, Tensor]:
    output, gradients = answer(module, [inputs[0].clone().requires_grad_(), *inputs[1:]])
    return {"output": output} | {name: gradient for name, gradient in gradients.items() if gradient is not None}


def signature(target: Any) -> list[tuple[str, Any, Any]]:
    return [(one.name, one.default, one.kind) for one in inspect.signature(target).parameters.values()]


def refusal(
    identifier: str, variant: str, arguments: dict[str, Any], inputs: list[Tensor]
) -> type[BaseException] | None:
    """The class of error that building a variant and calling it raises."""
    try:
        build(identifier, variant, **arguments)(*inputs)
    except Exception as error:  # noqa: BLE001  the class is what is asked for
        return type(error)
    return None


@pytest.mark.parametrize(("identifier", "arguments"), ROWS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_outputs_and_gradients_equal_torchs(identifier: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> None:
    ours, theirs = (build(identifier, variant, **arguments) for variant in VARIANTS)
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    assert_same_answer(ours, theirs, pair(shape))


@pytest.mark.parametrize(("identifier", "arguments"), ROWS, ids=str)
@pytest.mark.parametrize("shape", [(), (0, 3)], ids=str)
def test_equal_and_absent_elements_are_torchs(
    identifier: str, arguments: dict[str, Any], shape: tuple[int, ...]
) -> None:
    inputs = [torch.full(shape, 0.75, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    found = [answer(build(identifier, variant, **arguments), inputs) for variant in VARIANTS]
    (output, gradients), (expected, expected_gradients) = found
    torch.testing.assert_close(output, expected, equal_nan=True)  # the mean of nothing is NaN
    torch.testing.assert_close(gradients, expected_gradients, equal_nan=True)


@pytest.mark.parametrize(("identifier", "arguments"), JUDGED, ids=str)
def test_the_reference_equals_its_oracle(identifier: str, arguments: dict[str, Any]) -> None:
    assert_equals_oracle(identifier, arguments, pair((5, 4)))


@pytest.mark.parametrize("identifier", [*SETTINGS, *OURS_ALONE])
def test_cases_equal_the_oracle(identifier: str) -> None:
    assert_cases_equal_oracle(identifier)


@pytest.mark.parametrize(
    ("identifier", "arguments"),
    [
        ("losses.l1", {}),
        ("losses.smooth_l1", {"beta": 0.5}),
        ("losses.smooth_l1", {"beta": 0}),
        ("losses.huber", {"delta": 0.5}),
    ],
)
def test_borders_infinities_and_nan_are_torchs(identifier: str, arguments: dict[str, Any]) -> None:
    values = [0.0, -0.0, 0.5, -0.5, 1e-300, 1e200, -1e200, torch.inf, -torch.inf, torch.nan]
    input_, target = torch.tensor(values, dtype=torch.float64, requires_grad=True), torch.zeros(10, dtype=torch.float64)
    found = []
    for variant in VARIANTS:
        losses = build(identifier, variant, **arguments, reduction="none")(input_, target)
        found.append((losses.detach(), torch.autograd.grad(losses, input_, torch.ones_like(losses))[0]))
    (ours, our_slopes), (theirs, their_slopes) = found
    torch.testing.assert_close(ours, theirs, equal_nan=True)
    defined = ~input_.isnan()  # torch's slope at NaN is that of one branch or the other
    torch.testing.assert_close(our_slopes[defined], their_slopes[defined])


@pytest.mark.parametrize(("identifier", "border"), [("losses.smooth_l1", "beta"), ("losses.huber", "delta")])
def test_second_derivatives_are_right_also_at_zero(identifier: str, border: str) -> None:
    x = torch.tensor([0.0, 0.1, 0.4, 0.6, 2.0], dtype=torch.float64, requires_grad=True)
    loss = build(identifier, **{border: 0.5}, reduction="sum")(x, torch.zeros_like(x))
    (slope,) = torch.autograd.grad(loss, x, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), x)
    inside = 1.0 if border == "delta" else 2.0
    assert curvature.tolist() == [inside, inside, inside, 0, 0]


@pytest.mark.parametrize("identifier", SETTINGS)
@pytest.mark.parametrize("target_shape", [(3,), (1, 3), (4, 1), ()], ids=str)
def test_different_shapes_warn_and_broadcast(identifier: str, target_shape: tuple[int, ...]) -> None:
    inputs = [pair((4, 3))[0], pair(target_shape, seed=1)[0]]
    with pytest.warns(UserWarning, match=rf"{type(build(identifier)).__name__} broadcasts"):
        output, gradients = answer(build(identifier), inputs)
    with pytest.warns(UserWarning, match="different to the input size"):
        expected, expected_gradients = answer(build(identifier, "torch"), inputs)
    assert_close(output, expected)
    for name, gradient in gradients.items():
        assert_close(gradient, expected_gradients[name], name)


@pytest.mark.parametrize("identifier", [*SETTINGS, *OURS_ALONE])
def test_equal_shapes_do_not_warn(identifier: str, recwarn: pytest.WarningsRecorder) -> None:
    build(identifier)(*pair((4, 3)))
    assert list(recwarn) == []


@pytest.mark.parametrize("identifier", SETTINGS)
@pytest.mark.parametrize("input_dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("target_dtype", [torch.float64, torch.float32, torch.float16, torch.int64])
def test_the_result_has_torchs_dtype(identifier: str, input_dtype: torch.dtype, target_dtype: torch.dtype) -> None:
    input_, target = torch.ones(3, dtype=input_dtype), torch.zeros(3, dtype=target_dtype)
    ours, theirs = (build(identifier, variant, reduction="none")(input_, target) for variant in VARIANTS)
    assert ours.dtype == theirs.dtype
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_l1_of_complex_numbers_is_torchs(reduction: str) -> None:
    inputs = [torch.complex(*pair((4, 3), seed)) for seed in (0, 1)]
    leaves = [tensor.detach().requires_grad_() for tensor in inputs]
    assert_same_answer(*(build("losses.l1", variant, reduction=reduction) for variant in VARIANTS), leaves)


@pytest.mark.parametrize(("identifier", "arguments"), [row for row in ROWS if row[1]["reduction"] != "sum"], ids=str)
@pytest.mark.parametrize("dtype", NARROW, ids=str)
def test_errors_are_comparable_with_torchs(identifier: str, arguments: dict[str, Any], dtype: torch.dtype) -> None:
    assert_comparable_errors(identifier, arguments, pair((16, 512)), dtype)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_mse_mae_is_the_mixture_of_torchs_two(alpha: float, reduction: str) -> None:
    inputs = pair((4, 3))
    square, absolute = (kind(reduction=reduction)(*inputs) for kind in (nn.MSELoss, nn.L1Loss))
    mixture, expected = (
        build("losses.mse_mae", alpha=alpha, reduction=reduction)(*inputs),
        alpha * square + (1 - alpha) * absolute,
    )
    assert_close(mixture.detach(), expected.detach())
    upstream = torch.ones_like(expected)
    for ours, theirs in zip(
        *(torch.autograd.grad(loss, inputs, upstream) for loss in (mixture, expected)), strict=True
    ):
        assert_close(ours, theirs)


def test_mse_mae_of_equal_tensors_pulls_nowhere() -> None:
    x = torch.ones(3, requires_grad=True)
    (gradient,) = torch.autograd.grad(build("losses.mse_mae")(x, torch.ones(3)), x)
    assert torch.equal(gradient, torch.zeros(3))


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_mse_mae_refuses_shares_outside_0_to_1(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha is between 0 and 1"):
        build("losses.mse_mae", alpha=alpha)


@pytest.mark.parametrize("identifier", ["losses.mse", "losses.l1", "losses.smooth_l1"])
@pytest.mark.parametrize("argument", ["size_average", "reduce"])
@pytest.mark.parametrize("value", [True, False])
def test_deprecated_arguments_are_named(identifier: str, argument: str, value: bool) -> None:
    with pytest.raises(NotImplementedError, match=argument):
        build(identifier, **{argument: value})
    build(identifier, **{argument: None})


REFUSED: list[tuple[str, dict[str, Any]]] = [
    *((name, {"reduction": by}) for name in SETTINGS for by in ("average", "", None)),
    *(("losses.smooth_l1", {"beta": beta}) for beta in (-1.0, float("nan"), "a")),
    *(("losses.huber", {"delta": delta}) for delta in (-1.0, 0, 0.0, float("nan"), "a", None)),
]


@pytest.mark.parametrize(("identifier", "arguments"), REFUSED, ids=str)
def test_what_torch_refuses_is_refused(identifier: str, arguments: dict[str, Any]) -> None:
    theirs = refusal(identifier, "torch", arguments, pair((3,)))
    assert theirs is not None
    assert refusal(identifier, "reference", arguments, pair((3,))) is theirs


@pytest.mark.parametrize("identifier", SETTINGS)
def test_shapes_that_do_not_broadcast_are_refused(identifier: str) -> None:
    inputs = [pair((3, 4))[0], pair((2, 4))[0]]
    for variant in VARIANTS:
        with pytest.warns(UserWarning, match="input"), pytest.raises(RuntimeError):
            build(identifier, variant)(*inputs)


@pytest.mark.parametrize("identifier", [*SETTINGS, "losses.cross_entropy"])
def test_constructor_arguments_and_their_defaults_are_torchs(identifier: str) -> None:
    component = nnbench.component(identifier)
    ours, theirs = (signature(component.variant(variant).resolve()) for variant in VARIANTS)
    assert ours == theirs
