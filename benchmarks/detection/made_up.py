"""Made-up histories: seeded noise of eight kinds around a level, with or without a step put in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEPS = (0.02, 0.05, 0.10, 0.20)
MARGIN = 20  # points on either side of a step, but a quarter of a short series
SIGMAS = (0.01, 0.03)


@dataclass(frozen=True)
class History:
    """A series with the one place where it changes, if any, and by what share."""

    kind: str
    values: Array
    step: float = 0.0
    place: int = 0


def normal(count: int, rng: Generator) -> Array:
    return rng.standard_normal(count)


def heavy_tails(count: int, rng: Generator) -> Array:
    return rng.standard_t(3, count) / np.sqrt(3)


def skewed(count: int, rng: Generator) -> Array:
    """Only ever slower."""
    return rng.exponential(1.0, count) - 1


def bimodal(count: int, rng: Generator) -> Array:
    """Runs of a fast and a slow mode, five points long on average."""
    mode = np.cumsum(rng.random(count) < 0.2) % 2
    return 0.3 * rng.standard_normal(count) + 2.0 * mode - 1.0


def outliers(count: int, rng: Generator) -> Array:
    return rng.standard_normal(count) + (rng.random(count) < 0.03) * rng.exponential(10.0, count)


def drift(count: int, rng: Generator) -> Array:
    """A slow wave of three standard deviations."""
    return rng.standard_normal(count) + 3 * np.sin(2 * np.pi * (np.arange(count) / count + rng.random()))


def autocorrelated(count: int, rng: Generator) -> Array:
    shocks, series = rng.standard_normal(count), np.zeros(count)
    for index in range(1, count):
        series[index] = 0.6 * series[index - 1] + 0.8 * shocks[index]
    return series


def bursts(count: int, rng: Generator) -> Array:
    """One in a hundred points begins a disturbance of two to six points."""
    series = rng.standard_normal(count)
    for start in np.flatnonzero(rng.random(count) < 0.01):
        series[start : start + rng.integers(2, 7)] += 6.0
    return series


NOISES: dict[str, Callable[[int, Generator], Array]] = {
    "normal": normal,
    "heavy tails": heavy_tails,
    "skewed": skewed,
    "bimodal": bimodal,
    "outliers": outliers,
    "drift": drift,
    "autocorrelated": autocorrelated,
    "bursts": bursts,
}


def with_step(kind: str, logs: Array, step: float, rng: Generator) -> History:
    """A step up or down of this share, somewhere not too near an end; a step of 0 leaves the series as it is."""
    if step == 0:
        return History(kind, np.exp(logs))
    margin = min(MARGIN, len(logs) // 4)
    place = int(rng.integers(margin, len(logs) - margin))
    moved = logs.copy()
    moved[place:] += np.log1p(step) * rng.choice([-1, 1])
    return History(kind, np.exp(moved), step, place)


def histories(seed: int, repetitions: int, count: int = 300) -> Iterator[History]:
    """For each kind of noise and sigma, so many without a step, and so many of each step."""
    rng = np.random.default_rng(seed)
    for kind, noise in NOISES.items():
        for sigma in SIGMAS:
            for step in [0.0, *STEPS] * repetitions:
                yield with_step(kind, sigma * noise(count, rng), step, rng)
