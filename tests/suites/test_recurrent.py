"""LSTM and GRU: torch's options, initial states, dropout between layers, and what is refused."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest
import torch
from nnbench.suites.layers.recurrence import dropped_out
from suite_support import assert_close, ids
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

import nnbench
from nnbench import case, randn
from nnbench.specs import Case
from nnbench.workload import draw_inputs, tensors

SIZES = {"input_size": 5, "hidden_size": 4}
EVERYTHING = {"num_layers": 3, "bidirectional": True, "batch_first": True, "dropout": 1.0}
SHARED = [
    case(randn(3, 2, 5), **SIZES),
    case(randn(1, 1, 5), **SIZES),
    case(randn(3, 0, 5), **SIZES),
    case(randn(3, 5), **SIZES),
    case(randn(3, 2, 5), **SIZES, bias=False),
    case(randn(2, 3, 5), **SIZES, batch_first=True),
    case(randn(3, 5), **SIZES, batch_first=True),
    case(randn(3, 2, 5), **SIZES, num_layers=3),
    case(randn(3, 2, 5), **SIZES, bidirectional=True),
    case(randn(3, 5), **SIZES, bidirectional=True, num_layers=2),
    # Everything dropped out between the layers: random in training, but with one outcome only.
    case(randn(2, 3, 5), **SIZES, **EVERYTHING),
    case(randn(2, 3, 5), **SIZES, **EVERYTHING, bias=False),
    case(randn(2, 3, 1), input_size=1, hidden_size=2, batch_first=True),
]
OPTIONS: dict[str, list[Case]] = {
    "layers.gru": SHARED,
    "layers.lstm": [
        *SHARED,
        case(randn(3, 2, 5), **SIZES, proj_size=3),
        case(randn(3, 5), **SIZES, proj_size=1, bias=False),
        case(randn(2, 3, 5), **SIZES, **EVERYTHING, proj_size=2),
    ],
}
ROWS = [(identifier, option) for identifier, options in OPTIONS.items() for option in options]
DOCUMENTED = [
    (identifier, documented)
    for identifier in OPTIONS
    for documented in nnbench.component(identifier).cases
    if len(documented.inputs) == 1  # a state is put to each of them here
]
with_rows = pytest.mark.parametrize(("identifier", "option"), ROWS, ids=ids(ROWS))
with_both = pytest.mark.parametrize("identifier", OPTIONS)


def made(identifier: str, variant: str, arguments: Any) -> nn.Module:
    return nnbench.component(identifier).variant(variant).build(**arguments).double()


def both(identifier: str, option: Case) -> tuple[nn.Module, nn.Module]:
    """The reference, and torch's with the reference's parameters."""
    ours, theirs = (made(identifier, variant, option.arguments) for variant in ("reference", "torch"))
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def input_of(option: Case, dtype: torch.dtype = torch.float64) -> Tensor:
    (x,) = draw_inputs(option, 0, dtype)
    return x


def state_of(identifier: str, option: Case) -> Any:
    """An initial state of the shapes that the option needs."""
    given = option.arguments
    layers = given.get("num_layers", 1) * (1 + given.get("bidirectional", False))
    x = option.inputs[0].shape
    samples = [] if len(x) == 2 else [x[0 if given.get("batch_first") else 1]]
    sizes = [given.get("proj_size") or given["hidden_size"], given["hidden_size"]]
    generator = torch.Generator().manual_seed(9)
    h, c = (torch.randn(layers, *samples, n, generator=generator).double().requires_grad_() for n in sizes)
    return (h, c) if identifier == "layers.lstm" else h


def answer(module: nn.Module, x: Tensor, hx: Any) -> tuple[list[Tensor], dict[str, Tensor]]:
    """All outputs and, from fixed non-uniform upstream gradients, the gradients of everything."""
    outputs = list(tensors(module(x, hx)))
    named = {"input": x, **{f"state {place}": one for place, one in enumerate(tensors(hx))}}
    named |= dict(module.named_parameters())
    generator = torch.Generator().manual_seed(2)
    upstream = [torch.randn(one.shape, generator=generator).to(one.dtype) for one in outputs]
    gradients = torch.autograd.grad(outputs, list(named.values()), upstream)
    return [one.detach() for one in outputs], dict(zip(named, gradients, strict=True))


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("with_state", [True, False], ids=["from a state", "from zeros"])
@with_rows
def test_outputs_and_gradients_equal_torchs(identifier: str, option: Case, with_state: bool, training: bool) -> None:
    ours, theirs = (module.train(training) for module in both(identifier, option))
    x, hx = input_of(option), state_of(identifier, option) if with_state else None
    outputs, gradients = answer(ours, x, hx)
    expected, expected_gradients = answer(theirs, x, hx)
    for place, (got, want) in enumerate(zip(outputs, expected, strict=True)):
        assert_close(got, want, f"output {place}")
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in gradients.items():
        assert_close(gradient, expected_gradients[name], f"gradient of {name}")


@with_both
def test_the_output_is_nested_as_torchs(identifier: str) -> None:
    option = OPTIONS[identifier][0]
    shapes = [nested(module(input_of(option))) for module in both(identifier, option)]
    assert shapes[0] == shapes[1]


def nested(output: Any) -> Any:
    return tuple(output.shape) if isinstance(output, Tensor) else [nested(one) for one in output]


@with_rows
def test_initial_parameters_are_torchs_and_torchs_load(identifier: str, option: Case) -> None:
    states = []
    for variant in ("reference", "torch"):
        torch.manual_seed(5)
        states.append(made(identifier, variant, option.arguments).state_dict())
    ours, theirs = states
    assert list(ours) == list(theirs)
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())
    other = made(identifier, "reference", option.arguments)
    other.load_state_dict(theirs)
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in other.state_dict().items())


# In evaluation mode: what is dropped out is no oracle's to say.
JUDGED = DOCUMENTED + ROWS


@pytest.mark.parametrize("with_state", [True, False], ids=["from a state", "from zeros"])
@pytest.mark.parametrize(("identifier", "option"), JUDGED, ids=ids(JUDGED))
def test_the_reference_equals_its_oracle(identifier: str, option: Case, with_state: bool) -> None:
    reference, x = made(identifier, "reference", option.arguments).eval(), input_of(option)
    hx = state_of(identifier, option) if with_state else None
    parameters = {name: tensor.numpy() for name, tensor in reference.state_dict().items()}
    given = [tensor.detach().numpy() for tensor in (x, *tensors(hx))]
    oracle = nnbench.component(identifier).oracle
    assert oracle is not None
    judged = oracle(*given, **(parameters | dict(option.arguments)))
    for place, (got, want) in enumerate(zip(tensors(reference(x, hx)), judged, strict=True)):
        assert_close(got.detach(), torch.as_tensor(np.asarray(want)), f"output {place}")


@with_both
def test_dropout_is_between_layers_in_training_only(identifier: str) -> None:
    x = torch.ones(3, 2, 5, dtype=torch.float64)
    deep = made(identifier, "reference", SIZES | {"num_layers": 2, "dropout": 0.5})
    torch.manual_seed(0)
    first, second = (list(tensors(deep(x))) for _ in range(2))
    assert not torch.equal(first[0], second[0])
    # The first layer's last state comes before any dropout.
    assert torch.equal(first[1][0], second[1][0])
    assert not torch.equal(first[1][1], second[1][1])
    deep.eval()
    assert torch.equal(deep(x)[0], deep(x)[0])


@with_both
def test_the_mean_under_dropout_is_that_of_torchs(identifier: str) -> None:
    option = case(randn(2, 20_000, 3), input_size=3, hidden_size=4, num_layers=2, dropout=0.3)
    torch.manual_seed(0)
    ours, theirs = both(identifier, option)
    x = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64).expand(2, 20_000, 3)
    with torch.no_grad():
        first, second = ours(x)[0][-1], theirs(x)[0][-1]
    five_sigma = 5 * torch.sqrt((first.var(0) + second.var(0)) / len(first))
    assert bool(((first.mean(0) - second.mean(0)).abs() < five_sigma).all())
    # Variances of samples of so many differ by about a hundredth.
    torch.testing.assert_close(first.var(0), second.var(0), rtol=0.1, atol=0)


@pytest.mark.parametrize(("probability", "scale"), [(0.3, 1 / 0.7), (0.9, 10.0)])
def test_dropout_drops_its_share_and_scales_the_rest(probability: float, scale: float) -> None:
    torch.manual_seed(0)
    y = dropped_out(torch.ones(100_000, dtype=torch.float64), probability, training=True)
    five_sigma = 5 * math.sqrt(probability * (1 - probability) / len(y))
    assert abs(float((y == 0).double().mean()) - probability) < five_sigma
    torch.testing.assert_close(y[y != 0], torch.full_like(y[y != 0], scale))


@pytest.mark.filterwarnings("error")
@with_both
def test_dropout_with_one_layer_warns(identifier: str) -> None:
    for variant in ("reference", "torch"):
        with pytest.warns(UserWarning, match="dropout"):
            made(identifier, variant, SIZES | {"dropout": 0.1})
        made(identifier, variant, SIZES | {"dropout": 0.1, "num_layers": 2})


@with_rows
def test_parameters_are_grouped_as_torchs_and_moving_them_together_changes_nothing(
    identifier: str, option: Case
) -> None:
    ours, theirs = both(identifier, option)
    before = list(ours.parameters())
    for module in (ours, theirs):
        module.flatten_parameters()
    assert [id(one) for one in ours.parameters()] == [id(one) for one in before]
    grouped, expected = ours.all_weights, theirs.all_weights
    assert [len(each) for each in grouped] == [len(each) for each in expected]
    assert [id(one) for each in grouped for one in each] == [id(one) for one in before]
    pairs = zip([one for each in grouped for one in each], [one for each in expected for one in each], strict=True)
    assert all(torch.equal(mine, one_of_theirs) for mine, one_of_theirs in pairs)


@with_both
def test_packed_sequences_are_named(identifier: str) -> None:
    packed = pack_sequence([torch.ones(3, 5).double(), torch.ones(2, 5).double()])
    assert isinstance(made(identifier, "torch", SIZES)(packed), tuple)
    with pytest.raises(NotImplementedError, match="PackedSequence"):
        made(identifier, "reference", SIZES)(packed)


INVALID: list[dict[str, Any]] = [
    *({"input_size": size} for size in (0, -1, 5.0)),
    *({"hidden_size": size} for size in (0, -1, 4.0)),
    *({"num_layers": layers} for layers in (0, -1)),
    *({"dropout": dropout} for dropout in (-0.1, 1.1, True, "much", float("nan"))),
    {"bias": 1},
    {"batch_first": 0},
]
OF_LSTM: list[dict[str, Any]] = [{"proj_size": size} for size in (-1, 4, 5)]
INVALID_ROWS = [
    *((identifier, wrong) for identifier in OPTIONS for wrong in INVALID),
    *(("layers.lstm", wrong) for wrong in OF_LSTM),
]


@pytest.mark.parametrize(("identifier", "wrong"), INVALID_ROWS, ids=str)
def test_invalid_arguments_raise_what_torch_raises(identifier: str, wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)) as theirs:
        made(identifier, "torch", SIZES | wrong)
    with pytest.raises(theirs.type, match=next(iter(wrong))):
        made(identifier, "reference", SIZES | wrong)


def test_a_gru_has_no_projection() -> None:
    for variant in ("reference", "torch"):
        with pytest.raises((TypeError, ValueError), match="proj_size"):
            made("layers.gru", variant, SIZES | {"proj_size": 2})


def zeros(*shape: int) -> Tensor:
    return torch.zeros(shape, dtype=torch.float64)


# Inputs, and a hidden state where it is what does not fit.
MISFITS: list[tuple[Tensor, Tensor | None]] = [
    (zeros(5), None),
    (zeros(1, 3, 2, 5), None),
    (zeros(3, 2, 4), None),
    (zeros(3, 4), None),
    (zeros(0, 2, 5), None),
    (zeros(0, 5), None),
    (zeros(3, 2, 5).float(), None),
    (zeros(3, 2, 5), zeros(1, 3, 4)),
    (zeros(3, 2, 5), zeros(2, 2, 4)),
    (zeros(3, 2, 5), zeros(1, 2, 5)),
    (zeros(3, 2, 5), zeros(1, 4)),
    (zeros(3, 5), zeros(1, 1, 4)),
    (zeros(3, 5), zeros(1, 5)),
]
SHAPES = [f"{tuple(x.shape)}, {x.dtype}, {None if h is None else tuple(h.shape)}" for x, h in MISFITS]


@pytest.mark.parametrize(("x", "h"), MISFITS, ids=SHAPES)
@with_both
def test_tensors_that_do_not_fit_raise_what_torch_raises(identifier: str, x: Tensor, h: Tensor | None) -> None:
    states = [h] if h is None or identifier == "layers.gru" else [(h, like(h)), (like(h), h)]
    for hx in states:
        with pytest.raises((ValueError, RuntimeError)) as theirs:
            made(identifier, "torch", SIZES)(x, hx)
        with pytest.raises(theirs.type):
            made(identifier, "reference", SIZES)(x, hx)


def like(h: Tensor) -> Tensor:
    """A state that would fit beside the one that does not."""
    return zeros(1, 4) if h.dim() == 2 and h.shape[-1] == 5 else zeros(1, 2, 4)


@with_both
def test_a_hidden_state_of_another_dtype_is_refused(identifier: str) -> None:
    narrow = zeros(1, 2, 4).float()
    for variant in ("reference", "torch"):
        with pytest.raises(RuntimeError):
            made(identifier, variant, SIZES)(zeros(3, 2, 5), narrow if identifier == "layers.gru" else (narrow, narrow))


def test_batch_first_without_steps_is_refused() -> None:
    for variant in ("reference", "torch"):
        with pytest.raises(RuntimeError):
            made("layers.gru", variant, SIZES | {"batch_first": True})(zeros(2, 0, 5))


PRECISE = [
    case(randn(12, 4, 16), input_size=16, hidden_size=32),
    case(randn(4, 12, 16), input_size=16, hidden_size=24, num_layers=2, bidirectional=True, batch_first=True),
]


@pytest.mark.parametrize("option", PRECISE, ids=lambda option: option.label)
@pytest.mark.parametrize(("dtype", "times"), [(torch.float32, 2), (torch.float16, 3), (torch.bfloat16, 3)], ids=str)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 10.0])
@with_both
def test_errors_are_comparable_with_torchs(
    identifier: str, option: Case, dtype: torch.dtype, times: int, scale: float
) -> None:
    torch.manual_seed(0)
    exact = made(identifier, "reference", option.arguments).to(dtype)
    narrow = (input_of(option).detach() * scale).to(dtype)
    found = {}
    for variant in ("reference", "torch"):
        module = made(identifier, variant, option.arguments).to(dtype)
        module.load_state_dict(exact.state_dict())
        found[variant] = flat(*answer(module, narrow.clone().requires_grad_(), None))
    for name, want in flat(*answer(exact.double(), narrow.double().requires_grad_(), None)).items():
        assert found["reference"][name].dtype == dtype
        ours, theirs = (float((found[variant][name].double() - want).abs().max()) for variant in found)
        floor = 8 * torch.finfo(dtype).eps * float(want.abs().max())
        assert ours <= times * theirs + floor, f"{name}: {ours} against torch's {theirs}"


def flat(outputs: list[Tensor], gradients: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"output {place}": output for place, output in enumerate(outputs)} | gradients


@with_both
def test_large_inputs_saturate_the_gates_without_nan(identifier: str) -> None:
    x = torch.tensor([1e30, -1e30, 1e4, 0.0, -1e4]).expand(3, 2, 5).double().requires_grad_()
    ours, theirs = both(identifier, OPTIONS[identifier][0])
    outputs, gradients = answer(ours, x, None)
    expected, _ = answer(theirs, x, None)
    for got, want in zip(outputs, expected, strict=True):
        assert_close(got, want)
    assert all(gradient.isfinite().all() for gradient in gradients.values())


@with_both
def test_constructor_arguments_are_torchs_and_parameters_are_made_as_asked(identifier: str) -> None:
    component = nnbench.component(identifier)
    ours, theirs = (
        [(one.name, one.default) for one in inspect.signature(target).parameters.values()]
        for target in (component.reference.resolve(), nn.RNNBase)
    )
    absent = {"mode", "proj_size"} if identifier == "layers.gru" else {"mode"}
    assert ours == [row for row in theirs if row[0] not in absent]
    build = component.reference.build(**SIZES, device="meta", dtype=torch.float16)
    assert {(one.dtype, one.device.type) for one in build.parameters()} == {(torch.float16, "meta")}
