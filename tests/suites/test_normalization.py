"""Layer and batch normalization: torch's options in both modes, the running statistics, what is refused."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import pytest
import torch
from suite_support import answer, assert_close, ids, inputs_of, oracle_answer
from torch import Tensor, nn

import nnbench
from nnbench import case, randn
from nnbench.specs import Case

OPTIONS: dict[str, list[Case]] = {
    "layers.layer_norm": [
        case(randn(3, 6), normalized_shape=6),
        case(randn(3, 6), normalized_shape=[6], eps=0.5),
        case(randn(2, 3, 4, 5), normalized_shape=(4, 5)),
        case(randn(2, 3, 4), normalized_shape=(2, 3, 4)),
        case(randn(2, 3, 4), normalized_shape=4, elementwise_affine=False),
        case(randn(2, 3, 4), normalized_shape=4, elementwise_affine=False, bias=False),
        case(randn(2, 3, 4), normalized_shape=(3, 4), bias=False),
        case(randn(6), normalized_shape=6),
        case(randn(0, 6), normalized_shape=6),
    ],
    "layers.batch_norm1d": [
        case(randn(7, 3), num_features=3),
        case(randn(7, 3, 4), num_features=3),
        case(randn(1, 3, 4), num_features=3),
        case(randn(7, 1), num_features=1),
        case(randn(0, 3), num_features=3),
        case(randn(7, 3), num_features=3, eps=0.5, momentum=0.7),
        case(randn(7, 3), num_features=3, momentum=None),
        case(randn(7, 3), num_features=3, momentum=0.0),
        case(randn(7, 3), num_features=3, momentum=1.0),
        case(randn(7, 3), num_features=3, affine=False),
        case(randn(7, 3), num_features=3, bias=False),
        case(randn(7, 3), num_features=3, track_running_stats=False),
        case(randn(7, 3), num_features=3, track_running_stats=False, affine=False, momentum=None),
    ],
    "layers.batch_norm2d": [
        case(randn(3, 4, 2, 5), num_features=4),
        case(randn(1, 4, 2, 5), num_features=4, momentum=None),
        case(randn(3, 4, 1, 1), num_features=4, eps=0.5),
        case(randn(3, 4, 2, 5), num_features=4, affine=False),
        case(randn(3, 4, 2, 5), num_features=4, track_running_stats=False),
        case(randn(0, 4, 2, 5), num_features=4),
    ],
}
ROWS = [(identifier, option) for identifier, options in OPTIONS.items() for option in options]
JUDGED = [row for row in ROWS if row[1].inputs[0].elements] + [
    (name, documented) for name in OPTIONS for documented in nnbench.component(name).cases
]
BATCH_NORMS = ("layers.batch_norm1d", "layers.batch_norm2d")
with_rows = pytest.mark.parametrize(("identifier", "option"), ROWS, ids=ids(ROWS))


def made(identifier: str, variant: str, arguments: Any, training: bool = True) -> nn.Module:
    return nnbench.component(identifier).variant(variant).build(**arguments).double().train(training)


def moved(module: nn.Module) -> nn.Module:
    """With parameters and statistics away from their initial ones and zeros."""
    generator = torch.Generator().manual_seed(3)
    state = module.state_dict()
    for tensor in state.values():
        tensor.copy_(torch.rand(tensor.shape, generator=generator) * 4 + 1)
    return module


def both(identifier: str, option: Case, training: bool = True) -> tuple[nn.Module, nn.Module]:
    """The reference, and torch's with the reference's state."""
    ours, theirs = (made(identifier, variant, option.arguments, training) for variant in ("reference", "torch"))
    theirs.load_state_dict(copy.deepcopy(moved(ours).state_dict()))
    return ours, theirs


def assert_same_state(ours: nn.Module, theirs: nn.Module) -> None:
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, tensor in ours.state_dict().items():
        assert tensor.dtype == theirs.state_dict()[name].dtype
        assert_close(tensor, theirs.state_dict()[name], name)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@with_rows
def test_outputs_gradients_and_statistics_equal_torchs(identifier: str, option: Case, training: bool) -> None:
    ours, theirs = both(identifier, option, training)
    for seed in range(3):  # the statistics are those of several batches
        output, gradients = answer(ours, inputs_of(option, seed))
        expected, expected_gradients = answer(theirs, inputs_of(option, seed))
        assert_close(output, expected, "output")
        assert gradients.keys() == expected_gradients.keys()
        for name, gradient in gradients.items():
            assert_close(gradient, expected_gradients[name], f"gradient of {name}")
        assert_same_state(ours, theirs)


@with_rows
def test_initial_state_is_torchs_and_torchs_loads(identifier: str, option: Case) -> None:
    ours, theirs = (made(identifier, variant, option.arguments) for variant in ("reference", "torch"))
    assert_same_state(ours, theirs)
    ours.load_state_dict(moved(theirs).state_dict())
    assert_same_state(ours, theirs)
    for module in (ours, theirs):
        module.reset_parameters()
    assert_same_state(ours, theirs)
    assert_same_state(ours, made(identifier, "torch", option.arguments))


@pytest.mark.parametrize(("identifier", "option"), JUDGED, ids=ids(JUDGED))
def test_the_reference_equals_its_oracle(identifier: str, option: Case) -> None:
    reference, inputs = moved(made(identifier, "reference", option.arguments)), inputs_of(option)
    judged = oracle_answer(nnbench.component(identifier), option, reference, inputs)
    assert_close(reference(*inputs).detach(), judged)


@pytest.mark.parametrize("identifier", BATCH_NORMS)
def test_evaluation_uses_the_statistics_and_leaves_them(identifier: str) -> None:
    option = OPTIONS[identifier][0]
    reference = moved(made(identifier, "reference", option.arguments, training=False))
    state = copy.deepcopy(reference.state_dict())
    (x,) = inputs_of(option)
    by_feature = [-1] + [1] * (x.dim() - 2)
    mean, variance, weight, bias = (
        state[name].reshape(by_feature) for name in ("running_mean", "running_var", "weight", "bias")
    )
    assert_close(reference(x).detach(), ((x - mean) * (variance + 1e-5) ** -0.5 * weight + bias).detach())
    assert all(torch.equal(tensor, state[name]) for name, tensor in reference.state_dict().items())


def test_without_momentum_the_statistics_are_means_over_batches() -> None:
    reference = made("layers.batch_norm1d", "reference", {"num_features": 2, "momentum": None})
    batches = torch.randn(4, 5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for batch in batches:
        reference(batch)
    assert_close(reference.running_mean, batches.mean(1).mean(0))
    assert_close(reference.running_var, batches.var(1).mean(0))
    assert int(reference.num_batches_tracked) == 4
    reference.reset_running_stats()
    assert [buffer.tolist() for buffer in reference.buffers()] == [[0, 0], [1, 1], 0]


def test_statistics_carry_no_graph() -> None:
    reference = made("layers.batch_norm1d", "reference", {"num_features": 2})
    reference(torch.randn(5, 2, dtype=torch.float64, requires_grad=True))
    assert not any(buffer.requires_grad for buffer in reference.buffers())


def test_switching_the_tracking_off_keeps_the_statistics_as_in_torch() -> None:
    option = OPTIONS["layers.batch_norm1d"][0]
    ours, theirs = both("layers.batch_norm1d", option)
    ours.track_running_stats = theirs.track_running_stats = False
    for training in (True, False):
        outputs = [module.train(training)(*inputs_of(option)).detach() for module in (ours, theirs)]
        assert_close(*outputs)
    assert_same_state(ours, theirs)


REFUSED: list[tuple[str, dict[str, Any], tuple[int, ...], bool]] = [
    ("layers.layer_norm", {"normalized_shape": 3}, (3, 4), True),
    ("layers.layer_norm", {"normalized_shape": (2, 3)}, (3,), True),
    ("layers.layer_norm", {"normalized_shape": (2, 3)}, (3, 2), True),
    ("layers.layer_norm", {"normalized_shape": []}, (3,), True),
    ("layers.layer_norm", {"normalized_shape": 64}, (1, 64, 1024), True),  # the deep dive's mistake
    *(("layers.batch_norm1d", {"num_features": 3}, shape, False) for shape in ((3,), (2, 3, 4, 5), (2, 4))),
    *(("layers.batch_norm2d", {"num_features": 3}, shape, False) for shape in ((2, 3), (2, 3, 4), (2, 4, 3, 3))),
    ("layers.batch_norm1d", {"num_features": 3}, (1, 3), True),
    ("layers.batch_norm1d", {"num_features": 3}, (1, 3, 1), True),
    ("layers.batch_norm2d", {"num_features": 3}, (1, 3, 1, 1), True),
    ("layers.batch_norm1d", {"num_features": 3, "track_running_stats": False}, (1, 3), False),
    ("layers.batch_norm1d", {"num_features": 3, "eps": 0.0}, (2, 3), True),
    ("layers.batch_norm1d", {"num_features": 3, "eps": -1.0}, (2, 3), True),
    ("layers.batch_norm1d", {"num_features": 3, "eps": -1.0}, (2, 3), False),
    ("layers.batch_norm1d", {"num_features": 3, "eps": 0.0, "track_running_stats": False}, (2, 3), False),
]


@pytest.mark.parametrize(("identifier", "arguments", "shape", "training"), REFUSED, ids=str)
def test_what_torch_refuses_is_refused(
    identifier: str, arguments: dict[str, Any], shape: tuple[int, ...], training: bool
) -> None:
    x = torch.ones(shape, dtype=torch.float64)
    with pytest.raises((ValueError, RuntimeError)) as theirs:
        made(identifier, "torch", arguments, training)(x)
    ours = made(identifier, "reference", arguments, training)
    state = copy.deepcopy(ours.state_dict())
    with pytest.raises(theirs.type):
        ours(x)
    assert all(torch.equal(tensor, state[name]) for name, tensor in ours.state_dict().items())


ALLOWED = [
    ("layers.batch_norm1d", {"num_features": 3}, (1, 3)),
    ("layers.batch_norm1d", {"num_features": 3, "eps": 0.0}, (2, 3)),
    ("layers.batch_norm2d", {"num_features": 3}, (1, 3, 1, 1)),
]


@pytest.mark.parametrize(("identifier", "arguments", "shape"), ALLOWED, ids=str)
def test_evaluation_takes_what_training_refuses(
    identifier: str, arguments: dict[str, Any], shape: tuple[int, ...]
) -> None:
    x = torch.full(shape, 2.5, dtype=torch.float64)
    ours, theirs = (made(identifier, variant, arguments, training=False) for variant in ("reference", "torch"))
    assert_close(ours(x).detach(), theirs(x).detach())


PRECISE = {
    "layers.layer_norm": case(randn(16, 512), normalized_shape=512),
    "layers.batch_norm1d": case(randn(64, 32, 16), num_features=32),
    "layers.batch_norm2d": case(randn(8, 16, 12, 12), num_features=16),
}


def errors(module: nn.Module, x: Tensor, want: dict[str, Tensor], dtype: torch.dtype) -> dict[str, float]:
    output, gradients = answer(module.to(dtype), [x.to(dtype).requires_grad_()])
    assert output.dtype == dtype
    found = {"output": output, **gradients, **dict(module.named_buffers())}
    return {name: float((found[name].double() - tensor).abs().max()) for name, tensor in want.items()}


@pytest.mark.parametrize("identifier", PRECISE)
@pytest.mark.parametrize(("dtype", "times"), [(torch.float32, 2), (torch.float16, 3), (torch.bfloat16, 3)], ids=str)
@pytest.mark.parametrize(("scale", "offset"), [(1e-3, 0.0), (1.0, 0.0), (10.0, 0.0), (1.0, 100.0)])
def test_errors_are_comparable_with_torchs(
    identifier: str, dtype: torch.dtype, times: int, scale: float, offset: float
) -> None:
    option = PRECISE[identifier]
    exact, theirs = both(identifier, option)
    for module in (exact, theirs):
        module.to(dtype)
    narrow = copy.deepcopy(exact)
    x = (inputs_of(option)[0].detach() * scale + offset).to(dtype)
    output, gradients = answer(exact.double(), [x.double().requires_grad_()])
    want = {"output": output, **gradients, **dict(exact.named_buffers())}
    ours, torchs = errors(narrow, x, want, dtype), errors(theirs, x, want, dtype)
    for name, tensor in want.items():
        floor = 8 * torch.finfo(dtype).eps * float(tensor.abs().max())
        assert ours[name] <= times * torchs[name] + floor, f"{name}: {ours[name]} against torch's {torchs[name]}"


@pytest.mark.parametrize("identifier", OPTIONS)
def test_constructor_arguments_and_where_they_put_the_parameters_are_torchs(identifier: str) -> None:
    component = nnbench.component(identifier)
    ours, theirs = (inspect.signature(component.variant(name).resolve()).parameters for name in ("reference", "torch"))
    described = [[(one.name, one.default, one.kind) for one in given.values()] for given in (ours, theirs)]
    assert described[0] == described[1]
    build = component.reference.build(**OPTIONS[identifier][0].arguments, device="meta", dtype=torch.float16)
    floats = [tensor for tensor in build.state_dict().values() if tensor.is_floating_point()]
    assert {(tensor.dtype, tensor.device.type) for tensor in floats} == {(torch.float16, "meta")}
