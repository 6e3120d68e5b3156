"""What an experiment says, in sentences: who is best, who ties, who is worse and by how much."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nnbench.errors import listing
from nnbench.experiments import rates
from nnbench.experiments.findings import Findings, Gap, findings, sampling
from nnbench.experiments.records import Experiment, Outcome
from nnbench.experiments.words import apart, is_share, number, probability, span, title
from nnbench.model import Status

NAMED = 3  # losers that a headline names one by one
FEW = 2  # ties that are told in a sentence each
TOLD = 12  # losers that are told in a sentence each
JOINTS = re.compile(r", |; | and ").search  # what in a name would read as the end of it
QUOTES = ("\N{LEFT DOUBLE QUOTATION MARK}", "\N{RIGHT DOUBLE QUOTATION MARK}")
# Factors whose contenders each have a learning rate of their own that suits them best.
RATED = ("optimizers", "optimizer", "schedulers", "scheduler", "batch-size", "batch_size", "normalization")


@dataclass(frozen=True)
class Verdict:
    """The answer in one sentence, its evidence in others, and who is not told apart from whom, best first.

    ``caveat`` is that one of the sentences without which nobody should take the answer, empty where there is none.
    """

    headline: str
    sentences: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    caveat: str = ""


def verdict(experiment: Experiment) -> Verdict:
    """Equal experiments give equal verdicts; one without a single number says why there is none."""
    found = findings(experiment)
    caveat = _untuned(experiment, found) or _cut_short(experiment, found)
    told = (
        *([caveat] if caveat else []),
        *_few(found),
        *(_losers(experiment, found) if not _are_named(experiment, found) else ()),
        *_ties(experiment, found),
        *_failures(experiment),
        *_struck(found),
        *_untried(found),
        *_limits(experiment, found),
    )
    return Verdict(_headline(experiment, found), told, found.groups, caveat)


def _headline(experiment: Experiment, found: Findings) -> str:
    if not found.means:
        return f"Nothing to tell: {_why_nothing(found)}."
    if len(found.order) == 1:
        only = found.order[0]
        return f"{named(only)} alone came to {_mean(experiment, found, only)}: there is nothing to compare it with."
    if found.seeds < 2:
        return (
            f"One seed cannot tell: {named(found.order[0])} is ahead with {_mean(experiment, found, found.order[0])}."
        )
    return rates.headline(experiment, found) or _of_names(experiment, found)


def _why_nothing(found: Findings) -> str:
    if found.values:
        return "no trial came to its end"
    return "no implementation passes its checks" if found.struck else "no trial took place"


def _of_names(experiment: Experiment, found: Findings) -> str:
    close, others = found.close, [name for name in found.order if name not in found.best]
    unsettled = [found.gap(name) for name in found.best if name not in close]
    parts = list(_leaders(experiment, found, close, bool(others)))
    parts += [_worse(experiment, found, others)] if others else []
    parts += [_unsettled(experiment, found, unsettled)] if unsettled else []
    return f"{'; '.join(parts)}."


def _leaders(experiment: Experiment, found: Findings, close: tuple[str, ...], are_others: bool) -> Iterator[str]:
    """Who is best, who surely equals it, and who is so close behind that these seeds cannot tell."""
    tied = found.tied
    if len(close) == 1:
        verb = "is best" if close == found.best else "is ahead"
        yield f"{named(close[0])} {verb} with {_mean(experiment, found, close[0])}"
        return
    alone = len(tied) == 1
    names = close if alone else tied
    level = _level(experiment, found, names)
    if close == found.best and not are_others:
        said = "are at" if alone else "tie at"
        yield f"No difference that {_seeds(found.seeds)} could tell: {_short(found, names)} {said} {level}"
    elif alone:
        yield f"{_seeds(found.seeds)} cannot tell {_short(found, names)} apart: {level}"
    else:
        yield f"{_short(found, names)} tie at {level}"
    near = [found.gap(name) for name in close if name not in names]
    if near:
        told = [_behind_in_brackets(experiment, gap) for gap in near]
        yield f"{listing(told) if len(told) <= NAMED else f'{len(told)} more'} cannot be told from them"


def _unsettled(experiment: Experiment, found: Findings, gaps: list[Gap]) -> str:
    """Those whose means lie behind, when chance between the seeds may be all that there is to it."""
    told, are = [_behind_in_brackets(experiment, gap) for gap in gaps], "looks" if len(gaps) == 1 else "look"
    names = listing(told) if len(told) <= NAMED else f"the {len(told)} after it, from {told[0]} to {told[-1]},"
    return f"{names} {are} worse, but {_seeds(found.seeds)} are too few to be sure"


def _behind_in_brackets(experiment: Experiment, gap: Gap) -> str:
    return f"{named(gap.name)} ({apart(experiment.metric, gap.by)} behind)" if gap.by is not None else named(gap.name)


def _seeds(number_of: int) -> str:
    return f"{number_of} {'seed' if number_of == 1 else 'seeds'}"


def _short(found: Findings, names: tuple[str, ...]) -> str:
    if len(names) <= 2 * NAMED:
        return listing(map(named, names))
    if len(names) == len(found.order):
        return f"all {len(names)} contenders"
    return f"{len(names)} of {len(found.order)} contenders"


def named(contender: str) -> str:
    """A name as it stands in a sentence: in quotes where it could be taken for more than one.

    >>> named("Adam"), named("Xavier, uniform")
    ('Adam', '“Xavier, uniform”')
    """
    opening, closing = QUOTES if JOINTS(contender) else ("", "")
    return f"{opening}{contender}{closing}"


def _level(experiment: Experiment, found: Findings, names: tuple[str, ...]) -> str:
    """What these reached: one number where it is the same as told."""
    means = sorted(found.means[name].estimate for name in names if name in found.means)
    ends = list(dict.fromkeys(number(experiment.metric, value) for value in (means[0], means[-1])))
    if is_share(experiment.metric):
        ends[:-1] = [end.removesuffix(" %") for end in ends[:-1]]
    return f"{' to '.join(ends)} {title(experiment.metric)}"


def _mean(experiment: Experiment, found: Findings, name: str) -> str:
    return f"{number(experiment.metric, found.means[name].estimate)} {title(experiment.metric)}"


def _worse(experiment: Experiment, found: Findings, names: list[str]) -> str:
    gaps = [found.gap(name) for name in names]
    if len(gaps) <= NAMED:
        return "; ".join(_loses(experiment, found, gap) for gap in gaps)
    known = [gap for gap in gaps if gap.by is not None]
    if not known:
        return f"the other {len(gaps)} never finish"
    first, last = known[0], known[-1]
    never = len(gaps) - len(known)
    lost = f" ({never} of them never finish)" if never else ""
    ends = [f"{named(gap.name)} by {apart(experiment.metric, gap.by or 0)}" for gap in (first, last)]
    return f"the other {len(gaps)} are worse{lost}: from {ends[0]} to {ends[1]}"


def _loses(experiment: Experiment, found: Findings, gap: Gap) -> str:
    if never(found, gap.name):
        return f"{named(gap.name)} never finishes"
    if gap.by is None or gap.low is None or gap.high is None or gap.by <= 0:
        return f"{named(gap.name)} is worse: it fails more often"
    ends = span(experiment.metric, gap.low, gap.high)
    return f"{named(gap.name)} is worse by {apart(experiment.metric, gap.by)} (99 % interval {ends})"


def never(found: Findings, name: str) -> bool:
    """Whether no trial of a contender came to its end."""
    return name not in found.means


def _are_named(experiment: Experiment, found: Findings) -> bool:
    """Whether the headline tells of every loser already."""
    return len(found.order) - len(found.best) <= NAMED and not rates.headline(experiment, found)


def _losers(experiment: Experiment, found: Findings) -> Iterator[str]:
    """Each that finishes and is worse than the best, with how sure that is."""
    best = named(found.order[0]) if found.order else ""
    for name in [name for name in found.order if name not in found.best and name in found.means][:TOLD]:
        gap = found.gap(name)
        if gap.by is not None and gap.low is not None and gap.high is not None and gap.by > 0:
            ends = span(experiment.metric, gap.low, gap.high)
            by, sure = apart(experiment.metric, gap.by), probability(gap.pair.p_adjusted)
            yield f"{named(name)} is worse than {best} by {by} (99 % interval {ends}, corrected {sure})."
        else:
            yield f"{named(name)} is worse than {best}: it fails more often ({probability(gap.pair.p_adjusted)})."


def _ties(experiment: Experiment, found: Findings) -> Iterator[str]:
    """Who is not told apart from the best: surely equal, or not decided, and how many seeds would decide it."""
    if found.seeds < 2 or not found.means:
        return
    gaps = [found.gap(name) for name in found.best[1:]]
    bare = [gap for gap in gaps if gap.low is None]
    equal = [gap for gap in gaps if gap.low is not None and gap.pair.verdict == "equal"]
    open_ = [gap for gap in gaps if gap.low is not None and gap.pair.verdict != "equal"]
    best = named(found.order[0])
    if equal:
        verb, below = "equals" if len(equal) == 1 else "equal", apart(experiment.metric, found.margin)
        told = listing(f"{named(gap.name)} ({_behind(experiment, gap)}, {_ends(experiment, gap)})" for gap in equal)
        yield f"{told} {verb} {best}: surely less than {below} apart."
    if len(open_) > FEW:
        yield f"{_seeds(found.seeds)} cannot tell these from {best}: {'; '.join(_alike(experiment, open_))}."
    else:
        for gap in open_:
            told = f"{_behind(experiment, gap)} ({_ends(experiment, gap)}{_corrected(gap)}){_needed(gap)}"
            yield f"{_seeds(found.seeds)} cannot tell {named(gap.name)} from {best}: {told}."
    if bare:
        yield f"{listing(named(gap.name) for gap in bare)} and {best} share too few finished seeds to be compared."


def _alike(experiment: Experiment, gaps: list[Gap]) -> Iterator[str]:
    """Those of whom the same is to be said, together."""
    by_told: dict[str, list[str]] = {}
    for gap in gaps:
        by_told.setdefault(f"{_behind(experiment, gap)}{_needed(gap)}", []).append(named(gap.name))
    for told, names in by_told.items():
        yield f"{listing(names)}, {told}"


def _ends(experiment: Experiment, gap: Gap) -> str:
    return f"99 % interval {span(experiment.metric, gap.low or 0.0, gap.high or 0.0)}"


def _corrected(gap: Gap) -> str:
    """Why a pair is open whose own interval leaves out 0."""
    low, high, sure = gap.low or 0.0, gap.high or 0.0, probability(gap.pair.p_adjusted)
    return f" by itself, but {sure} among all pairs" if sure and (low > 0 or high < 0) else ""


def _behind(experiment: Experiment, gap: Gap) -> str:
    by = gap.by or 0.0
    told = apart(experiment.metric, abs(by))
    return f"{told} {'worse' if by > 0 else 'better'}" if by else f"{told} apart"


def _needed(gap: Gap) -> str:
    return f", which about {gap.pair.seeds} seeds would settle" if gap.pair.seeds else ""


def _failures(experiment: Experiment) -> Iterator[str]:
    """Who failed how often, and of what the first time; those of whom the same is to be said together."""
    by_cause: dict[tuple[str, str], list[str]] = {}
    for one in experiment.contenders:
        trials = [outcome for outcome in experiment.of(one.name) if outcome.status != Status.SKIPPED]
        failed = [outcome for outcome in trials if outcome.status != Status.OK]
        if failed:
            key = f"failed in {len(failed)} of {len(trials)} trials", _cause(failed[0])
            by_cause.setdefault(key, []).append(one.name)
    for (said, cause), names in by_cause.items():
        yield f"{listing(names)} {said}{' each' * (len(names) > 1)} ({cause})."


def _cause(outcome: Outcome) -> str:
    when = f"after epoch {outcome.epochs[-1].number}" if outcome.epochs else "in its first epoch"
    return f"seed {outcome.trial.seed} {when}: {_line(outcome.note or str(outcome.status))}"


def _line(note: str) -> str:
    """The last line of a note: what a traceback comes to."""
    lines = note.strip().splitlines() or [""]
    return lines[-1][:200]


def _struck(found: Findings) -> Iterator[str]:
    if found.struck:
        fails = "fails its checks and is" if len(found.struck) == 1 else "fail their checks and are"
        yield f"The implementation of {listing(found.struck)} {fails} left out of the comparison."


def _untried(found: Findings) -> Iterator[str]:
    if found.untried:
        yield f"Not compared, for want of trials: {listing(found.untried)}."


def _kind(experiment: Experiment) -> str:
    """The factor without the values that it was given: "optimizer" of "optimizer=Adam,SGD"."""
    return experiment.factor.partition("=")[0].strip()


def _untuned(experiment: Experiment, found: Findings) -> str:
    """An order at one learning rate is not that of contenders which each suit another one best."""
    kind = _kind(experiment)
    if kind not in RATED or experiment.tuning or len(found.means) < 2:
        return ""
    ran = "each ran at its usual one" if kind == "optimizers" else "all ran at the same one"
    return f"Learning rates were not tuned: {ran}. --tune 5 gives all of them as many tries at others."


def _cut_short(experiment: Experiment, found: Findings) -> str:
    """Regularizing pays late: trainings shorter than the recipe's are not the last word on it."""
    epochs, recipe = experiment.protocol.get("epochs"), experiment.protocol.get("recipe")
    whole = recipe.get("epochs") if isinstance(recipe, Mapping) else None
    is_about = rates.is_about_dropout(experiment) or _kind(experiment) in ("regularizers", "regularizer")
    if not is_about or not found.means or not isinstance(epochs, int) or not isinstance(whole, int) or epochs >= whole:
        return ""
    return f"Trained for {epochs} of the recipe's {whole} epochs: longer training may need more regularization."


def _few(found: Findings) -> Iterator[str]:
    if found.seeds == 2 and any(pair.verdict == "undecided" for pair in found.pairs):
        yield "Two seeds say next to nothing about chance: five or more show how far results scatter."


def _limits(experiment: Experiment, found: Findings) -> Iterator[str]:
    """What no number of seeds can settle."""
    half = sampling(experiment)
    if half and found.means:
        samples = int(experiment.protocol["test_samples"])
        yield (
            f"One test set of {samples:,} samples gives an accuracy only to ± {apart(experiment.metric, half)}, "
            "however many seeds there are."
        )
