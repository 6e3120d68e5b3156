"""The report's tables as plain values: each builder takes a run's tables and gives rows of cells, ready to be shown."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nnbench.metrics import METRICS, TIMED_MODES
from nnbench.model import Run, Status
from nnbench.report.races import Speed, speeds
from nnbench.report.words import elide, grouped, moment, ratio, span
from nnbench.roofline import Share
from nnbench.stats import Interval
from nnbench.tables import Key, Line, TrainingLine, calibration
from nnbench.units import count, duration, seconds, share, size

FACTS = {"id": "machine", "cpu": "CPU", "gpus": "GPUs", "memory_gib": "memory (GiB)", "load": "load at the start"}
LONGEST_NOTE = 600  # a traceback in a note must not bury the table


@dataclass(frozen=True)
class Column:
    title: str
    is_number: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell: a text, a smaller second line (either may be code), the number to sort by, a tone for the eye.

    ``prefix`` is read out and searched, but seen only while the table is sorted out of its groups. ``link`` is where
    the text leads, relative to the page.
    """

    text: str = ""
    detail: str = ""
    value: float | None = None
    tone: str = ""
    is_code: bool = False
    is_detail_code: bool = False
    prefix: str = ""
    width: int = 1  # in columns
    link: str = ""


@dataclass(frozen=True)
class Row:
    header: Cell
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Group:
    rows: tuple[Row, ...]
    title: str = ""


@dataclass(frozen=True)
class Grid:
    """A table: ``columns`` name the row header's column first."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    is_sortable: bool = False


NOTHING = Cell("–", tone="muted")


def lines_grid(
    found: Sequence[Line], expected: Collection[Key] = (), limits: Mapping[Key, Share] | None = None
) -> Grid:
    """All lines, grouped by component; those ``expected`` to be wrong, as their documents are, raise no alarm.

    ``limits`` are the shares of the machine's ceilings, where those are known.
    """
    modes = modes_of(found)
    relative = speeds(found)
    counted = any(line.throughput for line in found)
    titles = (
        *(mode.capitalize() for mode in modes),
        *(["Samples/s"] if counted else []),
        *([LIMIT] if limits else []),
        *NUMBERS,
    )
    columns = (Column("Variant and case"), *(Column(title, True) for title in titles), Column("Status"))

    def row(line: Line) -> Row:
        limit = [_limit_cell(limits.get(line.key))] if limits else []
        return _line_row(line, modes, counted, limit, relative.get(line.key), line.key in expected)

    groups = tuple(
        Group(tuple(map(row, group)), component) for component, group in grouped(found, lambda line: line.component)
    )
    return Grid("lines", "Every variant in every case", columns, groups, is_sortable=True)


def modes_of(found: Iterable[Line]) -> tuple[str, ...]:
    """The timed modes that occur, in their usual order; forward and backward where there are none."""
    used = {mode for line in found for mode in line.times}
    return tuple(mode for mode in TIMED_MODES if mode in used) or ("forward", "backward")


LIMIT = "Of the limit"
NUMBERS = ("Speed, torch = 1", "Memory", "Parameters", "FLOPs")


def _line_row(
    line: Line, modes: Sequence[str], counted: bool, limit: Sequence[Cell], speed: Speed | None, is_expected: bool
) -> Row:
    """A line's numbers; a line without any has one wide cell that says why."""
    numbers = (
        *(_time_cell(line.times.get(mode)) for mode in modes),
        *([number_cell(line.throughput.estimate if line.throughput else None, count)] if counted else []),
        *limit,
        _speed_cell(speed),
        number_cell(line.memory, size),
        number_cell(line.parameters, count),
        number_cell(line.flops, count),
    )
    status = _status_cell(line.status, line.note, is_expected)
    is_bare = line.status != Status.OK and all(cell == NOTHING for cell in numbers)
    cells = (replace(status, width=len(numbers) + 1),) if is_bare else (*numbers, status)
    return Row(named(line.variant, line.case, line.component), cells)


def named(name: str, detail: str, prefix: str = "") -> Cell:
    """A name over a detail, both code; ``prefix`` as in ``Cell``."""
    return Cell(name, detail, is_code=True, is_detail_code=True, prefix=prefix)


def _time_cell(interval: Interval | None) -> Cell:
    if interval is None:
        return NOTHING
    return Cell(seconds(interval.estimate), span(interval, seconds), interval.estimate)


def _limit_cell(limit: Share | None) -> Cell:
    return NOTHING if limit is None else Cell(share(limit.share), limit.nearer, limit.share)


