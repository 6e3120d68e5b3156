"""How much a series varies where its level does not change: robust, and with what correlates counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NORMAL = 1.4826  # a normal distribution's standard deviation over its median absolute deviation
LEAST_DEVIATION = 1e-6  # of logarithms: below what any clock tells apart; keeps the strength of a clean step finite
LEAST_BLOCK = 3  # points


def long_run_variance(residuals: Array, lags: int) -> float:
    """Newey and West's (1987): the variance of a mean of so many residuals is this over their number.

    What is negatively correlated counts as if it were not correlated at all.
    """
    variance = total = float(residuals @ residuals)
    lags = min(lags, len(residuals) // 4)
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * float(residuals[lag:] @ residuals[:-lag])
    return max(variance, total) / len(residuals) + LEAST_DEVIATION**2


def block_variance(logs: Array, block: int) -> float:
    """The long-run variance by how the means of neighbouring blocks differ, robust against a few changes of level.

    It does not depend on where changes are thought to be: a model with too many of them explains all noise away.
    """
    block = max(LEAST_BLOCK, min(block, len(logs) // 8))
    sums = np.concatenate(([0.0], np.cumsum(logs)))
    means = (sums[block:] - sums[:-block]) / block
    differences = np.abs(means[block:] - means[:-block])[:: max(block // 5, 1)]
    return block * (NORMAL * float(np.median(differences))) ** 2 / 2


def clip(residuals: Array, deviations: float) -> Array:
    """Residuals around a median, none of them beyond so many robust standard deviations."""
    bound = deviations * robust_deviation(residuals)
    return np.clip(residuals, -bound, bound)


def robust_deviation(residuals: Array) -> float:
    """1.4826 times the median absolute residual, or the standard deviation where most residuals are the same."""
    return NORMAL * float(np.median(np.abs(residuals))) or float(np.sqrt(np.mean(np.square(residuals))))
