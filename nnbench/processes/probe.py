"""Asks a worker for the machine's ceilings, point by point, so that one which ends the worker costs itself only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from nnbench.ceilings import ARITHMETIC, Point, Rate
from nnbench.processes.process import WorkerEnded
from nnbench.processes.session import Session

SECONDS = 10.0  # for all points together
LEAST = 0.02  # seconds for one pass over memory, however many there are
OF_ARITHMETIC = 2  # times as long: it tries several sizes


def measured(
    session: Session, points: Sequence[Point], seconds: float = SECONDS
) -> Iterator[tuple[Point, Rate | None]]:
    """Each point when it is begun, without its rate, and once more with it."""
    shares = [OF_ARITHMETIC if point.kind in ARITHMETIC else 1 for point in points]
    unit = max(seconds / max(sum(shares), 1), LEAST)
    for point, share in zip(points, shares, strict=True):
        yield point, None
        yield point, _measured(session, point, share * unit)


def _measured(session: Session, point: Point, seconds: float) -> Rate:
    request = {"do": "ceiling", "point": asdict(point), "seconds": seconds}
    try:
        (answer,) = session.ask(request)
    except WorkerEnded as ended:
        return Rate(point, note=ended.reason)
    if "failed" in answer:
        return Rate(point, note=answer["failed"]["note"])
    return Rate(**(answer["rate"] | {"point": point}))
