"""The headline where contenders are dropout rates: which rates are best, and whether there is any benefit at all."""

from __future__ import annotations

from collections.abc import Sequence

from nnbench.experiments.findings import Findings, Gap
from nnbench.experiments.records import Contender, Experiment
from nnbench.experiments.words import apart, number, span, title

DROPOUT = "dropout"


def is_about_dropout(experiment: Experiment) -> bool:
    """Whether all contenders are dropout rates, one of them 0."""
    levels = [one.level for one in experiment.contenders]
    named = experiment.factor == DROPOUT or experiment.factor.startswith("arguments.dropout")
    return named and None not in levels and 0.0 in levels


def headline(experiment: Experiment, found: Findings) -> str:
    """Empty where this is not about dropout, or training without it cannot be judged."""
    if not is_about_dropout(experiment):
        return ""
    none = next(one.name for one in experiment.contenders if one.level == 0)
    if none not in found.means:
        return ""
    return _no_benefit(experiment, found, none) if none in found.best else _benefit(experiment, found, none)


def _no_benefit(experiment: Experiment, found: Findings, none: str) -> str:
    reached = f"{number(experiment.metric, found.means[none].estimate)} {title(experiment.metric)}"
    if found.order[0] == none:
        return f"No benefit here: without dropout {reached}, and no rate reaches more."
    gap, rate = found.gap(none), _rate(experiment, found.order[0])
    if gap.pair.verdict == "equal":
        return f"No benefit here: without dropout {reached}, surely as good as rate {rate}, the best."
    return (
        f"No benefit shown here: without dropout {reached}; {rate}, the best rate, is {_ahead(experiment, gap)} ahead, "
        f"which {found.seeds} seeds cannot tell from 0."
    )


def _benefit(experiment: Experiment, found: Findings, none: str) -> str:
    told = written([_rate(experiment, name) for name in _by_level(experiment, found.close)])
    many = "tie for the best rate" if found.tied == found.close else "are not told apart as the best rates"
    verb = "is the best rate" if len(found.close) == 1 else many
    return f"Dropout helps: {told} {verb}, {_ahead(experiment, found.gap(none))} ahead of none."


def _ahead(experiment: Experiment, gap: Gap) -> str:
    if gap.by is None or gap.low is None or gap.high is None:
        return "more often"
    ends = span(experiment.metric, gap.low, gap.high)
    return f"{apart(experiment.metric, gap.by)} (99 % interval {ends})"


def _by_level(experiment: Experiment, names: Sequence[str]) -> list[str]:
    levels = {one.name: one.level or 0.0 for one in experiment.contenders}
    return sorted(names, key=levels.__getitem__)


def _rate(experiment: Experiment, name: str) -> str:
    return next(f"{_level(one):g}" for one in experiment.contenders if one.name == name)


def _level(one: Contender) -> float:
    return one.level or 0.0


def written(rates: Sequence[str]) -> str:
    """Rates in a row.

    >>> written(["0.1", "0.2", "0.3"]), written(["0.2"])
    ('0.1, 0.2 and 0.3', '0.2')
    """
    *head, last = rates
    return f"{', '.join(head)} and {last}" if head else last
