"""What a duel is about: two sides, and the contests between them. Plain values and one protocol."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from nnbench.duels.verdicts import Rule
from nnbench.model import Measurement, Verdict
from nnbench.processes.process import Message


class Worker(Protocol):
    """What a duel asks of a session: answers to jobs, and a fresh process when it is renewed."""

    def ask(self, request: Message, seconds: float | None = None) -> Iterator[Message]: ...

    def renew(self) -> None: ...


@dataclass(frozen=True)
class Side:
    """One of two opponents. Its ``worker`` (a ``Session``) knows which suites to load, where and in what environment.

    ``context`` is stored with all of its samples: a commit, for instance.
    """

    label: str
    worker: Worker
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Contest:
    """One question: is B's variant slower than A's, in this case and mode? The two may have the same name."""

    component: str
    case: str
    mode: str
    a_variant: str
    b_variant: str
    spec: str = ""
    is_parallel: bool = False  # works in other threads or processes too: wall time decides

    def variant(self, side: int) -> str:
        return (self.a_variant, self.b_variant)[side]


@dataclass(frozen=True)
class Settings:
    """How to duel. In each pair a contest has ``rounds`` of A-B-B-A; a block is ``samples`` of ``sample`` seconds.

    ``budget`` is in seconds of measuring, for one contest over all pairs. At most ``together`` contests have their
    workloads in memory at once.
    """

    rule: Rule = field(default_factory=Rule)
    budget: float = 3.0
    rounds: int = 1
    samples: int = 4
    sample: float = 0.002
    seed: int = 0
    together: int = 16
    order: int | None = None  # seed of who begins; drawn anew unless given


@dataclass(frozen=True)
class Outcome:
    """How a contest ended: the verdict on B against A, or the status and the note of why there is none.

    ``values`` are logarithms of time of B over time of A, one a pair; ``floor`` is the duel's noise floor as a share.
    The samples of each side, pair by pair, are in seconds a call by the clock that decides.
    """

    contest: Contest
    verdict: Verdict
    values: tuple[float, ...] = ()
    floor: float = 0.0
    a_samples: tuple[tuple[float, ...], ...] = ()
    b_samples: tuple[tuple[float, ...], ...] = ()
    status: str = "ok"
    note: str = ""


def refused(contest: Contest, status: str, note: str) -> Outcome:
    """The outcome of a contest that did not take place."""
    return Outcome(contest, Verdict("", math.nan, math.nan, math.nan), status=status, note=note)


@dataclass(frozen=True)
class Event:
    """One thing that happened: what goes on, the samples of one pair, the end of a contest, steps further on."""

    doing: str = ""
    rows: tuple[Measurement, ...] = ()
    outcome: Outcome | None = None
    steps: int = 0
