"""What a pytest session measured, kept as one run of the history: journalled as it comes, sealed at the end."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nnbench import machine, store
from nnbench.doors.pytest_collected import Job
from nnbench.doors.pytest_tools import CPU_TIMERS, Tool
from nnbench.doors.registry import FROZEN_SEED
from nnbench.errors import ResultsError
from nnbench.history import clock_was_set_back, not_before
from nnbench.model import Check, Measurement, Run, check_to_measurement
from nnbench.tally import Tally

MOST_VALUES = 200  # samples of one process are not independent: more of them say little


def results_folder(config: pytest.Config) -> Path | None:
    """Where runs are kept, by the command line, the environment, or as `nnbench run` has it; None for nowhere."""
    if config.getoption("no_nnbench_results"):
        return None
    named = config.getoption("nnbench_results") or os.environ.get("NNBENCH_RESULTS") or "results"
    return config.invocation_params.dir / named


class Stored:
    """A session's run, begun with its first row. Nothing is kept without a folder, or where nothing is timed."""

    def __init__(self, tool: Tool, results: Path | None) -> None:
        self.tool = tool
        self.results = results
        self.sentences: list[str] = []  # what happened to the folder's runs, to be told at the end
        self._journal: store.Journal | None = None
        self._tally = Tally()

    @property
    def told(self) -> dict[str, str]:
        """The run that is kept, and the class of machine: what an import of pytest-benchmark's own file goes by."""
        if self._journal is None:
            return {"machine": str(machine.fingerprint()["id"])}
        return {"run": self._journal.run.id, "machine": str(self._journal.run.machine["id"])}

    def add(self, *rows: Measurement) -> None:
        """Keep rows; a folder that cannot be written to ends the session, with exit code 4, before anything is lost."""
        if self.results is None or not self.tool.is_timing:
            return
        journal = self._journal or self._begin(self.results)
        for row in rows:
            journal.add(row)
            self._tally.note(row)

    def _begin(self, results: Path) -> store.Journal:
        run = _run(self.tool.config, results)
        self.sentences += store.seal_abandoned(results)
        self.sentences += [doubt for doubt in [clock_was_set_back(not_before(results, run.started), run)] if doubt]
        try:
            journal = store.Journal(results, run)
        except ResultsError as error:
            said = str(error).replace("--results", "--nnbench-results")
            pytest.exit(f"nnbench: {said}", returncode=pytest.ExitCode.USAGE_ERROR)
        self._journal = journal
        return journal

    def add_checks(self, rows: Sequence[Check], instead: Measurement | None) -> None:
        self.add(*(check_to_measurement(row) for row in rows), *([instead] if instead else []))

    def add_times(self, job: Job, benchmark: Any, around: Mapping[str, float], inside: float) -> None:
        """The samples of a benchmark that has been taken, beside the latest look at the calibration kernels."""
        if self.tool.is_timing:
            self._tally.inside += inside
            self.add(times(job, benchmark.stats, self.tool.name, around))

    def add_failure(self, job: Job, status: str, note: str) -> None:
        self.add(_row(job, f"{job.mode}_time", status=status, note=note))

    def close(self, is_interrupted: bool) -> None:
        """Seal the run, if one was begun."""
        if self._journal is None:
            return
        with suppress(KeyboardInterrupt), self._journal as journal:
            self.add(*self._tally.rows())
            if is_interrupted:
                raise KeyboardInterrupt
        self.sentences.append(f"stored as {journal.sealed}; `nnbench report {journal.run.id}` makes a page of it")


def times(job: Job, taken: Any, tool: str, around: Mapping[str, float]) -> Measurement:
    """The row of what pytest-benchmark has taken (its ``Metadata``): seconds a call, of each round in order."""
    timer = taken.options["timer"].__name__
    is_ours = timer in CPU_TIMERS or "parallel" in job.component.properties
    context = {
        "tool": tool,
        "timer": timer,
        "iterations": taken.iterations,
        "rounds": len(taken.stats.data),
        "seed": FROZEN_SEED,
        "threads": machine.THREADS,
        "calibration": dict(around),
    }
    metric = f"{job.mode}_time" if is_ours else f"{job.mode}_wall_time"
    return _row(job, metric, values=thinned(taken.stats.data), context=context)


def thinned(samples: Sequence[float]) -> tuple[float, ...]:
    """At most so many samples, from the first to the last.

    >>> len(thinned(range(1000))), thinned([3.0, 1.0])
    (200, (3.0, 1.0))
    """
    number = min(len(samples), MOST_VALUES)
    return tuple(float(samples[place * len(samples) // number]) for place in range(number))


def _row(job: Job, metric: str, **more: Any) -> Measurement:
    target = job.target
    return Measurement(
        target.component.id, target.variant, target.case.label, metric, "s", spec=target.case.spec, **more
    )


def _run(config: pytest.Config, results: Path) -> Run:
    commit, dirty = machine.commit(config.invocation_params.dir, results)
    return Run(
        id=store.new_run_id(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join(["pytest", *map(str, config.invocation_params.args)]),
        commit=commit,
        dirty=dirty,
        machine=machine.fingerprint() | {"threads": machine.THREADS},
    )
