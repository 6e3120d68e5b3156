"""Real histories: excerpts of published ones, folders of asv results that the user has, and those recorded here."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from made_up import STEPS, History, with_step
from numpy.typing import NDArray

Array = NDArray[np.float64]

HERE = Path(__file__).parent / "histories"
PUBLISHED = HERE / "published.json"
RECORDED = HERE / "identical.csv"
MEDIAN = 31  # points of the running median that takes slow structure and real changes out
WINDOW = 200
PAIRS = 4  # of processes that `nnbench history` runs for a commit


@dataclass(frozen=True)
class Pairs:
    """What was recorded of one operation against itself: each side's least time, log ratios and their own errors."""

    a: Array
    b: Array
    values: Array
    errors: Array


def published(folder: Path | None = None) -> dict[str, Array]:
    """The kept excerpts by name, or with a folder every graph (asv publish) in it of at least a window's points."""
    if folder is not None:
        return dict(_graphs(folder))
    kept = json.loads(PUBLISHED.read_text())
    return {
        f"{project}.{name}": np.asarray(series, dtype=np.float64)
        for project, entry in kept.items()
        if project != "about"
        for name, series in entry["series"].items()
    }


def _graphs(folder: Path) -> Iterator[tuple[str, Array]]:
    for path in sorted(folder.glob("**/graphs/**/*.json")):
        points = json.loads(path.read_text())
        if path.stem != "summary" and isinstance(points, list):
            values = [point[1] for point in points if isinstance(point[1], int | float)]
            if len(values) >= WINDOW and min(values) > 0:
                yield str(path.relative_to(folder)), np.asarray(values, dtype=np.float64)


def residuals(values: Array) -> Array:
    """Logarithms without their running median: the noise of a history, without its changes."""
    logs = np.log(values)
    padded = np.pad(logs, MEDIAN // 2, mode="reflect")
    return logs - np.median(np.lib.stride_tricks.sliding_window_view(padded, MEDIAN), axis=1)


def recorded(file: Path = RECORDED) -> dict[str, Pairs]:
    """What ``record.py`` wrote, by operation; the calibration kernel is one of them."""
    rows = defaultdict[str, list[list[float]]](list)
    with file.open() as lines:
        for line in csv.DictReader(lines):
            rows[line["operation"]].append([float(line[name]) for name in ("a", "b", "value", "error")])
    return {name: Pairs(*np.asarray(table).T) for name, table in rows.items()}


def bases(pairs: Mapping[str, Pairs]) -> dict[str, dict[str, Array]]:
    """Logarithms of each operation's history as it is analysed: raw times, over the calibration's, over an anchor's.

    One fresh process is a commit; against an anchor, as `nnbench history` measures, four pairs of processes are.
    """
    operations = {name: one for name, one in pairs.items() if name != "calibration"}
    kernel = np.log(pairs["calibration"].a)
    return {
        "raw": {name: np.log(one.a) for name, one in operations.items()},
        "calibrated": {name: np.log(one.a) - kernel for name, one in operations.items()},
        "anchored": {name: _by_commit(one.values) for name, one in operations.items()},
    }


def _by_commit(values: Array) -> Array:
    whole = len(values) - len(values) % PAIRS
    return np.median(values[:whole].reshape(-1, PAIRS), axis=1)


def cut(series: Mapping[str, Array], seed: int, repetitions: int) -> Iterator[History]:
    """Windows of these logarithms: each without a step once, side by side, and with steps put in, anywhere.

    Two thirds of the points of a series are a window where it is shorter than that.
    """
    rng = np.random.default_rng(seed)
    for name, logs in series.items():
        width = min(WINDOW, 2 * len(logs) // 3)
        for start in range(0, len(logs) - width + 1, width):
            yield with_step(name, logs[start : start + width], 0.0, rng)
        for step in STEPS * repetitions:
            start = int(rng.integers(0, len(logs) - width + 1))
            yield with_step(name, logs[start : start + width], step, rng)
