"""Everything that is drawn of single components and trainings, from rows as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nnbench.model import Measurement
from nnbench.report.drawn_activations import activation_panels
from nnbench.report.drawn_confusion import confusion_panels
from nnbench.report.drawn_series import series_panels
from nnbench.report.drawn_training import history_panels
from nnbench.report.figures import Panel

MOST = 24  # panels of one sort on a page


@dataclass(frozen=True)
class Drawings:
    """Panels by what they show; ``left_out`` says how many there are beyond what a page holds."""

    curves: tuple[Panel, ...]
    histories: tuple[Panel, ...]
    confusions: tuple[Panel, ...]
    series: tuple[Panel, ...]
    left_out: int = 0


def drawings(rows: Sequence[Measurement]) -> Drawings:
    """What can be drawn of these rows."""
    found = activation_panels(rows), history_panels(rows), confusion_panels(rows), series_panels(rows)
    curves, histories, confusions, series = (panels[:MOST] for panels in found)
    return Drawings(curves, histories, confusions, series, sum(max(len(one) - MOST, 0) for one in found))
