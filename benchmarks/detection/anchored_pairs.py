"""How often pairs beside an anchor confirm a change by themselves, on recorded pairs of identical code.

python benchmarks/detection/anchored_pairs.py

Each operation's pairs, four a commit as `nnbench history` measures them, are a history in which nothing changed. Every
commit from the ninth on is once the newest; then a step is put in there, and up to two more commits follow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from alarms import COMMITS
from numpy.typing import NDArray
from real import PAIRS, recorded

from nnbench.trends.findings import PAIRS as BY_PAIRS
from nnbench.trends.regressions import regressions
from nnbench.trends.series import Key, Series

Array = NDArray[np.float64]

STEPS = (0.0, 0.03, 0.05, 0.1, 0.2, -0.05, -0.1)
FIRST = 8  # commits before the first that is looked at


def confirmed(pairs: Array) -> bool:
    """Whether `nnbench regressions` says worse or better of the newest commits; logarithms, a row a commit."""
    count = len(pairs)
    key = Key("operation", "torch", "default", "forward_time", "here", "")
    runs = np.array([f"run{place}" for place in range(count)], dtype=object)
    commits = np.array([f"commit{place}" for place in range(count)], dtype=object)
    started = np.datetime64("2026-01-01T00:00:00") + np.arange(count)
    values, none = np.exp(np.median(pairs, axis=1)), np.zeros(count, dtype=np.bool_)
    series = Series(key, "anchored", "1", values, commits, runs, started, none, none)
    ratios = {(key, str(run)): tuple(np.exp(four)) for run, four in zip(runs, pairs, strict=True)}
    return any(one.evidence == BY_PAIRS for one in regressions([series], ratios=ratios))


def within(histories: list[Array], step: float) -> Iterator[int]:
    """For each place how many commits it took until the step was confirmed; 0 where three did not do."""
    for pairs in histories:
        for place in range(FIRST, len(pairs) - COMMITS + 1):
            moved = pairs.copy()
            moved[place:] += math.log1p(step)
            ends = range(place + 1, place + COMMITS + 1)
            yield next((number for number, end in enumerate(ends, 1) if confirmed(moved[:end])), 0)


def main() -> None:
    histories = []
    for name, one in recorded().items():
        whole = len(one.values) - len(one.values) % PAIRS
        if name != "calibration":
            histories.append(one.values[:whole].reshape(-1, PAIRS))
    print("| step | places | confirmed with the first commit | within 2 | within 3 |\n|---|---|---|---|---|")
    for step in STEPS:
        took = list(within(histories, step))
        shares = [sum(0 < one <= most for one in took) / len(took) for most in (1, 2, 3)]
        print(f"| {step:+.0%} | {len(took)} | {' | '.join(f'{one:.0%}' for one in shares)} |")


if __name__ == "__main__":
    main()
