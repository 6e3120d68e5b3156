"""``nnbench duel``: which of two is faster, told by blocks that take turns in fresh pairs of processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from nnbench import store
from nnbench.checking import Settings as Checking
from nnbench.cli import options, output, revisions
from nnbench.cli.duel_told import exit_code
from nnbench.cli.fight import Fight
from nnbench.cli.started import new_run
from nnbench.discovery import sources
from nnbench.duels import opponents
from nnbench.duels.contest import Settings, Side
from nnbench.duels.opponents import Opponents
from nnbench.duels.verdicts import Rule
from nnbench.errors import NnbenchError
from nnbench.machine import THREADS
from nnbench.metrics import TIMED_MODES
from nnbench.model import ComponentInfo
from nnbench.processes.session import Session, processes

EXAMPLE = """\b
Example:
  nnbench duel layers.layer_norm@torch layers.layer_norm@reference
  nnbench duel --suite mine.py mine.norm@fused --against torch
  nnbench duel 'layers.*@reference' --against torch --mode forward
  nnbench duel --rev main --rev HEAD   is what changed slower? (a check for CI)
"""


TWO = (
    "a duel is between two: `nnbench duel layers.layer_norm@torch layers.layer_norm@reference`, "
    "or what is selected against one of its variants: `nnbench duel 'layers.*@reference' --against torch`"
)


@click.command("duel", epilog=EXAMPLE)
@options.selection
@click.option(
    "--rev",
    "commits",
    multiple=True,
    metavar="COMMIT",
    help="Of this commit against another one, or against the working tree where it is given once.",
)
@click.option("--all", "unchanged_too", is_flag=True, help="With --rev: also what has the same code on both sides.")
@click.option("--against", default="", metavar="VARIANT", help="Hold what is selected against this variant of it.")
@click.option("--mode", "modes", multiple=True, type=click.Choice(TIMED_MODES), help="Only this  [default: all timed]")
@click.option(
    "--threshold",
    type=click.FloatRange(min=0.001, max=1),
    default=Rule.threshold,
    show_default=True,
    help="The smallest change that is called one.",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=0.001),
    default=Settings.budget,
    show_default=True,
    help="Seconds of measuring a contest, over all pairs.",
)
@click.option(
    "--pairs",
    type=click.IntRange(min=1),
    default=Rule.most_pairs,
    show_default=True,
    help="Pairs of processes after which a contest is left undecided; no verdict takes less than 4.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=THREADS,
    show_default=True,
    help="Of torch; more: wall time decides.",
)
@click.option("--check/--no-check", "checked", default=True, show_default=True, help="What is wrong gets no verdict.")
@click.option("--strict", is_flag=True, help="Exit with 1 for slower and 4 for undecided.")
@options.as_json
@options.results
@options.worker
@options.device
def command(
    patterns: tuple[str, ...],
    expression: str,
    suites: tuple[str, ...],
    commits: tuple[str, ...],
    unchanged_too: bool,
    against: str,
    modes: tuple[str, ...],
    threshold: float,
    budget: float,
    pairs: int,
    threads: int,
    checked: bool,
    strict: bool,
    as_json: bool,
    results: Path,
    timeout: float,
    memory_limit: int,
    seed: int | None,
    jobs: int | None,
    device: str,
    dtype: str | None,
) -> int:
    """Is B faster or slower than A? Two variants, A and B, or what is selected --against one.

    Each pair of fresh processes runs blocks of both in turn; pairs are added until the answer is faster, slower, same
    (within 3 %) or, at the end of the pairs or the budget, undecided. Ratios are time of B over time of A.

    With --rev, A and B are two commits and what is selected, or all, meets itself, where its code or what it uses has
    changed. Then the exit code is 1 when something got slower.

    Exits with 0 whatever the verdicts, unless --strict; 1 when something is wrong, 3 when something could not be
    measured, 4 when the same code differs by more than 5 % from itself.
    """
    _refuse_mixtures(patterns, commits, unchanged_too, against, bool(options.placed(device, dtype)))
    settings = Settings(Rule(threshold, most_pairs=pairs), budget, seed=seed or 0)
    checking = Checking(rounds=0, seed=seed, processes=jobs or processes()) if checked else None
    limits = options.limits(timeout, memory_limit)
    output.seal_abandoned(results)
    if commits:
        request = revisions.Request(
            commits, patterns, expression, suites, modes, unchanged_too, strict, as_json, threads
        )
        return revisions.run(request, settings, checking, limits, results)
    with Session(sources(suites), limits, threads, device=device, dtype=dtype or "") as session:
        everything = session.components()
        output.warn_of(session.problems)
        met = _opponents(everything, patterns, against, expression)
        fight = Fight(store.Journal(results, new_run(results, threads)), opponents.contests(met, modes, threads))
        try:
            with fight.journal:
                if checking is not None:
                    fight.check(session, met, checking)
                session.renew()
                a, b = (_side(label, session, met) for label in ("A", "B"))
                fight.go_on(a, b, settings)
        finally:
            fight.tell(as_json)
        broken = bool(session.problems)
    return exit_code(fight.outcomes, fight.is_wrong, strict, strict) or (output.NOT_MEASURED if broken else 0)


def _opponents(
    components: Sequence[ComponentInfo], patterns: Sequence[str], against: str, expression: str
) -> list[Opponents]:
    if against:
        return opponents.against(components, patterns, against, expression)
    return opponents.between(components, patterns[0], patterns[1], expression)


def _refuse_mixtures(
    patterns: Sequence[str], commits: Sequence[str], unchanged_too: bool, against: str, is_placed: bool
) -> None:
    if commits and is_placed:
        raise NnbenchError("--device and --dtype are for duels of variants; --rev compares commits on the CPU")
    if commits and against:
        raise NnbenchError("--rev compares commits and --against compares variants; one duel does one of them")
    if unchanged_too and not commits:
        raise NnbenchError("--all goes with --rev: `nnbench duel --rev main --rev HEAD --all`")
    if not commits and not against and len(patterns) != 2:
        raise NnbenchError(TWO)


def _side(label: str, session: Session, met: Sequence[Opponents]) -> Side:
    """Workers that import no more of the built-in suites than is needed: each pair pays for it."""
    twin = session.twin()
    return Side(label, replace(twin, sources=opponents.needed(session.sources, [b.component for _, b in met])))
