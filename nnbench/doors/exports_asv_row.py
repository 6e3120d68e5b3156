"""One benchmark's results as a row of asv's result files: values, statistics and samples, flat over its parameter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from nnbench.doors.asv_results import STATISTICS
from nnbench.doors.foreign import written_moment
from nnbench.model import Measurement, Status
from nnbench.stats import location

VERSION = "1"  # of every benchmark: work that changed has another parameter instead
IMPORTED = ("time", "memory", "value")  # metrics of other tools' numbers, which have their own statistics or none
RESULT_COLUMNS = (
    "result", "params", "version", "started_at", "duration", *(f"stats_{name}" for name in STATISTICS), "samples",
    "profile",
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """One result of asv: the samples of each process, or why there are none; and when its run started."""

    rounds: tuple[tuple[float, ...], ...]
    row: Measurement
    started: str


def milliseconds(started: str) -> int:
    """A run's time as JavaScript counts it."""
    found = written_moment(started)
    assert found is not None
    return round(found.timestamp() * 1000)


def asv_row(found: Mapping[str, Found]) -> list[Any]:
    """One benchmark's row: each column flat over the parameter, and cut behind the last that says something."""
    summaries = [_summary(one) for one in found.values()]
    columns: dict[str, Any] = {f"stats_{name}": [one.get(name) for one in summaries] for name in STATISTICS}
    columns |= {
        "result": [one["result"] for one in summaries],
        "samples": [one.get("samples") for one in summaries],
        "started_at": milliseconds(max(one.started for one in found.values())),
    }
    columns = {name: None if _is_empty(values) else values for name, values in columns.items()}
    columns |= {"params": [[repr(name) for name in found]], "version": VERSION}
    row = [columns.get(name) for name in RESULT_COLUMNS]
    while row and row[-1] is None:
        row.pop()
    return row


def _is_empty(values: Any) -> bool:
    return isinstance(values, list) and all(value is None for value in values)


def _summary(found: Found) -> dict[str, Any]:
    """asv's result, statistics and samples; null stands for failed, NaN for skipped."""
    if found.row.status == Status.SKIPPED:
        return {"result": math.nan}
    samples = [value for values in found.rounds for value in values]
    if found.row.status != Status.OK or not samples or not all(map(math.isfinite, samples)):
        return {"result": None}
    told: dict[str, Any] = {"result": _given(found)}
    if found.row.metric in IMPORTED:
        told |= {name: found.row.context[name] for name in STATISTICS if name in found.row.context}
    elif found.row.unit == "s" and min(samples) > 0:
        told |= _statistics(found, samples)
    return told if len(samples) == 1 and told["result"] == samples[0] else told | {"samples": samples}


def _given(found: Found) -> float:
    """The number that asv gave, or the median of what another tool's samples were; else the newest value."""
    given = found.row.context.get("result")
    if isinstance(given, float):
        return given
    return median(found.rounds[-1]) if found.row.metric in IMPORTED else found.rounds[-1][-1]


def _statistics(found: Found, samples: Sequence[float]) -> dict[str, Any]:
    """The typical time with its 99 % interval over processes, and quartiles of all samples."""
    try:
        interval = location(found.rounds)
    except OverflowError:  # of processes that differ beyond all reason
        return {}
    quarters = quantiles(samples, n=4, method="inclusive") if len(samples) > 1 else [samples[0]] * 3
    return {
        "result": interval.estimate if len(samples) > 1 else samples[0],
        "ci_99_a": interval.low,
        "ci_99_b": interval.high,
        "q_25": quarters[0],
        "q_75": quarters[2],
        "number": 1,
        "repeat": len(samples),
    }
