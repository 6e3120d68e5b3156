"""Which trials an experiment wants, in the order in which they are worth most, and how many a budget leaves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nnbench.experiments.purse import Purse
from nnbench.experiments.records import FINAL, TUNING, Contender, Outcome, Trial
from nnbench.model import ComponentInfo, Status

TUNING_SEED = 10_000  # none of those that are reported
HALF_DECADE = 10**0.5  # between two learning rates of a grid
TUNING_SHARE = 0.6  # of a budget at most; what is chosen must be trained, too


@dataclass(frozen=True)
class Plan:
    """An experiment to make: one factor of a task, its contenders, and how much to spend on them.

    ``tune`` is how many learning rates each contender is tried with first, 0 for none; ``budget`` is in seconds of
    wall time, 0 for as long as it takes, but ``at_least`` so many seeds are trained whatever it is. ``shares`` of the
    training samples are what all is trained on once more, each, at the end. ``definitions`` is of the code behind each
    contender, by name.
    """

    factor: str
    task: ComponentInfo
    contenders: tuple[Contender, ...]
    metric: str
    better: str
    data: str
    seeds: tuple[int, ...]
    epochs: int
    variant: str = "reference"
    tune: int = 0
    budget: float = 0.0
    at_least: int = 0
    device: str = "cpu"
    shares: tuple[float, ...] = ()
    definitions: Mapping[str, str] = field(default_factory=dict)

    def trial(self, contender: Contender, seed: int, role: str = FINAL) -> Trial:
        """The contender's training under a seed."""
        return Trial(
            task=self.task.id,
            variant=self.variant,
            data=self.data,
            seed=seed,
            epochs=self.epochs,
            changes=contender.changes,
            role=role,
            definition=self.definitions.get(contender.name, ""),
            factor=self.factor,
            contender=contender.name,
            holds_out=self.tune > 0,
            device=self.device,
        )

    @property
    def recipe(self) -> Mapping[str, Any]:
        return self.task.recipe or {}


Round = tuple[Trial, ...]  # a trial for each contender: a budget that ends between rounds is fair to all


def final_rounds(plan: Plan, contenders: Sequence[Contender]) -> list[Round]:
    """Seed by seed."""
    return [tuple(plan.trial(one, seed) for one in contenders) for seed in plan.seeds]


def share_rounds(plan: Plan, contenders: Sequence[Contender]) -> list[Round]:
    """Share by share of the training samples, each seed by seed."""
    on = [[replace(one, changes={**one.changes, "train_share": share}) for one in contenders] for share in plan.shares]
    return [each for members in on for each in final_rounds(plan, members)]


def tuning_rounds(plan: Plan) -> list[Round]:
    """The contender's own learning rate first, then half decades below and above it in turn."""
    grids = [grid(learning_rate(one, plan), plan.tune) for one in plan.contenders]
    return [
        tuple(
            plan.trial(with_rate(one, rates[place]), TUNING_SEED, TUNING)
            for one, rates in zip(plan.contenders, grids, strict=True)
        )
        for place in range(plan.tune)
    ]


def learning_rate(contender: Contender, plan: Plan) -> float:
    """The rate that a contender is trained with unless it is tuned."""
    own = contender.changes.get("lr", (contender.changes.get("optimizer_arguments") or {}).get("lr"))
    return float(own if own is not None else plan.recipe["optimizer_arguments"].get("lr", 1e-3))


def with_rate(contender: Contender, rate: float) -> Contender:
    """The same contender at another learning rate."""
    return replace(contender, changes={**contender.changes, "lr": rate})


def grid(centre: float, number: int) -> list[float]:
    """So many rates around one, half a decade apart, nearest first.

    >>> grid(0.001, 5)
    [0.001, 0.000316228, 0.00316228, 0.0001, 0.01]
    """
    places = [0, *(place for distance in range(1, number) for place in (-distance, distance))]
    return [float(f"{centre * HALF_DECADE**place:.6g}") for place in places[:number]]


def chosen(plan: Plan, outcomes: Sequence[Outcome]) -> tuple[Contender, ...]:
    """Each contender at the rate that was best on validation, of equals the one tried first, its own before others.

    Those without a good trial stay as they came.
    """
    metric = validation_metric(plan)
    sign = -1.0 if plan.better == "less" else 1.0
    found = []
    for contender in plan.contenders:
        own = [one for one in outcomes if one.trial.contender == contender.name and one.status == Status.OK]
        scored = [(value, one) for one in own if math.isfinite(value := _number(one, metric))]
        best = max(scored, key=lambda pair: sign * pair[0])[1] if scored else None
        found.append(with_rate(contender, best.trial.changes["lr"]) if best else contender)
    return tuple(found)


def _number(outcome: Outcome, metric: str) -> float:
    value = outcome.last(metric)
    return math.nan if value is None else value


def validation_metric(plan: Plan) -> str:
    """What tuning looks at in place of the metric that decides: test figures are never chosen by.

    Any other metric (a time, a size) is chosen by itself.
    """
    return plan.metric.replace("test_", "validation_", 1) if plan.metric.startswith("test_") else plan.metric


class Queue:
    """Hands out the trials of rounds in order; a round that the purse does not reach, and all after it, stay here.

    The first ``at_least`` are handed out whatever they cost. ``after`` are rounds that others will hand out when these
    are done: they count in what will be affordable.
    """

    def __init__(
        self,
        rounds: Sequence[Round],
        purse: Purse,
        share: float = 1.0,
        at_least: int = 0,
        after: Sequence[Round] = (),
    ) -> None:
        self.purse, self.share, self._after = purse, share, list(after)
        self._certain = [one for trials in rounds[:at_least] for one in trials]
        self._later = [trials for trials in rounds[at_least:] if trials]
        self._now: list[Trial] = []
        self._is_begun, self._is_over = bool(self._certain), False

    def next(self, ahead: float, width: int) -> Trial | None:
        """The next trial, None where there is none that can be afforded after ``ahead`` seconds under way."""
        if self._certain:
            return self._certain.pop(0)
        if not self._now and self._later and not self._is_over:
            self._is_over = not self._affords(self._later[0], ahead, width)
            self._now = [] if self._is_over else list(self._later.pop(0))
            self._is_begun = True
        return self._now.pop(0) if self._now and self.purse.left > 0 else None

    def _affords(self, trials: Round, ahead: float, width: int) -> bool:
        """The first round is begun in any case: nobody knows yet what it costs, and without it there is no answer."""
        return not self._is_begun or self.purse.reaches(trials, ahead, width, self.share)

    def drop(self, contender: str) -> None:
        """Hand out no more of its trials."""
        self._certain = [one for one in self._certain if one.contender != contender]
        self._now = [one for one in self._now if one.contender != contender]
        rest = [tuple(one for one in trials if one.contender != contender) for trials in self._later]
        self._later = [trials for trials in rest if trials]
        self._after = [tuple(one for one in trials if one.contender != contender) for trials in self._after]

    def affordable(self, ahead: float, width: int) -> list[Trial]:
        """What of it, and after it, will be handed out, as far as can be told now."""
        found = [*self._certain, *self._now]
        for trials in [] if self._is_over else self._later:
            if self._is_begun and not self.purse.reaches([*found, *trials], ahead, width, self.share):
                break
            found += trials
        for trials in self._after:
            if not self.purse.reaches([*found, *trials], ahead, width):
                break
            found += trials
        return found
