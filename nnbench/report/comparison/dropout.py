"""What a comparison of dropout rates is for: which rate to take, what it does to overfitting and to calibration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import fmean

from nnbench import comparison
from nnbench.errors import listing
from nnbench.experiments.findings import Findings, findings, values
from nnbench.experiments.rates import is_about_dropout
from nnbench.experiments.records import Contender, Experiment, Outcome
from nnbench.experiments.words import apart, number, span, title
from nnbench.report.comparison.by_level import Quantity, figure, known, level, of
from nnbench.report.comparison.order import placed
from nnbench.report.comparison.scales import POINTS
from nnbench.report.comparison.section import Alert, Figures, Part, Section
from nnbench.report.comparison.written import capital, difference
from nnbench.report.grids import NOTHING, Cell, Column, Grid, Group, Row
from nnbench.report.words import plural

RATE = "dropout rate"
CALIBRATION = of("calibration", "calibration_error", "Calibration error")
LIKELIHOOD = of("likelihood", "test_loss", "Test loss (negative log-likelihood)")
TRAINED, TESTED = "train_accuracy", "test_accuracy"


def dropout_section(experiment: Experiment) -> Section | None:
    """None where the contenders are not dropout rates."""
    if not is_about_dropout(experiment) or len(experiment.contenders) < 2:
        return None
    found = findings(experiment)
    parts: tuple[Part, ...] = (
        *recommendation(experiment, found),
        *_figures(experiment, found),
        _grid(experiment, found),
    )
    return Section("dropout", "Which rate to take", "Rates", parts)


def recommendation(experiment: Experiment, found: Findings) -> list[Part]:
    """What to do, on what evidence, and what would make it worthless."""
    if not found.means or found.seeds < 2:
        return ["No recommendation: that takes two seeds or more that come to their end."]
    return [_advice(experiment, found), *_overfitting(experiment), *_calibration(experiment, found)]


def _cut_short(experiment: Experiment) -> str:
    """What is to be said of trainings shorter than the recipe's: regularizing pays late."""
    epochs, recipe = experiment.protocol.get("epochs"), experiment.protocol.get("recipe")
    whole = recipe.get("epochs") if isinstance(recipe, Mapping) else None
    if not isinstance(epochs, int) or not isinstance(whole, int) or epochs >= whole:
        return ""
    return f", after {epochs} of the recipe's {whole} epochs; longer ones may need more of it"


def _advice(experiment: Experiment, found: Findings) -> str:
    said = _without_or_not(experiment, found) if _without(experiment) in found.best else _taken(experiment, found)
    trained = plural(sum(map(len, known(experiment, _judged(experiment)).values())), "training")
    return f"{said} The evidence is {trained} that came to their end{_cut_short(experiment)}."


def _rates(experiment: Experiment, found: Findings, *but: str) -> tuple[str, str]:
    """The rates not told apart from the best except for some, in words, and their verb."""
    there = [level(one) for _, one in placed(experiment) if one.name in found.best and one.name not in but]
    return (listing(there) if there else "", "is" if len(there) == 1 else "are")


def _without_or_not(experiment: Experiment, found: Findings) -> str:
    """Where training without dropout is not told apart from the best."""
    none, best = _without(experiment), found.order[0]
    if _is_settled(found, none):
        also, are = _rates(experiment, found, none, best)
        told = f" Not told apart from the best {are} also {also}." if also else ""
        return f"Leave dropout out: no rate is shown to be better than 0.{told}"
    peers, are = _rates(experiment, found, best)
    average = f"{_rate_of(experiment, best)} is best on average, but {peers} {are} not told apart from it"
    return f"Not settled: {average}. Training without dropout is simplest."


def _taken(experiment: Experiment, found: Findings) -> str:
    """Where a rate is better than none, or none is not known."""
    none, best = _without(experiment), found.order[0]
    peers, are = _rates(experiment, found, best)
    also = f" ({peers} {are} not told apart from it)" if peers else ""
    take = f"Take {_rate_of(experiment, best)}{also}"
    gap = found.gap(none) if none in found.values else None
    if gap is None or gap.by is None or gap.low is None or gap.high is None:
        return f"{take}."
    ahead = f"{apart(experiment.metric, gap.by)} (99 % interval {span(experiment.metric, gap.low, gap.high)})"
    return f"{take}: it is {ahead} better than none."


def _rate_of(experiment: Experiment, name: str) -> str:
    return next(level(one) for one in experiment.contenders if one.name == name)


def _is_settled(found: Findings, none: str) -> bool:
    """Whether training without dropout surely equals the best, or is it with no rate that might be better."""
    return set(found.best) <= set(found.tied) if none == found.order[0] else none in found.tied


def _without(experiment: Experiment) -> str:
    return next(one.name for one in experiment.contenders if one.level == 0)


def _judged(experiment: Experiment) -> Quantity:
    return of("metric", experiment.metric, capital(title(experiment.metric)))


