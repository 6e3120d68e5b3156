"""The most that this machine does: what is measured of it, and where that is kept for all runs on it.

Kept in the user's cache folder: ceilings belong to the machine and its software, not to one project's results. Each run
carries a summary of them, so that its results can be read anywhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs
import psutil

from nnbench.errors import NnbenchError

FORMAT = 1
VARIABLE = "NNBENCH_CEILINGS"
CACHES = Path("/sys/devices/system/cpu")

# From wide to narrow: what a narrow type's units cannot do, a component may do in a wider type.
DTYPES = ("float64", "float32", "bfloat16", "float16")
# Two ways to the arithmetic units and two to memory: torch takes matrix products and convolutions from different
# libraries, one of which may leave half of the units idle; a copy has to fetch what it is going to overwrite, too.
ARITHMETIC = ("product", "convolution")
MOVING = ("copy", "update")
SMALLEST_MOVE = 2**13  # bytes read and written by a call: fits every first-level cache
LARGEST_MOVE = 2**28  # or eight times the last caches, where they are larger


@dataclass(frozen=True)
class Point:
    """One thing to measure: a kind of work, on so many threads; ``size`` is the bytes that a pass moves, 0 for sums."""

    kind: str
    threads: int
    dtype: str = "float32"
    size: int = 0


@dataclass(frozen=True)
class Rate:
    """The best rates seen at a point, in FLOPs or bytes (read and written) a second of the main thread's CPU time and
    of wall time; both None, with a note, where the point could not be measured.
    """

    point: Point
    cpu: float | None = None
    wall: float | None = None
    note: str = ""

    @property
    def best(self) -> float | None:
        """By the clock that times components: the thread's CPU time, which tells nothing of several threads' work."""
        return self.cpu if self.point.threads == 1 else self.wall


@dataclass(frozen=True)
class Ceilings:
    """By number of threads: FLOPs a second of each dtype, and bytes a second of passes that move so many, ascending."""

    arithmetic: Mapping[int, Mapping[str, float]]
    moving: Mapping[int, tuple[tuple[int, float], ...]]

    @property
    def threads(self) -> tuple[int, ...]:
        return tuple(sorted(self.arithmetic.keys() & self.moving.keys()))


def plan(cores: int, last_caches: int = 0, memory: int = 2**40) -> tuple[Point, ...]:
    """Every point to measure on a machine with so many cores and bytes of last-level caches and memory.

    One thread comes first; passes over memory take at most a sixteenth of it.
    """
    largest = min(max(LARGEST_MOVE, 8 * last_caches), memory // 16)
    sizes = [2**power for power in range(64) if SMALLEST_MOVE <= 2**power <= largest]
    points: list[Point] = []
    for threads in [2**power for power in range(16) if 2**power <= max(cores, 1)]:
        points += [Point(kind, threads, dtype) for dtype in DTYPES for kind in ARITHMETIC]
        points += [Point(kind, threads, size=size) for size in sizes for kind in MOVING]
    return tuple(points)


def plan_here() -> tuple[Point, ...]:
    """The points of this machine: threads up to the cores that we may use."""
    return plan(len(os.sched_getaffinity(0)), last_caches(), psutil.virtual_memory().total)


def last_caches(folder: Path = CACHES) -> int:
    """Bytes of all last-level caches together, each counted once; 0 where the system does not tell."""
    found: dict[str, int] = {}
    for cpu in folder.glob("cpu[0-9]*/cache"):
        levels = sorted(cpu.glob("index[0-9]*"), key=lambda one: _read(one / "level"))
        if levels and _read(levels[-1] / "size").endswith("K"):
            found[_read(levels[-1] / "shared_cpu_list") or cpu.as_posix()] = int(_read(levels[-1] / "size")[:-1]) * 1024
    return sum(found.values())


def _read(file: Path) -> str:
    return file.read_text().strip() if file.is_file() else ""


def folder() -> Path:
    """Where ceilings are kept: the environment variable NNBENCH_CEILINGS, or nnbench/ceilings in the user's cache."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else platformdirs.user_cache_path("nnbench") / "ceilings"


def file_of(machine: str, torch: str) -> Path:
    """One file a machine and a torch: another version may have other kernels."""
    return folder() / f"{machine}-torch-{torch}.json"


