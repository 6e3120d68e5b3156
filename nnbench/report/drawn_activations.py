"""Activation functions with their derivatives, as a run measured them: one small panel each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from markupsafe import Markup

from nnbench.metrics import CURVES
from nnbench.model import Measurement
from nnbench.report.drawn_axes import Axes, Look, ends, frame, key, line, svg
from nnbench.report.figures import Panel
from nnbench.report.words import grouped

VALUE, DERIVATIVE = CURVES
LOOKS = {VALUE: Look("value", "series-1"), DERIVATIVE: Look("derivative", "series-2", dash=1)}


def activation_panels(rows: Iterable[Measurement], name: str = "curve") -> tuple[Panel, ...]:
    """One panel for each function and set of arguments of which both curves are there."""
    measured = [row for row in rows if row.metric in CURVES and row.values and "epoch" not in row.context]
    groups = grouped(measured, lambda row: (row.component, row.variant, row.case))
    found = [{row.metric: row for row in group} for _, group in groups]
    whole = [one for one in found if one.keys() == CURVES.keys()]
    return tuple(Panel(_title(one[VALUE]), _drawing(one, f"{name}-{number}")) for number, one in enumerate(whole, 1))


def _title(row: Measurement) -> str:
    """The function with its arguments; the shape of the case's input, which stands first, is no matter here."""
    return ", ".join([row.component, *row.case.split(",")[1:]])


def _drawing(of_one: Mapping[str, Measurement], name: str) -> Markup:
    points = {metric: _points(row) for metric, row in of_one.items()}
    xs = points[VALUE][0]
    axes = Axes((xs[0], xs[-1]), ends(y for _, ys in points.values() for y in ys))
    parts = [*frame(axes), *(line(axes, *points[metric], look) for metric, look in LOOKS.items())]
    told = "; ".join(f"{look.name}: {_told(*points[metric])}" for metric, look in LOOKS.items())
    return svg([*parts, *key(LOOKS.values())], name, f"{_title(of_one[VALUE])} and its derivative", told)


def _points(row: Measurement) -> tuple[Sequence[float], Sequence[float]]:
    low, high = (float(row.context.get(end, default)) for end, default in (("low", -5.0), ("high", 5.0)))
    return np.linspace(low, high, len(row.values)).tolist(), row.values


def _told(xs: Sequence[float], ys: Sequence[float]) -> str:
    """The curve in words: its ends, its smallest and largest value, and where it crosses the axis."""
    middle = len(xs) // 2
    ends_of_it = f"{ys[0]:.3g} at {xs[0]:g}, {ys[middle]:.3g} at {xs[middle]:g}, {ys[-1]:.3g} at {xs[-1]:g}"
    least, most = int(np.argmin(ys)), int(np.argmax(ys))
    return f"{ends_of_it}, smallest {ys[least]:.3g} at {xs[least]:.3g}, largest {ys[most]:.3g} at {xs[most]:.3g}"
