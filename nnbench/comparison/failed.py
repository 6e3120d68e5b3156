"""Failed trials in a comparison: worse than every number, and counted."""

from __future__ import annotations

import math
from collections.abc import Sequence

Values = Sequence[float | None]  # one a seed: None or infinite where the trial failed, nan where there was none


def tried(values: Values) -> list[float | None]:
    """The values of trials that took place; None for each that failed."""
    return [None if _failed(value) else value for value in values if _failed(value) or not _missing(value)]


def finished(values: Values) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]


def _failed(value: float | None) -> bool:
    return value is None or math.isinf(value)


def _missing(value: float | None) -> bool:
    return value is not None and math.isnan(value)


def superiority(a: Values, b: Values, better: str) -> float:
    """How often a trial of ``a`` is better than one of ``b``; equal ones, and two failed ones, count half.

    >>> superiority([0.9, 0.8], [0.7, None], "more"), superiority([0.9], [0.9], "more")
    (1.0, 0.5)
    """
    worst = -math.inf
    sign = 1.0 if better == "more" else -1.0
    left = [worst if value is None else sign * value for value in tried(a)]
    right = [worst if value is None else sign * value for value in tried(b)]
    if not left or not right:
        return 0.5
    won = sum((one > other) + 0.5 * (one == other) for one in left for other in right)
    return won / (len(left) * len(right))


def failure_p(a: Values, b: Values) -> float:
    """Fisher's exact test, two-sided: how likely are failures as unevenly spread as these when both fail alike?

    >>> round(failure_p([1.0, 1.0, 1.0, 1.0], [None, None, None, None]), 4)
    0.0286
    """
    left, right = tried(a), tried(b)
    failures = left.count(None) + right.count(None)
    ways = {
        count: math.comb(len(left), count) * math.comb(len(right), failures - count)
        for count in range(max(0, failures - len(right)), min(failures, len(left)) + 1)
    }
    here = ways[left.count(None)]
    return sum(way for way in ways.values() if way <= here) / sum(ways.values())


def never_finishes(a: Values, b: Values) -> bool:
    """Whether all of two trials or more of ``a`` failed while at least half of those of ``b`` did not."""
    left, right = tried(a), tried(b)
    return len(left) > 1 and left.count(None) == len(left) and len(right) > 1 and 2 * right.count(None) <= len(right)
