"""One pair of fresh worker processes, one a side: contests take turns in it, and the two sides within each contest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from nnbench.duels.contest import Contest, Settings, Side
from nnbench.duels.verdicts import pair_error, pair_value
from nnbench.metrics import CALIBRATION
from nnbench.model import Status
from nnbench.processes.process import Message, WorkerEnded

# The same code on both sides, whatever the duel is about: what it shows of a difference is noise.
FLOOR = Contest(f"{CALIBRATION}.matrix_product", "default", "call", "reference", "reference")
ALIKE = 4.0  # sides whose samples differ by more calls than this each take their own number: the slower would need long

Sides = tuple[Side, Side]
Paces = Mapping[str, Mapping[str, Any]]  # by mode


@dataclass(frozen=True)
class Samples:
    """One side's samples in one pair, block by block, in seconds a call."""

    cpu: tuple[tuple[float, ...], ...] = ()
    wall: tuple[tuple[float, ...], ...] = ()

    def with_block(self, cpu: Sequence[float], wall: Sequence[float]) -> Samples:
        return Samples((*self.cpu, tuple(cpu)), (*self.wall, tuple(wall)))

    def in_order(self, contest: Contest) -> tuple[float, ...]:
        """The samples of the clock that decides."""
        return tuple(value for block in self.deciding(contest) for value in block)

    def deciding(self, contest: Contest) -> tuple[tuple[float, ...], ...]:
        return self.wall if contest.is_parallel else self.cpu


@dataclass(frozen=True)
class Meeting:
    """What one pair gave for one contest; ``seconds`` is what the samples took."""

    contest: Contest
    sides: tuple[Samples, Samples]
    seconds: float

    @property
    def value(self) -> float:
        """The logarithm of time of B over time of A, by the smallest sample of each block."""
        return pair_value(self._minima)

    @property
    def error(self) -> float:
        """How uncertain that is, by how the blocks differ."""
        return pair_error(self._minima)

    @property
    def _minima(self) -> list[tuple[float, float]]:
        a, b = ([max(min(block), 1e-12) for block in side.deciding(self.contest)] for side in self.sides)
        return list(zip(a, b, strict=True))


@dataclass(frozen=True)
class Absence:
    """Why a contest did not take place; without a status, there is nothing to compare."""

    contest: Contest
    status: str
    note: str


def play(sides: Sides, contests: Sequence[Contest], settings: Settings, luck: Random) -> Iterator[Meeting | Absence]:
    """Play all contests once, and the noise floor's, in the order in which they end.

    Some at a time are held ready. When one takes a process down, the others play on in a fresh pair.
    """
    queue = [*contests]
    together = [FLOOR]
    while queue or together:
        room = settings.together - len(together)
        together, queue = together + queue[:room], queue[room:]
        try:
            yield from _together(sides, together, settings, luck)
            together = []
        except _Lost as lost:
            yield from lost.absences
            together = [contest for contest in together if contest not in lost.without]
            if lost.ended:
                _renew(sides)


class _Lost(Exception):
    """A fault in the middle: what it cost, and which contests shall not be tried again."""

    def __init__(self, absences: Sequence[Absence], ended: bool) -> None:
        super().__init__()
        self.absences, self.ended = absences, ended
        self.without = {absence.contest for absence in absences}


def _renew(sides: Sides) -> None:
    for side in sides:
        side.worker.renew()


def _together(sides: Sides, contests: Sequence[Contest], settings: Settings, luck: Random) -> Iterator[Meeting]:
    """Hold the contests ready on both sides, then let them take turns, round after round, in random order."""
    plans = _plans(sides, contests, settings, luck)
    samples = {contest: (Samples(), Samples()) for contest in contests}
    for number in range(settings.rounds):
        playing = [contest for contest in contests if number < plans[contest].rounds]
        for contest in luck.sample(playing, len(playing)):
            samples[contest] = _round(sides, contest, plans[contest], samples[contest], luck)
    for contest in contests:
        yield Meeting(contest, samples[contest], plans[contest].seconds)


@dataclass(frozen=True)
class Plan:
    """How a contest goes in this pair: rounds, samples a block, each side's calls a sample, and seconds altogether."""

    rounds: int
    samples: int
    numbers: tuple[int, int]
    seconds: float


