"""Gradients made shorter where they are too long."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("regularizers")


@torch.no_grad()
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients, in place, so that their common norm is ``max_norm`` at most; returns what it was before.

    ``norm = (sum |g|^norm_type)^(1 / norm_type)`` over all elements of all gradients, for infinity ``max |g|``; then
    ``g = min(1, max_norm / (norm + 1e-6)) * g``. parameters any, those without a gradient have no part; norm a tensor
    without dimensions, 0 for no gradients. With an infinite norm the gradients become 0, the infinite ones NaN; with
    NaN all become NaN. ``RuntimeError`` for such norms with ``error_if_nonfinite``; ``NotImplementedError`` for
    ``foreach`` and for a norm_type that is not above 0.
    Source: torch.nn.utils.clip_grad_norm_; Pascanu, Mikolov and Bengio, arXiv:1211.5063.
    """
    if foreach:
        raise NotImplementedError(f"foreach={foreach!r} is not supported: there is one implementation only")
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    gradients = [parameter.grad for parameter in given if parameter.grad is not None]
    norm = total_norm(gradients, float(norm_type))
    if error_if_nonfinite and not bool(norm.isfinite()):
        raise RuntimeError(f"the gradients' norm of order {norm_type} is {norm.item()}, so they cannot be clipped")
    factor = (max_norm / (norm + 1e-6)).clamp(max=1)
    for gradient in gradients:
        gradient.mul_(factor)
    return norm


def total_norm(tensors: list[Tensor], order: float) -> Tensor:
    if not order > 0:
        raise NotImplementedError(f"norm_type={order} is not supported: it is above 0")
    if not tensors:
        return torch.tensor(0.0)
    return norm_of(torch.stack([norm_of(tensor, order) for tensor in tensors]), order)


def norm_of(tensor: Tensor, order: float) -> Tensor:
    # The squares of half types would overflow from 256 on.
    wide = tensor.to(torch.promote_types(tensor.dtype, torch.float32))  # equivalent: promotion has no order
    wide = wide.abs()
    if not tensor.numel():
        return tensor.new_zeros(())
    norm = wide.max() if math.isinf(order) else (wide**order).sum() ** (1 / order)
    return norm.to(tensor.dtype)


# What the gradients are multiplied with: as drawn they are too long, the others are short enough or of no length.
SCALES = {"drawn": 1.0, "short": 1e-6, "zero": 0.0}
REFUSED = "refused"


def drive(make: Callable[..., Any], *drawn: Tensor) -> dict[str, Any]:
    """Norm and gradients after clipping: drawn ones, short ones, zeros, one that is missing, and what is not finite.

    Those "below" are as long as three quarters of the limit. The parameters are handed over in a list, or such as can
    be gone through once only, or one by itself.
    """
    outcome: dict[str, Any] = {
        name: clipped(make(), [scale * tensor for tensor in drawn]) for name, scale in SCALES.items()
    }
    outcome["below"] = clipped(make(), [0.75 * gradient for gradient in outcome["drawn"]["gradients"]])
    outcome["none"] = float(clipped(make(), [None])["norm"])
    outcome["once"] = clipped(make(), [tensor.clone() for tensor in drawn], hand_over=iter)
    outcome["alone"] = clipped(make(), [drawn[0].clone()], hand_over=lambda parameters: parameters[0])
    broken = [with_one(drawn[0], math.nan), *(tensor.clone() for tensor in drawn[1:])]
    outcome["nan refused"] = clipped(make(error_if_nonfinite=True), broken)
    outcome["missing"] = clipped(make(), [None, *(tensor.clone() for tensor in drawn[1:])])
    for name, value in (("infinite", math.inf), ("nan", math.nan)):
        outcome[name] = clipped(make(), [with_one(drawn[0], value), *(tensor.clone() for tensor in drawn[1:])])
    return outcome


def with_one(tensor: Tensor, value: float) -> Tensor:
    """A copy with this value in its first place."""
    copy = tensor.clone()
    copy.view(-1)[0] = value
    return copy


def clipped(
    clip: Callable[..., Tensor], gradients: list[Any], hand_over: Callable[[list[Tensor]], Any] = list
) -> dict[str, Any]:
    parameters = [torch.zeros(1 if gradient is None else gradient.shape) for gradient in gradients]
    for place, gradient in enumerate(gradients):
        if gradient is not None:
            parameters[place] = torch.zeros_like(gradient)
            parameters[place].grad = gradient
    try:
        norm: Any = clip(hand_over(parameters))
    except RuntimeError:
        norm = REFUSED
    left = [parameter.grad for parameter in parameters]
    kept = all(mine is given for mine, given in zip(left, gradients, strict=True))
    return {"norm": norm, "as a tensor": isinstance(norm, Tensor), "gradients": left, "in place": kept}


def clip_grad_norm_oracle(*drawn: np.ndarray, **arguments: Any) -> dict[str, Any]:
    others = list(drawn[1:])
    outcome: dict[str, Any] = {
        name: _shortened([scale * one for one in drawn], **arguments) for name, scale in SCALES.items()
    }
    outcome["below"] = _shortened([0.75 * gradient for gradient in outcome["drawn"]["gradients"]], **arguments)
    outcome["none"] = 0.0
    outcome["once"] = _shortened(list(drawn), **arguments)
    outcome["alone"] = _shortened([drawn[0]], **arguments)
    broken = [np.concatenate([[np.nan], drawn[0].ravel()[1:]]).reshape(drawn[0].shape), *others]
    outcome["nan refused"] = {"norm": REFUSED, "as a tensor": False, "gradients": broken, "in place": True}
    outcome["missing"] = _shortened([None, *others], **arguments)
    for name, value in (("infinite", np.inf), ("nan", np.nan)):
        first = np.concatenate([[value], drawn[0].ravel()[1:]]).reshape(drawn[0].shape)
        outcome[name] = _shortened([first, *others], **arguments)
    return outcome


def _shortened(gradients: list[Any], max_norm: float, norm_type: float = 2.0) -> dict[str, Any]:
    """All gradients as one vector, divided by how many times too long it is."""
    vector = np.concatenate([gradient.ravel() for gradient in gradients if gradient is not None])
    norm = np.linalg.norm(vector, norm_type)
    times = np.maximum((norm + 1e-6) / max_norm, 1)
    with np.errstate(invalid="ignore"):
        shortened = [None if gradient is None else gradient / times for gradient in gradients]
    return {"norm": norm, "as a tensor": True, "gradients": shortened, "in place": True}


LAYER = (randn(256, 128, requires_grad=False), randn(256, requires_grad=False))
LARGER_LAYER = (randn(512, 512, requires_grad=False), randn(512, requires_grad=False))
TINY_LAYER = (randn(2, 3, requires_grad=False), randn(2, requires_grad=False))

suite.component(
    "clip_grad_norm",
    kind="regularizer",
    reference=clip_grad_norm_,
    variants={"torch": torch.nn.utils.clip_grad_norm_},
    oracle=clip_grad_norm_oracle,
    drive=drive,
    cases=[
        case(*LAYER, max_norm=1.0),
        case(*LAYER, max_norm=0.3),
        case(*LAYER, max_norm=1.0, norm_type=float("inf")),
        case(*LAYER, max_norm=1.0, norm_type=1.0),
        case(*LARGER_LAYER, max_norm=1.0),
        *(case(*TINY_LAYER, max_norm=0.5, norm_type=order, timed=False) for order in (0.5, 1.0, 2.0, 3.0, math.inf)),
    ],
    documented=["deepdive", "pytorch"],
)
