"""Windows that slide along one dimension of a tensor, and what stands beyond its edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

Margins = tuple[int, int]


def sizes(name: str, value: Any, dimensions: int) -> tuple[Any, ...]:
    """One size for each dimension, from one for all of them or a sequence; another length is a ``RuntimeError``."""
    each = tuple(value) if not isinstance(value, int) else (value,) * dimensions
    if len(each) != dimensions:
        raise RuntimeError(f"{name} is a number or {dimensions} of them, not {value!r}")
    return each


def refuse_below(least: int, **settings: Sequence[int]) -> None:
    for name, values in settings.items():
        if min(values) < least:
            raise RuntimeError(f"{name} is {least} or more, not {min(values)}")


def refuse_shape(module: nn.Module, x: Tensor, axes: tuple[str, ...]) -> None:
    """A ``RuntimeError`` unless the input is (N, C, *axes) or (C, *axes), where only N may be 0."""
    sample = len(axes) + 1
    if x.dim() not in (sample, sample + 1) or 0 in x.shape[-sample:]:
        taken = f"(N, C, {', '.join(axes)}) or that without N, sizes but N's above 0"
        raise RuntimeError(f"{type(module).__name__} takes {taken}, not {tuple(x.shape)}")


def span(size: int, gap: int) -> int:
    """From the first to the last of a window's elements, which are ``gap`` positions apart.

    >>> span(3, 2)
    5
    """
    return gap * (size - 1) + 1


def windows(x: Tensor, dimension: int, size: int, step: int, gap: int = 1) -> Tensor:
    """A view with one more dimension, the last: what each window sees. Its elements are ``gap`` positions apart."""
    return x.unfold(dimension, span(size, gap), step)[..., ::gap]


def filled(x: Tensor, dimension: int, margins: Margins, value: float) -> Tensor:
    """The tensor with margins of one value before and after its elements in one dimension."""
    if margins == (0, 0):
        return x
    shape = list(x.shape)
    shapes = [[*shape[:dimension], margin, *shape[dimension:][1:]] for margin in margins]
    first, last = (x.new_full(shape, value) for shape in shapes)
    return torch.cat([first, x, last], dimension)


def extended(x: Tensor, dimension: int, margins: Margins, mode: str) -> Tensor:
    """The tensor with margins added to one dimension: zeros, or elements of its own chosen by the mode."""
    if mode == "zeros" or margins == (0, 0):
        return filled(x, dimension, margins, 0)
    before, after = margins
    size = x.shape[dimension]
    limit = {"reflect": size - 1, "circular": size}.get(mode, math.inf)
    if max(margins) > limit:
        raise RuntimeError(f"padding_mode={mode!r} can add {limit} to a dimension of {size}, not {max(margins)}")
    return x.index_select(dimension, taken_from(before, size, after, mode).to(x.device))


def taken_from(before: int, size: int, after: int, mode: str) -> Tensor:
    """For each position from -before to size + after, the position from 0 to size - 1 whose element stands there."""
    positions = torch.arange(-before, size + after)
    if mode == "circular":
        return positions % size
    if mode == "replicate":
        return positions.clamp(0, size - 1)
    return size - 1 - (size - 1 - positions.abs()).abs()  # reflected at 0, then at size - 1
