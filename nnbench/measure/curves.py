"""The curve of a function that takes each number by itself, and of its derivative: what a report draws of it."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from nnbench.catalog import Component
from nnbench.metrics import CURVES
from nnbench.specs import Case
from nnbench.workload import build

LOW, HIGH, POINTS = -5.0, 5.0, 161  # an odd number, so that 0, where most of them bend, is among the points


def curves(component: Component, variant: str, case: Case) -> Iterator[tuple[str, tuple[float, ...]]]:
    """The values of an elementwise module between ``LOW`` and ``HIGH``, and the derivative that autograd gives.

    In float64. Of the reference alone, as the others are checked against it, and once for each set of arguments.
    """
    if not _is_drawn(component, variant, case):
        return
    made = build(component, variant, case, 0, torch.float64)
    x = torch.linspace(LOW, HIGH, POINTS, dtype=torch.float64, requires_grad=True)
    y = made(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    for metric, found in zip(CURVES, (y, slope), strict=True):
        yield metric, tuple(found.detach().tolist())


def _is_drawn(component: Component, variant: str, case: Case) -> bool:
    if "elementwise" not in component.properties or variant != "reference":
        return False
    alike = (one for one in component.cases if one.timed and dict(one.arguments) == dict(case.arguments))
    return next(alike, None) == case
