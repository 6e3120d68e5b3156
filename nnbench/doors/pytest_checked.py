"""Right before fast: a worker process checks each variant in each case once, before any of its modes is timed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from nnbench.checking import CORE_CHECKS, Settings, check_one, verdict
from nnbench.discovery import Source
from nnbench.model import Check, CheckStatus, Measurement, Status
from nnbench.plan import Target
from nnbench.processes.process import Launcher
from nnbench.processes.session import Session

MOST_TOLD = 3


@dataclass(frozen=True)
class Checked:
    """The checks of one variant in one case, and the row that stands where its times would when it is given none."""

    rows: tuple[Check, ...] = ()
    instead: Measurement | None = None

    @property
    def is_skipped(self) -> bool:
        return self.instead is not None and self.instead.status == Status.SKIPPED

    @property
    def wrong(self) -> list[Check]:
        return [row for row in self.rows if not row.is_right]


class Checks:
    """What is checked of what: ``which`` is "core", "all" or "none". The worker starts when it is first asked.

    A component that crashes or hangs ends there, and is never called in the process of the tests.
    """

    def __init__(self, sources: Sequence[Source], which: str) -> None:
        self.which = which
        # What pytest's settings and the project's conftest.py put within reach is within the worker's as well.
        launcher = Launcher(environment={"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)})
        self._session = Session(sources, launcher=launcher)
        self._only = CORE_CHECKS if which == "core" else ()
        self._seed = Settings().check_seed  # one for the session
        self._known: dict[str, Checked] = {}

    def is_known(self, target: Target) -> bool:
        return target.key in self._known

    def of(self, target: Target) -> Checked:
        """The same answer each time that it is asked of one target."""
        if self.which == "none":
            return Checked()
        if target.key not in self._known:
            self._known[target.key] = self._check(target)
        return self._known[target.key]

    def _check(self, target: Target) -> Checked:
        if target.component.id not in [one.id for one in self._session.components()]:
            why = "; ".join(str(problem) for problem in self._session.problems)
            row = Check(
                target.component.id, target.variant, target.case.label, "loads", CheckStatus.FAILED, note=why,
                spec=target.case.spec, cause=Status.FAILED,
            )  # fmt: skip
            return Checked((row,), verdict(target, [row]))
        rows = tuple(check_one(self._session, target, self._seed, self._only))
        return Checked(rows, verdict(target, rows))

    def close(self) -> None:
        """End the worker."""
        self._session.renew()


def told(checked: Checked, suite: str) -> str:
    """What is wrong in the checks' words, and the line that repeats each; ``suite`` is the file, if it is one."""
    from nnbench.report.failures import failures, repeat

    given = ("--suite", suite) if suite else ()
    found = failures(checked.wrong)
    lines = [f"{_words(one.row)}\n  repeat: {repeat(one, given)}" for one in found[:MOST_TOLD]]
    more = [f"and {len(found) - MOST_TOLD} more"] if len(found) > MOST_TOLD else []
    return "\n".join([*lines, *more])


def _words(row: Check) -> str:
    size = (
        "" if row.error is None or row.allowance is None else f" (error {row.error:.3g}, allowed {row.allowance:.3g})"
    )
    return f"{row.component}@{row.variant} [{row.case}] {row.check} {row.status}: {row.note}{size}"
