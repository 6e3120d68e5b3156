"""Rows of processes in, points of series out, all in arrays: one number a run, freed from the machine's moods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nnbench.metrics import ANCHORED, CALIBRATION, METRICS
from nnbench.model import Run
from nnbench.roofline import threads_of
from nnbench.stats import UNUSABLE

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Truths = NDArray[np.bool_]
Texts = NDArray[np.object_]

ANCHORED_BASIS, EXACT, CALIBRATED, RAW = "anchored", "exact", "calibrated", "raw"
# What every run measures of the machine itself: times are divided by how slow these two were in the same process.
KERNELS = (f"{CALIBRATION}.matrix_product", f"{CALIBRATION}.copy")
ON_A_DEVICE = ("_cold_time", "_hot_time")  # the kernels that are measured are the CPU's


class Runs:
    """Facts of runs (given oldest first) as arrays; ``order`` lists the commits whose order is known, oldest first."""

    def __init__(self, runs: Sequence[Run], order: Sequence[str] = ()) -> None:
        places = {commit: place for place, commit in enumerate(order)}
        machines = [str(run.machine.get("id", "")) for run in runs]
        self.rank = {run.id: rank for rank, run in enumerate(runs)}
        self.ids = _texts([run.id for run in runs])
        self.commits = _texts([run.commit for run in runs])
        self.dirty = np.array([run.dirty for run in runs], dtype=np.bool_)
        self.threads = np.array([threads_of(run.machine) for run in runs], dtype=np.int64)
        self.machine = np.unique(machines, return_inverse=True)[1].astype(np.int64)
        self.place = np.array([places.get(run.commit, -1) for run in runs], dtype=np.int64)
        self.started = np.array([utc(run.started) for run in runs], dtype="M8[us]")

    def __len__(self) -> int:
        return len(self.ids)


def utc(started: str) -> datetime:
    """A time as NumPy takes it, in UTC but without saying so."""
    when = datetime.fromisoformat(started)
    return when.astimezone(UTC).replace(tzinfo=None) if when.tzinfo else when


def _texts(values: Sequence[str]) -> Texts:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


@dataclass(frozen=True)
class Rows:
    """Numbers, each with the series that it is of, the rank of its run, and the round of the run (its process)."""

    series: Integers
    run: Integers
    round: Integers
    value: Floats

    def kept(self, which: Truths) -> Rows:
        return Rows(self.series[which], self.run[which], self.round[which], self.value[which])


def rows_of(table: pa.Table, runs: Runs) -> Rows:
    """The rows of a table with the lists ``runs``, ``rounds`` and ``found``, one series a row of the table.

    Those of runs that are not known (sealed a moment ago) are left out, and so is what is not finite.
    """
    lists = {name: table.column(name).combine_chunks() for name in ("runs", "rounds", "found")}
    lengths = lists["runs"].value_lengths().to_numpy(zero_copy_only=False)
    names = lists["runs"].flatten().dictionary_encode()
    ranks = np.array([runs.rank.get(name, -1) for name in names.dictionary.to_pylist()] or [-1], dtype=np.int64)
    rows = Rows(
        series=np.repeat(np.arange(table.num_rows), lengths.astype(np.int64)),
        run=ranks[names.indices.to_numpy(zero_copy_only=False)],
        round=lists["rounds"].flatten().to_numpy(zero_copy_only=False).astype(np.int64),
        value=lists["found"].flatten().to_numpy(zero_copy_only=False).astype(np.float64),
    )
    return rows.kept((rows.run >= 0) & np.isfinite(rows.value))


def by_threads(rows: Rows, runs: Runs) -> tuple[Rows, Integers, Integers]:
    """The rows with a series of its own for each number of threads; of each series its old number and its threads."""
    pairs = np.stack([rows.series, runs.threads[rows.run]], axis=1)
    if len(pairs) == 0 or (pairs[:, 1] == 1).all():
        count = int(rows.series.max(initial=-1)) + 1
        return rows, np.arange(count), np.ones(count, dtype=np.int64)
    found, series = np.unique(pairs, axis=0, return_inverse=True)
    return replace(rows, series=series.reshape(-1).astype(np.int64)), found[:, 0], found[:, 1]


def basis_of(metric: str, unit: str) -> str:
    """What the numbers of a metric are to be held against, where there is something to hold them against."""
    if metric.startswith(ANCHORED):
        return ANCHORED_BASIS
    if metric in METRICS and METRICS[metric].exact:
        return EXACT
    is_ours = metric in METRICS and metric != "calibration_time" and not metric.endswith(ON_A_DEVICE)
    return CALIBRATED if unit == "s" and is_ours else RAW


def calibrated(rows: Rows, names: Sequence[Mapping[str, Any]], runs: Runs) -> tuple[Rows, Texts]:
    """The rows with times as they would be at the machine's usual speed, and the basis of each series.

    A series of times has no row from where the kernels were not measured, unless they never were.
    """
    basis = _texts([basis_of(one["metric"], one["unit"]) for one in names])
    usual = rows.value / _slowness(rows, names, runs)
    is_time = (basis == CALIBRATED)[rows.series]
    can_be = is_time & np.isfinite(usual)
    never = np.bincount(rows.series[can_be], minlength=len(names)) == 0
    basis[(basis == CALIBRATED) & never] = RAW
    kept = can_be | ~is_time | never[rows.series]
    return replace(rows, value=np.where(can_be, usual, rows.value)).kept(kept), basis


def _slowness(rows: Rows, names: Sequence[Mapping[str, Any]], runs: Runs) -> Floats:
    """For each row how slow its machine was in its process: 1 is usual, NaN not known.

    That is the geometric mean of the calibration kernels' times over its median among the machine's processes.
    """
    rounds = int(rows.round.max(initial=0)) + 1
    logs = np.zeros(len(runs) * rounds)
    for name in KERNELS:
        logs += _kernel(rows, names, name, rounds, len(runs)) / len(KERNELS)
    by_run = logs.reshape(len(runs), rounds)
    for machine in np.unique(runs.machine):
        of_it = runs.machine == machine
        seen = by_run[of_it][np.isfinite(by_run[of_it])]
        by_run[of_it] -= np.median(seen) if len(seen) else 0.0
    slow: Floats = np.exp(by_run.reshape(-1))[rows.run * rounds + rows.round]
    return slow


def _kernel(rows: Rows, names: Sequence[Mapping[str, Any]], name: str, rounds: int, runs: int) -> Floats:
    """The logarithm of a kernel's median time in each process (run times rounds plus round), NaN where it has none."""
    of_it = [one["component"] == name and one["metric"] == "calibration_time" for one in names]
    looks = rows.kept(np.array(of_it, dtype=np.bool_)[rows.series] & (rows.value > 0))
    process, values = grouped_medians(looks.run * rounds + looks.round, looks.value)
    logs = np.full(runs * rounds, np.nan)
    logs[process] = np.log(values)
    return logs


