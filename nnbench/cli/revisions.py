"""``nnbench duel --rev``: two commits of a repository against each other, or one against the working tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nnbench import store
from nnbench.checking import Settings as Checking
from nnbench.cli import output
from nnbench.cli.duel_told import exit_code, json_row, print_outcomes
from nnbench.cli.fight import Fight
from nnbench.cli.started import new_run
from nnbench.duels import opponents
from nnbench.duels.contest import Outcome, Settings
from nnbench.duels.revisions import Plan, State, of_the_run, plan, reasons, states
from nnbench.machine import THREADS
from nnbench.model import Run
from nnbench.processes.process import Limits

MOST_REASONS = 20  # lines that say why something is measured


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    revisions: tuple[str, ...]
    patterns: tuple[str, ...]
    expression: str
    suites: tuple[str, ...]
    modes: tuple[str, ...]
    everything: bool
    strict: bool
    as_json: bool
    threads: int = THREADS


def run(request: Request, settings: Settings, checking: Checking | None, limits: Limits, results: Path) -> int:
    """Duel, store and tell; gives the exit code, which is 1 when something got slower."""
    names = " and ".join(request.revisions)
    output.warn(f"checking out {names}, and importing the components of both sides")
    with states(request.revisions, Path.cwd(), request.suites, limits, request.threads) as pair:
        todo = plan(pair, request.patterns, request.expression, request.everything)
        _tell_plan(pair, todo)
        if todo.targets:
            code = _fight(pair, todo, request, settings, checking, results)
        else:
            code = _nothing_to_do(pair, request)
        broken = any(state.session.problems for state in pair)
    return code or (output.NOT_MEASURED if broken else 0)


def _tell_plan(pair: tuple[State, State], todo: Plan) -> None:
    for state in pair:
        for problem in state.session.problems:
            output.warn(f"in {state.tree.name}: {problem}")
    changed = list(reasons(todo.changes))
    for said in changed[:MOST_REASONS]:
        output.warn(said)
    if len(changed) > MOST_REASONS:
        output.warn(f"and {len(changed) - MOST_REASONS} more variants changed")
    for said in todo.told:
        output.warn(said)


def _nothing_to_do(pair: tuple[State, State], request: Request) -> int:
    names = " and ".join(state.tree.name for state in pair)
    output.warn(f"nothing to measure between {names}: no selected component has code that changed")
    if request.as_json:
        output.print_json([])
    return 0


def _fight(
    pair: tuple[State, State],
    todo: Plan,
    request: Request,
    settings: Settings,
    checking: Checking | None,
    results: Path,
) -> int:
    met = [(target, target) for target in todo.targets]
    run = _run_of(pair[1], results, request.threads)
    fight = Fight(store.Journal(results, run), opponents.contests(met, request.modes, request.threads), of_the_run)
    names = [state.tree.name for state in pair]
    try:
        with fight.journal:
            if checking is not None:
                fight.check(pair[1].session, met, checking)
            a, b = (state.side(target.component.id for target in todo.targets) for state in pair)
            for state in pair:
                state.session.renew()
            fight.go_on(a, b, settings)
    finally:
        _tell(fight.outcomes, names, request.as_json)
        if fight.journal.sealed:
            output.warn(f"stored as {fight.journal.sealed}")
    return exit_code(fight.outcomes, fight.is_wrong, True, request.strict)


def _run_of(after: State, results: Path, threads: int) -> Run:
    """The run is one of side B: of its commit, unless that is the working tree."""
    run = new_run(results, threads)
    return replace(run, commit=after.commit, dirty=False) if after.commit else run


def _tell(outcomes: Sequence[Outcome], names: Sequence[str], as_json: bool) -> None:
    if as_json:
        rows = [json_row(outcome) | {"variant": outcome.contest.b_variant} for outcome in outcomes]
        output.print_json([row | dict(zip("ab", names, strict=True)) for row in rows])
    elif outcomes:
        print_outcomes(list(_named(outcomes, names)))


def _named(outcomes: Sequence[Outcome], names: Sequence[str]) -> Iterator[Outcome]:
    """Outcomes with the variant in the component's place, and the revisions in the variants'."""
    for outcome in outcomes:
        contest = outcome.contest
        component = f"{contest.component}@{contest.b_variant}"
        told = replace(contest, component=component, a_variant=names[0], b_variant=names[1])
        yield replace(outcome, contest=told)
