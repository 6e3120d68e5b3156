"""Asking workers whether targets are right: checks several side by side, one row each, whatever becomes of them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nnbench.errors import listing
from nnbench.metrics import main_metric
from nnbench.model import COMPLETED, Check, CheckStatus, Measurement, Status
from nnbench.plan import Target
from nnbench.processes.process import WorkerEnded
from nnbench.processes.session import Session
from nnbench.processes.side_by_side import each
from nnbench.specs import DTYPES

# What a first look checks, by the names of the checks: what comes out, its gradients, an optimizer's steps.
CORE_CHECKS = (
    *(f"{what}_{dtype}" for what in ("forward", "gradients", "steps", "outcome") for dtype in DTYPES),
    "closed_form",
    "distribution",
)

Row = Check | Measurement


@dataclass(frozen=True)
class Settings:
    """How to measure: ``rounds`` fresh worker processes, in each ``budget`` seconds for every timed mode.

    Checks, which are not timed, take ``processes`` workers side by side; ``only`` names those to make, empty for all.
    ``modes`` and ``counters`` are those that are taken on request only.
    """

    rounds: int = 3
    budget: float = 0.025
    seed: int | None = None
    epochs: int = 1
    data: str = ""
    processes: int = 1
    only: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()

    @property
    def check_seed(self) -> int:
        """Drawn anew unless given, so that no component can be right for one seed only; it is stored and printed."""
        return secrets.randbelow(1_000_000) if self.seed is None else self.seed


@dataclass(frozen=True)
class Event:
    """One thing that happened: something began (``doing``), gave a row, or was finished (``steps`` further on)."""

    doing: str = ""
    row: Row | None = None
    steps: int = 0


def check_names(session: Session, targets: Sequence[Target]) -> list[str]:
    """Every check that one of the targets or another has, in order."""
    of = [_names(target) for target in targets]
    (answer,) = session.ask({"do": "checks", "of": of})
    return list(answer["checks"])


def check_steps(targets: Sequence[Target]) -> int:
    """How many steps the events of ``check`` will add up to."""
    return len(targets)


def check(
    session: Session, targets: Sequence[Target], settings: Settings, seeds: Sequence[int] = ()
) -> Iterator[Event]:
    """Check each target, several side by side, under each of the seeds or under that of the settings.

    A crash, a time-out or an exception is a failed row.
    """
    for target, rows in _checked(session, targets, settings, seeds):
        if rows is None:
            yield Event(f"checking {target.key}")
        else:
            yield from (Event(row=row) for row in rows)
            yield Event(steps=1)


def _checked(
    session: Session, targets: Sequence[Target], settings: Settings, seeds: Sequence[int] = ()
) -> Iterator[tuple[Target, Sequence[Check] | None]]:
    """Each target under each seed when it is begun, without rows, and once more, in order, with its rows."""
    jobs = [(target, seed) for seed in seeds or [settings.check_seed] for target in targets]

    def make(worker: Session, job: tuple[Target, int]) -> list[Check]:
        return list(check_one(worker, *job, settings.only))

    for (target, _), rows in each(session, jobs, settings.processes, make):
        yield target, rows


def check_one(session: Session, target: Target, seed: int, only: Sequence[str]) -> Iterator[Check]:
    """Check one target in the session's worker, which stays; otherwise as ``check``."""
    request = job_request("check", target) | {"seed": seed, "only": only}
    try:
        for message in session.ask(request):
            if "row" in message:
                yield Check(**message["row"])
            else:
                yield _check_failed(target, seed, message["failed"]["status"], message["failed"]["note"])
    except WorkerEnded as ended:
        yield _check_failed(target, seed, ended.status, ended.reason)


def _check_failed(target: Target, seed: int, status: str, note: str) -> Check:
    return Check(
        component=target.component.id,
        variant=target.variant,
        case=target.case.label,
        check=COMPLETED,
        status=CheckStatus.SKIPPED if status == Status.SKIPPED else CheckStatus.FAILED,
        note=note if status in (Status.SKIPPED, Status.FAILED) else f"{status}: {note}",
        seed=seed,
        spec=target.case.spec,
        cause=status,
    )


def verdict(target: Target, checks: Sequence[Check]) -> Measurement | None:
    """The row that stands where times would, when a check says that there shall be none."""
    bad = [row for row in checks if not row.is_right]
    if bad:
        first = next((row for row in bad if row.status == CheckStatus.FAILED), bad[0])
        if first.cause:
            return row_instead(target, first.cause, first.note.removeprefix(f"{first.cause}: "))
        return row_instead(target, Status.WRONG, f"{first.check}: {first.note}")
    expected = [row for row in checks if row.status == CheckStatus.EXPECTED and row.erratum]
    if expected:
        return row_instead(target, Status.WRONG, f"as documented: {expected[0].note}")
    if target.component.errata.get(target.variant):
        return row_instead(target, Status.SKIPPED, f"{errata_of(target)} in other cases")
    return None


def errata_of(target: Target) -> str:
    errata = target.component.errata[target.variant]
    return f"{listing(errata)} {'shows' if len(errata) == 1 else 'show'}"


def row_instead(target: Target, status: str, note: str, round_number: int = 0, metric: str = "") -> Measurement:
    return Measurement(
        component=target.component.id,
        variant=target.variant,
        case=target.case.label,
        metric=metric or main_metric(target.component.modes),
        unit="1" if metric else "s",
        status=status,
        note=note,
        spec=target.case.spec,
        round=round_number,
    )


def job_request(job: str, target: Target) -> dict[str, Any]:
    return {"do": job} | _names(target)


def _names(target: Target) -> dict[str, str]:
    return {"component": target.component.id, "variant": target.variant, "case": target.case.label}
