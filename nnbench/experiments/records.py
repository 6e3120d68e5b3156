"""The nouns of an experiment: contenders, the trials that they are given, and what came out of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nnbench.recipe_changes import FINAL, TUNING

__all__ = ["FINAL", "TUNING", "Checked", "Contender", "EpochNumbers", "Experiment", "Outcome", "Trial"]


@dataclass(frozen=True)
class Contender:
    """One of those that are compared: ``changes`` is what it does other than the task's recipe.

    ``component`` names the registered implementation that it stands on ("optimizers.adam@torch"), empty where none.
    ``level`` is its place on an axis (a dropout rate, a learning rate), None where the factor has none.
    """

    name: str
    changes: Mapping[str, Any]
    component: str = ""
    level: float | None = None


@dataclass(frozen=True)
class Trial:
    """One training to do. Two trials that are equal but for ``factor`` and ``contender`` are the same training.

    ``role`` is ``FINAL``, or ``TUNING``: chosen by validation, its test part never looked at. ``holds_out`` says that
    where the data has no validation part one is taken out of its training part, as in all trials of a tuned experiment.
    ``definition`` is a hash of the code that it runs.
    """

    task: str
    variant: str
    data: str
    seed: int
    epochs: int
    changes: Mapping[str, Any]
    role: str = FINAL
    definition: str = ""
    factor: str = ""
    contender: str = ""
    holds_out: bool = False
    device: str = "cpu"


@dataclass(frozen=True)
class EpochNumbers:
    """What an epoch gave. ``seconds`` are of training alone, added up from the first epoch."""

    number: int
    seconds: float
    values: Mapping[str, float]  # by metric: train_loss, validation_accuracy, test_accuracy, learning_rate, ...


@dataclass(frozen=True)
class Outcome:
    """What became of a trial. ``status`` is a ``Status``; everything but "ok" has its cause in ``note``.

    ``final`` holds what was measured once, at the end, by metric (train_accuracy, calibration_error, confusion, ...).
    ``run`` is the stored run that holds it, ``reused`` whether it was there before this experiment asked.
    """

    trial: Trial
    status: str
    note: str = ""
    epochs: tuple[EpochNumbers, ...] = ()
    final: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    run: str = ""
    reused: bool = False

    def last(self, metric: str) -> float | None:
        """The metric after the last epoch; None where there is none."""
        if metric in self.final:
            return self.final[metric][0]
        return self.epochs[-1].values.get(metric) if self.epochs else None


@dataclass(frozen=True)
class Checked:
    """How the implementation behind a contender fared in its checks; ``failed`` holds one sentence each."""

    component: str
    passed: int
    failed: tuple[str, ...] = ()
    unknown: str = ""  # why nothing is known


@dataclass(frozen=True)
class Experiment:
    """A factor of a task, compared over seeds. ``metric`` decides, ``better`` is "more" or "less".

    ``beside`` are final trials of the same contenders on a share of the training samples, the ``train_share`` of their
    changes. ``left_out`` says in sentences what a budget or Ctrl-C left out; ``protocol`` whatever a reader needs to
    repeat it (command, versions, machine, data with checksum and split, seeds, epochs, budget, grid).
    """

    factor: str
    task: str
    data: str
    metric: str
    better: str
    contenders: tuple[Contender, ...]
    outcomes: tuple[Outcome, ...]
    tuning: tuple[Outcome, ...] = ()
    checks: Mapping[str, Checked] = field(default_factory=dict)  # by contender
    left_out: tuple[str, ...] = ()
    protocol: Mapping[str, Any] = field(default_factory=dict)
    beside: tuple[Outcome, ...] = ()

    def of(self, contender: str) -> tuple[Outcome, ...]:
        """The contender's final trials, by seed."""
        return tuple(sorted((one for one in self.outcomes if one.trial.contender == contender), key=_seed))


def _seed(outcome: Outcome) -> int:
    return outcome.trial.seed
