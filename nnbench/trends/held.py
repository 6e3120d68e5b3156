"""Suspicions about commits that were each held against one anchor, judged by their own pairs of processes.

Beside an anchor a slow hour is no slow commit, so that the pairs on both sides of a suspicion say what a duel of the
two commits would: whether the difference is beyond doubt.
"""

from __future__ import annotations

from dataclasses import replace

from nnbench.stats import Interval, compare_times, location
from nnbench.trends.evidence import Ratios
from nnbench.trends.findings import NEWEST, PAIRS, Finding, judged
from nnbench.trends.points import ANCHORED_BASIS
from nnbench.trends.series import Series

MOST = 8  # runs before the change, so that an earlier change is not among them for long
LEAST = 4  # pairs on either side


def judged_by_pairs(finding: Finding, series: Series, ratios: Ratios) -> Finding:
    """The finding; worse or better, no suspicion any more, where the pairs' two intervals lie apart.

    ``series`` is the one that it is of. The rule is ``stats.compare_times``: the ratio is surely beyond 1 %, too.
    """
    if finding.evidence != NEWEST or finding.basis != ANCHORED_BASIS:
        return finding
    first = max(finding.place - MOST, 0)
    before = _stands(series, slice(first, finding.place), ratios)
    after = _stands(series, slice(finding.place, None), ratios)
    if before is None or after is None:
        return finding
    said = compare_times(before, after)
    if said.verdict != ("slower" if finding.after > finding.before else "faster"):
        return finding
    verdict = judged(finding.key, finding.unit, finding.before, finding.after)
    note = f"{said.low:.3f} to {said.high:.3f} times, beside the anchor"
    return replace(finding, verdict=verdict, evidence=PAIRS, note=note)


def _stands(series: Series, part: slice, ratios: Ratios) -> Interval | None:
    """Where some runs stand, each pair of processes for itself; None where there are too few pairs."""
    pairs = [one for run in series.runs[part] for one in ratios.get((series.key, str(run)), ())]
    return location([[one] for one in pairs]) if len(pairs) >= LEAST else None
