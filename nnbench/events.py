"""Changes of many series in, events out: a change of machine moves most of them at once, and is one event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Moved:
    """One series changed its level at a run, counted in an order that all series share."""

    series: str
    run: int
    ratio: float
    is_calibration: bool = False


@dataclass(frozen=True)
class Event:
    """What happened at a run, once: "machine" where most series and the calibration kernels moved, else "series"."""

    run: int
    kind: str
    moves: tuple[Moved, ...]

    @property
    def ratio(self) -> float:
        return median(move.ratio for move in self.moves)


def events(moves: Sequence[Moved], series: int, calibrations: int, near: int = 2) -> list[Event]:
    """Moves grouped into events, in the order of runs: a change of machine takes all moves of its time along.

    ``series`` and ``calibrations`` are how many could have moved; most is more than half. Dates differ by some runs
    from series to series: what lies within ``near`` of a calibration kernel's move happened with it. Each other move is
    an event by itself.
    """
    left = sorted(moves, key=lambda move: (move.run, move.series))
    found = list[Event]()
    for run in sorted({move.run for move in left if move.is_calibration}):
        close = [move for move in left if abs(move.run - run) <= near]
        kernels = {move.series for move in close if move.is_calibration}
        components = {move.series for move in close if not move.is_calibration}
        if 2 * len(kernels) > calibrations and 2 * len(components) > series:
            found.append(Event(_most_frequent([move.run for move in close]), "machine", tuple(close)))
            left = [move for move in left if move not in close]
    found += [Event(move.run, "series", (move,)) for move in left]
    return sorted(found, key=lambda event: event.run)


def _most_frequent(runs: Sequence[int]) -> int:
    return max(sorted(set(runs)), key=runs.count)
