"""Every contender against every other, seed by seed: better, worse, equal, or not decided by these seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean, variance

from scipy.special import stdtr

from nnbench.comparison.failed import Values, failure_p, finished, never_finishes, superiority, tried
from nnbench.comparison.means import CONFIDENCE, half_width
from nnbench.comparison.power import seeds_to_settle
from nnbench.comparison.scores import Scale, scale
from nnbench.comparison.spreads import Spread, steadied

DECIDED = ("better", "worse")
LEAST = 0.4  # of a margin: a smaller difference is never called one, however many seeds agree on it


@dataclass(frozen=True)
class Pair:
    """Two contenders. ``difference`` is the mean of a less that of b over the seeds that both finished.

    ``low`` and ``high`` are the ends of its 99 % interval, ``p`` says how likely equal contenders differ as much,
    ``p_adjusted`` the same for all pairs together (Holm), ``superiority`` how often a trial of a beats one of b.
    ``verdict`` is of a: better, worse, equal (surely within the margin) or undecided; ``seeds`` is about how many would
    settle what is undecided. None where it cannot be known.
    """

    a: str
    b: str
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None
    superiority: float
    verdict: str
    seeds: int | None = None


@dataclass(frozen=True)
class _Known:
    """What is known of a pair before it is judged.

    ``gains`` say seed by seed how much better a is in score, ``gain`` how much better it is on average in the values'
    own units, which ``unit`` leads back to.
    """

    a: str
    b: str
    left: Values
    right: Values
    gains: tuple[float, ...]
    gain: float
    unit: float
    least: float  # variance: no less than what the steps of the values themselves would give
    spread: Spread | None = None


def pairs(
    values: Mapping[str, Values],
    better: str,
    margin: float = 0.0,
    ideal: float | None = None,
    least: float = LEAST,
) -> list[Pair]:
    """All pairs in the order of ``values``, each a list of one value a seed, the same seeds at the same places.

    None or an infinite value is a failed trial, worse than every number; nan is one that never took place. What is
    surely within ``margin`` is equal. Differences are paired by seed; their spreads steady each other. One is told when
    its corrected p is below 1 %, so that with equal contenders one experiment in a hundred tells any, and when it is
    no trifle (less than ``least`` of the margin). With an ``ideal`` (0 of a loss, 1 of an accuracy), noise is taken to
    be in proportion to the distance from it.
    """
    by = scale(values, better, ideal)
    known = _with_spreads([_known(values, a, b, by) for a, b in combinations(values, 2)], values)
    raw = [_p(one) for one in known]
    by_rule = [_by_rule(one) for one in known]
    corrected = holm([None if rule else p for rule, p in zip(by_rule, raw, strict=True)])
    made = [_pair(*one, by, margin, least * margin) for one in zip(known, raw, corrected, strict=True)]
    return [_with_seeds(pair, one, by, margin, len(values)) for pair, one in zip(made, known, strict=True)]


def _known(values: Mapping[str, Values], a: str, b: str, by: Scale) -> _Known:
    both = _finished(values[a], values[b])
    gains = tuple(by.score(left) - by.score(right) for left, right in both)
    if not both:
        return _Known(a, b, values[a], values[b], gains, 0.0, 1.0, 0.0)
    lefts, rights = zip(*both, strict=True)
    gain = by.sign * (fmean(lefts) - fmean(rights))
    unit = by.unit(lefts, rights)
    least = (by.step * by.steepness(lefts, rights)) ** 2 / 6
    return _Known(a, b, values[a], values[b], gains, gain, unit, least)


def _with_spreads(known: Sequence[_Known], values: Mapping[str, Values]) -> list[_Known]:
    some = [one for one in known if len(one.gains) > 1]
    own = [Spread(max(variance(one.gains), one.least), len(one.gains) - 1) for one in some]
    seeds = max((len(one.gains) for one in some), default=0)
    others = (sum(len(finished(members)) > 1 for members in values.values()) - 2) * (seeds - 1)
    usable = all(one.variance > 0 for one in own)
    found = dict(zip([(one.a, one.b) for one in some], steadied(own, others) if usable else own, strict=True))
    return [replace(one, spread=found.get((one.a, one.b))) for one in known]


def _by_rule(one: _Known) -> str:
    """The verdict where one of them never finishes, whatever a test would say of so few seeds; else empty."""
    if never_finishes(one.left, one.right):
        return "worse"
    return "better" if never_finishes(one.right, one.left) else ""


def _p(one: _Known) -> float | None:
    """Of the means, and where a trial failed of the failures too: whichever is smaller, for having looked twice."""
    of_means = _p_of_means(one)
    if None not in (*tried(one.left), *tried(one.right)):
        return of_means
    of_failures = failure_p(one.left, one.right)
    return of_failures if of_means is None else min(1.0, 2 * min(of_means, of_failures))


def _p_of_means(one: _Known) -> float | None:
    if one.spread is None:
        return None
    mean = fmean(one.gains)
    if one.spread.variance == 0:
        return 0.0 if mean else 1.0
    return 2 * float(stdtr(one.spread.freedom, -abs(mean) / math.sqrt(one.spread.variance / len(one.gains))))


def holm(found: Sequence[float | None]) -> list[float | None]:
    """Probabilities corrected for there being several (Holm, 1979); None stays None and counts for nothing.

    >>> holm([0.01, 0.04, None, 0.03])
    [0.03, 0.06, None, 0.06]
    """
    places = sorted((p, place) for place, p in enumerate(found) if p is not None)
    corrected: list[float | None] = [None] * len(found)
    least = 0.0
    for before, (p, place) in enumerate(places):
        least = corrected[place] = max(least, min(1.0, p * (len(places) - before)))
    return corrected


def _pair(one: _Known, p: float | None, corrected: float | None, by: Scale, margin: float, least: float) -> Pair:
    ends = _ends(one, by)
    won = superiority(one.left, one.right, "more" if by.sign > 0 else "less")
    verdict = _verdict(one, None if _is_trifle(one, least) else corrected, won, ends, margin)
    difference = by.sign * one.gain if one.gains else None
    told = _narrower(one, by, ends) if ends else None
    low, high = sorted(by.sign * end for end in told) if told else (None, None)
    return Pair(one.a, one.b, difference, low, high, p, corrected, won, verdict)


def _ends(one: _Known, by: Scale) -> tuple[float, float] | None:
    """The ends of the 99 % interval of the gain, in the values' own units."""
    if one.spread is None:
        return None
    return by.ends(fmean(one.gains), half_width(one.spread, len(one.gains)), one.gain, one.unit)


