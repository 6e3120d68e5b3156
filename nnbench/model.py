"""The nouns, as frozen records of plain values: they cross process borders and files as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

FORMAT = 1  # of journals and run files; a reader that meets a higher number says so instead of guessing

KINDS = (
    "module",
    "loss",
    "optimizer",
    "scheduler",
    "initializer",
    "regularizer",
    "metric",
    "transform",
    "procedure",
    "architecture",
)

PROPERTIES = {
    "stochastic": "random in training mode: compared in evaluation mode, and statistically",
    "mode": "training and evaluation mode give different outputs",
    "batch_independent": "each sample's output depends on that sample alone",
    "elementwise": "each number of the output depends on the number at its place alone: its curve is drawn",
    "parallel": "works in other threads or processes too: wall time is its time",
}


class Status(StrEnum):
    """How a measurement ended; everything but OK carries its reason in the note."""

    OK = "ok"
    WRONG = "wrong"  # its check failed, so it was given no time
    FAILED = "failed"  # it raised
    CRASHED = "crashed"  # it took its process down
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    SKIPPED = "skipped"


class CheckStatus(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    MISTRUSTED = "mistrusted"  # the case could not have failed: a null model would pass it too
    SKIPPED = "skipped"
    EXPECTED = "expected"  # an erratum, shown wrong as it should be


@dataclass(frozen=True)
class Measurement:
    """Raw samples of one metric of one variant in one case, taken in one process.

    ``values`` are in the order in which they were taken. ``round`` numbers the fresh worker process that took
    them: samples of one process are not independent, so readers treat the round as the unit. ``spec`` is the
    hash of the case's specification; ``context`` holds further facts (seed, data set, threads).
    """

    component: str
    variant: str
    case: str
    metric: str
    unit: str
    values: tuple[float, ...] = ()
    status: str = Status.OK
    note: str = ""
    spec: str = ""
    round: int = 0
    allowance: float | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """One check of one variant in one case, with its evidence: the error measured beside the error allowed.

    ``cause`` is the ``Status`` of a component that gave no answer to check (it crashed, timed out, raised ...).
    """

    component: str
    variant: str
    case: str
    check: str
    status: str
    error: float | None = None
    allowance: float | None = None
    note: str = ""
    seed: int = 0
    spec: str = ""
    erratum: str = ""
    cause: str = ""

    @property
    def is_right(self) -> bool:
        return self.status in (CheckStatus.PASSED, CheckStatus.SKIPPED, CheckStatus.EXPECTED)


CHECK_PREFIX = "check."
EVIDENCE = "evidence_"  # the check that proves an erratum: evidence_E01 and so on
# Rows that no one check gives: the process ended on the way; every check passes where an erratum should show.
COMPLETED, NO_LONGER_SHOWS = "completed", "erratum"


def check_to_measurement(check: Check) -> Measurement:
    """A check as it is stored: the metric is ``check.NAME``, the value its error."""
    return Measurement(
        component=check.component,
        variant=check.variant,
        case=check.case,
        metric=CHECK_PREFIX + check.check,
        unit="error",
        values=() if check.error is None else (check.error,),
        status=check.status,
        note=check.note,
        spec=check.spec,
        allowance=check.allowance,
        context={"seed": check.seed, "erratum": check.erratum, "cause": check.cause},
    )


def measurement_to_check(row: Measurement) -> Check:
    """The check that ``check_to_measurement`` stored."""
    return Check(
        component=row.component,
        variant=row.variant,
        case=row.case,
        check=row.metric.removeprefix(CHECK_PREFIX),
        status=row.status,
        error=row.values[0] if row.values else None,
        allowance=row.allowance,
        note=row.note,
        seed=int(row.context.get("seed", 0)),
        spec=row.spec,
        erratum=str(row.context.get("erratum", "")),
        cause=str(row.context.get("cause", "")),
    )


@dataclass(frozen=True)
class Run:
    """One invocation that measured: who, where, when, of which commit; and what it measured.

    ``ended`` is "complete", "interrupted" (Ctrl-C) or "killed" (sealed by a later command).
    """

    id: str
    started: str  # UTC, ISO 8601
    command: str
    commit: str
    dirty: bool
    machine: Mapping[str, Any]
    format: int = FORMAT
    ended: str = "complete"
    measurements: tuple[Measurement, ...] = ()

    @cached_property  # pages ask for it many times
    def checks(self) -> tuple[Check, ...]:
        return tuple(measurement_to_check(m) for m in self.measurements if m.metric.startswith(CHECK_PREFIX))


@dataclass(frozen=True)
class CaseInfo:
    """A case in plain values: what the parent process knows of it without importing torch."""

    label: str
    spec: str
    arguments: Mapping[str, Any]
    inputs: tuple[str, ...]
    dtype: str
    device: str
    timed: bool = True  # or there for the checks alone
    elements: int = 0  # of all inputs together


@dataclass(frozen=True)
class ComponentInfo:
    """A registered component in plain values, as a worker describes it to its parent."""

    id: str
    kind: str
    summary: str
    documented: tuple[str, ...]
    properties: tuple[str, ...]
    variants: tuple[str, ...]
    cases: tuple[CaseInfo, ...]
    recipe: Mapping[str, Any] | None
    location: str
    modes: tuple[str, ...] = ("forward", "backward")  # what is timed
    errata: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # variant -> the documents' errors it shows
    differences: Mapping[str, str] = field(default_factory=dict)  # variant -> how it rightly differs
    on_request: tuple[str, ...] = ()  # variants that are taken only when they are named
    doc: str = ""  # the reference's docstring


@dataclass(frozen=True)
class Problem:
    """A suite, or a part of one, that could not be loaded."""

    source: str
    file: str
    line: int
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"suite {self.source}: {where}: {self.message}"


@dataclass(frozen=True)
class Verdict:
    """The answer to a comparison, with the interval behind it: ``ratio`` is the second time over the first."""

    verdict: str  # faster, slower, same, undecided; better or worse for what is not a time
    ratio: float
    low: float
    high: float


def plain(record: Any) -> dict[str, Any]:
    """A record as a dictionary that JSON can hold."""
    return asdict(record)


def component_info(row: Mapping[str, Any]) -> ComponentInfo:
    """A ``ComponentInfo`` from its plain form."""
    cases = tuple(CaseInfo(**(case | {"inputs": tuple(case["inputs"])})) for case in row["cases"])
    lists = {name: tuple(row[name]) for name in ("documented", "properties", "variants", "modes", "on_request")}
    errata = {variant: tuple(shown) for variant, shown in row["errata"].items()}
    return ComponentInfo(**(dict(row) | lists | {"cases": cases, "errata": errata}))


def measurement(row: Mapping[str, Any]) -> Measurement:
    """A ``Measurement`` from its plain form."""
    return Measurement(**(dict(row) | {"values": tuple(row["values"])}))
