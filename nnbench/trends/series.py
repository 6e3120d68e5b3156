"""Series: how one number of one variant in one case went from run to run, read from the results folder as arrays.

A series' identity is all that says what was measured and where: component, variant, case, metric, class of machine, the
hash of the case's specification, threads. Nothing goes by place, so that what is renamed, reordered or removed starts
or ends a series and never lends its points to another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nnbench import history
from nnbench.errors import NnbenchError, did_you_mean, listing
from nnbench.metrics import ANCHORED, CALIBRATION, DRAWN, EXPERIMENT, METRICS, TRIAL
from nnbench.model import CHECK_PREFIX
from nnbench.plan import Pattern, parse
from nnbench.trends.points import (
    ANCHORED_BASIS,
    RAW,
    Floats,
    Integers,
    Runs,
    Texts,
    Truths,
    by_threads,
    calibrated,
    points,
    rows_of,
    too_noisy,
)
from nnbench.trends.trainings import IS_TRAINING, Ended, Lost, Training, ended

# What stands beside a number that decides: shown when it is named.
ASIDE = ("*_wall_time", "*_hot_time", "*_host_time", "throughput")
# The beginnings of metrics that are no state of a commit, or many numbers in an order of their own.
NO_SERIES = (CHECK_PREFIX, "duel_", "before_", *DRAWN, TRIAL, EXPERIMENT)
LEAST_ANCHORED = 2  # points; a single one is no series and hides none


@dataclass(frozen=True, order=True)
class Key:
    """What a series is of. ``machine`` is the class of machine and ``spec`` the hash of the case's specification."""

    component: str
    variant: str
    case: str
    metric: str
    machine: str
    spec: str
    threads: int = 1

    @property
    def target(self) -> str:
        """The pattern that selects exactly this variant in this case."""
        return f"{self.component}@{self.variant}[{self.case}]"

    @property
    def place(self) -> str:
        """The case, and of a training its seed and epochs beside the data."""
        return f"{self.case}, {self.spec}" if self.spec.startswith("seed ") else self.case

    @property
    def training(self) -> Training:
        """What is trained, where this is a number of a training."""
        return self.component, self.variant, self.case, self.machine, self.spec

    @property
    def mode(self) -> str:
        """The call that was measured, empty where the number belongs to none."""
        return METRICS[self.metric].mode if self.metric in METRICS else ""


