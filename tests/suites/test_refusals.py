"""What a reference does not support raises NotImplementedError naming it; what torch refuses, it refuses alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import nnbench

UNSUPPORTED: list[tuple[str, dict[str, Any]]] = [
    *((f"activations.{name}", {"inplace": True}) for name in ("relu", "leaky_relu", "elu", "silu", "mish")),
    *(
        (f"losses.{name}", {argument: value})
        for name in ("mse", "cross_entropy")
        for argument in ("size_average", "reduce")
        for value in (True, False)
    ),
    *(("optimizers.sgd", {argument: True}) for argument in ("foreach", "fused", "differentiable")),
    *(("optimizers.adam", {argument: True}) for argument in ("foreach", "fused", "differentiable", "capturable")),
]


def build(identifier: str, variant: str, arguments: dict[str, Any]) -> Any:
    component = nnbench.component(identifier)
    handed = {"params": [torch.ones(2, requires_grad=True)]} if component.kind == "optimizer" else {}
    return component.variant(variant).build(**(handed | arguments))


@pytest.mark.parametrize(("identifier", "arguments"), UNSUPPORTED, ids=str)
def test_unsupported_arguments_are_named(identifier: str, arguments: dict[str, Any]) -> None:
    (argument,) = arguments
    with pytest.raises(NotImplementedError, match=argument):
        build(identifier, "reference", arguments)


@pytest.mark.parametrize(("identifier", "arguments"), UNSUPPORTED, ids=str)
def test_saying_no_to_them_is_supported(identifier: str, arguments: dict[str, Any]) -> None:
    no = None if identifier.startswith("losses.") else False
    build(identifier, "reference", dict.fromkeys(arguments, no))


@pytest.mark.parametrize("identifier", ["optimizers.sgd", "optimizers.adam"])
def test_an_unsupported_setting_of_one_group_is_named(identifier: str) -> None:
    with pytest.raises(NotImplementedError, match="foreach"):
        build(identifier, "reference", {"params": [{"params": [torch.ones(2, requires_grad=True)], "foreach": True}]})


@pytest.mark.parametrize("identifier", ["optimizers.sgd", "optimizers.adam"])
def test_unusual_tensors_are_named(identifier: str) -> None:
    sparse = torch.ones(2, requires_grad=True)
    sparse.grad = torch.eye(2)[0].to_sparse()
    with pytest.raises(NotImplementedError, match="sparse"):
        build(identifier, "reference", {"params": [sparse]}).step()
    imaginary = torch.ones(2, dtype=torch.complex64, requires_grad=True)
    imaginary.grad = imaginary.detach().clone()
    with pytest.raises(NotImplementedError, match="complex"):
        build(identifier, "reference", {"params": [imaginary]}).step()


CHANNELS = {"in_channels": 4, "out_channels": 6, "kernel_size": 3}
INVALID: list[tuple[str, dict[str, Any]]] = [
    ("activations.gelu", {"approximate": "sigmoid"}),
    *(("layers.conv2d", CHANNELS | more) for more in (
        {"groups": 0}, {"groups": -1}, {"groups": 3}, {"groups": 4}, {"padding": "full"},
        {"padding": "same", "stride": 2}, {"padding_mode": "edge"},
    )),
    ("losses.mse", {"reduction": "average"}),
    ("losses.cross_entropy", {"reduction": "average"}),
    ("losses.cross_entropy", {"label_smoothing": 1.1}),
    *((f"optimizers.{name}", {"lr": value}) for name in ("sgd", "adam") for value in (-1.0, torch.ones(2))),
    *(("optimizers.sgd", more) for more in (
        {"momentum": -0.1}, {"weight_decay": -0.1}, {"nesterov": True},
        {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
    )),
    *(("optimizers.adam", more) for more in (
        {"eps": -1.0}, {"weight_decay": -0.1}, {"betas": (1.0, 0.9)}, {"betas": (0.9, -0.1)}, {"betas": (0, 0.9)},
        {"betas": (torch.tensor(0.9), 0.9)}, {"lr": float("nan")},
    )),
    *((f"architectures.{name}", {"dropout": value}) for name in ("mlp", "mnist_mlp") for value in (-0.1, 1.1)),
]  # fmt: skip
CALLS: dict[str, Callable[[Any], Any]] = {
    "activations": lambda made: made(torch.ones(3)),
    "losses": lambda made: made(
        torch.ones(3, 2), torch.tensor([0, 1, 1]) if hasattr(made, "ignore_index") else torch.ones(3, 2)
    ),
}


def refusal(identifier: str, variant: str, arguments: dict[str, Any]) -> type[BaseException] | None:
    """The class of error that building a variant and calling it raises."""
    try:
        made = build(identifier, variant, arguments)
        CALLS.get(identifier.partition(".")[0], lambda made: None)(made)
    except Exception as error:  # noqa: BLE001  the class is what is asked for
        return type(error)
    return None


@pytest.mark.parametrize(("identifier", "arguments"), INVALID, ids=str)
def test_invalid_arguments_raise_what_torch_raises(identifier: str, arguments: dict[str, Any]) -> None:
    theirs = refusal(identifier, "torch", arguments)
    assert theirs is not None
    assert refusal(identifier, "reference", arguments) is theirs


def test_a_negative_label_smoothing_is_refused_where_torch_ignores_it() -> None:
    assert refusal("losses.cross_entropy", "reference", {"label_smoothing": -0.1}) is RuntimeError


MISFITS: list[tuple[str, dict[str, Any], tuple[torch.Tensor, ...]]] = [
    ("activations.softmax", {"dim": 2}, (torch.ones(3, 2),)),
    ("layers.linear", {"in_features": 4, "out_features": 2}, (torch.ones(3, 5),)),
    ("layers.conv2d", CHANNELS, (torch.ones(1, 3, 5, 5),)),
    ("layers.conv2d", CHANNELS, (torch.ones(4, 5),)),
    ("layers.conv2d", CHANNELS, (torch.ones(1, 4, 5, 2),)),
    ("layers.conv2d", CHANNELS | {"padding": 5, "padding_mode": "reflect"}, (torch.ones(1, 4, 5, 5),)),
    ("layers.conv2d", CHANNELS | {"padding": 6, "padding_mode": "circular"}, (torch.ones(1, 4, 5, 5),)),
    ("losses.cross_entropy", {}, (torch.ones(3, 5), torch.tensor([0, 1]))),
    ("losses.cross_entropy", {}, (torch.ones(3, 5), torch.ones(3, 5, dtype=torch.int64))),
    ("losses.cross_entropy", {"ignore_index": 1}, (torch.ones(3, 5), torch.ones(3, 5))),
    ("losses.cross_entropy", {"ignore_index": 0}, (torch.ones(3, 5), torch.ones(3, 5))),
    ("losses.cross_entropy", {"weight": torch.ones(5, 1)}, (torch.ones(3, 5), torch.tensor([0, 1, 2]))),
    ("losses.cross_entropy", {"weight": torch.ones(4)}, (torch.ones(3, 5), torch.tensor([0, 1, 2]))),
    ("architectures.mlp", {"input_size": 4}, (torch.ones(3, 5),)),
]  # fmt: skip


@pytest.mark.parametrize(("identifier", "arguments", "inputs"), MISFITS)
def test_inputs_that_do_not_fit_raise_what_torch_raises(
    identifier: str, arguments: dict[str, Any], inputs: tuple[torch.Tensor, ...]
) -> None:
    with pytest.raises(Exception) as theirs:  # noqa: PT011  its class is compared below
        build(identifier, "torch", arguments)(*inputs)
    with pytest.raises(theirs.type):
        build(identifier, "reference", arguments)(*inputs)


@pytest.mark.parametrize("shape", [(4, 5), (1, 3, 5, 5), (3, 5, 5), (1, 1, 4, 5, 5)])
def test_conv2d_says_what_it_takes_and_what_it_got(shape: tuple[int, ...]) -> None:
    with pytest.raises(RuntimeError, match=r"\(N, 4, H, W\).* not \(" + str(shape)[1:-1]):
        build("layers.conv2d", "reference", CHANNELS)(torch.ones(shape))


@pytest.mark.parametrize("target", [[0, 5, 1], [0, -1, 1]])
def test_a_class_that_does_not_exist_is_refused(target: list[int]) -> None:
    with pytest.raises((IndexError, RuntimeError)):
        build("losses.cross_entropy", "reference", {})(torch.ones(3, 5), torch.tensor(target))
