"""Duels: two sides take turns, block by block, in fresh pairs of worker processes, until each contest is decided."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from statistics import median
from typing import Any

from nnbench.duels.contest import Contest, Event, Outcome, Settings, Side
from nnbench.duels.pair import FLOOR, Absence, Meeting, Samples, play
from nnbench.duels.starting import Starters
from nnbench.duels.verdicts import decide, estimate, noise_floor
from nnbench.metrics import CALIBRATION
from nnbench.model import Measurement, Status, Verdict
from nnbench.processes.process import WorkerEnded
from nnbench.stats import UNUSABLE

__all__ = ["Contest", "Event", "Outcome", "Settings", "Side", "floor_row", "run", "steps", "verdict_row"]


def steps(contests: Sequence[Contest], settings: Settings) -> int:
    """How many steps the events of ``run`` will add up to."""
    return len(contests) * settings.rule.most_pairs


def run(a: Side, b: Side, contests: Sequence[Contest], settings: Settings) -> Iterator[Event]:
    """Pair after pair, until every contest is decided or had its pairs; each ends with an event that has its outcome.

    Contests in a mode that neither side has end without one. While the noise floor is above 5 % nothing is decided.
    """
    duel = _Duel((a, b), settings, {contest: _Record() for contest in contests})
    luck = Random(settings.order)
    with Starters(len(duel.sides)) as starters:
        try:
            for number in range(settings.rule.most_pairs):
                if duel.going_on:
                    yield Event(_doing(duel, number))
                    starters.do([partial(_start_afresh, side) for side in duel.sides])
                    yield from _pair(duel, number, luck)
        finally:
            for side in duel.sides:
                side.worker.renew()


def _start_afresh(side: Side) -> None:
    side.worker.renew()
    with contextlib.suppress(WorkerEnded):  # then the first job finds another
        list(side.worker.ask({"do": "release"}))


def _pair(duel: _Duel, number: int, luck: Random) -> Iterator[Event]:
    for met in play(duel.sides, list(duel.going_on), duel.settings, luck):
        yield from duel.ended(met, number) if isinstance(met, Absence) else duel.noted(met, number)
    yield from duel.decided(number)


@dataclass
class _Record:
    """What is known of a contest so far."""

    meetings: list[Meeting] = field(default_factory=list)

    @property
    def values(self) -> list[float]:
        return [met.value for met in self.meetings]

    @property
    def error(self) -> float:
        return median(met.error for met in self.meetings)

    @property
    def seconds(self) -> float:
        return sum(met.seconds for met in self.meetings)


@dataclass
class _Duel:
    """The state of a duel: the contests that go on, and the noise floor's values."""

    sides: tuple[Side, Side]
    settings: Settings
    going_on: dict[Contest, _Record]
    floor_values: list[float] = field(default_factory=list)

    @property
    def floor(self) -> float:
        return noise_floor(self.floor_values)

    def ended(self, absence: Absence, number: int) -> Iterator[Event]:
        """A contest that cannot be measured."""
        if absence.contest == FLOOR:
            return
        record = self.going_on.pop(absence.contest)
        nothing = Verdict("", math.nan, math.nan, math.nan)
        outcome = self._outcome(absence.contest, nothing, record, absence.note, absence.status)
        yield Event(outcome=outcome if absence.status else None, steps=self.settings.rule.most_pairs - number)

    def noted(self, met: Meeting, number: int) -> Iterator[Event]:
        """One pair's samples of a contest, or of the noise floor."""
        if met.contest == FLOOR:
            self.floor_values.append(met.value)
            yield Event(rows=_rows(met, self.sides, number))
            return
        record = self.going_on[met.contest]
        record.meetings.append(met)
        yield Event(rows=_rows(met, self.sides, number), steps=1)

    def decided(self, number: int) -> Iterator[Event]:
        """What can be said after this pair."""
        left = self.settings.rule.most_pairs - number - 1
        for contest, record in list(self.going_on.items()):
            is_last = left == 0 or self._is_spent(record)
            verdict, note = decide(record.values, self.settings.rule, is_last, record.error), ""
            if self.floor > UNUSABLE:
                verdict = estimate(record.values, "undecided", record.error)
                note = f"unusable: the same code differs by {self.floor:.1%} from itself on this machine now"
            if is_last or verdict.verdict != "undecided":
                del self.going_on[contest]
                yield Event(outcome=self._outcome(contest, verdict, record, note), steps=left)

    def _outcome(
        self, contest: Contest, verdict: Verdict, record: _Record, note: str, status: str = Status.OK
    ) -> Outcome:
        a, b = (tuple(met.sides[place].in_order(contest) for met in record.meetings) for place in range(2))
        return Outcome(contest, verdict, tuple(record.values), self.floor, a, b, status, note)

    def _is_spent(self, record: _Record) -> bool:
        return len(record.values) >= self.settings.rule.least_pairs and record.seconds >= self.settings.budget


def _doing(duel: _Duel, number: int) -> str:
    rule, count = duel.settings.rule, len(duel.going_on)
    if rule.least_pairs == rule.most_pairs:
        return f"pair {number + 1} of {rule.most_pairs}"
    return f"pair {number + 1} of at most {rule.most_pairs}, {count} undecided"


def _rows(met: Meeting, sides: tuple[Side, Side], pair: int) -> tuple[Measurement, ...]:
    """Both sides' samples by the clock that decides, and by the wall clock, in the order in which they were taken."""
    return tuple(
        row for place, side in enumerate(sides) for row in _rows_of(met.contest, met.sides[place], place, side, pair)
    )


def _rows_of(contest: Contest, samples: Samples, place: int, side: Side, pair: int) -> Iterator[Measurement]:
    context = {
        "duel": "ab"[place],
        "against": contest.variant(1 - place),
        "block": len(samples.cpu[0]),
        **side.context,
    }
    for suffix, blocks in (("time", samples.deciding(contest)), ("wall_time", samples.wall)):
        yield Measurement(
            component=contest.component,
            variant=contest.variant(place),
            case=contest.case,
            metric=f"{contest.mode}_{suffix}",
            unit="s",
            values=tuple(value for block in blocks for value in block),
            spec=contest.spec,
            round=pair,
            context=context,
        )


def floor_row(outcomes: Sequence[Outcome]) -> Measurement:
    """The noise floor of a duel, as its last contest to be decided saw it, in the place where every run has its own."""
    floors = [outcome.floor for outcome in outcomes if outcome.status == Status.OK][-1:]
    return Measurement(f"{CALIBRATION}.run", "reference", "default", "noise_floor", "1", tuple(floors))


def verdict_row(outcome: Outcome, more: Mapping[str, Any]) -> Measurement:
    """An outcome as it is stored: the ratios of all pairs (time of B over time of A), and in its context the verdict.

    ``more`` is put into the context beside it.
    """
    contest, verdict = outcome.contest, outcome.verdict
    numbers = {"ratio": verdict.ratio, "low": verdict.low, "high": verdict.high}
    return Measurement(
        component=contest.component,
        variant=contest.b_variant,
        case=contest.case,
        metric=f"duel_{contest.mode}",
        unit="1",
        values=tuple(math.exp(value) for value in outcome.values),
        status=outcome.status,
        note=outcome.note,
        spec=contest.spec,
        context={
            "a": contest.a_variant,
            "b": contest.b_variant,
            "verdict": verdict.verdict if outcome.status == Status.OK else "",
            **{name: value if math.isfinite(value) else None for name, value in numbers.items()},
            "floor": outcome.floor,
            **more,
        },
    )
