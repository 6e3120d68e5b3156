"""Reference bands: what trainings of a task reached over many seeds, and whether others are like them.

A band is a JSON file in ``nnbench/reference_bands``; ``benchmarks/harness/convergence_bands.py`` makes it. Nothing here
imports torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from scipy.special import stdtrit

from nnbench.errors import NnbenchError
from nnbench.model import Measurement, Status
from nnbench.trajectories import Step, read_steps

FORMAT = 1
NAMED = ("task", "variant", "data", "checksum", "epochs")
QUANTILE = 0.995  # of a 99 % interval
MARGIN = 3.0  # deviations between seeds: what surely differs by less than that on average is equal
SPEED = "learning_speed"  # mean over epochs of the logarithm of the training loss: less is faster
COMPARED = (SPEED, "test_loss")
WORDS = {SPEED: ("faster", "slower"), "test_loss": ("better", "worse")}


@dataclass(frozen=True)
class First:
    """The first of a band's trainings to the last bit: its seed, a checksum of its last weights, its first steps."""

    seed: int
    weights: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Band:
    """What one task reached: ``values`` by metric, one a seed; ``of`` says how it was made, and with what.

    ``by_name`` says that it is compared only where its task is named: its trainings take minutes.
    """

    task: str
    variant: str
    data: str
    checksum: str
    epochs: int
    values: Mapping[str, tuple[float, ...]]
    of: Mapping[str, Any]
    first: First | None = None
    by_name: bool = False

    @property
    def seconds(self) -> float:
        """How long the steps of one training took where it was made; one second where that is not known."""
        return float(self.of.get("seconds") or 1.0)


@dataclass(frozen=True)
class Answer:
    """A metric of new trainings against its band: the verdict, both means, and the 99 % interval of their difference.

    The verdict is one of ``WORDS``, "equal", or "undecided". ``seeds`` trainings say so, or, where it is 0, the
    band's first one, which was the same again to the last bit.
    """

    metric: str
    verdict: str
    before: float
    after: float
    low: float
    high: float
    seeds: int = 0


def bands(folder: Path | None = None) -> tuple[Band, ...]:
    """Every band that comes with nnbench, or of a folder, by task."""
    found = sorted((folder or Path(str(files("nnbench") / "reference_bands"))).glob("*.json"))
    return tuple(read(path) for path in found)


def read(path: Path) -> Band:
    """One band; raises ``NnbenchError`` for a file that is none."""
    try:
        return read_content(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NnbenchError(f"{path} is no reference band ({type(error).__name__}: {error})") from None


def read_content(content: Mapping[str, Any]) -> Band:
    """The band that ``content_of`` told; raises what other content leads to."""
    left = dict(content)
    if left.pop("format") != FORMAT:
        raise ValueError(f"another format than {FORMAT}")
    values = {name: tuple(map(float, numbers)) for name, numbers in left.pop("values").items()}
    named = {name: left.pop(name) for name in NAMED}
    first, by_name = left.pop("first", None), left.pop("by_name", False)
    if first is not None:
        first = First(int(first["seed"]), str(first["weights"]), read_steps(first["steps"]))
    return Band(**named, values=values, of=left, first=first, by_name=by_name)


def content_of(band: Band) -> dict[str, Any]:
    """A band in plain values."""
    more: dict[str, Any] = {"first": asdict(band.first)} if band.first is not None else {}
    more |= {"by_name": True} if band.by_name else {}
    named = {name: getattr(band, name) for name in (*NAMED, "values")}
    return {"format": FORMAT} | named | dict(band.of) | more


def write(folder: Path, band: Band, name: str = "") -> Path:
    """Keep a band under this name, or its task's."""
    path = folder / f"{name or band.task}.json"
    path.write_text(json.dumps(content_of(band), indent=1) + "\n")
    return path


def summary(rows: Sequence[Measurement]) -> dict[str, float]:
    """One training's numbers, of its rows: how fast it learned, what its last epoch left; infinite where it failed."""
    if any(row.status != Status.OK for row in rows):
        return dict.fromkeys(COMPARED, math.inf)
    losses = [row.values[0] for row in rows if row.metric == "train_loss"]
    last = {row.metric: row.values[0] for row in rows if row.values}
    speed = fmean(math.log(max(loss, 1e-12)) for loss in losses)
    return {SPEED: speed} | {name: value for name, value in last.items() if name in ("test_loss", "test_accuracy")}


def weights_of(rows: Sequence[Measurement]) -> str:
    """The checksum of a training's last weights; empty where no epoch told one."""
    return next((str(row.context["weights"]) for row in reversed(rows) if row.context.get("weights")), "")


def compare(band: Band, metric: str, values: Sequence[float], of: int = 1) -> Answer:
    """New values, one a seed, against the band's: the interval of the difference of means, in both directions.

    ``of`` is how many comparisons are made together: all of their intervals hold with 99 %. What lies surely within
    ``MARGIN`` deviations between seeds is equal; what surely differs, and by more than one deviation, is better or
    worse; the rest is undecided. A training that failed is worse.
    """
    old = band.values[metric]
    better, worse = WORDS[metric]
    if not all(map(math.isfinite, values)):
        return Answer(metric, worse, fmean(old), math.inf, math.inf, math.inf, len(values))
    difference, half, spread = fmean(values) - fmean(old), _half_width(old, values, of), stdev(old)
    if abs(difference) > max(half, spread):
        said = worse if difference > 0 else better
    else:
        said = "equal" if abs(difference) + half < MARGIN * spread else "undecided"
    return Answer(metric, said, fmean(old), fmean(values), difference - half, difference + half, len(values))


def same(band: Band, rows: Sequence[Measurement]) -> tuple[Answer, ...]:
    """What is said where these rows are the band's first training again, to the last bit; nothing where they are not.

    Rows of the same seed, data and number of epochs: their weights and every number are compared.
    """
    if band.first is None or weights_of(rows) != band.first.weights:
        return ()
    found, place = summary(rows), list(band.of["seeds"]).index(band.first.seed)
    if any(found.get(metric) != values[place] for metric, values in band.values.items()):
        return ()
    return tuple(Answer(metric, "equal", found[metric], found[metric], 0.0, 0.0) for metric in COMPARED)


def _half_width(old: Sequence[float], new: Sequence[float], of: int) -> float:
    """Half the interval, by Student's t with the band's degrees of freedom and the larger of the two spreads: a few new
    seeds say little of their own.
    """
    spread = max(stdev(old), stdev(new) if len(new) > 1 else 0.0)
    quantile = float(stdtrit(len(old) - 1, 1 - (1 - QUANTILE) / of))
    return quantile * spread * math.sqrt(1 / len(old) + 1 / len(new))