@dataclass(frozen=True, eq=False)
class Series:
    """One number a run, oldest first: arrays of one length.

    ``basis`` says what ``values`` are: "exact" counts; "anchored", ratios to a pinned commit's time; "calibrated",
    seconds as they would be at the machine's usual speed; "raw", as they were measured. ``started`` is in UTC. What is
    ``noisy`` is a time of a run whose noise floor is above 5 %: it is shown, and decides nothing.

    Of trainings a value is that of the last epoch, which ``epochs`` names; it is empty for all else. ``lost`` are those
    that gave no such value, oldest first.
    """

    key: Key
    basis: str
    unit: str
    values: Floats
    commits: Texts
    runs: Texts
    started: NDArray[np.datetime64]
    dirty: Truths
    noisy: Truths
    epochs: Integers = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    lost: tuple[Lost, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_kernel(self) -> bool:
        """Whether this is of the machine itself: one of its calibration kernels."""
        return self.key.metric == "calibration_time"

    def part(self, kept: Truths | Integers) -> Series:
        """The points that are kept."""
        return replace(
            self,
            values=self.values[kept],
            commits=self.commits[kept],
            runs=self.runs[kept],
            started=self.started[kept],
            dirty=self.dirty[kept],
            noisy=self.noisy[kept],
            epochs=self.epochs[kept] if len(self.epochs) else self.epochs,
        )

    @property
    def is_lost_at_last(self) -> bool:
        """Whether the newest training gave no value."""
        return bool(self.lost) and (not len(self) or self.lost[-1].started > self.started.max())


# One process's number: of times the median over groups of five samples of each group's smallest (``stats.typical``).
VALUE = """
    CASE WHEN starts_with(metric, 'anchored_') THEN list_median("values")
         WHEN unit = 's' AND len("values") >= 5
         THEN list_median([list_min("values"[i : i + 4]) FOR i IN range(1, len("values") - 3, 5)])
         WHEN unit = 's' THEN list_min("values")
         ELSE "values"[-1] END
"""
# A ratio to another anchor is other work.
ANCHOR = "CASE WHEN starts_with(metric, 'anchored_') THEN coalesce(context->>'anchor', '') ELSE '' END"
# FLOPs that do not name their operators are of the forward alone: older runs counted no more.
FORWARD_ALONE = """(metric = 'flops' AND "values"[-1] > 0 AND NOT contains(context, '"by_operator"'))"""
# Samples of a duel were taken in turn with another side's: they tell of the two, not of the day. Trials of an
# experiment are held against each other, not against those of another day.
ASIDE_BY_ITSELF = """(contains(context, '"duel":') OR contains(context, '"trial":'))"""
QUESTION = f"""
    SELECT component, variant, "case", metric, machine, spec, {ANCHOR} AS anchor, any_value(unit) AS unit,
           list(run) AS runs, list(round) AS rounds, list({VALUE}) AS found
    FROM runs
    WHERE status = 'ok' AND len("values") > 0 AND NOT {FORWARD_ALONE} AND NOT {ASIDE_BY_ITSELF}
          AND NOT {IS_TRAINING} AND ({{wanted}})
    GROUP BY ALL
"""
NAMES = ["component", "variant", "case", "metric", "machine", "spec", "anchor", "unit"]


def read(
    results: Path, patterns: Sequence[str] = (), metrics: Sequence[str] = (), order: Sequence[str] = ()
) -> tuple[Series, ...]:
    """The series that the patterns take, by key, and those of the calibration kernels.

    ``metrics`` are patterns, too; without any, what stands beside a number that decides is left out. ``order`` lists
    commits, oldest first: a series whose commits are all in it has its points in their order, others by time.
    Raises ``NnbenchError`` for a pattern that takes nothing.
    """
    stored = history.open_history(results).runs
    runs = Runs(stored, order)
    wanted, parameters = _condition(metrics, [parse(text) for text in patterns])
    trained = ended(results, stored, ASIDE_BY_ITSELF, wanted, parameters)
    others = history.table(results, QUESTION.format(wanted=wanted), parameters)
    table = pa.concat_tables([others, trained.table.cast(others.schema)]).combine_chunks()
    rows, old, threads = by_threads(rows_of(table, runs), runs)
    described = table.select(NAMES).to_pylist()
    names = [described[number] | {"threads": int(count)} for number, count in zip(old, threads, strict=True)]
    noisy = too_noisy(rows, names, runs)
    rows, basis = calibrated(rows, names, runs)
    found = _with_ends(_one_a_key(list(_cut(*points(rows, runs), names, basis, runs, noisy))), trained, runs)
    kernels = [one for one in found if one.is_kernel]
    rest = [one for one in found if not one.key.component.startswith(f"{CALIBRATION}.")]
    chosen = [one for one in rest if is_chosen(one.key.metric, metrics)]
    for text in patterns:
        if not _taken_by([text], chosen):
            raise NnbenchError(_nothing(text, read(results, (), metrics)))
    return (*(_taken_by(patterns, chosen) if patterns else chosen), *kernels)


def _condition(metrics: Sequence[str], patterns: Sequence[Pattern]) -> tuple[str, list[str]]:
    """What the query keeps, and its parameters: what is of the machine always, of the rest what may be chosen.

    Anchored numbers are looked at whatever the metrics: they may stand for one of them.
    """
    beginnings = " AND ".join("NOT starts_with(metric, ?)" for _ in NO_SERIES)
    chosen = " OR ".join("metric GLOB ?" for _ in metrics) or " AND ".join("NOT metric GLOB ?" for _ in ASIDE)
    taken, names = _taken(patterns)
    rest = f"(starts_with(metric, 'anchored_') OR ({chosen})) AND ({taken})"
    wanted = f"{beginnings} AND (metric IN ('calibration_time', 'noise_floor') OR ({rest}))"
    return wanted, [*NO_SERIES, *(metrics or ASIDE), *names]


def _taken(patterns: Sequence[Pattern]) -> tuple[str, list[str]]:
    """A condition that all rows fulfil which any pattern takes (and few others), and its parameters."""
    if not patterns:
        return "true", []
    one = """((component GLOB ? OR starts_with(component, ?)) AND variant GLOB ? AND "case" LIKE ? ESCAPE '!')"""
    names = [(of.component, f"{of.component}.", of.variant, _like(of.case)) for of in patterns]
    return " OR ".join([one] * len(patterns)), [name for of_one in names for name in of_one]


def _like(case: str) -> str:
    """A pattern of cases, in which only ``*`` is special, as SQL's LIKE has it with ``!`` for an escape."""
    return re.sub("([!%_])", r"!\1", case).replace("*", "%")


def is_chosen(metric: str, metrics: Sequence[str]) -> bool:
    """Whether a metric is among those that the patterns name, where they name any."""
    return not metrics or any(fnmatchcase(metric, text) for text in metrics)


def _cut(
    series: NDArray[np.int64],
    run: NDArray[np.int64],
    values: Floats,
    names: Sequence[Mapping[str, Any]],
    basis: Texts,
    runs: Runs,
    noisy: Truths,
) -> Iterator[Series]:
    """One series after another out of the points of all."""
    starts = np.searchsorted(series, np.arange(len(names) + 1))
    for number, one in enumerate(names):
        part = slice(starts[number], starts[number + 1])
        of_it = run[part]
        unit = "1" if basis[number] == ANCHORED_BASIS else one["unit"]
        is_time = unit == "s" and not one["component"].startswith(f"{CALIBRATION}.")
        if len(of_it):
            yield Series(
                key=_key(one),
                basis=str(basis[number]),
                unit=unit,
                values=values[part],
                commits=runs.commits[of_it],
                runs=runs.ids[of_it],
                started=runs.started[of_it],
                dirty=runs.dirty[of_it],
                noisy=noisy[of_it] & is_time,
            )


def _key(names: Mapping[str, Any]) -> Key:
    metric = names["metric"]
    metric = f"{metric.removeprefix(ANCHORED)}_time" if metric.startswith(ANCHORED) else metric
    where = (names["machine"], names["spec"], names["threads"])
    return Key(names["component"], names["variant"], names["case"], metric, *where)


def _one_a_key(found: Sequence[Series]) -> list[Series]:
    """Of one key's series the anchored one, by the anchor with the most points, else the other; sorted by key."""
    best: dict[Key, Series] = {}
    for one in found:
        other = best.get(one.key)
        if other is None or _weight(one) > _weight(other):
            best[one.key] = one
    return [best[key] for key in sorted(best)]


def _with_ends(found: Sequence[Series], trained: Ended, runs: Runs) -> list[Series]:
    """The series with the epochs at which trainings ended, and with those that were lost; of some, nothing else is."""
    whole = [_ended(one, trained, runs) for one in found]
    seen = {(one.key.training, one.key.threads) for one in whole}
    for training, lost in trained.lost.items():
        for threads in sorted({int(runs.threads[runs.rank[one.run]]) for one in lost}):
            if (training, threads) not in seen:
                whole.append(_ended(_without_a_value(training, threads, lost[-1]), trained, runs))
    return sorted(whole, key=lambda one: one.key)


def _ended(series: Series, trained: Ended, runs: Runs) -> Series:
    training = series.key.training
    epochs = [trained.epochs.get((training, str(run)), 0) for run in series.runs]
    if not any(epochs) and training not in trained.lost:
        return series
    here = [one for one in trained.lost.get(training, ()) if runs.threads[runs.rank[one.run]] == series.key.threads]
    return replace(series, epochs=np.array(epochs, dtype=np.int64), lost=tuple(here))


def _without_a_value(training: Training, threads: int, lost: Lost) -> Series:
    component, variant, case, machine, spec = training
    texts, truths = np.empty(0, dtype=object), np.empty(0, dtype=np.bool_)
    key = Key(component, variant, case, lost.metric, machine, spec, threads)
    return Series(key, RAW, lost.unit, np.empty(0), texts, texts, np.empty(0, dtype="M8[us]"), truths, truths)


def _weight(series: Series) -> tuple[bool, int, str]:
    is_anchored = series.basis == ANCHORED_BASIS and len(series) >= LEAST_ANCHORED
    return is_anchored, len(series), str(series.started[-1])


def _taken_by(patterns: Sequence[str], found: Sequence[Series]) -> list[Series]:
    """The series that any of the patterns takes."""
    parsed = [parse(text) for text in patterns]
    return [
        one
        for one in found
        if any(pattern.takes(one.key.component, one.key.variant, one.key.case) for pattern in parsed)
    ]


def _nothing(text: str, found: Sequence[Series]) -> str:
    """What to say of a pattern that takes none of the series that there are."""
    there = sorted({one.key.component for one in found if not one.is_kernel})
    hint = did_you_mean(parse(text).component, there)
    shown = [*there[:5], f"{len(there) - 5} more"] if len(there) > 5 else there
    return " ".join(filter(None, [f"no stored run measured {text!r}.", hint, f"There are {listing(shown)}."]))
