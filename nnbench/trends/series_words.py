"""Numbers of series as people read them: values, changes, commits, and a line of blocks for the whole."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from nnbench.trends.findings import Finding
from nnbench.trends.points import EXACT, Floats
from nnbench.trends.series import Key
from nnbench.units import by_unit, share

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 24  # characters of a line of blocks
SHORT = 8  # hexadecimal digits of a commit


def sparkline(values: Floats, width: int = WIDTH) -> str:
    """The values as blocks between the smallest and the largest; where there are many, medians of neighbours.

    >>> sparkline(np.array([1.0, 2.0, 3.0, 8.0]))
    '▁▂▃█'
    """
    if not len(values):
        return ""
    ends = np.linspace(0, len(values), min(len(values), width) + 1).astype(int)
    parts = [values[start:end] for start, end in pairwise(ends)]
    medians = np.array([np.median(part) for part in parts])
    low, high = float(medians.min()), float(medians.max())
    if high == low:
        return BLOCKS[3] * len(medians)
    steps = np.round((medians - low) / (high - low) * (len(BLOCKS) - 1)).astype(int)
    return "".join(BLOCKS[step] for step in steps)


def value(number: float, key: Key, unit: str, basis: str) -> str:
    """A number in its unit: accuracies as shares, ratios and losses with four digits.

    >>> value(0.9512, Key("a", "b", "c", "test_accuracy", "m", ""), "1", "raw")
    '95.12 %'
    """
    if key.metric.endswith("accuracy"):
        return share(number)
    if unit == "1" and basis != EXACT:
        return f"{number:.4g}"
    return by_unit(number, unit)


def two_values(before: float, after: float, key: Key, unit: str, basis: str) -> tuple[str, str]:
    """Both ends of a change; counts in full where three digits would hide that they differ."""
    written = value(before, key, unit, basis), value(after, key, unit, basis)
    if basis == EXACT and before != after and written[0] == written[1]:
        return f"{before:,.0f}", f"{after:,.0f}"
    return written


def change(before: float, after: float, key: Key) -> str:
    """How far it is from one number to another: in per cent, of accuracies in points.

    >>> change(2.0, 2.5, Key("a", "b", "c", "forward_time", "m", ""))
    '+25.0 %'
    """
    if key.metric.endswith("accuracy"):
        return f"{100 * (after - before):+.2f} points"
    if before == after:
        return "0.0 %"
    ratio = after / before if before else math.inf
    return f"{100 * (ratio - 1):+.1f} %" if math.isfinite(ratio) and ratio < 10 else f"{ratio:.4g} times"


def commit(text: str, dirty: bool, run: str) -> str:
    """A commit's first digits, with a plus for what was not committed; the run where no commit is known."""
    return f"{text[:SHORT]}{'+' * dirty}" if text else run


def between(finding: Finding) -> str:
    """The commits between which a change lies: after the first, and not after the second."""
    last = commit(finding.commit, finding.dirty, finding.run)
    return f"{finding.previous[:SHORT]}..{last}" if finding.previous else last
