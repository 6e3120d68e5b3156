"""``nnbench history A..B``: every commit of a range, each held against the same anchor."""

from __future__ import annotations

from pathlib import Path

import click

from nnbench import checking, machine
from nnbench.cli import options, output
from nnbench.cli.crossing import Crossing
from nnbench.cli.history_told import tell
from nnbench.commits import log, worktrees
from nnbench.commits.log import Span
from nnbench.commits.worktrees import Revision
from nnbench.duels import anchored, kept
from nnbench.duels.contest import Settings
from nnbench.duels.revisions import State, state
from nnbench.duels.verdicts import Rule
from nnbench.errors import NnbenchError
from nnbench.metrics import TIMED_MODES
from nnbench.processes.session import processes

EXAMPLE = """\b
Example:
  nnbench history v1.0..HEAD                     every commit since a release
  nnbench history HEAD~40.. 'mine.*' --limit 6   the six that tell most
  nnbench history v1.0..main --suite bench.py --anchor v1.0
"""

PAIRS = 4
BUDGET = 1.0  # seconds a contest, over all pairs
ROUNDS = 3  # of A-B-B-A in a pair: starting its two processes takes longer
COUNTING_BUDGET = 0.01  # seconds for the times of what the anchor does not have


@click.command("history", epilog=EXAMPLE)
@click.argument("span", metavar="A..B")
@options.selection
@click.option(
    "--anchor",
    default="",
    metavar="COMMIT",
    help="What every commit is held against  [default: as before, or the newest tag before A, or A]",
)
@click.option("--pairs", type=click.IntRange(min=1), default=PAIRS, show_default=True, help="Of processes, a commit.")
@click.option(
    "--budget",
    type=click.FloatRange(min=0.001),
    default=BUDGET,
    show_default=True,
    help="Seconds of measuring a contest, over all pairs of a commit.",
)
@click.option("--mode", "modes", multiple=True, type=click.Choice(TIMED_MODES), help="Only this  [default: all timed]")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Stop after N commits; the next call goes on.")
@click.option(
    "--every", type=click.IntRange(min=1), default=1, metavar="N", help="Only each Nth commit, and the two ends."
)
@click.option("--all-parents", is_flag=True, help="Also the commits of merged branches, not the first parents alone.")
@click.option("--retry", is_flag=True, help="Measure again what failed in an earlier call.")
@options.as_json
@options.results
@options.worker
def command(
    span: str,
    patterns: tuple[str, ...],
    expression: str,
    suites: tuple[str, ...],
    anchor: str,
    pairs: int,
    budget: float,
    modes: tuple[str, ...],
    limit: int | None,
    every: int,
    all_parents: bool,
    retry: bool,
    as_json: bool,
    results: Path,
    timeout: float,
    memory_limit: int,
    seed: int | None,
    jobs: int | None,
) -> int:
    """Measure the commits of a range that have no results yet, each in turn with the same anchor.

    Ratios are a commit's time over the anchor's, so that a slow hour is not taken for a slow commit. The newest commit
    comes first, then A, then always the middle of the gap across which most changed; each is stored when it is done,
    and the next call goes on where this one stopped. Only components come from the commit, never nnbench itself.

    Exits with 0 whatever the ratios, 3 when something could not be measured, 4 when the same code differs by more than
    5 % from itself.
    """
    output.seal_abandoned(results)
    folder, limits = Path.cwd(), options.limits(timeout, memory_limit)
    root = worktrees.repository(folder, "history measures")
    asked = log.span(root, span)
    commits = log.thinned(log.commits(root, asked, all_parents), every)
    pinned = _anchor(root, anchor, asked, results)
    crossing = Crossing(
        book=kept.Book(commits, kept.kept(results, machine.fingerprint()["id"], pinned.commit, commits), retry),
        open=lambda revision: state(root, revision, folder, suites, limits),
        results=results,
        duelling=Settings(Rule(least_pairs=pairs, most_pairs=pairs), budget, ROUNDS, seed=seed or 0),
        checking=checking.Settings(1, COUNTING_BUDGET, seed, processes=jobs or processes(), only=checking.CORE_CHECKS),
    )

    def task(against: State, newest: State) -> anchored.Task:
        return anchored.task(against, newest, patterns, expression, modes)

    try:
        crossing.go(pinned, task, limit)
    finally:
        tell(crossing, pinned, suites, patterns, as_json)
    return crossing.exit_code


def _anchor(root: Path, text: str, asked: Span, results: Path) -> Revision:
    """What every commit is held against: as asked, as before, the newest tag before the range, or its older end."""
    found, why = _choice(root, text, asked, results)
    output.warn(f"the anchor is {found.name}, {why}")
    return found


def _choice(root: Path, text: str, asked: Span, results: Path) -> tuple[Revision, str]:
    if text:
        return worktrees.resolve(root, text, "--anchor"), "as --anchor says; later calls use it too"
    for commit in kept.anchors(results):
        try:
            return log.tagged(root, commit), f"as in {results} before; --anchor COMMIT names another"
        except NnbenchError:
            continue  # of another repository: results may hold those of several
    tag = log.newest_tag(root, asked.older.commit)
    if tag is not None:
        return tag, f"the newest tag before {asked.older.text}; --anchor COMMIT names another"
    return asked.older, f"as no tag comes before {asked.older.text}; --anchor COMMIT names another"
