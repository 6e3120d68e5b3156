"""Reference bands: what trainings of a task reached over many seeds, and whether others are like them.

A band is a JSON file in ``nnbench/reference_bands``; ``benchmarks/harness/convergence_bands.py`` makes it. Nothing here
imports torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from scipy.special import stdtrit

from nnbench.errors import NnbenchError
from nnbench.model import Measurement, Status

FORMAT = 1
QUANTILE = 0.995  # of a 99 % interval
MARGIN = 3.0  # deviations between seeds: what surely differs by less than that on average is equal
SPEED = "learning_speed"  # mean over epochs of the logarithm of the training loss: less is faster
COMPARED = (SPEED, "test_loss")
WORDS = {SPEED: ("faster", "slower"), "test_loss": ("better", "worse")}


@dataclass(frozen=True)
class Band:
    """What one task reached: ``values`` by metric, one a seed; ``of`` says how it was made, and with what."""

    task: str
    variant: str
    data: str
    checksum: str
    epochs: int
    values: Mapping[str, tuple[float, ...]]
    of: Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """A metric of new trainings against its band: the verdict, both means, and the 99 % interval of their difference.

    The verdict is one of ``WORDS``, "equal", or "undecided".
    """

    metric: str
    verdict: str
    before: float
    after: float
    low: float
    high: float


def bands(folder: Path | None = None) -> tuple[Band, ...]:
    """Every band that comes with nnbench, or of a folder, by task."""
    found = sorted((folder or Path(str(files("nnbench") / "reference_bands"))).glob("*.json"))
    return tuple(read(path) for path in found)


def read(path: Path) -> Band:
    """One band; raises ``NnbenchError`` for a file that is none."""
    try:
        content = json.loads(path.read_text())
        if content.pop("format") != FORMAT:
            raise NnbenchError(f"{path} has another format than {FORMAT}")
        values = {name: tuple(map(float, numbers)) for name, numbers in content.pop("values").items()}
        named = {name: content.pop(name) for name in ("task", "variant", "data", "checksum", "epochs")}
        return Band(**named, values=values, of=content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NnbenchError(f"{path} is no reference band ({type(error).__name__}: {error})") from None


def write(folder: Path, band: Band) -> Path:
    """Keep a band under its task's name."""
    named = {name: getattr(band, name) for name in ("task", "variant", "data", "checksum", "epochs", "values")}
    path = folder / f"{band.task}.json"
    path.write_text(json.dumps({"format": FORMAT} | named | dict(band.of), indent=1) + "\n")
    return path


def summary(rows: Sequence[Measurement]) -> dict[str, float]:
    """One training's numbers, of its rows: how fast it learned, what its last epoch left; infinite where it failed."""
    if any(row.status != Status.OK for row in rows):
        return dict.fromkeys(COMPARED, math.inf)
    losses = [row.values[0] for row in rows if row.metric == "train_loss"]
    last = {row.metric: row.values[0] for row in rows if row.values}
    speed = fmean(math.log(max(loss, 1e-12)) for loss in losses)
    return {SPEED: speed} | {name: value for name, value in last.items() if name in ("test_loss", "test_accuracy")}


def compare(band: Band, metric: str, values: Sequence[float], of: int = 1) -> Answer:
    """New values, one a seed, against the band's: the interval of the difference of means, in both directions.

    ``of`` is how many comparisons are made together: all of their intervals hold with 99 %. What lies surely within
    ``MARGIN`` deviations between seeds is equal; what surely differs, and by more than one deviation, is better or
    worse; the rest is undecided. A training that failed is worse.
    """
    old = band.values[metric]
    better, worse = WORDS[metric]
    if not all(map(math.isfinite, values)):
        return Answer(metric, worse, fmean(old), math.inf, math.inf, math.inf)
    difference, half, spread = fmean(values) - fmean(old), _half_width(old, values, of), stdev(old)
    if abs(difference) > max(half, spread):
        said = worse if difference > 0 else better
    else:
        said = "equal" if abs(difference) + half < MARGIN * spread else "undecided"
    return Answer(metric, said, fmean(old), fmean(values), difference - half, difference + half)


def _half_width(old: Sequence[float], new: Sequence[float], of: int) -> float:
    """Half the interval, by Student's t with the band's degrees of freedom and the larger of the two spreads: a few new
    seeds say little of their own.
    """
    spread = max(stdev(old), stdev(new) if len(new) > 1 else 0.0)
    quantile = float(stdtrit(len(old) - 1, 1 - (1 - QUANTILE) / of))
    return quantile * spread * math.sqrt(1 / len(old) + 1 / len(new))
