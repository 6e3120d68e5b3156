"""Validation losses of made-up training runs, for what watches them."""

from __future__ import annotations

import numpy as np


def loss_scripts(draws: np.ndarray) -> dict[str, np.ndarray]:
    """Losses by epoch of runs that go differently, from as many numbers between 0 and 1, in float64.

    >>> [name for name, losses in loss_scripts(np.full(9, 0.5)).items() if np.isnan(losses).any()]
    ['nan once', 'noisy with nan', 'nan first', 'nan for good', 'only nan']
    """
    epochs = np.arange(len(draws))
    third = len(draws) // 3
    falling = 1.0 + np.cumsum(draws[::-1])[::-1]
    noisy = 2.0 / np.sqrt(1.0 + epochs) + draws
    return {
        "falling": falling,
        "rising": falling[::-1],
        "plateau": np.where(epochs < third, falling, falling[third]),
        "noisy": noisy,
        # Every step is smaller than a min_delta of 0.001, two or three together are larger.
        "creeping": 1.0 - 0.0009 * np.cumsum(draws),
        "infinite first": np.where(epochs < 2, np.inf, falling),
        "nan once": np.where(epochs == third, np.nan, falling),
        "noisy with nan": np.where(epochs % 4 == 3, np.nan, noisy),
        "nan first": np.where(epochs < 3, np.nan, falling),
        "nan for good": np.where(epochs >= third, np.nan, falling),
        "only nan": np.full(len(draws), np.nan),
    }
