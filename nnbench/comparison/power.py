"""How many seeds it takes to tell."""

from __future__ import annotations

import math

from scipy.special import ndtri, stdtrit

from nnbench.comparison.means import CONFIDENCE
from nnbench.comparison.spreads import LEANS

POWER = 0.8  # how probably so many seeds settle it
MOST = 1000  # seeds; more than that is no plan


def seeds_needed(least: float, variance: float, pairs: int = 1, contenders: int = 2) -> int | None:
    """How many seeds tell a difference of ``least`` from 0 with a probability of 80 %, among so many pairs.

    ``variance`` is that of the differences between two contenders, seed by seed. None: more than a thousand.
    """
    if least <= 0:
        return None
    low, high = 1, MOST
    if not _tells(high, least, variance, pairs, contenders):
        return None
    while high - low > 1:  # `high` tells, `low` does not
        middle = (low + high) // 2
        low, high = (low, middle) if _tells(middle, least, variance, pairs, contenders) else (middle, high)
    return high


def _tells(seeds: int, least: float, variance: float, pairs: int, contenders: int) -> bool:
    freedom = (seeds - 1) * (1 + min(LEANS, max(contenders - 2, 0)))
    quantile = float(stdtrit(freedom, 1 - (1 - CONFIDENCE) / 2 / pairs)) + float(ndtri(POWER))
    return quantile * math.sqrt(variance / seeds) <= least


def seeds_to_settle(difference: float, variance: float, margin: float, pairs: int, contenders: int) -> int | None:
    """How many seeds would either tell this difference from 0, if it is real, or show that it is within the margin."""
    told = seeds_needed(abs(difference), variance, pairs, contenders)
    equal = seeds_needed(margin - abs(difference), variance, 1, contenders)
    return min((seeds for seeds in (told, equal) if seeds is not None), default=None)
