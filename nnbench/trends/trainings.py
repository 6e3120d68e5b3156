"""What trainings ended with: the numbers of the last epoch, and which of them gave none as they ended badly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from nnbench import history
from nnbench.model import Run, Status
from nnbench.trends.points import utc

IS_TRAINING = """contains(context, '"epoch"')"""
OUTCOMES = "'calibration_error', 'predicted'"  # measured once a training has ended
# One row a number of each last epoch; of a training that ended badly the one row that says most, ``why`` saying how.
QUESTION = f"""
    WITH epochs AS (
        SELECT run, round, component, variant, regexp_replace("case", ',epoch=[0-9]+$', '') AS "case", machine,
               coalesce(spec, '') AS spec, metric, unit, "values", status, coalesce(context->>'seed', '') AS seed,
               coalesce(TRY_CAST(context->>'epoch' AS BIGINT), 0) AS epoch,
               TRY_CAST(context->>'epochs' AS BIGINT) AS asked, coalesce(context->>'stopped', '') AS stopped
        FROM runs WHERE {IS_TRAINING} AND NOT {{aside}}
    ), ends AS (
        SELECT run, component, variant, "case", machine, spec, seed, max(epoch) AS epoch, max(asked) AS asked,
               max(stopped) AS stopped, bool_or(metric IN ({OUTCOMES})) AS is_judged,
               any_value(status) FILTER (status NOT IN ('{Status.OK}', '{Status.SKIPPED}')) AS bad
        FROM epochs GROUP BY ALL
    )
    SELECT epochs.* EXCLUDE (asked, stopped, "values"), ends.asked, "values"[-1] AS found,
           CASE WHEN bad IS NOT NULL AND ends.stopped <> '' THEN 'diverged' WHEN bad IS NOT NULL THEN bad
                WHEN ends.asked > ends.epoch AND ends.stopped = '' AND NOT is_judged THEN 'interrupted'
                ELSE '' END AS why
    FROM epochs JOIN ends USING (run, component, variant, "case", machine, spec, seed, epoch)
    WHERE ({{wanted}}) AND ((status = '{Status.OK}' AND len("values") > 0) OR bad IS NOT NULL)
"""
TRAINS = re.compile(r"\S+ train\b")
ASKED = re.compile(r"--epochs[ =](\d+)")
NAMES = ("component", "variant", "case", "metric", "machine", "spec", "anchor", "unit")

Training = tuple[str, str, str, str, str]  # component, variant, case, machine, spec: what is trained, and where


@dataclass(frozen=True)
class Lost:
    """A training that ended without a number that counts: ``why`` is "diverged", "crashed", "interrupted" ..."""

    run: str
    commit: str
    dirty: bool
    started: np.datetime64
    epoch: int
    why: str
    metric: str
    unit: str


@dataclass(frozen=True)
class Ended:
    """The trainings of many runs: a table of series (columns as ``series.QUESTION`` has them), the epoch at which each
    training ended by what it is and its run, and those that were lost.
    """

    table: pa.Table
    epochs: Mapping[tuple[Training, str], int]
    lost: Mapping[Training, Sequence[Lost]]


def ended(results: Path, runs: Sequence[Run], aside: str, wanted: str, parameters: Sequence[str]) -> Ended:
    """What every stored training ended with, of the rows that are ``wanted`` and not ``aside`` (conditions in SQL)."""
    known = {run.id: run for run in runs}
    rows = history.table(results, QUESTION.format(aside=aside, wanted=wanted), parameters).to_pylist()
    rows = [row | {"spec": _spec(row, known[row["run"]]), "anchor": ""} for row in rows if row["run"] in known]
    good, bad = ([row for row in rows if bool(row["why"]) == is_bad] for is_bad in (False, True))
    lost = {(_training(row), row["run"]): (row, known[row["run"]]) for row in bad}
    by_training: dict[Training, list[Lost]] = {}
    for (training, _), (row, run) in sorted(lost.items(), key=lambda one: one[1][1].id):
        by_training.setdefault(training, []).append(_lost(row, run))
    return Ended(_table(good), {(_training(row), row["run"]): row["epoch"] for row in good}, by_training)


def _training(row: Mapping[str, Any]) -> Training:
    return row["component"], row["variant"], row["case"], row["machine"], row["spec"]


def _spec(row: Mapping[str, Any], run: Run) -> str:
    """What tells the same command from others: a training under another seed, or of more epochs, is other work.

    How many epochs were asked for stands in the row; in older ones, in the command where it was no recipe's number.
    What is no command for training trains as many as it has rows for.
    """
    said = ASKED.search(run.command)
    least = 0 if TRAINS.match(run.command) else row["epoch"]
    asked = row["asked"] or (int(said.group(1)) if said else least)
    epochs = f", {asked} {'epoch' if asked == 1 else 'epochs'}" if asked else ""
    return f"{row['spec']} seed {row['seed']}{epochs}".strip()


def _lost(row: Mapping[str, Any], run: Run) -> Lost:
    started = np.datetime64(utc(run.started), "us")
    return Lost(run.id, run.commit, run.dirty, started, row["epoch"], row["why"], row["metric"], row["unit"])


def _table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in NAMES), []).append(row)
    return pa.Table.from_pylist(list(_grouped(groups)), schema=_SCHEMA)


def _grouped(groups: Mapping[tuple[str, ...], Sequence[Mapping[str, Any]]]) -> Iterator[dict[str, Any]]:
    for names, rows in groups.items():
        lists = {"runs": "run", "rounds": "round", "found": "found"}
        listed = {plural: [row[name] for row in rows] for plural, name in lists.items()}
        yield dict(zip(NAMES, names, strict=True)) | listed


_LISTS = {"runs": pa.string(), "rounds": pa.int32(), "found": pa.float64()}
_SCHEMA = pa.schema([(name, pa.string()) for name in NAMES] + [(name, pa.list_(of)) for name, of in _LISTS.items()])
