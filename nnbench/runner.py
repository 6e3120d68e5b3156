"""Plan and order: asks workers to check and measure, replaces those that end, and yields rows as they arrive."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from nnbench.checking import Event, Row, Settings, check_one, errata_of, job_request, row_instead, verdict
from nnbench.metrics import CALIBRATION, METRICS
from nnbench.model import Check, Measurement, Status, measurement
from nnbench.plan import Target
from nnbench.processes.instructions import METRIC as INSTRUCTIONS
from nnbench.processes.instructions import Settings as Counting
from nnbench.processes.instructions import instructions
from nnbench.processes.process import Message, WorkerEnded
from nnbench.processes.session import Session
from nnbench.processes.side_by_side import each
from nnbench.tally import Tally

TRAIN_SECONDS = 1800.0


def measure_steps(targets: Sequence[Target], settings: Settings) -> int:
    """How many steps the events of ``measure`` will add up to."""
    passes = settings.rounds + 1 + (INSTRUCTIONS in settings.counters)
    return len(targets) * passes + len(_to_train(targets, settings))


def measure(session: Session, targets: Sequence[Target], settings: Settings) -> Iterator[Event]:
    """Check and count, then time in several rounds of a fresh process each, then train what has a recipe.

    Only what passed its checks is given a time, and what failed in one round is not asked again in the next.
    """
    out: set[str] = set()
    yield from _check_all(session, targets, settings, out)
    tally = Tally()
    for number in range(settings.rounds):
        session.renew()
        in_turn = targets if number % 2 == 0 else targets[::-1]
        for event in _round(session, in_turn, settings, number, out, tally):
            if isinstance(event.row, Measurement):
                tally.note(event.row)
            yield event
    yield from (Event(row=row) for row in tally.rows())
    if INSTRUCTIONS in settings.counters:
        yield from _instructions(session, [target for target in targets if target.key not in out], settings)
        yield Event(steps=sum(target.key in out for target in targets))
    for target in _to_train(targets, settings):
        if not any(key.startswith(f"{target.component.id}@{target.variant}[") for key in out):
            yield Event(f"training {target.component.id}@{target.variant} on {settings.data}")
            yield from (Event(row=row) for row in _train(session, target, settings))
        yield Event(steps=1)


def _instructions(session: Session, targets: Sequence[Target], settings: Settings) -> Iterator[Event]:
    """CPU instructions of what was measured, counted under valgrind, which does not mind a busy machine."""
    for step in instructions(session, targets, Counting(seed=settings.seed or 0, processes=settings.processes)):
        yield Event(step.doing, step.row, steps=int(step.row is not None))


def _check_all(session: Session, targets: Sequence[Target], settings: Settings, out: set[str]) -> Iterator[Event]:
    """Check every target and count what is right, several side by side; those that shall be given no time are ``out``.

    A first look does not ask of what shows the documents' errors whether it still does: it gets no time either way.
    """
    wrong = [target for target in targets if settings.only and target.component.errata.get(target.variant)]
    for target in wrong:
        out.add(target.key)
        yield Event(
            row=row_instead(target, Status.SKIPPED, f"{errata_of(target)}; `nnbench check` shows where"), steps=1
        )
    seed = settings.check_seed

    def make(worker: Session, job: tuple[Target, list[Target]]) -> list[Row]:
        checked = list(check_one(worker, job[0], seed, settings.only))
        return [*checked, *(row for target in job[1] for row in _admitted(worker, target, checked, settings))]

    jobs = _checked_by([target for target in targets if target.key not in out], is_first_look=bool(settings.only))
    for (stand_in, covered), rows in each(session, jobs, settings.processes, make):
        if rows is None:
            yield Event(f"checking {stand_in.key}")
            continue
        out.update(target.key for target in covered if _stays_out(target, rows))
        yield from (Event(row=row) for row in rows)
        yield Event(steps=len(covered))


def _checked_by(targets: Sequence[Target], is_first_look: bool) -> list[tuple[Target, list[Target]]]:
    """The targets to check, each with those that it answers for: itself, but in a first look, which has ninety seconds
    for all, an architecture's smallest case answers for its others.
    """
    found: dict[str, tuple[Target, list[Target]]] = {}
    for target in targets:
        stand_in = target
        if is_first_look and target.component.kind == "architecture":
            stand_in = replace(target, case=min(target.component.cases, key=lambda case: case.elements))
        found.setdefault(stand_in.key, (stand_in, []))[1].append(target)
    return list(found.values())


def _admitted(worker: Session, target: Target, checked: Sequence[Check], settings: Settings) -> Iterator[Row]:
    """What stands where times would, or what is counted of the target once, before it is timed."""
    instead = verdict(target, checked)
    if instead is not None:
        yield instead
    elif settings.rounds and target.case.device == "cpu":
        request = _measuring("count", target, settings, 0, worker.threads)
        yield from _rows(worker, request, target, 0)


def _stays_out(target: Target, rows: Sequence[Row]) -> bool:
    """Whether one of its rows says that there is nothing to time."""
    own = [row for row in rows if isinstance(row, Measurement) and (row.case, row.variant) == _case_of(target)]
    return any(row.status != Status.OK and not METRICS[row.metric].beside for row in own)


def _case_of(target: Target) -> tuple[str, str]:
    return target.case.label, target.variant


def _round(
    session: Session, targets: Sequence[Target], settings: Settings, number: int, out: set[str], tally: Tally
) -> Iterator[Event]:
    """Measure what is left once, in one process, between looks at the calibration kernels."""
    for target in targets:
        if target.key not in out:
            yield Event(f"measuring {target.key}, round {number + 1} of {settings.rounds}")
            for row in _measure(session, target, settings, number, tally):
                if row.status != Status.OK and not METRICS[row.metric].beside:
                    out.add(target.key)  # it would say the same again in the next round
                yield Event(row=row)
        yield Event(steps=1)
    yield from (Event(row=row) for row in _calibrate(session, number))


def _measure(
    session: Session, target: Target, settings: Settings, round_number: int, tally: Tally
) -> Iterator[Measurement]:
    request = _measuring("measure", target, settings, round_number, session.threads)
    yield from _rows(session, request, target, round_number, tally=tally)


def _measuring(job: str, target: Target, settings: Settings, round_number: int, threads: int) -> Message:
    return job_request(job, target) | {
        "seed": settings.seed or 0,
        "round": round_number,
        "budget": settings.budget,
        "threads": threads,
        "modes": settings.modes,
        "counters": settings.counters,
    }


def _train(session: Session, target: Target, settings: Settings) -> Iterator[Measurement]:
    how = {"data": settings.data, "seed": settings.seed or 0, "epochs": settings.epochs}
    yield from _rows(session, job_request("train", target) | how, target, 0, "test_accuracy", TRAIN_SECONDS)


def _rows(
    session: Session,
    request: Message,
    target: Target,
    round_number: int,
    metric: str = "",
    seconds: float | None = None,
    tally: Tally | None = None,
) -> Iterator[Measurement]:
    try:
        for message in session.ask(request, seconds):
            if "row" in message:
                yield measurement(message["row"])
            elif "inside" in message:
                assert tally is not None
                tally.inside += message["inside"]
            elif "failed" in message:
                failed = message["failed"]
                yield row_instead(target, failed["status"], failed["note"], round_number, metric)
    except WorkerEnded as ended:
        yield row_instead(target, ended.status, ended.reason, round_number, metric)


def _calibrate(session: Session, round_number: int) -> Iterator[Measurement]:
    request = {"do": "calibrate", "round": round_number}
    with contextlib.suppress(WorkerEnded):  # then the run has fewer looks at the machine, and `diff` fewer to rely on
        for message in session.ask(request):
            if "row" in message:
                yield measurement(message["row"])


def _to_train(targets: Sequence[Target], settings: Settings) -> list[Target]:
    """One target for each variant of each selected architecture that every run trains; none without data for it."""
    if not settings.data:
        return []
    found = {(t.component.id, t.variant): t for t in reversed(targets) if (t.component.recipe or {}).get("every_run")}
    return list(reversed(found.values()))


def is_component(row: Measurement) -> bool:
    """Whether a row measures a component, rather than the machine."""
    return not row.component.startswith(f"{CALIBRATION}.")
