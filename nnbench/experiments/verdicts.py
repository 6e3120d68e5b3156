"""What an experiment says, in sentences: who is best, who ties, who is worse and by how much."""

from __future__ import annotations

from collections.abc import Iterator
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


@dataclass(frozen=True)
class Verdict:
    """The answer in one sentence, its evidence in others, and who is not told apart from whom, best first."""

    headline: str
    sentences: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]


def verdict(experiment: Experiment) -> Verdict:
    """Equal experiments give equal verdicts; one without a single number says why there is none."""
    found = findings(experiment)
    told = (
        *(_losers(experiment, found) if not _are_named(experiment, found) else ()),
        *_ties(experiment, found),
        *_failures(experiment),
        *_struck(found),
        *_untried(found),
        *_untuned(experiment, found),
        *_limits(experiment, found),
    )
    return Verdict(_headline(experiment, found), told, found.groups)


def _headline(experiment: Experiment, found: Findings) -> str:
    if not found.means:
        return f"Nothing to tell: {_why_nothing(found)}."
    if len(found.order) == 1:
        only = found.order[0]
        return f"{only} alone came to {_mean(experiment, found, only)}: there is nothing to compare it with."
    if found.seeds < 2:
        return f"One seed cannot tell: {found.order[0]} is ahead with {_mean(experiment, found, found.order[0])}."
    return rates.headline(experiment, found) or _of_names(experiment, found)


def _why_nothing(found: Findings) -> str:
    if found.values:
        return "no trial came to its end"
    return "no implementation passes its checks" if found.struck else "no trial took place"


def _of_names(experiment: Experiment, found: Findings) -> str:
    close, others = found.close, [name for name in found.order if name not in found.best]
    unsettled = [found.gap(name) for name in found.best if name not in close]
    parts = [_leaders(experiment, found, close, bool(others))]
    parts += [_worse(experiment, found, others)] if others else []
    parts += [f"{_seeds(found.seeds)} cannot settle {_unsettled(experiment, unsettled)}"] if unsettled else []
    return f"{'; '.join(parts)}."


def _leaders(experiment: Experiment, found: Findings, close: tuple[str, ...], are_others: bool) -> str:
    if len(close) == 1:
        verb = "is best" if close == found.best else "is ahead"
        return f"{close[0]} {verb} with {_mean(experiment, found, close[0])}"
    tie = f"{_short(close)} tie at {_level(experiment, found)}"
    all_tie = close == found.best and not are_others
    return f"No difference that {_seeds(found.seeds)} could tell: {tie}" if all_tie else tie


def _unsettled(experiment: Experiment, gaps: list[Gap]) -> str:
    told = [f"{gap.name}, {_behind(experiment, gap)}" if gap.by is not None else gap.name for gap in gaps]
    return listing(told) if len(told) <= NAMED else f"the {len(told)} after it, from {told[0]}, to {told[-1]}"


def _seeds(number_of: int) -> str:
    return f"{number_of} {'seed' if number_of == 1 else 'seeds'}"


def _short(names: tuple[str, ...]) -> str:
    return listing(names) if len(names) <= 2 * NAMED else f"all {len(names)} contenders"


def _level(experiment: Experiment, found: Findings) -> str:
    """What those that tie reached: one number where it is the same as told."""
    means = sorted(found.means[name].estimate for name in found.close if name in found.means)
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
    ends = [f"{gap.name} by {apart(experiment.metric, gap.by or 0)}" for gap in (first, last)]
    return f"the other {len(gaps)} are worse{lost}: from {ends[0]} to {ends[1]}"


def _loses(experiment: Experiment, found: Findings, gap: Gap) -> str:
    if never(found, gap.name):
        return f"{gap.name} never finishes"
    if gap.by is None or gap.low is None or gap.high is None or gap.by <= 0:
        return f"{gap.name} is worse: it fails more often"
    ends = span(experiment.metric, gap.low, gap.high)
    return f"{gap.name} is worse by {apart(experiment.metric, gap.by)} (99 % interval {ends})"


def never(found: Findings, name: str) -> bool:
    """Whether no trial of a contender came to its end."""
    return name not in found.means


