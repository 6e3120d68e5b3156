"""What the trials of an experiment ended with, seed by seed."""

from __future__ import annotations

import math

from nnbench.comparison import intervals
from nnbench.experiments import findings
from nnbench.experiments.records import Experiment, Outcome
from nnbench.model import Status
from nnbench.stats import Interval


def trials(experiment: Experiment, contender: str) -> list[Outcome]:
    """The contender's final trials by seed, without those that could not be made at all."""
    return [one for one in experiment.of(contender) if one.status != Status.SKIPPED]


def is_usable(outcome: Outcome, metric: str) -> bool:
    """Whether the trial came to its end with a number."""
    value = outcome.last(metric)
    return outcome.status == Status.OK and value is not None and math.isfinite(value)


def values(experiment: Experiment, contender: str, metric: str = "") -> list[float | None]:
    """The last value of each trial; None for one that failed."""
    name = metric or experiment.metric
    return [one.last(name) if is_usable(one, name) else None for one in trials(experiment, contender)]


def usable(experiment: Experiment, contender: str, metric: str = "") -> list[float]:
    """The last values of the trials that came to their end."""
    return [value for value in values(experiment, contender, metric) if value is not None]


def failures(experiment: Experiment, contender: str) -> list[Outcome]:
    """The trials that did not come to their end with a number."""
    return [one for one in trials(experiment, contender) if not is_usable(one, experiment.metric)]


def means(experiment: Experiment, metric: str = "") -> dict[str, Interval]:
    """By contender the mean of its finished trials with its 99 % interval; a single one has infinite ends.

    Those that fail their checks have no part in the intervals of the others, as they have none in the verdict.
    """
    found = findings.values(experiment, metric)
    struck = {name: members for name, members in found.items() if findings.is_struck(experiment, name)}
    right = {name: members for name, members in found.items() if name not in struck}
    named = metric or experiment.metric
    return {name: findings.possible(named, one) for name, one in (intervals(right) | intervals(struck)).items()}
