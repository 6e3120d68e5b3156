"""What the numbers of a trial are like: as drawn, far out, whole, or with one special value among them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from nnbench.specs import InputSpec


def _same(drawn: Tensor, spec: InputSpec) -> Tensor:
    return drawn


def _off_initial(initial: Tensor, noise: Tensor) -> Tensor:
    return initial + STEP_FROM_INITIAL * noise


STEP_FROM_INITIAL = 0.1  # weights are moved off their initial values: a layer norm's ones and zeros hide mistakes


@dataclass(frozen=True)
class Numbers:
    """How a trial's inputs come from what was drawn, and its weights from their initial values and normal noise."""

    of_input: Callable[[Tensor, InputSpec], Tensor] = _same
    of_weight: Callable[[Tensor, Tensor], Tensor] = _off_initial


AS_DRAWN = Numbers()


def wide(spread: float) -> Numbers:
    """Normal inputs of another standard deviation."""
    return Numbers(lambda drawn, spec: drawn * spread if spec.distribution == "randn" else drawn)


def shifted(offset: float) -> Numbers:
    """Normal inputs around another mean."""
    return Numbers(lambda drawn, spec: drawn + offset if spec.distribution == "randn" else drawn)


def _inside(drawn: Tensor, spec: InputSpec) -> Tensor:
    return 0.01 + 0.98 * drawn if spec.distribution == "rand" else drawn


# Probabilities away from 0 and 1, where finite differences would leave their domain.
INSIDE = Numbers(_inside)


def _whole(drawn: Tensor, spec: InputSpec) -> Tensor:
    if spec.distribution == "randn":
        return (1.5 * drawn).round()
    return (4 * drawn).round() / 4 if spec.distribution == "rand" else drawn


# Small whole numbers, weights too: zeros and ties abound, and sums are exact in any order. Probabilities are quarters.
WHOLE = Numbers(_whole, lambda initial, noise: (1.5 * noise).round())


def holding(value: float) -> Numbers:
    """One element of each normal input is ``value``: the one in the middle."""

    def put(drawn: Tensor, spec: InputSpec) -> Tensor:
        if spec.distribution != "randn" or not spec.requires_grad or not drawn.numel():
            return drawn
        held = drawn.clone()
        held.view(-1)[drawn.numel() // 2] = value
        return held

    return Numbers(put)


# By the name that a reader is told.
SPECIAL = {
    "NaN": math.nan,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "zero": 0.0,
    "minus zero": -0.0,
    "the smallest normal number": torch.finfo(torch.float32).tiny,
}