def _are_named(experiment: Experiment, found: Findings) -> bool:
    """Whether the headline tells of every loser already."""
    return len(found.order) - len(found.best) <= NAMED and not rates.headline(experiment, found)


def _losers(experiment: Experiment, found: Findings) -> Iterator[str]:
    """Each that finishes and is worse than the best, with how sure that is."""
    for name in [name for name in found.order if name not in found.best and name in found.means][:TOLD]:
        gap = found.gap(name)
        if gap.by is not None and gap.low is not None and gap.high is not None and gap.by > 0:
            ends = span(experiment.metric, gap.low, gap.high)
            by, sure = apart(experiment.metric, gap.by), probability(gap.pair.p_adjusted)
            yield f"{name} is worse than {found.order[0]} by {by} (99 % interval {ends}, corrected {sure})."
        else:
            yield f"{name} is worse than {found.order[0]}: it fails more often ({probability(gap.pair.p_adjusted)})."


def _ties(experiment: Experiment, found: Findings) -> Iterator[str]:
    """Who is not told apart from the best: surely equal, or not decided, and how many seeds would decide it."""
    if found.seeds < 2 or not found.means:
        return
    gaps = [found.gap(name) for name in found.best[1:]]
    bare = [gap for gap in gaps if gap.low is None]
    equal = [gap for gap in gaps if gap.low is not None and gap.pair.verdict == "equal"]
    open_ = [gap for gap in gaps if gap.low is not None and gap.pair.verdict != "equal"]
    best = found.order[0]
    if equal:
        verb, below = "equals" if len(equal) == 1 else "equal", apart(experiment.metric, found.margin)
        told = listing(f"{gap.name} ({_behind(experiment, gap)}, {_ends(experiment, gap)})" for gap in equal)
        yield f"{told} {verb} {best}: surely less than {below} apart."
    if len(open_) > FEW:
        told = "; ".join(f"{gap.name}, {_behind(experiment, gap)}{_needed(gap)}" for gap in open_)
        yield f"{_seeds(found.seeds)} cannot tell these from {best}: {told}."
    else:
        for gap in open_:
            told = f"{_behind(experiment, gap)} ({_ends(experiment, gap)}){_needed(gap)}"
            yield f"{_seeds(found.seeds)} cannot tell {gap.name} from {best}: {told}."
    if bare:
        yield f"{listing(gap.name for gap in bare)} and {best} share too few finished seeds to be compared."


def _ends(experiment: Experiment, gap: Gap) -> str:
    return f"99 % interval {span(experiment.metric, gap.low or 0.0, gap.high or 0.0)}"


def _behind(experiment: Experiment, gap: Gap) -> str:
    by = gap.by or 0.0
    return f"{apart(experiment.metric, abs(by))} {'worse' if by >= 0 else 'better'}"


def _needed(gap: Gap) -> str:
    return f", which about {gap.pair.seeds} seeds would settle" if gap.pair.seeds else ""


def _failures(experiment: Experiment) -> Iterator[str]:
    """Who failed how often, and of what the first time."""
    for one in experiment.contenders:
        trials = [outcome for outcome in experiment.of(one.name) if outcome.status != Status.SKIPPED]
        failed = [outcome for outcome in trials if outcome.status != Status.OK]
        if failed:
            yield f"{one.name} failed in {len(failed)} of {len(trials)} trials ({_cause(failed[0])})."


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


def _untuned(experiment: Experiment, found: Findings) -> Iterator[str]:
    """Optimizers are as good as their learning rates: an order at one rate each is not theirs in general."""
    if experiment.factor in ("optimizers", "optimizer") and not experiment.tuning and len(found.means) > 1:
        yield "Each ran at one learning rate, its usual one; --tune 5 gives all of them as many tries at others."


def _limits(experiment: Experiment, found: Findings) -> Iterator[str]:
    """What no number of seeds can settle."""
    half = sampling(experiment)
    if half and found.means:
        samples = int(experiment.protocol["test_samples"])
        yield (
            f"One test set of {samples:,} samples gives an accuracy only to ± {apart(experiment.metric, half)}, "
            "however many seeds there are."
        )
