"""Trials and experiments as rows of the store, and back: every trial that was ever finished can be had again.

A trial's rows are its epochs' and its final numbers, each with the trial's identity as ``spec``; the row ``trial`` is
written last, so that what a killed run had begun to write is no trial. The row ``experiment`` says which trials an
experiment is made of.
"""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from nnbench import history
from nnbench.experiments.records import Checked, Contender, EpochNumbers, Experiment, Outcome, Trial
from nnbench.experiments.trials import identity
from nnbench.metrics import EXPERIMENT, METRICS, TRIAL
from nnbench.model import Measurement, Status
from nnbench.store import MEASUREMENT_COLUMNS, from_row

EPOCHS = (
    "train_loss",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "learning_rate",
    "gradient_norm",
    "training_time",
)  # measured after each epoch; all else is measured once
WRITTEN_OTHERWISE = (KeyError, TypeError, ValueError, AttributeError)
PARTS = ("outcomes", "tuning", "beside")  # of an experiment, that are trials
# How a trial ends whose like would end so again; the others may have met with a busy or a small machine.
SETTLED = (Status.OK, Status.FAILED)


@dataclass(frozen=True)
class Kept:
    """An outcome and what else is known of it: data with checksum, where it was trained, with which libraries."""

    outcome: Outcome
    facts: Mapping[str, Any] = field(default_factory=dict)


def outcome(trial: Trial, rows: Sequence[Measurement], run: str = "") -> Outcome:
    """What the rows of a training say; a row that is not OK says how it ended."""
    bad = next((row for row in reversed(rows) if row.status != Status.OK), None)
    final = {row.metric: row.values for row in rows if row.metric not in EPOCHS and row.values}
    return Outcome(
        trial=trial,
        status=bad.status if bad else Status.OK,
        note=bad.note if bad else "",
        epochs=tuple(_epochs(rows)),
        final=final,
        run=run,
    )


def _epochs(rows: Sequence[Measurement]) -> Iterator[EpochNumbers]:
    by_number: dict[int, dict[str, float]] = {}
    for row in rows:
        if row.metric in EPOCHS and row.values and int(row.context["epoch"]) > 0:
            by_number.setdefault(int(row.context["epoch"]), {})[row.metric] = row.values[0]
    seconds = 0.0
    for number, values in sorted(by_number.items()):
        seconds += values.get("training_time", 0.0)
        yield EpochNumbers(number, seconds, values)


def rows_of(kept: Kept, rows: Sequence[Measurement]) -> list[Measurement]:
    """A finished trial's rows as they are stored, the closing one last."""
    trial, name = kept.outcome.trial, identity(kept.outcome.trial)
    told = {"trial": name, "role": trial.role, "factor": trial.factor, "contender": trial.contender}
    stored = [replace(row, spec=name, context=dict(row.context) | told) for row in rows]
    closing = Measurement(
        component=trial.task,
        variant=trial.variant,
        case=f"{trial.data},{trial.contender}",
        metric=TRIAL,
        unit=METRICS[TRIAL].unit,
        values=(float(len(kept.outcome.epochs)),),
        status=kept.outcome.status,
        note=kept.outcome.note,
        spec=name,
        context=told | {"seed": trial.seed, "described": asdict(trial), "facts": dict(kept.facts)},
    )
    return [*stored, closing]


TRIALS = f"""
    SELECT run, started, {", ".join(f'"{name}"' for name in MEASUREMENT_COLUMNS)}, context FROM runs
    WHERE spec IN (SELECT unnest(?))
"""


def stored(results: Path, identities: Iterable[str]) -> dict[tuple[str, str], Kept]:
    """Finished trials of these identities, by run and identity."""
    wanted = list(dict.fromkeys(identities))
    if not wanted:
        return {}
    by_trial: dict[tuple[str, str], list[Measurement]] = {}
    table = history.table(results, TRIALS, [wanted])
    for row in table.sort_by([("started", "ascending"), ("run", "ascending")]).to_pylist():
        by_trial.setdefault((row["run"], row["spec"]), []).append(from_row(row))
    return {key: found for key, rows in by_trial.items() if (found := _legible(rows, key[0])) is not None}


def _legible(rows: Sequence[Measurement], run: str) -> Kept | None:
    """The trial that stored rows are of; None for half a trial, and for one that another nnbench wrote otherwise."""
    try:
        return _read(rows, run)
    except WRITTEN_OTHERWISE as error:
        warnings.warn(f"a trial in run {run} cannot be read and is left out: {error!r}", stacklevel=2)
        return None


def _read(rows: Sequence[Measurement], run: str) -> Kept | None:
    """The trial that stored rows are of; None where the closing one is not there."""
    closing = next((row for row in rows if row.metric == TRIAL), None)
    if closing is None:
        return None
    trial = Trial(**closing.context["described"])
    found = outcome(trial, [row for row in rows if row.metric != TRIAL], run)
    return Kept(replace(found, status=closing.status, note=closing.note), closing.context["facts"])


