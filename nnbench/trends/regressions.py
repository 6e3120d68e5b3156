"""What got worse, and with which commit: exact counters exactly, all else by change points, and duels as evidence.

Pure: series and duels in, findings out. What only the newest run says is a suspicion until a duel has confirmed it.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

import numpy as np

from nnbench.changes import MEMORY_BYTES
from nnbench.metrics import INSTRUCTIONS_SHARE
from nnbench.trends import detect
from nnbench.trends.confirmed import NO_RATIOS, confirmed
from nnbench.trends.evidence import Duel, Ratios
from nnbench.trends.findings import (
    CHANGED,
    COUNTED,
    DATED,
    NEAREST,
    NEWEST,
    SUSPICION,
    WORSE,
    Finding,
    finding,
    is_accuracy,
    is_back,
)
from nnbench.trends.machine_moves import told_once
from nnbench.trends.points import EXACT, Floats, Truths
from nnbench.trends.series import Series

SAME_COMMIT = "both runs are of the same commit: it is not the code"
SHORT_EFFECT = 0.15  # by what the newest of a few runs, too few for statistics, must differ to be suspicious
LEAST_ERROR = 1e-4  # of an accuracy: one of 10,000 samples


def regressions(
    found: Sequence[Series],
    duels: Sequence[Duel] = (),
    commits: Container[str] = (),
    settings: detect.Settings = detect.DEFAULT,
    ratios: Ratios = NO_RATIOS,
) -> tuple[Finding, ...]:
    """Every change of every series, by key and place, and what the newest run alone makes suspicious.

    ``found`` holds the calibration kernels' series, too. Of the duels (oldest first), those count whose later commit is
    one of the series or of ``commits``; ``ratios`` are those that the runs of anchored series are made of.
    """
    kernels = [one for one in found if one.is_kernel]
    rest = [one for one in found if not one.is_kernel]
    moves = told_once(changes(rest, settings), changes(kernels, settings), rest)
    told = sorted(confirmed(moves, duels, rest, commits, ratios), key=lambda one: (one.key, one.place))
    return tuple(_with_what_stands(told))


def changes(found: Sequence[Series], settings: detect.Settings = detect.DEFAULT) -> list[Finding]:
    """The changes of each series by itself."""
    counted = [one for one in found if _is_counted(one)]
    noisy = [one for one in found if len(one) and not _is_counted(one)]
    kept = [np.flatnonzero(_can_be_analysed(one)) for one in noisy]
    parts = [one.part(places) for one, places in zip(noisy, kept, strict=True)]
    dated = detect.many([_analysed(one) for one in parts], settings)
    told = [one for series in counted for one in _counts(series)]
    for part, in_whole, points in zip(parts, kept, dated, strict=True):
        places = [point.index for point in points]
        of_it = [*_changes(part, places), *_suspicion(part, places[-1] if places else 0, settings)]
        told += [replace(one, place=int(in_whole[one.place])) for one in of_it]
    return told


def _is_counted(series: Series) -> bool:
    """CPU instructions are counts, too, but for a few in a thousand."""
    return series.basis == EXACT or series.key.metric == "instructions"


def _counts(series: Series) -> Iterator[Finding]:
    """Each change of a count, however small."""
    share = 0.0 if series.basis == EXACT else INSTRUCTIONS_SHARE
    level = series.values[0] if len(series) else 0.0
    for place in np.flatnonzero(series.values[1:] != series.values[:-1]) + 1:
        value = series.values[place]
        if abs(value - level) > share * abs(level):
            found = finding(series, int(place), float(level), float(value), COUNTED)
            yield _of_no_commit(found) if _is_same_commit(series, int(place)) else found
            level = value


def _of_no_commit(found: Finding) -> Finding:
    return replace(found, verdict=CHANGED, note=SAME_COMMIT)


def _is_same_commit(series: Series, place: int) -> bool:
    """Whether a run and the one before it are of one commit, with nothing changed on top of it.

    Of a machine's own kernels it is never asked: no commit makes them.
    """
    commits, dirty = series.commits, series.dirty
    if series.is_kernel:
        return False
    return bool(commits[place]) and commits[place] == commits[place - 1] and not dirty[place - 1 : place + 1].any()


def _can_be_analysed(series: Series) -> Truths:
    """Logarithms need what is positive; memory and accuracies may be nothing. Times of noisy runs decide nothing."""
    return (
        ~series.noisy & np.isfinite(series.values) & ((series.values > 0) | (series.unit == "B") | is_accuracy(series))
    )


def _analysed(series: Series) -> Floats:
    """The positive numbers to be held against each other: the share that is wrong, memory above what is uncertain."""
    if is_accuracy(series):
        return np.maximum(1 - series.values, LEAST_ERROR)
    return series.values + MEMORY_BYTES if series.unit == "B" else series.values


def _changes(series: Series, places: Sequence[int]) -> Iterator[Finding]:
    """A finding for each change point, between the medians of the levels beside it."""
    levels = [float(np.median(series.values[start:end])) for start, end in pairwise([0, *places, len(series)])]
    for place, (before, after) in zip(places, pairwise(levels), strict=True):
        boundary = _boundary(series, place)
        found = finding(series, boundary or place, before, after, DATED)
        yield found if boundary else _of_no_commit(found)


def _boundary(series: Series, place: int) -> int | None:
    """The place nearest to this one where another commit begins; None where there is none near."""
    near = sorted(range(place - NEAREST, place + NEAREST + 1), key=lambda one: abs(one - place))
    return next((one for one in near if 0 < one < len(series) and not _is_same_commit(series, one)), None)


def _suspicion(series: Series, since: int, settings: detect.Settings) -> Iterator[Finding]:
    """What the newest commit's runs alone say against those before them, back to the last change."""
    first = len(series) - 1
    while first > 0 and _is_same_commit(series, first):
        first -= 1
    values = _analysed(series)
    if first <= since:
        return
    before, newest = values[since:first], float(np.median(values[first:]))
    if _is_suspicious(before, newest, settings):
        place = _begun(series, since, first, np.log(before), math.log(newest))
        levels = float(np.median(series.values[since:place])), float(np.median(series.values[first:]))
        found = finding(series, place, *levels, NEWEST)
        yield replace(found, verdict=SUSPICION, note=f"looks {found.verdict}")


def _begun(series: Series, since: int, first: int, before: Floats, newest: float) -> int:
    """The first run, back from the newest commit's, of a commit that looks like it and not like what was before."""
    place = max(since + detect.begun(before, float(np.median(before)), newest), since + 1)
    while place < first and _is_same_commit(series, place):
        place += 1
    return place


def _is_suspicious(before: Floats, newest: float, settings: detect.Settings) -> bool:
    if len(before) < detect.LEAST_POINTS - 1:
        return abs(math.log(newest / float(np.median(before)))) > math.log1p(SHORT_EFFECT)
    return detect.suspicion(np.append(before, newest), settings) is not None


def _with_what_stands(told: Sequence[Finding]) -> Iterator[Finding]:
    """What got worse and was undone since does not stand."""
    for _, group in groupby(told, key=lambda one: one.key):
        of_series = list(group)
        levels = [one.after for one in of_series if one.verdict != SUSPICION]
        for one in of_series:
            undone = one.verdict == WORSE and is_back(one, levels[-1])
            yield replace(one, stands=False, note=f"{one.note}; undone since".removeprefix("; ")) if undone else one
