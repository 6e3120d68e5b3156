"""The checks, checked: every mutant of the selected references tried in workers, with what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nnbench.model import ComponentInfo, Status
from nnbench.process import WorkerEnded
from nnbench.runner import Settings
from nnbench.session import Session
from nnbench.side_by_side import each

CAUGHT, SURVIVED, EQUIVALENT = "caught", "survived", "equivalent"


@dataclass(frozen=True)
class MutantInfo:
    """A mutant in plain values: the place in the component's list, the source's line, the change, and why it is
    equivalent where its line says so.
    """

    component: str
    place: int
    file: str
    line: int
    change: str
    equivalent: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: "caught" by a check in a case, "survived", or "equivalent" (it survived, rightly)."""

    component: str
    file: str
    line: int
    change: str
    status: str
    caught_by: str = ""
    case: str = ""
    note: str = ""


def listed(session: Session, components: Sequence[ComponentInfo]) -> list[MutantInfo]:
    """Every mutant of the components' references; those without source have none."""
    found = []
    for one in components:
        for message in session.ask({"do": "mutants", "component": one.id}):
            found += [MutantInfo(one.id, place, **row) for place, row in enumerate(message.get("mutants", ()))]
    return found


def outcomes(
    session: Session, mutants: Sequence[MutantInfo], settings: Settings
) -> Iterator[tuple[MutantInfo, Outcome | None]]:
    """Each mutant when it is begun, and, in order, with what became of it. One that crashes or hangs is caught."""
    seed = settings.check_seed
    return each(session, mutants, settings.processes, lambda worker, mutant: _tried(worker, mutant, seed))


def _tried(session: Session, mutant: MutantInfo, seed: int) -> Outcome:
    request = {"do": "mutant", "component": mutant.component, "place": mutant.place, "seed": seed}
    try:
        (message,) = session.ask(request)
    except WorkerEnded as ended:
        return _outcome(mutant, CAUGHT, ended.status, note=ended.reason)
    if "failed" in message:
        return _outcome(mutant, CAUGHT, Status.FAILED, note=message["failed"]["note"])
    verdict = message["verdict"]
    if verdict["caught_by"]:
        return _outcome(mutant, CAUGHT, verdict["caught_by"], verdict["case"], verdict["note"])
    return _outcome(mutant, EQUIVALENT if mutant.equivalent else SURVIVED, note=mutant.equivalent)


def _outcome(mutant: MutantInfo, status: str, caught_by: str = "", case: str = "", note: str = "") -> Outcome:
    return Outcome(mutant.component, mutant.file, mutant.line, mutant.change, status, caught_by, case, note)
