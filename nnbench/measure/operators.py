"""What is known of torch's operators: what each only looks at, writes to or picks from, and its FLOPs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import conv_flop_count, flop_registry

# They write what is there without having to read it.
OVERWRITING = frozenset(
    f"aten.{name}_"
    for name in ("zero", "fill", "copy", "normal", "uniform", "random", "bernoulli", "exponential", "log_normal")
)
# They read as much of their first tensor as they give back, or write as much as they are handed.
PICKING = frozenset(
    f"aten.{name}"
    for name in (
        *("embedding", "_embedding_bag", "index", "index_select", "gather", "take", "masked_select"),
        *("nll_loss_forward", "nll_loss2d_forward", "grid_sampler_2d", "grid_sampler_3d"),
        *("index_put_", "index_add_", "index_copy_", "index_fill_", "scatter_", "scatter_add_", "masked_scatter_"),
    )
)
VIEWS_BY_ANOTHER_NAME = frozenset(("aten._unsafe_view", "aten._reshape_alias"))


@dataclass(frozen=True)
class Facts:
    """Of one operator: its name, as in ``aten.mm``, and how it treats its arguments.

    ``is_composite`` is what consists of other operators and has no kernel of its own. ``touches_nothing`` holds for
    views and for what takes a tensor for its shape alone; ``written`` are the arguments, by name, that it changes,
    ``only_written`` those of them that it does not read.
    """

    name: str
    is_composite: bool
    touches_nothing: bool
    picks: bool
    arguments: tuple[str, ...]
    written: frozenset[str]
    only_written: frozenset[str]
    flops: Callable[..., int] | None


@functools.cache
def facts_of(operator: Any) -> Facts:
    """The facts of an operator that was dispatched (a ``torch._ops.OpOverload``)."""
    packet = operator._overloadpacket
    name = str(packet)
    changed = [argument for argument in operator._schema.arguments if _is_written(argument)]
    return Facts(
        name=name,
        is_composite=_has_kernel(operator, "CompositeImplicitAutograd")
        and not (_has_kernel(operator, "CPU") or _has_kernel(operator, "CUDA")),
        touches_nothing=not changed and (operator.is_view or _takes_shapes_alone(name)),
        picks=name in PICKING,
        arguments=tuple(argument.name for argument in operator._schema.arguments),
        written=frozenset(argument.name for argument in changed),
        only_written=frozenset(one.name for one in changed if one.kwarg_only or name in OVERWRITING),
        flops=OWN_FLOPS.get(name) or flop_registry.get(packet),
    )


def _has_kernel(operator: Any, key: str) -> bool:
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(operator.name(), key))


def _is_written(argument: Any) -> bool:
    return argument.alias_info is not None and argument.alias_info.is_write


def _takes_shapes_alone(name: str) -> bool:
    short = name.partition(".")[2]
    return name in VIEWS_BY_ANOTHER_NAME or short.startswith(("new_", "empty")) or short.endswith("_like")


def _recurrent(source: Tensor, *arguments: Any, **_: Any) -> int:
    """One layer in one direction: each step's inputs and state by their weights."""
    weights = arguments[0].numel() + arguments[1].numel()
    return 2 * source.shape[:-1].numel() * weights


def _recurrent_backward(source: Tensor, *arguments: Any, **_: Any) -> int:
    """Two products, towards the inputs and towards the weights, for each of the forward's."""
    return 2 * _recurrent(source, *arguments)


def _convolution_backward(
    grad_out: Tensor, source: Tensor, weight: Tensor, sizes: Any, stride: Any, padding: Any, dilation: Any,
    transposed: bool, output_padding: Any, groups: int, wanted: tuple[bool, bool, bool], **_: Any
) -> int:  # fmt: skip
    """As much as forward towards the inputs, and as much towards the weights.

    Torch's own formula for the weights takes every input channel for every output channel, in groups too.
    """
    forward = int(conv_flop_count(list(source.shape), list(weight.shape), list(grad_out.shape), transposed))
    return forward * (wanted[0] + wanted[1])


def _of(like: Any) -> Callable[..., int]:
    formula: Callable[..., int] = flop_registry[like]
    return formula


aten = torch.ops.aten

# What torch's own table leaves out (its CPU kernels for recurrent layers and attention, products with vectors), or
# counts too high.
OWN_FLOPS: dict[str, Callable[..., int]] = {
    "aten.mkldnn_rnn_layer": _recurrent,
    "aten.mkldnn_rnn_layer_backward": _recurrent_backward,
    "aten._scaled_dot_product_flash_attention_for_cpu": _of(aten._scaled_dot_product_flash_attention),
    "aten._scaled_dot_product_flash_attention_for_cpu_backward": _of(aten._scaled_dot_product_flash_attention_backward),
    "aten.convolution_backward": _convolution_backward,
    "aten.mv": lambda matrix, vector, **_: 2 * matrix.numel(),
    "aten.addmv": lambda added, matrix, vector, **_: 2 * matrix.numel(),
    "aten.dot": lambda left, right, **_: 2 * left.numel(),
}