def kept(machine: str, torch: str) -> tuple[Rate, ...]:
    """The rates measured so far on this machine with this torch; none where the file is of another, or unreadable."""
    try:
        content = json.loads(file_of(machine, torch).read_text())
        if (content["format"], content["machine"], content["torch"]) != (FORMAT, machine, torch):
            return ()
        return tuple(Rate(**(row | {"point": Point(**row["point"])})) for row in content["rates"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()  # as if never measured: measuring again puts a whole file in its place


def keep(machine: str, torch: str, rates: Iterable[Rate]) -> Path:
    """Add rates to those kept, the better of each point: a ceiling is what the machine does at its best."""
    path = file_of(machine, torch)
    content = {
        "format": FORMAT,
        "machine": machine,
        "torch": torch,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "rates": [asdict(rate) for rate in better(kept(machine, torch), rates)],
    }
    unfinished = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(json.dumps(content, indent=1) + "\n")
        unfinished.rename(path)
    except OSError as error:
        raise NnbenchError(
            f"the ceilings cannot be kept in {path.parent}: {error}. Name another folder in {VARIABLE}."
        ) from None
    return path


def better(before: Iterable[Rate], after: Iterable[Rate]) -> tuple[Rate, ...]:
    """Each point's better rate, by either clock."""
    found: dict[Point, Rate] = {}
    for rate in (*before, *after):
        old = found.get(rate.point, rate)
        best = [max(filter(None, pair), default=None) for pair in ((old.cpu, rate.cpu), (old.wall, rate.wall))]
        found[rate.point] = Rate(rate.point, best[0], best[1], "" if best[1] else rate.note)
    return tuple(found.values())


def missing(points: Iterable[Point], rates: Iterable[Rate]) -> tuple[Point, ...]:
    """The points that were not tried yet."""
    tried = {rate.point for rate in rates}
    return tuple(point for point in points if point not in tried)


def summary(rates: Sequence[Rate]) -> dict[str, Any]:
    """What a run carries: by number of threads, the best rate of each dtype and of each size of a pass, as plain data.

    Only the thread counts that were measured whole and undisturbed: against half of what the machine can do a share
    would come out too good.
    """
    found: dict[str, Any] = {}
    for threads, measured in _by_threads(rates).items():
        if not any(_is_far_below(measured, fewer) for fewer in found.values()):
            found[str(threads)] = measured
    return found


def disturbed(rates: Sequence[Rate]) -> list[int]:
    """Numbers of threads whose rates were far below those of fewer threads: other programs had the cores."""
    return [threads for threads in _by_threads(rates) if str(threads) not in summary(rates)]


def _is_far_below(more: Mapping[str, Any], fewer: Mapping[str, Any]) -> bool:
    """Whether any rate is not half of what fewer threads had; a little less is noise, or a memory bus at its end."""
    ours, theirs = ({**one["arithmetic"], **dict(one["moving"])} for one in (more, fewer))
    return any(2 * ours[name] < theirs[name] for name in ours.keys() & theirs.keys())


def _by_threads(rates: Sequence[Rate]) -> dict[int, dict[str, Any]]:
    counts = sorted({rate.point.threads for rate in rates})
    made = {threads: _of_threads([rate for rate in rates if rate.point.threads == threads]) for threads in counts}
    return {threads: found for threads, found in made.items() if found}


def _of_threads(rates: Sequence[Rate]) -> dict[str, Any]:
    arithmetic: dict[str, float] = {}
    moving: dict[int, float] = {}
    for rate in rates:
        if rate.best and rate.point.kind in ARITHMETIC:
            arithmetic[rate.point.dtype] = max(rate.best, arithmetic.get(rate.point.dtype, 0.0))
        elif rate.best:
            moving[rate.point.size] = max(rate.best, moving.get(rate.point.size, 0.0))
    kinds = {rate.point.kind for rate in rates}
    if not arithmetic or not moving or not kinds >= {*ARITHMETIC, *MOVING}:
        return {}
    return {"arithmetic": arithmetic, "moving": [[size, moving[size]] for size in sorted(moving)]}


def valid(machine: str, torch: str) -> dict[str, Any]:
    """The summary of what is kept for this machine and torch; empty where nothing is, or not all of it."""
    rates = kept(machine, torch)
    return {} if not rates or missing(plan_here(), rates) else summary(rates)


def of_run(machine: Mapping[str, Any]) -> Ceilings | None:
    """The ceilings that a run's machine carries; None for runs without, such as those of earlier versions."""
    try:
        told = {int(threads): found for threads, found in machine["ceilings"].items()}
        return Ceilings(
            {
                threads: {str(name): float(rate) for name, rate in one["arithmetic"].items()}
                for threads, one in told.items()
            },
            {threads: tuple((int(size), float(rate)) for size, rate in one["moving"]) for threads, one in told.items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
