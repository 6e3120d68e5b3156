"""``nnbench regressions``: what got worse, and with which commit."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from nnbench import history
from nnbench.cli import options, output, revisions, stored
from nnbench.duels.contest import Settings
from nnbench.errors import NnbenchError, ResultsError
from nnbench.machine import fingerprint
from nnbench.metrics import TIMED_MODES
from nnbench.plan import compile_expression, parse
from nnbench.processes.process import Limits
from nnbench.trends.detect import LEAST_POINTS
from nnbench.trends.evidence import Duel, duels, ratios
from nnbench.trends.findings import SUSPICION, Finding
from nnbench.trends.points import EXACT
from nnbench.trends.regressions import regressions
from nnbench.trends.series import Series, is_chosen
from nnbench.trends.series_words import between, change, commit, two_values

EXAMPLE = """\b
Example:
  nnbench regressions
  nnbench regressions 'layers.*' --since v1.0
  nnbench regressions --confirm   duels the commits where only the newest run is off
"""

SOFTWARE = ("python", "torch", "numpy")  # as runs store their versions
MOST_SUSPICIONS = 20  # rows, unless all are asked for


@click.command("regressions", epilog=EXAMPLE)
@stored.choice
@click.option("--confirm", is_flag=True, help="Duel the two commits of each suspicion: only then can it fail.")
@click.option(
    "--suite", "suites", multiple=True, metavar="FILE", help="With --confirm: a suite beside the built-in ones."
)
@click.option("--all", "everything", is_flag=True, help=f"Show more than {MOST_SUSPICIONS} suspicions.")
@options.as_json
@options.results
def command(
    patterns: tuple[str, ...],
    expression: str,
    metrics: tuple[str, ...],
    since: str,
    confirm: bool,
    suites: tuple[str, ...],
    everything: bool,
    as_json: bool,
    results: Path,
) -> int:
    """Tell what got worse or better since it is measured, and between which commits.

    Exact counters are compared exactly, all else by lasting changes of level, by each metric's own direction. What the
    newest commit alone says is a suspicion: --confirm decides it. A change of the machine is told once.

    Exits with 1 when something is worse, unless it was undone since; suspicions do not count.
    """
    output.open_results(results)
    asked = _Asked(stored.Choice(patterns, expression, metrics), stored.since(since, Path()), results)
    found, series = asked.findings()
    complete = True
    if confirm:
        complete = _confirm([one for one in found if one.verdict == SUSPICION], suites, results)
        found, series = asked.findings()
    if as_json:
        output.print_json([_row(one) for one in found])
    else:
        _print(found, series, everything, confirm)
    if any(one.fails for one in found):
        return output.SOMETHING_WRONG
    return 0 if complete else output.NOT_MEASURED


class _Asked:
    """What the user asks, to be asked again once duels have been fought."""

    def __init__(self, choice: stored.Choice, since: stored.Since, results: Path) -> None:
        self.choice, self.since, self.results = choice, since, results

    def findings(self) -> tuple[list[Finding], list[Series]]:
        """The findings since then, and the series that they are of."""
        series = self.choice.series(self.results)
        if not series:
            raise ResultsError(
                f"{self.results} holds no measurements. `nnbench run` makes some; --results names another folder."
            )
        fought = [duel for duel in duels(self.results) if self._is_chosen(duel)]
        found = regressions(series, fought, frozenset(self.choice.order), ratios=ratios(self.results, series))
        kept = [one for one in found if self.since.takes_change(one.commit, one.dirty, one.started)]
        return _with_software(kept, self.results), [one for one in series if not one.is_kernel]

    def _is_chosen(self, duel: Duel) -> bool:
        key, choice = duel.key, self.choice
        parsed = [parse(text) for text in choice.patterns]
        return (
            (not parsed or any(one.takes(key.component, key.variant, key.case) for one in parsed))
            and (not choice.expression or compile_expression(choice.expression)(key.target))
            and is_chosen(key.metric, choice.metrics)
        )


def _with_software(found: Sequence[Finding], results: Path) -> list[Finding]:
    """The findings with a note where the two runs had other versions of what the code runs on: it may be that."""
    machines = {run.id: run.machine for run in history.open_history(results).runs} if found else {}
    told = []
    for one in found:
        old, new = (machines.get(run, {}) for run in (one.previous_run, one.run))
        both = [name for name in SOFTWARE if name in old and name in new and old[name] != new[name]]
        moved = [f"{name} {old[name]} to {new[name]}" for name in both]
        note = "; ".join(filter(None, [one.note, ", ".join(moved)]))
        told.append(replace(one, note=note))
    return told


def _row(finding: Finding) -> dict[str, Any]:
    """A finding in plain values; ``looks`` is what a suspicion would be."""
    return {
        **asdict(finding.key),
        "verdict": finding.verdict,
        "before": finding.before,
        "after": finding.after,
        "ratio": finding.ratio,
        "commit": finding.commit,
        "previous": finding.previous,
        "dirty": finding.dirty,
        "run": finding.run,
        "started": str(finding.started.astype("datetime64[s]")),
        "unit": finding.unit,
        "basis": finding.basis,
        "evidence": finding.evidence,
        "stands": finding.stands,
        "note": finding.note,
    }


def _confirm(suspicions: Sequence[Finding], suites: tuple[str, ...], results: Path) -> bool:
    """Duel the commits of each suspicion, so that the stored duels decide it; False where one could not take place."""
    groups = _by_commits(suspicions)
    complete = True
    for (before, after), group in groups.items():
        patterns = tuple(dict.fromkeys(one.key.target for one in group))
        modes = tuple(dict.fromkeys(one.key.mode for one in group))
        request = revisions.Request((before, after), patterns, "", suites, modes, True, False, False)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                code = revisions.run(request, Settings(), None, Limits(), results)
        except NnbenchError as error:
            output.warn(f"{before[:8]} and {after[:8]} cannot meet: {error}")
            code = output.NOT_MEASURED
        complete &= code != output.NOT_MEASURED
    return complete


def _by_commits(suspicions: Sequence[Finding]) -> dict[tuple[str, str], list[Finding]]:
    """What duels can decide, by the two commits: times of this machine, of what was committed."""
    here = fingerprint()["id"] if suspicions else ""
    groups: dict[tuple[str, str], list[Finding]] = {}
    left = 0
    for one in suspicions:
        is_time = one.key.mode in TIMED_MODES and one.key.metric == f"{one.key.mode}_time"
        if is_time and one.previous and one.commit and not one.dirty and one.key.machine == here:
            groups.setdefault((one.previous, one.commit), []).append(one)
        else:
            left += 1
    if left:
        output.warn(
            f"{left} of {len(suspicions)} suspicions cannot be decided by a duel of commits here: "
            "they are of another machine, of no commit, of changes that were not committed, or of no CPU time"
        )
    return groups


COLUMNS = ("component [case]", "variant", "metric", "verdict", "before", "after", "change", "between", "note")
ORDER = {"worse": 0, "changed": 1, "better": 2, SUSPICION: 3}


def _print(found: Sequence[Finding], series: Sequence[Series], everything: bool, confirmed: bool) -> None:
    ordered = sorted(found, key=lambda one: (not one.stands, ORDER[one.verdict]))
    suspicions = [one for one in ordered if one.verdict == SUSPICION]
    hidden = [] if everything else suspicions[MOST_SUSPICIONS:]
    table = output.table(*COLUMNS, right=["before", "after", "change"])
    for one in ordered:
        if one not in hidden:
            output.add_row(table, *_cells(one))
    console = output.console()
    if found:
        console.print(table)
        console.print()
    if hidden:
        console.print(f"{len(hidden)} more suspicions; --all shows them.")
    console.print(_summary(found, series), soft_wrap=True)
    for said in _lost(series):
        console.print(said, soft_wrap=True)
    if suspicions and not confirmed:
        console.print("A suspicion rests on the newest commit alone: --confirm duels it.", soft_wrap=True)


def _cells(finding: Finding) -> list[str]:
    key = finding.key
    threads = f" on {key.threads} threads" if key.threads != 1 else ""
    return [
        f"{key.component} [{key.place}]{threads}",
        key.variant,
        key.metric,
        finding.verdict,
        *two_values(finding.before, finding.after, key, finding.unit, finding.basis),
        change(finding.before, finding.after, key),
        between(finding),
        finding.note,
    ]


def _summary(found: Sequence[Finding], series: Sequence[Series]) -> str:
    """How many findings of each kind, and in how much."""
    counts = Counter(one.verdict if one.stands else "worse, undone since" for one in found)
    said = ", ".join(f"{number} {verdict}" for verdict, number in counts.most_common()) or "nothing changed"
    short = sum(len(one) - one.noisy.sum() < LEAST_POINTS and one.basis != EXACT for one in series)
    runs = len({run for one in series for run in one.runs})
    few = (
        f" {short:,} have fewer than {LEAST_POINTS} runs that count: too few to date a change of what is noisy."
        if short
        else ""
    )
    return f"{said[0].upper()}{said[1:]}, in {len(series):,} series of {runs:,} runs.{few}{_too_noisy(series)}"


def _lost(series: Sequence[Series]) -> list[str]:
    """A sentence for each training of which the newest gave no value."""
    newest = {one.key.training: one.lost[-1] for one in series if one.is_lost_at_last}
    return [
        f"The newest training of {component}@{variant} on {case}, {spec}, {_ended(lost.why)} "
        f"(epoch {lost.epoch}, {commit(lost.commit, lost.dirty, lost.run)}): it gives no number to compare."
        for (component, variant, case, _, spec), lost in sorted(newest.items())
    ]


def _ended(why: str) -> str:
    """How a training ended, as the rest of a sentence.

    >>> _ended("timed out"), _ended("interrupted"), _ended("out of memory")
    ('timed out', 'was interrupted', 'ran out of memory')
    """
    return {"interrupted": "was interrupted", "out of memory": "ran out of memory"}.get(why, why)


def _too_noisy(series: Sequence[Series]) -> str:
    runs = len({run for one in series for run in one.runs[one.noisy]})
    were = "run was" if runs == 1 else "runs were"
    instead = "`nnbench history` measures commits beside an anchor, `nnbench duel --rev` two of them in turn."
    return f" {runs:,} {were} too noisy for times to decide anything: {instead}" if runs else ""