def plan(paces: Sequence[Mapping[str, Any]], settings: Settings) -> Plan:
    """As many samples, then rounds, as this pair's share of the budget allows, and one of each at least.

    Both sides make the same number of calls in a sample, unless one of them is so slow that it would take long.
    """
    numbers = [pace["number"] for pace in paces]
    if max(numbers) <= ALIKE * min(numbers):
        numbers = [max(numbers)] * 2
    share = settings.budget / settings.rule.most_pairs
    both = sum(number * pace["seconds"] for number, pace in zip(numbers, paces, strict=True))
    samples = _within(share / max(2 * both, 1e-9), settings.samples)
    rounds = _within(share / max(2 * both * samples, 1e-9), settings.rounds)
    return Plan(rounds, samples, (numbers[0], numbers[1]), 2 * both * samples * rounds)


def _within(wanted: float, most: int) -> int:
    return max(1, min(int(wanted), most))


def _make_ready(
    sides: Sides, contests: Sequence[Contest], settings: Settings, luck: Random
) -> dict[tuple[int, str], Paces]:
    """Have both sides hold each contest's workload ready, in random order; modes of one case share theirs."""
    for side in sides:
        _answers(side, {"do": "release"}, [])
    ready: dict[tuple[int, str], Paces] = {}
    for contest in contests:
        for place in luck.sample((0, 1), 2):
            name = _name(contest, place)
            if (place, name) not in ready:
                sharing = [other for other in contests if _name(other, place) == name]
                (answer,) = _answers(sides[place], _to_make_ready(contest, place, settings), sharing)
                ready[place, name] = answer["paces"]
    return ready


def _plans(sides: Sides, contests: Sequence[Contest], settings: Settings, luck: Random) -> dict[Contest, Plan]:
    """Every contest's plan, once both sides hold its workload ready; raises ``_Lost`` for modes that are not there."""
    ready = _make_ready(sides, contests, settings, luck)
    plans, absent = dict[Contest, Plan](), list[Absence]()
    for contest in contests:
        paces = [ready[place, _name(contest, place)].get(contest.mode) for place in range(2)]
        there = [pace for pace in paces if pace is not None]
        if len(there) == 2:
            plans[contest] = plan(there, settings)
        else:
            absent.append(_without_mode(sides, contest, paces[0] is not None, bool(there)))
    if absent:
        raise _Lost(absent, ended=False)
    return plans


def _without_mode(sides: Sides, contest: Contest, has_first: bool, is_on_one_side: bool) -> Absence:
    if not is_on_one_side:
        return Absence(contest, "", f"this case has no {contest.mode}")
    place = 1 if has_first else 0
    return Absence(
        contest, Status.FAILED, f"{contest.variant(place)} ({sides[place].label}) has no {contest.mode} here"
    )


def _round(
    sides: Sides, contest: Contest, plan: Plan, samples: tuple[Samples, Samples], luck: Random
) -> tuple[Samples, Samples]:
    """A-B-B-A or B-A-A-B."""
    taken = list(samples)
    for place in luck.choice([(0, 1, 1, 0), (1, 0, 0, 1)]):
        request = {
            "do": "block",
            "name": _name(contest, place),
            "mode": contest.mode,
            "number": plan.numbers[place],
            "samples": plan.samples,
        }
        (answer,) = _answers(sides[place], request, [contest])
        taken[place] = taken[place].with_block(answer["cpu"], answer["wall"])
    return taken[0], taken[1]


def _name(contest: Contest, place: int) -> str:
    return f"{contest.component}@{contest.variant(place)}[{contest.case}]"


def _to_make_ready(contest: Contest, place: int, settings: Settings) -> Message:
    request = {"do": "make_ready", "name": _name(contest, place), "sample": settings.sample, "seed": settings.seed}
    if contest == FLOOR:
        return request | {"kernel": contest.component.removeprefix(f"{CALIBRATION}.")}
    return request | {"component": contest.component, "variant": contest.variant(place), "case": contest.case}


def _answers(side: Side, request: Message, contests: Sequence[Contest]) -> list[Message]:
    """The answers to a job; raises ``_Lost`` for these contests where it fails or takes the process down."""
    try:
        answers = list(side.worker.ask(request))
    except WorkerEnded as ended:
        raise _lost(side, contests, ended.status, ended.reason, ended=True) from None
    if answers and "failed" in answers[-1]:
        failed = answers[-1]["failed"]
        raise _lost(side, contests, failed["status"], failed["note"], ended=False)
    return answers


def _lost(side: Side, contests: Sequence[Contest], status: str, note: str, ended: bool) -> _Lost:
    return _Lost([Absence(contest, status, f"{side.label}: {note}") for contest in contests], ended)
