"""A change of the machine is told once, not once a series: what moves with the calibration kernels is not the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from nnbench.trends.findings import CHANGED, DATED, NEAREST, Finding
from nnbench.trends.points import CALIBRATED, RAW
from nnbench.trends.series import Series

MOST = 0.5  # of the series of a run: more than this moved
LEAST = 2  # series; a single one is not the machine


def told_once(moves: Sequence[Finding], kernels: Sequence[Finding], found: Sequence[Series]) -> list[Finding]:
    """The moves without those of times, where most of a run's moved together with a kernel; then one for the machine.

    A lasting change of a kernel is told in any case. What is anchored was measured beside its anchor and is no matter
    of the machine.
    """
    told, left = list[Finding](), list(moves)
    times = [one for one in found if _is_of_machine(one.basis, one.unit)]
    for kernel in _one_a_date(kernels):
        near = _runs_near(kernel, found)
        there = [one for one in times if one.key.machine == kernel.key.machine and _has(one, kernel.started)]
        keys = {one.key for one in there}
        with_it = [one for one in left if one.key in keys and one.started in near]
        is_most = len(there) >= LEAST and len({one.key for one in with_it}) > MOST * len(there)
        if is_most:
            left = [one for one in left if one not in with_it]
        if is_most or kernel.evidence == DATED:
            told.append(replace(kernel, verdict=CHANGED, note=_said(len(with_it) if is_most else 0, len(there))))
    return left + told


def _is_of_machine(basis: str, unit: str) -> bool:
    return unit == "s" and basis in (CALIBRATED, RAW)


def _has(series: Series, started: np.datetime64) -> bool:
    return bool((series.started == started).any())


def _said(moved: int, there: int) -> str:
    if moved:
        return f"change of machine: {moved} of {there} series moved with the calibration kernels"
    return "change of machine, of which times were freed: they moved no further"


def _one_a_date(kernels: Sequence[Finding]) -> Iterator[Finding]:
    """Of several kernels that moved in one run, or in runs next to each other, the one that moved furthest."""
    waiting = sorted(kernels, key=lambda one: -abs(np.log(one.ratio)))
    taken = list[Finding]()
    for one in waiting:
        if not any(one.key.machine == other.key.machine and abs(one.place - other.place) <= NEAREST for other in taken):
            taken.append(one)
    yield from sorted(taken, key=lambda one: one.place)


def _runs_near(kernel: Finding, found: Iterable[Series]) -> set[np.datetime64]:
    """When the run of a kernel's move started, and the two runs before and after it: dates may be off by as many."""
    of_machine = [one.started for one in found if one.key.machine == kernel.key.machine]
    times = np.unique(np.concatenate([np.array([kernel.started]), *of_machine]))
    place = int(np.searchsorted(times, kernel.started))
    return {kernel.started, *times[max(place - NEAREST, 0) : place + NEAREST + 1]}
