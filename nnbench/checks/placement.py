"""Putting what is on trial onto the device that works out its answer."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


def placed(made: Any, inputs: tuple[Tensor, ...], device: str) -> tuple[Any, tuple[Tensor, ...]]:
    """What was built, and its inputs, on a device; inputs that take gradients are leaves there."""
    there = made.to(device) if isinstance(made, nn.Module) else made
    return there, tuple(one if device == "cpu" else _leaf(one, device) for one in inputs)


def _leaf(tensor: Tensor, device: str) -> Tensor:
    return tensor.detach().to(device).requires_grad_(tensor.requires_grad)
