"""One case of a metric in which its inputs are made into what random numbers seldom hold: ties, NaN, no samples.

It is told from the others by its size. These stay one call with their inputs, so that only that is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

SAMPLES = 24  # of the case that comes in parts
REFUSED = "refused"

Inputs = tuple[Tensor, ...]
Parts = Callable[..., dict[str, Inputs]]


def drive_of(parts: Parts) -> Callable[..., Any]:
    """How a metric is driven: called with its inputs, or with each of the parts that they are made into."""

    def drive(make: Callable[..., Any], *inputs: Tensor) -> Any:
        metric = make()
        if len(inputs[0]) != SAMPLES:
            return metric(*inputs)
        return {name: answer(metric, part) for name, part in parts(*inputs).items()}

    return drive


def answer(metric: Callable[..., Any], part: Inputs) -> Any:
    """What a metric gives, or that it refuses the part; libraries differ in which of these errors they raise."""
    try:
        return metric(*part)
    except (ValueError, RuntimeError):
        return REFUSED


def oracle_of(
    parts: Parts, oracle: Callable[..., Any], of_part: Callable[..., Any] | None = None
) -> Callable[..., Any]:
    """The oracle of what is driven so; ``of_part`` where another one knows what is right of the parts."""

    def judge(*inputs: Any, **arguments: Any) -> Any:
        if len(inputs[0]) != SAMPLES:
            return oracle(*inputs, **arguments)
        made = parts(*(torch.from_numpy(values) for values in inputs))
        right = of_part or oracle
        return {name: right(*(tensor.numpy() for tensor in part), **arguments) for name, part in made.items()}

    return judge


def with_nan(tensor: Tensor, every: int) -> Tensor:
    """A copy with NaN in its first place and each ``every``-th behind it."""
    copy = tensor.clone()
    copy[::every] = torch.nan
    return copy