def _gap(outcome: Outcome) -> float | None:
    """How much more of the training samples is right than of the test samples."""
    trained, tested = outcome.last(TRAINED), outcome.last(TESTED)
    return None if trained is None or tested is None else trained - tested


GAP = Quantity("gap", POINTS, "Training less test accuracy", _gap)


def _overfitting(experiment: Experiment) -> Iterator[Part]:
    """Whether there is any overfitting to be cured."""
    none = _without(experiment)
    gap = comparison.intervals(known(experiment, GAP)).get(none)
    if gap is None:
        return
    epochs = plural(max(one.trial.epochs for one in experiment.outcomes), "epoch")
    told = f"training less test accuracy is {difference(TESTED, gap.estimate)}"
    if math.isfinite(gap.low):
        told += f" (99 % interval {span(TESTED, gap.low, gap.high)})"
    if gap.low > 0:
        yield f"There is overfitting to cure: without dropout, {told} after {epochs}."
    else:
        yield Alert(
            f"No overfitting is shown yet: without dropout, {told} after {epochs}. Longer training may change that."
        )


def _calibration(experiment: Experiment, judged: Findings) -> Iterator[str]:
    """Which rate's probabilities can be trusted most, where that can be told from training without dropout."""
    metric, none = CALIBRATION.metric, _without(experiment)
    found = {name: members for name, members in values(experiment, metric).items() if comparison.finished(members)}
    if none not in found or len(found) < 2:
        return
    pairs = comparison.pairs(found, "less", ideal=0.0)
    best = comparison.order(found, "less")[0]
    means = {name: fmean(comparison.finished(members)) for name, members in found.items()}
    without = f"by {apart(metric, means[none])} without dropout"
    if best != none and frozenset((best, none)) in comparison.apart(pairs):
        costs = _costs(experiment, judged, best)
        yield f"Probabilities are calibrated best with {best}: off by {apart(metric, means[best])}, {without}{costs}."
    else:
        yield f"No rate is shown to calibrate the probabilities better: they are off {without}."


def _costs(experiment: Experiment, judged: Findings, name: str) -> str:
    """What a rate that is not among the best by the metric that decides loses of it."""
    by = judged.gap(name).by if name in judged.values and name not in judged.best else None
    if by is None:
        return ""
    return f"; but its {title(experiment.metric)} is {apart(experiment.metric, by)} worse than that of the best"


def _figures(experiment: Experiment, found: Findings) -> Iterator[Figures]:
    shaded = "Shaded: not told apart from the best." if found.best else ""
    drawn = [
        figure(
            experiment, _judged(experiment), RATE, found.best, f"A dot is a seed, the bar a 99 % interval. {shaded}"
        ),
        figure(
            experiment, GAP, RATE, note="In points. Above 0 the network knows its training samples better: it overfits."
        ),
        figure(
            experiment, CALIBRATION, RATE, note="How far its probabilities lie from how often it is right, on average."
        ),
        figure(experiment, LIKELIHOOD, RATE, note="Being wrong and sure of it costs most.")
        if experiment.metric != LIKELIHOOD.metric
        else None,
    ]
    members = tuple(one for one in drawn if one)
    if members:
        yield Figures(members)


def _grid(experiment: Experiment, found: Findings) -> Grid:
    quantities = [one for one in (GAP, CALIBRATION, LIKELIHOOD) if known(experiment, one)]
    columns = (
        Column("Rate"),
        Column(capital(title(experiment.metric)), True),
        Column("Worse than the best", True),
        *(Column(one.title, True) for one in quantities),
    )
    rows = tuple(_row(experiment, found, one, quantities) for _, one in placed(experiment))
    return Grid("dropout", "Means over the seeds that came to their end", columns, (Group(rows),), is_sortable=True)


def _row(experiment: Experiment, found: Findings, one: Contender, quantities: list[Quantity]) -> Row:
    mean = found.means.get(one.name)
    reached = NOTHING if mean is None else Cell(number(experiment.metric, mean.estimate), value=mean.estimate)
    others = tuple(_mean(experiment, one, quantity) for quantity in quantities)
    return Row(Cell(level(one)), (reached, _against(experiment, found, one.name), *others))


def _against(experiment: Experiment, found: Findings, name: str) -> Cell:
    if name not in found.values or not found.means:
        return NOTHING
    if name == found.order[0]:
        return Cell("best", value=0.0, tone="good")
    gap = found.gap(name)
    if gap.by is None or gap.low is None or gap.high is None:
        return NOTHING
    detail = "not told apart" if name in found.best else f"{span(experiment.metric, gap.low, gap.high)}"
    return Cell(apart(experiment.metric, gap.by), detail, gap.by, "" if name in found.best else "bad")


def _mean(experiment: Experiment, one: Contender, quantity: Quantity) -> Cell:
    members = known(experiment, quantity).get(one.name, [])
    if not members:
        return NOTHING
    mean = fmean(members)
    text = difference(TESTED, mean) if quantity is GAP else number(quantity.metric, mean)
    return Cell(text, value=mean if math.isfinite(mean) else None)
