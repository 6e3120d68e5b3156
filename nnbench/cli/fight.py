"""A duel under way: checked, fought, kept as it goes, and told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nnbench import checking, runner, store
from nnbench.cli import output
from nnbench.cli.duel_told import json_row, print_outcomes
from nnbench.cli.progress import Progress
from nnbench.duels import duel
from nnbench.duels.contest import Contest, Outcome, Settings, Side, refused
from nnbench.duels.opponents import Opponents
from nnbench.model import Check, Measurement, Status, check_to_measurement
from nnbench.processes.session import Session


@dataclass
class Fight:
    """A duel under way: what is left to contest, what came of the rest, and the journal that keeps it all."""

    journal: store.Journal
    contests: list[Contest]
    as_stored: Callable[[Measurement], Measurement] = lambda row: row  # made of each row of samples
    outcomes: list[Outcome] = field(default_factory=list)
    is_wrong: bool = False

    def check(self, session: Session, met: Sequence[Opponents], settings: checking.Settings) -> None:
        """Check both sides; contests of what gets no time end here."""
        targets = list({target.key: target for both in met for target in both}.values())
        reasons: dict[str, Measurement] = {}
        with Progress(runner.measure_steps(targets, settings)) as progress:
            for event in runner.measure(session, targets, settings):
                progress.update(event.doing, event.steps)
                if isinstance(event.row, Check):
                    self.journal.add(check_to_measurement(event.row))
                    self.is_wrong |= _is_wrong(event.row)
                elif event.row is not None and runner.is_component(event.row):
                    reasons[_key(event.row.component, event.row.variant, event.row.case)] = event.row
        self._refuse(reasons)

    def _refuse(self, reasons: dict[str, Measurement]) -> None:
        for contest in list(self.contests):
            keys = [_key(contest.component, contest.variant(place), contest.case) for place in range(2)]
            row = next((reasons[key] for key in keys if key in reasons), None)
            if row is not None:
                self.contests.remove(contest)
                self._keep(refused(contest, row.status, f"{row.variant}: {row.note}"))

    def go_on(self, a: Side, b: Side, settings: Settings) -> None:
        """Duel about what is left, keeping each pair's samples and each verdict as they come."""
        with Progress(duel.steps(self.contests, settings)) as progress:
            for event in duel.run(a, b, self.contests, settings):
                progress.update(event.doing, event.steps)
                for row in event.rows:
                    self.journal.add(self.as_stored(row))
                if event.outcome is not None:
                    self._keep(event.outcome, b)
        self.journal.add(duel.floor_row(self.outcomes))

    def _keep(self, outcome: Outcome, b: Side | None = None) -> None:
        self.outcomes.append(outcome)
        self.journal.add(duel.verdict_row(outcome, b.context if b else {}))

    def tell(self, as_json: bool) -> None:
        """What came of it, in the order of the contests as they were set up."""
        if as_json:
            output.print_json([json_row(outcome) for outcome in self.outcomes])
        else:
            print_outcomes(self.outcomes)
        if self.journal.sealed:
            output.warn(f"stored as {self.journal.sealed}")


def _is_wrong(row: Check) -> bool:
    return not row.is_right and row.cause in ("", Status.FAILED, Status.WRONG)


def _key(component: str, variant: str, case: str) -> str:
    return f"{component}@{variant}[{case}]"
