"""Which variant is fastest, and what may be said of it: never faster on overlapping intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from nnbench.errors import listing
from nnbench.model import Status
from nnbench.report.words import factor, grouped, plural
from nnbench.stats import Interval, compare_times
from nnbench.tables import Key, Line


@dataclass(frozen=True)
class Race:
    """Which variant of a case is fastest: ``lead`` and ``rest`` are the sentence, ``winner`` is empty on a tie."""

    component: str
    case: str
    outcome: str  # "won", "tie", "alone" or "none"
    winner: str
    lead: str
    rest: str

    @property
    def sentence(self) -> str:
        return f"{self.lead} {self.rest}"


@dataclass(frozen=True)
class Speed:
    """Torch's time over this variant's, and what may be said of it: "faster", "slower", "tie" or "torch" itself."""

    interval: Interval
    word: str


def races(found: Sequence[Line]) -> tuple[Race, ...]:
    """One race a component and case, in order."""
    groups = grouped(found, lambda line: (line.component, line.case))
    return tuple(_race(component, case, group) for (component, case), group in groups)


def _race(component: str, case: str, group: Sequence[Line]) -> Race:
    right = [line for line in group if line.status == Status.OK and line.total is not None]
    if not right:
        return Race(component, case, "none", "", "no variant", "got a time")
    base = _base(right)
    peers = [line for line in right if line.times.keys() == base.times.keys()]
    peers.sort(key=lambda line: (_total(line).estimate, line.variant))
    outcome, lead, rest = _result(base, peers)
    aside = [line.variant for line in right if line not in peers]
    more = f"; left out, as measured in other modes: {listing(aside)}" if aside else ""
    return Race(component, case, outcome, lead if outcome == "won" else "", lead, rest + more)


def _base(right: Sequence[Line]) -> Line:
    """What the others are compared with: torch, or else the reference, or else the first."""
    by_variant = {line.variant: line for line in right}
    return by_variant.get("torch") or by_variant.get("reference") or right[0]


def _result(base: Line, peers: Sequence[Line]) -> tuple[str, str, str]:
    """Outcome and the two halves of the sentence; ``peers`` are sorted by time and hold ``base``."""
    leader = peers[0]
    level = [line for line in peers if line is leader or word(leader, line) == "tie"]
    if len(peers) == 1:
        return "alone", leader.variant, "has nothing to be compared with"
    if len(level) == 1:
        other = peers[1] if leader is base else base
        speed = factor(_total(other) / _total(leader))
        return "won", leader.variant, f"is fastest, {speed} the speed of {other.variant}"
    paces = listing(f"{line.variant} {factor(_total(base) / _total(line))}" for line in level if line is not base)
    lead = "tie:" if len(level) == len(peers) else f"tie of {listing(sorted(line.variant for line in level))}:"
    return "tie", lead, f"{paces} the speed of {base.variant}"


def _total(line: Line) -> Interval:
    if line.total is None:
        raise ValueError(f"{line.key} has no time")
    return line.total


def word(line: Line, other: Line) -> str:
    """What may be said of a line beside another: "faster" or "slower" only with intervals more than 1 % apart."""
    verdict = compare_times(_total(other), _total(line)).verdict
    return verdict if verdict in ("faster", "slower") else "tie"


def tally(found: Sequence[Race]) -> str:
    """How often each variant is fastest, in one sentence; empty without races."""
    outcomes = Counter(race.outcome for race in found)
    wins = Counter(race.winner for race in found if race.outcome == "won")
    ranked = sorted(wins.items(), key=lambda win: (-win[1], win[0]))
    first = [f"{name} {'' if place else 'is fastest '}in {number:,}" for place, (name, number) in enumerate(ranked)]
    words = {"tie": ("is a tie", "are ties"), "alone": ("had nothing to compare",), "none": ("got no time",)}
    rest = [f"{outcomes[key]:,} {words[key][0 if outcomes[key] == 1 else -1]}" for key in words if outcomes[key]]
    said = "; ".join(listing(parts) for parts in (first, rest) if parts)
    return f"Of {plural(len(found), 'case')}, {said}." if found else ""


def speeds(found: Sequence[Line]) -> dict[Key, Speed]:
    """Each right line's speed relative to torch, where torch is right too and was measured in the same modes."""
    right = {line.key: line for line in found if line.status == Status.OK and line.speed is not None}
    made = {}
    for line in right.values():
        torch_line = right.get((line.component, line.case, "torch"))
        if torch_line is not None and line.speed is not None:
            made[line.key] = Speed(line.speed, "torch" if line is torch_line else word(line, torch_line))
    return made