def grouped_medians(groups: Integers, values: Floats) -> tuple[Integers, Floats]:
    """The groups that there are, in order, and the median of each.

    >>> grouped_medians(np.array([7, 3, 7, 7]), np.array([1.0, 5.0, 9.0, 2.0]))
    (array([3, 7]), array([5., 2.]))
    """
    if len(groups) == 0:
        return groups, values
    order = np.lexsort((values, groups))
    groups, values = groups[order], values[order]
    starts = np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]]))
    counts = np.diff(np.append(starts, len(groups)))
    middle = (values[starts + (counts - 1) // 2] + values[starts + counts // 2]) / 2
    return groups[starts], middle


def too_noisy(rows: Rows, names: Sequence[Mapping[str, Any]], runs: Runs) -> Truths:
    """The runs, by rank, in which the same code differed from itself by so much that times say nothing."""
    is_floor = np.array([one["metric"] == "noise_floor" for one in names], dtype=np.bool_)
    found = np.zeros(len(runs), dtype=np.bool_)
    found[rows.run[is_floor[rows.series] & (rows.value > UNUSABLE)]] = True
    return found


def points(rows: Rows, runs: Runs) -> tuple[Integers, Integers, Floats]:
    """One number a run of each series, the median over its processes: series, rank of the run, number.

    Series after series, each in the order of commits where the places of all of its commits are known, else of time.
    """
    size = max(len(runs), 1)
    pairs, values = grouped_medians(rows.series * size + rows.run, rows.value)
    series, run = pairs // size, pairs % size
    place = runs.place[run]
    lost = np.bincount(series[place < 0], minlength=int(series.max(initial=-1)) + 1) > 0
    place = np.where(lost[series], 0, 2 * place + runs.dirty[run])
    order = np.lexsort((run, place, series))
    return series[order], run[order], values[order]
