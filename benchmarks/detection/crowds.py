"""Many series at once: whether the cheap look first loses anything, how long it takes, and whether alarms add up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np
from made_up import NOISES, Array

from nnbench.trends import detect

SERIES = 1000
POINTS = 1000


def screening(series: Sequence[Array]) -> Iterator[str]:
    """Of the histories of all sets, whether any that has changes is let go by the look that comes first."""
    lost = changed = passed = 0
    for settings in (detect.DEFAULT, detect.DEFAULT.among(SERIES)):
        for values in series:
            found, looked = bool(detect.changes(values, settings)), detect.wanders(values, settings)
            changed, passed, lost = changed + found, passed + looked, lost + (found and not looked)
    looks = 2 * len(series)
    yield f"\nOf {looks} close looks {changed} found changes. The cheap look before them lets {looks - passed} go,"
    yield f"{lost} of them with a change."


def together(seed: int, suites: int) -> Iterator[str]:
    """A million points with a change in each tenth series: seconds; suites without a change: which alarm at all."""
    rng = np.random.default_rng(seed)
    series = [np.exp(rng.normal(0, 0.02, POINTS)) for _ in range(SERIES)]
    for values in series[::10]:
        values[POINTS // 2 :] *= 1.05
    began = time.process_time()
    found = detect.many(series)
    seconds = time.process_time() - began
    yield f"\n`many`, {SERIES} series of {POINTS} points, a step of 5 % in {SERIES // 10}: {seconds:.2f} s,"
    yield f"{sum(map(len, found))} changes in {sum(map(bool, found))} series.\n"
    yield "| noise | unchanged suites of 200 series of 100 points | with any alarm, each series alone | by `many` |"
    yield "|---|---|---|---|"
    for kind in ("normal", "heavy tails", "outliers", "autocorrelated"):
        alone, among = _alarmed(kind, suites, rng)
        yield f"| {kind} | {suites} | {alone} | {among} |"


def _alarmed(kind: str, suites: int, rng: np.random.Generator) -> tuple[int, int]:
    alone = among = 0
    for _ in range(suites):
        suite = [np.exp(0.02 * NOISES[kind](100, rng)) for _ in range(200)]
        alone += any(detect.changes(values) for values in suite)
        among += any(detect.many(suite))
    return alone, among
