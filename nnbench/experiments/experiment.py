"""An experiment made: what the store has is taken from there, the rest is trained and stored trial by trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nnbench.discovery import Source
from nnbench.errors import NnbenchError
from nnbench.experiments import ledger
from nnbench.experiments.checked import Checking
from nnbench.experiments.executors import Crew
from nnbench.experiments.handing import Finished, Meter, Progress, hand_out
from nnbench.experiments.ledger import Kept
from nnbench.experiments.left_out import left_out, left_out_beside
from nnbench.experiments.purse import Purse
from nnbench.experiments.records import Checked, Contender, Experiment, Outcome, Trial
from nnbench.experiments.schedule import (
    TUNING_SEED,
    TUNING_SHARE,
    Plan,
    Queue,
    Round,
    chosen,
    final_rounds,
    grid,
    learning_rate,
    share_rounds,
    tuning_rounds,
)
from nnbench.experiments.trials import identity, unlike
from nnbench.experiments.work import Answer, training_job
from nnbench.model import ComponentInfo, Measurement, Status, measurement

FACTS = ("data", "checksum", "split", "test_samples")


@dataclass(frozen=True)
class Place:
    """Where an experiment is made: the suites, the results folder, the run that keeps it, and each trial's limits.

    ``add`` stores a row of the run at once. ``components`` are all that are registered. ``told`` is the beginning of
    the protocol: command, machine, versions.
    """

    sources: Sequence[Source]
    components: Sequence[ComponentInfo]
    results: Path
    run: str
    add: Callable[[Measurement], None]
    seconds: float
    memory: int = 0
    told: Mapping[str, Any] = field(default_factory=dict)


def run(plan: Plan, crew: Crew, place: Place, progress: Progress, purse: Purse | None = None) -> Experiment:
    """Tune where that is asked for, train every contender seed by seed, check the implementations behind them.

    Raises ``NnbenchError`` where workers cannot be reached or have other software. What is finished is stored whatever
    ends this.
    """
    return _Making(plan, crew, place, Meter(progress), purse or Purse(plan.budget)).run()


@dataclass
class _Making:
    """An experiment under way."""

    plan: Plan
    crew: Crew
    place: Place
    meter: Meter
    purse: Purse
    kept: dict[str, Kept] = field(default_factory=dict)  # by identity
    given_up: dict[str, str] = field(default_factory=dict)  # contenders that cannot be trained, and why
    checking: Checking = field(init=False)

    def __post_init__(self) -> None:
        self.checking = Checking(self.plan, self.place.components, self.place.sources, self.crew)

    def run(self) -> Experiment:
        tried = tuning_rounds(self.plan)
        likely = [*final_rounds(self.plan, self.plan.contenders), *share_rounds(self.plan, self.plan.contenders)]
        self._train(tried, TUNING_SHARE, after=likely)
        whole = [trials for trials in tried if self._is_whole(trials)]
        contenders = chosen(self.plan, self._outcomes(whole)) if whole else self.plan.contenders
        wanted = final_rounds(self.plan, contenders)
        beside = share_rounds(self.plan, contenders)
        self._train(wanted, at_least=self.plan.at_least, after=beside)
        self._train(beside)
        self._begin_checks()
        checks = self.checking.found()
        made = replace(self._put_together(contenders, tried, wanted, checks), beside=self._outcomes(beside))
        missing = left_out_beside(self.plan, beside, self.kept.keys(), self.given_up)
        made = replace(made, left_out=(*made.left_out, *missing))
        self.place.add(ledger.row_of(made, self._checked_code(checks)))
        return made

    def _is_whole(self, trials: Round) -> bool:
        """Whether everybody had this rate: but for whoever cannot be trained at any."""
        return all(identity(one) in self.kept or one.contender in self.given_up for one in trials)

    def _train(
        self, rounds: Sequence[Round], share: float = 1.0, at_least: int = 0, after: Sequence[Round] = ()
    ) -> None:
        """Have every trial in ``kept`` that the purse reaches; ``after`` are the rounds that will be trained then."""
        if not rounds:
            return
        self.kept |= ledger.reusable(self.place.results, [one for each in (*rounds, *after) for one in each])
        queue = Queue(self._missing(rounds), self.purse, share, at_least, self._missing(after))
        for name in self.given_up:
            queue.drop(name)
        for finished in hand_out(queue, self.crew, self._job, self.meter, beside=self.checking.seconds_left):
            kept = self._keep(finished)
            if self.meter.trials >= len(self.plan.contenders):  # whatever the budget, there is something to check for
                self._begin_checks()
            if kept.outcome.status == Status.SKIPPED:  # under no seed will it be otherwise
                self.given_up[kept.outcome.trial.contender] = kept.outcome.note
                queue.drop(kept.outcome.trial.contender)

    def _missing(self, rounds: Sequence[Round]) -> list[Round]:
        return [tuple(one for one in each if identity(one) not in self.kept) for each in rounds]

    def _job(self, trial: Trial) -> dict[str, Any]:
        return training_job(trial, self.place.sources, self.place.seconds, self.place.memory)

    def _keep(self, finished: Finished) -> Kept:
        """Store what became of a trial, all of it before anything else happens."""
        trial, found = finished.trial, finished.answer
        if found is None:
            kept, rows = Kept(Outcome(trial, Status.CRASHED, finished.why, run=self.place.run)), []
        else:
            _refuse_other_software(found)
            rows = [measurement(row) for row in found["rows"]]
            self.purse.note(trial, found["seconds"])
            kept = Kept(ledger.outcome(trial, rows, self.place.run), _facts(rows, found))
        for row in ledger.rows_of(kept, rows):
            self.place.add(row)
        self.kept[identity(trial)] = kept
        return kept

    def _outcomes(self, rounds: Sequence[Round]) -> tuple[Outcome, ...]:
        names = [identity(one) for each in rounds for one in each]
        return tuple(self.kept[name].outcome for name in names if name in self.kept)

    def _begin_checks(self) -> None:
        if not self.checking.is_begun and self.checking.begin(ledger.known_checks(self.place.results)):
            self.meter.announce("checking implementations")

    def _checked_code(self, checks: Mapping[str, Checked]) -> dict[str, str]:
        return {name: self.plan.definitions.get(name, "") for name in checks}

    def _put_together(
        self,
        contenders: Sequence[Contender],
        tried: Sequence[Round],
        wanted: Sequence[Round],
        checks: Mapping[str, Checked],
    ) -> Experiment:
        outcomes = self._outcomes(wanted)
        return Experiment(
            factor=self.plan.factor,
            task=self.plan.task.id,
            data=self.plan.data,
            metric=self.plan.metric,
            better=self.plan.better,
            contenders=tuple(contenders),
            outcomes=outcomes,
            tuning=self._outcomes(tried),
            checks=checks,
            left_out=left_out(self.plan, tried, wanted, self.kept.keys(), self.given_up),
            protocol=self._protocol(outcomes),
        )

    def _protocol(self, outcomes: Sequence[Outcome]) -> dict[str, Any]:
        facts = [dict(self.kept[identity(one.trial)].facts) for one in outcomes]
        told = {name: next((one[name] for one in facts if name in one), "") for name in FACTS}
        plan = self.plan
        tuned = {
            "tune": plan.tune,
            "tuning_seed": TUNING_SEED,
            "grid": {one.name: sorted(grid(learning_rate(one, plan), plan.tune)) for one in plan.contenders},
        }
        return {
            **self.place.told,
            **told,
            **(tuned if plan.tune else {}),
            "variant": plan.variant,
            "device": plan.device,
            "seeds": sorted({one.trial.seed for one in outcomes}),
            "epochs": plan.epochs,
            "budget": plan.budget,
            "recipe": dict(plan.recipe),
            "hosts": sorted({str(one["host"]) for one in facts if "host" in one}),
            "run": self.place.run,
        }


def _facts(rows: Sequence[Measurement], found: Answer) -> dict[str, Any]:
    """What is known of a trial beside its numbers."""
    contexts = [row.context for row in rows]
    told = {name: next((one[name] for one in contexts if name in one), "") for name in FACTS}
    return told | {"host": found["host"], "seconds": found["seconds"], "software": found["software"]}


def _refuse_other_software(found: Answer) -> None:
    """A trial that other code trained is no trial of this experiment."""
    if differing := unlike(found["software"]):
        raise NnbenchError(
            f"the worker on {found['host']} has other software: {'; '.join(differing)}. Install the same there."
        )