def reusable(results: Path, trials: Sequence[Trial]) -> dict[str, Kept]:
    """What the store holds already of these trials, by identity, under the names that they have now."""
    wanted = {identity(one): one for one in trials}
    found: dict[str, Kept] = {}
    for (_, name), kept in stored(results, wanted).items():  # the newest stays
        if kept.outcome.status in SETTLED:
            found[name] = Kept(replace(kept.outcome, trial=wanted[name], reused=True), kept.facts)
    return found


def row_of(experiment: Experiment, definitions: Mapping[str, str]) -> Measurement:
    """The row that says what an experiment is made of; ``definitions`` are of the code checked, by contender."""
    content = {
        "factor": experiment.factor,
        "task": experiment.task,
        "data": experiment.data,
        "metric": experiment.metric,
        "better": experiment.better,
        "contenders": [asdict(one) for one in experiment.contenders],
        "outcomes": [_reference(one) for one in experiment.outcomes],
        "tuning": [_reference(one) for one in experiment.tuning],
        "beside": [_reference(one) for one in experiment.beside],
        "checks": {name: asdict(one) for name, one in experiment.checks.items()},
        "left_out": list(experiment.left_out),
        "protocol": dict(experiment.protocol),
        "definitions": dict(definitions),
    }
    variants = [one.trial.variant for one in experiment.outcomes] or ["reference"]
    return Measurement(
        component=experiment.task,
        variant=variants[0],
        case=f"{experiment.data},{experiment.factor}",
        metric=EXPERIMENT,
        unit=METRICS[EXPERIMENT].unit,
        values=(float(len(experiment.outcomes) + len(experiment.tuning) + len(experiment.beside)),),
        context={"factor": experiment.factor, "experiment": content},
    )


def _reference(one: Outcome) -> dict[str, Any]:
    """A trial's place in the store, and what this experiment calls it."""
    return {"trial": identity(one.trial), "run": one.run, "contender": one.trial.contender, "reused": one.reused}


def experiments(results: Path) -> list[Experiment]:
    """Every experiment in the store whose trials can be read, oldest first."""
    contents = _contents(results)
    named = [str(one["trial"]) for content in contents for part in PARTS for one in content.get(part, ())]
    there = stored(results, named)
    by_name = {name: kept for (_, name), kept in there.items()}
    found = []
    for content in contents:
        try:
            found.append(_experiment(content, there, by_name))
        except WRITTEN_OTHERWISE as error:
            warnings.warn(f"an experiment in the store cannot be read and is left out: {error!r}", stacklevel=2)
    return found


def _contents(results: Path) -> list[dict[str, Any]]:
    sql = f"SELECT context FROM runs WHERE metric = '{EXPERIMENT}' ORDER BY started, run"
    contexts = [json.loads(row["context"]) for row in history.table(results, sql).to_pylist()]
    found = [one.get("experiment") if isinstance(one, dict) else None for one in contexts]
    return [one for one in found if isinstance(one, dict) and all(_is_list(one.get(part, [])) for part in PARTS)]


def _is_list(part: Any) -> bool:
    """Whether it is a list of trials as ``_reference`` makes them."""
    return isinstance(part, list) and all(isinstance(one, dict) and {"run", "trial"} <= one.keys() for one in part)


def _experiment(
    content: Mapping[str, Any], there: Mapping[tuple[str, str], Kept], by_name: Mapping[str, Kept]
) -> Experiment:
    def outcomes(part: str) -> tuple[Outcome, ...]:
        named = content.get(part, ())
        found = [(one, there.get((one["run"], one["trial"])) or by_name.get(one["trial"])) for one in named]
        return tuple(_named(kept.outcome, one, content["factor"]) for one, kept in found if kept)

    checks = {name: Checked(**(one | {"failed": tuple(one["failed"])})) for name, one in content["checks"].items()}
    return Experiment(
        factor=content["factor"],
        task=content["task"],
        data=content["data"],
        metric=content["metric"],
        better=content["better"],
        contenders=tuple(Contender(**one) for one in content["contenders"]),
        outcomes=outcomes("outcomes"),
        tuning=outcomes("tuning"),
        beside=outcomes("beside"),
        checks=checks,
        left_out=tuple(content["left_out"]),
        protocol=content["protocol"],
    )


def _named(found: Outcome, reference: Mapping[str, Any], factor: str) -> Outcome:
    trial = replace(found.trial, contender=reference["contender"], factor=factor)
    return replace(found, trial=trial, reused=reference["reused"])


def known_checks(results: Path) -> dict[tuple[str, str], Checked]:
    """What experiments in the store found of implementations, by component and the code that was checked."""
    found = {}
    for content in _contents(results):
        with contextlib.suppress(*WRITTEN_OTHERWISE):
            for name, definition in content["definitions"].items():
                one = content["checks"].get(name)
                if one and not one["unknown"]:
                    found[one["component"], definition] = Checked(**(one | {"failed": tuple(one["failed"])}))
    return found