def _speed_cell(speed: Speed | None) -> Cell:
    if speed is None:
        return NOTHING
    if speed.word == "torch":
        return Cell("1", "baseline", 1.0, "muted")
    return Cell(
        f"{ratio(speed.interval.estimate)}x",
        f"{speed.word}, {span(speed.interval, ratio)}",
        speed.interval.estimate,
        speed.word,
    )


def number_cell(value: float | None, write: Callable[[float], str]) -> Cell:
    """A number as ``write`` writes it; a dash where there is none."""
    if value is None:
        return NOTHING
    return Cell(write(value), value=value if math.isfinite(value) else None)


def _status_cell(status: str, note: str, is_expected: bool = False) -> Cell:
    if status == Status.OK:
        return Cell("ok", tone="good")
    tone = "muted" if is_expected or status == Status.SKIPPED else "bad"
    return Cell(f"{status}, as expected" if is_expected else str(status), elide(note, LONGEST_NOTE), tone=tone)


def training_grid(found: Sequence[TrainingLine]) -> Grid:
    """One row an epoch, with whatever metrics were recorded."""
    used = {metric for line in found for metric in line.values}
    metrics = [metric for metric in METRICS if metric in used] + sorted(used - METRICS.keys())
    columns = (
        Column("Component and variant"),
        Column("Data"),
        Column("Epoch", True),
        Column("Seed", True),
        *(Column(_title(metric), True) for metric in metrics),
        Column("Status"),
    )
    rows = tuple(_training_row(line, metrics) for line in found)
    return Grid("training", "Trainings, epoch by epoch", columns, (Group(rows),))


def _title(metric: str) -> str:
    title = METRICS[metric].title if metric in METRICS else metric.replace("_", " ")
    return title[:1].upper() + title[1:]


def _training_row(line: TrainingLine, metrics: Sequence[str]) -> Row:
    known = bool(line.data)
    return Row(
        named(line.component, line.variant),
        (
            Cell(line.data, line.contender) if known else NOTHING,
            Cell(str(line.epoch), value=line.epoch) if known else NOTHING,
            Cell(str(line.seed), value=line.seed) if known else NOTHING,
            *(number_cell(line.values.get(metric), _writer(metric)) for metric in metrics),
            _status_cell(line.status, line.note),
        ),
    )


def _writer(metric: str) -> Callable[[float], str]:
    if metric.endswith("accuracy"):
        return share
    if metric in METRICS and METRICS[metric].unit == "B":
        return size
    return _spent if metric.endswith("time") else "{:.4f}".format


def _spent(value: float) -> str:
    return duration(value) if value >= 60 else seconds(value)


def calibration_grid(run: Run) -> Grid:
    """What the machine itself did during the run."""
    rows = tuple(
        Row(
            Cell(name.partition(".")[2].replace("_", " ")),
            (Cell(seconds(time.estimate), value=time.estimate), Cell(span(time, seconds))),
        )
        for name, time in sorted(calibration(run.measurements).items())
    )
    columns = (Column("Kernel"), Column("Time", True), Column("99 % interval", True))
    return Grid("calibration", "Calibration kernels: fixed work, timed beside the components", columns, (Group(rows),))


def machine_grid(run: Run) -> Grid:
    """Run and machine, fact by fact."""
    facts = {
        "run": run.id,
        "started": f"{run.started} ({moment(run.started)})",
        "ended": run.ended,
        "commit": run.commit or "none",
        "uncommitted changes": "yes" if run.dirty else "no",
        "format": str(run.format),
    }
    facts |= _account(run)
    shown = {name: value for name, value in run.machine.items() if name != "ceilings"}
    facts |= {FACTS.get(name, name.replace("_", " ")): _fact(value) for name, value in shown.items()}
    rows = tuple(Row(Cell(name), (Cell(value, is_code=True),)) for name, value in facts.items())
    return Grid("fingerprint", "The run and its machine", (Column("Fact"), Column("Value")), (Group(rows),))


def _account(run: Run) -> dict[str, str]:
    """What the run knew of itself: its noise floor, the load, and the share of the time in measured code."""
    found = {row.metric: row for row in run.measurements if row.metric in ("noise_floor", "measured_share")}
    facts = {METRICS[name].title: share(row.values[0]) for name, row in found.items() if row.values}
    loads = found["noise_floor"].context if "noise_floor" in found else {}
    return facts | {
        name.replace("_", " "): _fact(loads[name]) for name in ("load_before", "load_after") if name in loads
    }


def _fact(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_fact(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_fact(item) for item in value) or "none"
    return value if isinstance(value, str) else json.dumps(value, default=str)
