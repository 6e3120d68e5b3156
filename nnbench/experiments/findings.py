"""What the trials of an experiment say when they are compared: pairs, groups, means, and what cannot be told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import median, stdev

from nnbench import comparison
from nnbench.comparison import Pair
from nnbench.experiments.records import Experiment, Outcome
from nnbench.experiments.words import is_share
from nnbench.model import Status
from nnbench.stats import Interval

Values = tuple[float | None, ...]
QUANTILE = 2.576  # of a 99 % interval
WIDEST = 0.5  # of 1: an interval of a share that is wider holds nearly anything
DEVIATIONS = 2.0  # between seeds: what surely differs by less on average is equal, where no test set sets a limit


@dataclass(frozen=True)
class Gap:
    """How much worse a contender is than the best one, with its 99 % interval; above 0 is worse. None: not known."""

    name: str
    pair: Pair
    by: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Findings:
    """``values`` hold one number a seed of each contender that counts: None where the trial failed, nan where none was.

    ``order`` has the best first, ``best`` those not told apart from it, ``struck`` those left out of it all because
    their implementation fails its checks. Differences surely below ``margin`` are none.
    """

    values: Mapping[str, Values]
    pairs: tuple[Pair, ...]
    order: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    best: tuple[str, ...]
    means: Mapping[str, Interval]
    margin: float
    better: str
    struck: tuple[str, ...]
    untried: tuple[str, ...]

    @property
    def seeds(self) -> int:
        """How many trials the contender with the most of them was given."""
        return max((sum(not _is_missing(one) for one in members) for members in self.values.values()), default=0)

    @property
    def close(self) -> tuple[str, ...]:
        """Those of the best that are surely equal to it, or on average no further off than the margin."""
        return tuple(name for name in self.best if name == self.order[0] or self._is_close(self.gap(name)))

    @property
    def tied(self) -> tuple[str, ...]:
        """The best and those that surely equal it."""
        return tuple(one for one in self.close if one == self.order[0] or self.gap(one).pair.verdict == "equal")

    def _is_close(self, gap: Gap) -> bool:
        return gap.pair.verdict == "equal" or (gap.by is not None and gap.by <= self.margin)

    def gap(self, name: str, to: str = "") -> Gap:
        """How much worse a contender is than the best, or than another."""
        other = to or self.order[0]
        pair = next(one for one in self.pairs if {one.a, one.b} == {name, other})
        sign = (1.0 if pair.a == other else -1.0) * (1.0 if self.better == "more" else -1.0)
        if pair.difference is None or pair.low is None or pair.high is None:
            return Gap(name, pair, None if pair.difference is None else sign * pair.difference, None, None)
        low, high = sorted((sign * pair.low, sign * pair.high))
        return Gap(name, pair, sign * pair.difference, low, high)


def findings(experiment: Experiment) -> Findings:
    """Compare all contenders that were tried and whose implementation passes its checks."""
    everyone = values(experiment)
    struck = tuple(name for name in everyone if is_struck(experiment, name))
    untried = tuple(name for name, members in everyone.items() if all(map(_is_missing, members)))
    compared = {name: members for name, members in everyone.items() if name not in struck + untried}
    room = margin(experiment)
    pairs = tuple(_pairs(experiment, compared, room))
    order = tuple(comparison.order(compared, experiment.better))
    return Findings(
        values=compared,
        pairs=pairs,
        order=order,
        groups=comparison.groups(order, pairs) if order else (),
        best=comparison.best_set(compared, pairs, experiment.better) if order else (),
        means=_means(experiment, compared),
        margin=room,
        better=experiment.better,
        struck=struck,
        untried=untried,
    )


def _pairs(experiment: Experiment, compared: Mapping[str, Values], room: float) -> list[Pair]:
    """Pairs by the logarithm of the error, or of the loss; what shares differ by is no more than the larger of them."""
    is_of_shares = is_share(experiment.metric)
    ideal = {"more": 1.0 if is_of_shares else None, "less": 0.0}[experiment.better]
    least = comparison.LEAST if experiment.protocol.get("margin") is None else 1.0  # who says what matters is believed
    found = comparison.pairs(compared, experiment.better, room, ideal, least)
    if not is_of_shares:
        return found
    means = {name: one.estimate for name, one in comparison.intervals(compared).items()}
    return [_within(one, max(means.get(one.a, 1.0), means.get(one.b, 1.0))) for one in found]


def _within(pair: Pair, most: float) -> Pair:
    """The pair with ends that shares can have."""
    if pair.low is None or pair.high is None:
        return pair
    return replace(pair, low=max(pair.low, -most), high=min(pair.high, most))


def _means(experiment: Experiment, compared: Mapping[str, Values]) -> dict[str, Interval]:
    return {name: possible(experiment.metric, one) for name, one in comparison.intervals(compared).items()}


def possible(metric: str, mean: Interval) -> Interval:
    """The interval of a mean with ends that there can be: those of a share lie between 0 and 1."""
    if not is_share(metric) or math.isinf(mean.low):
        return mean
    return Interval(mean.estimate, max(mean.low, min(0.0, mean.estimate)), min(mean.high, max(1.0, mean.estimate)))


def values(experiment: Experiment, metric: str = "") -> dict[str, Values]:
    """By contender its last value of each seed, all in the same order of seeds; None: failed, nan: no such trial."""
    seeds = sorted({one.trial.seed for one in experiment.outcomes})
    name = metric or experiment.metric
    found: dict[str, Values] = {}
    for one in experiment.contenders:
        by_seed = {outcome.trial.seed: _value(outcome, name) for outcome in experiment.of(one.name)}
        found[one.name] = tuple(by_seed.get(seed, math.nan) for seed in seeds)
    return found


def _value(outcome: Outcome, metric: str) -> float | None:
    if outcome.status == Status.SKIPPED:
        return math.nan
    value = outcome.last(metric) if outcome.status == Status.OK else None
    return value if value is not None and math.isfinite(value) else None


def _is_missing(value: float | None) -> bool:
    return value is not None and math.isnan(value)


def is_vague(metric: str, mean: Interval) -> bool:
    """Whether the interval of a mean says nothing: as wide as half of all shares, or a loss that could be below 0.

    That of one seed has infinite ends, and of two it is often like this.
    """
    return mean.high - mean.low > WIDEST if is_share(metric) else math.isinf(mean.low) or mean.low < 0 < mean.estimate


def is_struck(experiment: Experiment, contender: str) -> bool:
    """Whether the implementation behind a contender fails its checks: its numbers say nothing."""
    checked = experiment.checks.get(contender)
    return bool(checked and checked.failed)


def margin(experiment: Experiment) -> float:
    """A difference that is surely below this is none.

    Of accuracies: half the 99 % interval that the number of test samples leaves the best mean. Of all else:
    ``DEVIATIONS`` times the deviation between seeds, as the contenders have it in common. ``margin`` of the protocol
    stands above both.
    """
    given = experiment.protocol.get("margin")
    if given is not None:
        return float(given)
    return sampling(experiment) or DEVIATIONS * _deviation(values(experiment))


def sampling(experiment: Experiment) -> float:
    """Half the 99 % interval of the best mean accuracy that comes from the test samples alone; 0 where unknown."""
    samples = int(experiment.protocol.get("test_samples") or 0)
    found = {name: members for name, members in values(experiment).items() if not is_struck(experiment, name)}
    means = [one.estimate for one in comparison.intervals(found).values()]
    if not samples or not means or not is_share(experiment.metric) or not experiment.metric.startswith("test_"):
        return 0.0
    best = max(means) if experiment.better == "more" else min(means)
    return QUANTILE * math.sqrt(max(best * (1 - best), 0.25 / samples) / samples)


def _deviation(found: Mapping[str, Values]) -> float:
    """The median over contenders of the standard deviation between their finished trials."""
    many = [done for members in found.values() if len(done := comparison.finished(members)) > 1]
    return median([stdev(done) for done in many]) if many else 0.0
