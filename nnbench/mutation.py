"""The checks, checked: every mutant of the selected references tried in workers, with what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nnbench.checking import Settings
from nnbench.model import ComponentInfo, Status
from nnbench.processes.process import WorkerEnded
from nnbench.processes.session import Session
from nnbench.processes.side_by_side import each

CAUGHT, SURVIVED, EQUIVALENT = "caught", "survived", "equivalent"


@dataclass(frozen=True)
class MutantInfo:
    """A mutant in plain values: the place in the component's list, the source's line, the change, and why it is
    equivalent where its line says so.

    ``also`` are other components, each with the place in its list, whose references share the mutated line.
    """

    component: str
    place: int
    file: str
    line: int
    change: str
    equivalent: str = ""
    also: tuple[tuple[str, int], ...] = ()

    @property
    def is_cheat(self) -> bool:
        return not self.line


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


def listed(
    session: Session, components: Sequence[ComponentInfo], everything: Sequence[ComponentInfo] = ()
) -> list[MutantInfo]:
    """Every wrong version of the components' references; those without source have cheats alone.

    A line that several references share is changed once, and tried on each of them (also those of ``everything`` that
    are not among ``components``) until one is caught.
    """
    wanted = {one.id for one in components}
    suites = {one.id.partition(".")[0] for one in components}
    others = [one for one in everything if one.id not in wanted and one.id.partition(".")[0] in suites]
    found: dict[tuple[object, ...], MutantInfo] = {}
    for one in (*components, *others):
        for key, mutant in _of_component(session, one.id):
            if key in found:
                found[key] = replace(found[key], also=(*found[key].also, (one.id, mutant.place)))
            elif one.id in wanted:
                found[key] = mutant
    return list(found.values())


def _of_component(session: Session, identifier: str) -> Iterator[tuple[tuple[object, ...], MutantInfo]]:
    """A component's mutants, each with what tells it from all others: equal changes of a line are numbered."""
    seen: Counter[tuple[object, ...]] = Counter()
    for message in session.ask({"do": "mutants", "component": identifier}):
        for place, row in enumerate(message.get("mutants", ())):
            mutant = MutantInfo(identifier, place, **row)
            where = (identifier if mutant.is_cheat else mutant.file, mutant.line, mutant.change)
            seen[where] += 1
            yield (*where, seen[where]), mutant


def outcomes(
    session: Session, mutants: Sequence[MutantInfo], settings: Settings
) -> Iterator[tuple[MutantInfo, Outcome | None]]:
    """Each mutant when it is begun, and, in order, with what became of it. One that crashes or hangs is caught."""
    seed = settings.check_seed
    return each(session, mutants, settings.processes, lambda worker, mutant: _tried(worker, mutant, seed))


def _tried(session: Session, mutant: MutantInfo, seed: int) -> Outcome:
    """On each component that shares the line, until one is caught."""
    for component, place in ((mutant.component, mutant.place), *mutant.also):
        found = _tried_on(session, mutant, component, place, seed)
        if found.status == CAUGHT:
            break
    return found


def _tried_on(session: Session, mutant: MutantInfo, component: str, place: int, seed: int) -> Outcome:
    request = {"do": "mutant", "component": component, "place": place, "seed": seed}
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
