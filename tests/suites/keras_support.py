"""What the tests of Keras' counterparts share."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
import torch
from torch import Tensor

import nnbench

Shape = tuple[int, ...]
needs_keras = pytest.mark.skipif(
    importlib.util.find_spec("keras") is None, reason="needs the extra: pip install 'nnbench-harness[keras]'"
)
WAYS = ("keras_sequential", "keras_functional", "keras_subclassed")


def drawn(shapes: list[Shape]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes]


def pair(identifier: str, **arguments: Any) -> list[Any]:
    """Keras' and torch's, with the same parameters, in float64."""
    made = []
    for variant in ("keras", "torch"):
        torch.manual_seed(0)
        made.append(nnbench.component(identifier).variant(variant).build(**arguments).double())
    return made
