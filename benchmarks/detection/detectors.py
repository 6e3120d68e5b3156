"""The detectors that are compared: a series of positive numbers in, the indexes where each says the level changed."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nnbench.trends import detect

Array = NDArray[np.float64]
Detector = Callable[[Array], list[int]]

RATIO = 1.10
LOOKBACK = 100  # points
DEVIATIONS = 5.0


def ours(values: Array) -> list[int]:
    return [change.index for change in detect.changes(values)]


def kernel_alone(values: Array) -> list[int]:
    """ruptures by itself: the kernel over the whole series, penalty 2 ln n, nothing dropped."""
    from ruptures import KernelCPD

    logs = np.log(values)
    return KernelCPD(kernel="rbf", min_size=2).fit(logs).predict(pen=2 * math.log(len(logs)))[:-1]


def asv_steps(values: Array) -> list[int]:
    from asv.step_detect import detect_steps

    return [int(step[0]) for step in detect_steps(list(map(float, values)))[1:]]


def otava(values: Array) -> list[int]:
    """Apache Otava with its own defaults."""
    from otava.analysis import compute_change_points
    from otava.series import AnalysisOptions

    options = AnalysisOptions()
    found, _ = compute_change_points(
        list(map(float, values)),
        window_len=options.window_len,
        max_pvalue=options.max_pvalue,
        min_magnitude=options.min_magnitude,
    )
    return [int(change.index) for change in found]


def previous_ratio(values: Array) -> list[int]:
    """What `asv continuous` and others do: more than 10 % off the value before, either way."""
    return [int(index) + 1 for index in np.flatnonzero(np.abs(np.diff(np.log(values))) > math.log(RATIO))]


def lookback(values: Array) -> list[int]:
    """A z-score over the last hundred values, as Conbench's, without its manual marks."""
    found = []
    for index in range(10, len(values)):
        before = values[max(0, index - LOOKBACK) : index]
        if abs(values[index] - before.mean()) > DEVIATIONS * before.std(ddof=1):
            found.append(index)
    return found


DETECTORS: dict[str, Detector] = {
    "nnbench": ours,
    "ruptures PELT rbf": kernel_alone,
    "asv step_detect": asv_steps,
    "Apache Otava": otava,
    "z-score lookback": lookback,
    "previous value x 1.10": previous_ratio,
}


def usable(name: str) -> bool:
    """Whether what a detector needs is installed."""
    try:
        DETECTORS[name](np.exp(np.random.default_rng(0).normal(0, 0.01, 40)))
    except ImportError:
        return False
    return True
