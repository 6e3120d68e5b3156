"""Findings and duels in, findings out: a duel of two commits decides what the newest run alone made suspicious."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from nnbench.trends.evidence import Duel, Ratios
from nnbench.trends.findings import BETTER, DUEL, NEWEST, SUSPICION, WORSE, Finding
from nnbench.trends.held import judged_by_pairs
from nnbench.trends.points import ANCHORED_BASIS, RAW
from nnbench.trends.series import Key, Series

NO_RATIOS: Ratios = {}
SAID = {"slower": WORSE, "faster": BETTER}


def confirmed(
    told: Sequence[Finding],
    duels: Sequence[Duel],
    found: Sequence[Series],
    commits: Container[str] = (),
    ratios: Ratios = NO_RATIOS,
) -> list[Finding]:
    """The findings as the duels leave them, and what only duels say; where there is no duel, anchored pairs decide.

    ``duels`` come oldest first; one counts where its later commit is one of its series or of ``commits``.
    """
    newest = {(duel.key, duel.before, duel.after): duel for duel in duels}
    by_series: dict[Key, list[Duel]] = {}
    for duel in newest.values():
        by_series.setdefault(duel.key, []).append(duel)
    series = {one.key: one for one in found}
    used: set[Duel] = set()
    left = [one for finding in told if (one := _judged(finding, by_series, series, used, ratios)) is not None]
    alone = [one for key, of_it in by_series.items() for one in _alone(of_it, series.get(key), used, commits)]
    return left + alone


def _judged(
    finding: Finding,
    duels: Mapping[Key, Sequence[Duel]],
    found: Mapping[Key, Series],
    used: set[Duel],
    ratios: Ratios,
) -> Finding | None:
    """A finding as the newest duel across it leaves it; None where that found a suspicion to be nothing."""
    across = [duel for duel in duels.get(finding.key, ()) if _is_across(duel, finding, found[finding.key])]
    used.update(across)
    if not across:
        return judged_by_pairs(finding, found[finding.key], ratios) if finding.key in found else finding
    duel = across[-1]
    said, note = SAID.get(duel.verdict), f"the duel {duel.run} says {duel.verdict}: {duel.ratio:.3f} times"
    looks = WORSE if finding.after > finding.before else BETTER
    if said == looks:
        if finding.evidence != NEWEST:
            return replace(finding, note=note)
        return replace(finding, verdict=said, after=finding.before * duel.ratio, evidence=DUEL, note=note)
    if finding.evidence == NEWEST:
        return None if said is None else replace(finding, note=note)
    return finding if finding.basis == ANCHORED_BASIS else replace(finding, verdict=SUSPICION, note=note)


def _is_across(duel: Duel, finding: Finding, series: Series) -> bool:
    """Whether the change lies between the duel's two commits, as far as the series has them."""
    if (duel.before, duel.after) == (finding.previous, finding.commit):
        return True
    before, after = (np.flatnonzero(series.commits == commit) for commit in (duel.before, duel.after))
    return bool(len(before) and len(after) and before[0] < finding.place <= after[0])


def _alone(duels: Sequence[Duel], series: Series | None, used: set[Duel], commits: Container[str]) -> Iterator[Finding]:
    """What no series shows, or not yet: one finding a later commit, of its newest duel."""
    known = set(series.commits) if series is not None else set()
    last = {duel.after: duel for duel in duels if duel.after in known or duel.after in commits}
    for duel in last.values():
        if duel not in used and duel.verdict in SAID:
            yield _of_duel(duel, series)


def _of_duel(duel: Duel, series: Series | None) -> Finding:
    places = np.flatnonzero(series.commits == duel.after) if series is not None else np.empty(0)
    size = len(series) if series is not None else 0
    return Finding(
        key=duel.key,
        basis=RAW,
        unit="s",
        verdict=SAID[duel.verdict],
        before=duel.seconds,
        after=duel.seconds * duel.ratio,
        previous=duel.before,
        commit=duel.after,
        dirty=False,
        run=duel.run,
        previous_run=duel.run,
        started=np.datetime64(duel.started),
        place=int(places[0]) if len(places) else size,
        evidence=DUEL,
    )
