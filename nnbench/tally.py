"""A run's account of itself: its noise floor, the load around it, and where its time went."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nnbench.metrics import CALIBRATION
from nnbench.model import Measurement
from nnbench.stats import noise_floor


@dataclass
class Tally:
    """What a run learns of itself while it measures: looks at the calibration kernels, and where the time went."""

    load: list[float] = field(default_factory=lambda: _load())
    looks: dict[str, list[float]] = field(default_factory=dict)
    inside: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def note(self, row: Measurement) -> None:
        if row.metric == "calibration_time" and row.values:
            self.looks.setdefault(row.component, []).append(min(row.values))

    def rows(self) -> Iterator[Measurement]:
        """The noise floor, with the load before and after, and the share of the time inside measured code."""
        spent = time.monotonic() - self.started
        if any(len(looks) > 1 for looks in self.looks.values()):
            loads = {"load_before": self.load, "load_after": _load()}
            yield _own_row("noise_floor", noise_floor(list(self.looks.values())), loads)
        yield _own_row("measured_share", self.inside / max(spent, 1e-9), {"inside": self.inside, "of": spent})


def _load() -> list[float]:
    return [round(load, 2) for load in os.getloadavg()]


def _own_row(metric: str, value: float, context: dict[str, Any]) -> Measurement:
    return Measurement(f"{CALIBRATION}.run", "reference", "default", metric, "1", (value,), context=context)
