"""CPU instructions of many targets: workers under valgrind, one row a target."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nnbench.failures import NotMeasurable
from nnbench.metrics import METRICS
from nnbench.model import Measurement, Status
from nnbench.plan import Target
from nnbench.processes import callgrind
from nnbench.processes.process import GIB, WorkerEnded
from nnbench.processes.session import Session
from nnbench.processes.side_by_side import each

METRIC = "instructions"
STARTING = "starting valgrind (half a minute, on a busy machine some minutes)"
PATIENCE = 30  # wall seconds for each second of CPU time allowed: the machine may be busy
OWN_MEMORY = 2 * GIB  # what valgrind keeps of its own


@dataclass(frozen=True)
class Settings:
    """How to count: ``seconds`` of CPU time for a target under valgrind, ``processes`` side by side."""

    seconds: int = 20
    processes: int = 2
    seed: int = 0


@dataclass(frozen=True)
class Step:
    """What is being done, or the row of a target that is done."""

    doing: str = ""
    row: Measurement | None = None


def instructions(session: Session, targets: Sequence[Target], settings: Settings = Settings()) -> Iterator[Step]:
    """Instructions of one call of all of a workload (forward and backward, or a step): a row each target, in order.

    Each is the median of some calls, for now and then one takes more than its neighbours.
    What cannot be counted is skipped, failed or crashed, with the reason. The given session is not used, but for
    what its suites and limits are.
    """
    try:
        program = callgrind.find()
    except NotMeasurable as missing:
        yield from (Step(row=_row(target, status=Status.SKIPPED, note=str(missing))) for target in targets)
        return
    with TemporaryDirectory(prefix="nnbench-") as folder:
        yield from _steps(_under_valgrind(session, program, Path(folder)), targets, settings, Path(folder))


def _steps(session: Session, targets: Sequence[Target], settings: Settings, folder: Path) -> Iterator[Step]:
    def work(worker: Session, target: Target) -> Measurement:
        return _counted(worker, target, settings, folder)

    yield Step(STARTING)
    begun = 0
    for target, row in each(session, targets, settings.processes, work):
        if row is not None:
            yield Step(row=row)
            continue
        begun += 1
        is_starting = begun <= settings.processes
        yield Step(f"{STARTING}, then {target.key}" if is_starting else f"counting instructions of {target.key}")


def _under_valgrind(session: Session, program: str, folder: Path) -> Session:
    """Another session on the same suites, whose workers run under valgrind and have the time and memory for it."""
    limits = session.limits
    other = session.twin()
    other.launcher = callgrind.launcher(program, folder)
    memory = limits.memory + OWN_MEMORY if limits.memory else 0
    other.limits = replace(limits, seconds=limits.seconds * callgrind.SLOWDOWN, memory=memory)
    return other


def _counted(session: Session, target: Target, settings: Settings, folder: Path) -> Measurement:
    if "parallel" in target.component.properties:
        return _row(target, status=Status.SKIPPED, note="it works in other processes too, which are not counted")
    try:
        answer = _answer(session, target, settings)
        if "stopped" in answer:
            return _stopped(target, **answer["stopped"])
        found = callgrind.take(folder, answer["process"])
    except NotMeasurable as reason:
        return _row(target, status=Status.FAILED, note=str(reason))
    except WorkerEnded as ended:
        return _stopped(target, ended.status, ended.reason)
    context = {"seed": settings.seed, "threads": session.threads, "calls": answer["calls"]}
    return replace(_row(target, values=(float(statistics.median(found)),)), context=context)


def _answer(session: Session, target: Target, settings: Settings) -> dict[str, Any]:
    request = {
        "do": METRIC,
        "component": target.component.id,
        "variant": target.variant,
        "case": target.case.label,
        "seed": settings.seed,
        "seconds": settings.seconds,
        "memory": session.limits.bytes,
    }
    said = list(session.ask(request, settings.seconds * PATIENCE))
    if "failed" in said[0]:
        return {"stopped": said[0]["failed"]}
    answer: dict[str, Any] = said[0]["counted"]
    return answer


def _stopped(target: Target, status: str, note: str) -> Measurement:
    """What takes too long under valgrind is no worse for that: it is skipped."""
    if status == Status.SKIPPED:
        return _row(target, status=status, note=note)
    is_slow = status == Status.TIMED_OUT
    return _row(target, status=Status.SKIPPED if is_slow else status, note=f"under valgrind: {note}")


def _row(target: Target, values: tuple[float, ...] = (), status: str = Status.OK, note: str = "") -> Measurement:
    return Measurement(
        component=target.component.id,
        variant=target.variant,
        case=target.case.label,
        metric=METRIC,
        unit=METRICS[METRIC].unit,
        values=values,
        status=status,
        note=note,
        spec=target.case.spec,
    )
