"""The data behind the page as CSV, embedded in it."""

from __future__ import annotations

import csv
import io
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnbench.experiments.records import Experiment, Outcome

WHO = ("contender", "role", "seed", "status", "note", "changes")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a cell begins with that is more than text to a spreadsheet


@dataclass(frozen=True)
class Download:
    """A file inside the page: ``address`` is a data URI."""

    file: str
    label: str
    address: str


def downloads(experiment: Experiment) -> list[Download]:
    """Every trial with what it ended with, and every epoch of every trial."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{experiment.factor}-{experiment.task}")
    return [
        _download(f"compare-{name}-trials.csv", "Every trial as CSV", trials_csv(experiment)),
        _download(f"compare-{name}-epochs.csv", "Every epoch as CSV", epochs_csv(experiment)),
    ]


def _download(file: str, label: str, text: str) -> Download:
    return Download(file, label, f"data:text/csv;charset=utf-8;base64,{b64encode(text.encode()).decode()}")


def trials_csv(experiment: Experiment) -> str:
    """One row a trial, with its metrics after the last epoch; nothing where it has none."""
    outcomes = _outcomes(experiment)
    last = {place: _last(one) for place, one in enumerate(outcomes)}
    metrics = list(dict.fromkeys(metric for row in last.values() for metric in row))
    rows = [_who(one) | {"epochs": len(one.epochs)} | last[place] for place, one in enumerate(outcomes)]
    return _csv([*WHO, "epochs", *metrics], rows)


def _last(one: Outcome) -> dict[str, float]:
    epochs = dict(one.epochs[-1].values) | {"seconds": one.epochs[-1].seconds} if one.epochs else {}
    return epochs | {metric: found[0] for metric, found in one.final.items() if len(found) == 1}


def epochs_csv(experiment: Experiment) -> str:
    """One row an epoch of each trial."""
    found = [(one, epoch) for one in _outcomes(experiment) for epoch in one.epochs]
    metrics = list(dict.fromkeys(metric for _, epoch in found for metric in epoch.values))
    rows = [_who(one) | {"epoch": epoch.number, "seconds": epoch.seconds} | dict(epoch.values) for one, epoch in found]
    return _csv([*WHO, "epoch", "seconds", *metrics], rows)


def _outcomes(experiment: Experiment) -> list[Outcome]:
    """All trials: those compared, those on a share of the samples (their changes tell it), those of the tuning."""
    return [*experiment.outcomes, *experiment.beside, *experiment.tuning]


def _who(one: Outcome) -> dict[str, Any]:
    trial = one.trial
    changes = "; ".join(f"{name}={value}" for name, value in trial.changes.items())
    return dict(zip(WHO, (trial.contender, trial.role, trial.seed, str(one.status), one.note, changes), strict=True))


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)
    return file.getvalue()


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula, with an apostrophe before it.

    >>> _harmless("=1+1"), _harmless("adam"), _harmless(-0.5)
    ("'=1+1", 'adam', -0.5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