def _narrower(one: _Known, by: Scale, ends: tuple[float, float]) -> tuple[float, float]:
    """The interval as it is told: that of the differences themselves where it is narrower and as sure of the sign.

    The one in score takes both contenders' noise for alike, which is far too much where the worse one is the steadier.
    """
    found = [by.sign * (left - right) for left, right in _finished(one.left, one.right)]
    if len(found) < 2 or by.ideal is None:
        return ends
    half = half_width(Spread(max(variance(found), by.step**2 / 6), len(found) - 1), len(found))
    plain = one.gain - half, one.gain + half
    is_as_sure = (plain[0] <= 0 <= plain[1]) == (ends[0] <= 0 <= ends[1])
    return plain if is_as_sure and 2 * half < ends[1] - ends[0] else ends


def _finished(left: Values, right: Values) -> list[tuple[float, float]]:
    """The values of the seeds that both finished."""
    both = zip(left, right, strict=False)
    return [(a, b) for a, b in both if a is not None and b is not None and math.isfinite(a) and math.isfinite(b)]


def _verdict(one: _Known, corrected: float | None, won: float, ends: tuple[float, float] | None, margin: float) -> str:
    if rule := _by_rule(one):
        return rule
    if corrected is not None and corrected < 1 - CONFIDENCE:
        told, by_all = _direction(one, ends), won - 0.5
        return ("better" if told > 0 else "worse") if told * by_all > 0 else "undecided"
    is_within = ends is not None and max(map(abs, ends)) < margin
    return "equal" if is_within and _fail_alike(one) else "undecided"


def _is_trifle(one: _Known, least: float) -> bool:
    return bool(one.gains) and abs(one.gain) < least and _fail_alike(one)


def _direction(one: _Known, ends: tuple[float, float] | None) -> float:
    """Above 0 where a is better by what decides: the means, or the failures where they say more. 0: neither does."""
    of_means = _p_of_means(one)
    if ends is not None and of_means is not None and of_means <= failure_p(one.left, one.right):
        return 0.0 if ends[0] <= 0 <= ends[1] else one.gain
    left, right = tried(one.left), tried(one.right)
    return right.count(None) / len(right) - left.count(None) / len(left)


def _fail_alike(one: _Known) -> bool:
    return tried(one.left).count(None) == tried(one.right).count(None)


def _with_seeds(pair: Pair, one: _Known, by: Scale, margin: float, contenders: int) -> Pair:
    if pair.verdict != "undecided" or one.spread is None or not _fail_alike(one):
        return pair
    room, among = by.scored(margin, one.unit), contenders * (contenders - 1) // 2
    seeds = seeds_to_settle(fmean(one.gains), one.spread.variance, room, among, contenders)
    return replace(pair, seeds=None if seeds is None else max(seeds, len(one.gains) + 1))
