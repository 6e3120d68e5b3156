"""What dense networks share: each layer's forward from primitive operations, on parameters held as torch holds them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

TASKS = ("classification", "regression")


def affine(x: Tensor, layer: Any) -> Tensor:
    """x W^T + b, with the parameters of a ``nn.Linear``."""
    return x @ layer.weight.T + layer.bias


def relu(x: Tensor) -> Tensor:
    return torch.where(x <= 0, 0, x)


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), for negative x multiplied by exp(x) above and below: no exponential overflows."""
    shrunk = torch.exp(torch.where(x < 0, x, -x))
    return torch.where(x < 0, shrunk, 1) / (1 + shrunk)


def dropped_out(x: Tensor, probability: float, training: bool) -> Tensor:
    """In training each element becomes 0 with the probability, and what stays is scaled to keep the mean."""
    if not training or probability == 0:
        return x
    stays = torch.rand_like(x) >= probability
    scale = 1 / (1 - probability) if probability < 1 else 0.0
    return torch.where(stays, x * scale, 0)


def refuse_probability(dropout: float) -> None:
    if not 0 <= dropout <= 1:
        raise ValueError(f"dropout is a probability, between 0 and 1, not {dropout}")


def refuse_task(task: str) -> None:
    if task not in TASKS:
        raise ValueError(f"task is one of {', '.join(TASKS)}, not {task!r}")
