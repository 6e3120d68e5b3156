"""Null models and cheats: answers that know nothing, or are right in all but one respect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

FIRST_CALLS = 20
Output = Any
Call = Callable[..., Output]
# Given the right answer to any inputs, the inputs, and what it may keep between calls: another answer.
Cheat = Callable[[Call, tuple[Tensor, ...], dict[Any, Any]], Output]


def _mapped(change: Callable[[Tensor], Tensor], output: Output) -> Output:
    """An output with every floating-point tensor in it changed."""
    if isinstance(output, Tensor):
        return change(output) if output.is_floating_point() else output
    if isinstance(output, tuple | list):
        return type(output)(_mapped(change, one) for one in output)
    if isinstance(output, dict):
        return {name: _mapped(change, one) for name, one in output.items()}
    return output


def _on_output(change: Callable[[Tensor], Tensor]) -> Cheat:
    return lambda call, inputs, kept: _mapped(change, call(*inputs))


def _returns_its_input(call: Call, inputs: tuple[Tensor, ...], kept: dict[Any, Any]) -> Output:
    return inputs[0]


def _returns_its_first_output(call: Call, inputs: tuple[Tensor, ...], kept: dict[Any, Any]) -> Output:
    output = call(*inputs)
    return kept.setdefault(tuple(tensor.shape for tensor in inputs), output)


def _keeps_outputs_by_address(call: Call, inputs: tuple[Tensor, ...], kept: dict[Any, Any]) -> Output:
    address = tuple((tensor.data_ptr(), tensor.shape, tensor.dtype) for tensor in inputs)
    if address not in kept:
        # The inputs too: their memory is then not given to others. Copies: a view would follow its input.
        kept[address] = (inputs, _mapped(Tensor.clone, call(*inputs)))
    return kept[address][1]


def _changes_its_input(call: Call, inputs: tuple[Tensor, ...], kept: dict[Any, Any]) -> Output:
    output = call(*[tensor.clone() for tensor in inputs])
    with torch.no_grad():
        inputs[0].detach().mul_(2).add_(1)
    return output


def _right_in_the_first_calls(call: Call, inputs: tuple[Tensor, ...], kept: dict[Any, Any]) -> Output:
    kept["calls"] = kept.get("calls", 0) + 1
    output = call(*inputs)
    return output if kept["calls"] <= FIRST_CALLS else _mapped(lambda tensor: tensor * 1.01 + 0.01, output)


def _takes_inputs_for_contiguous(call: Call, inputs: tuple[Tensor, ...], kept: dict[Any, Any]) -> Output:
    return call(*[tensor.as_strided(tensor.shape, _contiguous_strides(tensor)) for tensor in inputs])


def _contiguous_strides(tensor: Tensor) -> tuple[int, ...]:
    return torch.empty(tensor.shape, device="meta").stride()


class _Into(torch.autograd.Function):
    """The same numbers, in memory that is held."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, held: Tensor) -> Tensor:
        held.copy_(tensor)
        return held.view_as(held)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        return upstream[0], None


def _writes_over_its_output(call: Call, inputs: tuple[Tensor, ...], kept: dict[Any, Any]) -> Output:
    def into_the_same(tensor: Tensor) -> Tensor:
        held = kept.setdefault((tensor.shape, tensor.dtype), torch.empty_like(tensor).detach())
        written: Tensor = _Into.apply(tensor, held)
        return written

    return _mapped(into_the_same, call(*inputs))


def _hides_nan(call: Call, inputs: tuple[Tensor, ...], kept: dict[Any, Any]) -> Output:
    return call(*[tensor.nan_to_num(0.0) if tensor.is_floating_point() else tensor for tensor in inputs])


def _with_gradient(share: float) -> Callable[[Tensor], Tensor]:
    """The same numbers, with another share of the gradient behind them."""
    return lambda tensor: tensor.detach() * (1 - share) + share * tensor


def _in_half(tensor: Tensor) -> Tensor:
    return tensor + (tensor.half() - tensor).detach().to(tensor.dtype) if tensor.dtype == torch.float32 else tensor


OF_NAN = "hides NaN among its inputs"
CHEATS: dict[str, Cheat] = {
    "returns its input": _returns_its_input,
    "returns zeros": _on_output(torch.zeros_like),
    "returns the mean everywhere": _on_output(lambda tensor: tensor - tensor.detach() + tensor.detach().mean()),
    "returns its first output ever after": _returns_its_first_output,
    "keeps its outputs by the address of the input": _keeps_outputs_by_address,
    "changes its input": _changes_its_input,
    "writes over its earlier output": _writes_over_its_output,
    f"is right in its first {FIRST_CALLS} calls only": _right_in_the_first_calls,
    "takes every input for contiguous": _takes_inputs_for_contiguous,
    "rounds float32 to half precision": _on_output(_in_half),
    "is off by a part in a thousand": _on_output(lambda tensor: tensor * 1.001),
    OF_NAN: _hides_nan,
    "lets no gradient through": _on_output(Tensor.detach),
    "has half the gradient": _on_output(_with_gradient(0.5)),
    "has the gradient's sign wrong": _on_output(_with_gradient(-1.0)),
}
# Only of what has modes.
IGNORED_MODES = {"ignores evaluation mode": True, "ignores training mode": False}
OF_GRADIENTS = {"lets no gradient through", "has half the gradient", "has the gradient's sign wrong"}
