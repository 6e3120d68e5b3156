"""``nnbench check``: is it right."""

from __future__ import annotations

import secrets
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from nnbench import checking, documents
from nnbench.candidate import CANDIDATE
from nnbench.cli import options, output
from nnbench.cli.check_convergence import check_convergence
from nnbench.cli.check_told import print_checks, repeater
from nnbench.cli.errata import print_errata, unproved, with_errata
from nnbench.cli.mutants import check_mutants
from nnbench.cli.progress import Progress
from nnbench.discovery import Source, candidate, sources, unknown
from nnbench.errors import NnbenchError, UnknownComponent, did_you_mean, listing
from nnbench.model import Check, ComponentInfo, Problem, plain
from nnbench.plan import Target, parse, select
from nnbench.processes.session import Session, processes
from nnbench.report import correctness_page
from nnbench.report.correctness import Correctness
from nnbench.report.failures import Failure, Repeat

EXAMPLE = """\b
Example:
  nnbench check 'layers.*'
  nnbench check layers.linear@torch --seed 7 --json
  nnbench check losses --only gradcheck --only special_values     these checks alone
  nnbench check 'layers.*' --html checks.html          the table as a page that needs nothing else
  nnbench check '*@torch' --seeds 100                  how often is something right said to be wrong?
  nnbench check mine.py:MyNorm --like layers.layer_norm     a class of yours, without registering it
  nnbench check --mutants losses       are the checks any good: wrong losses must be caught
  nnbench check --errata               what the documents get wrong, each with its evidence
  nnbench check --convergence          do architectures still train as they did?
"""
SEEDS = 1_000_000  # seeds are drawn below it


@dataclass
class Checked:
    """What came of the checks: all of it folded into a table, and the rows themselves where they are asked for."""

    keeps_rows: bool
    table: Correctness = field(default_factory=Correctness)
    rows: list[Check] = field(default_factory=list)

    def add(self, row: Check) -> None:
        self.table.add(row)
        if self.keeps_rows:
            self.rows.append(row)


@click.command("check", epilog=EXAMPLE)
@options.selection
@options.as_json
@options.worker
@options.device
@click.option(
    "--like", default="", metavar="COMPONENT", help="Hold package.module:Name or file.py:Name against this one."
)
@click.option("--only", multiple=True, metavar="CHECK", help="Make this check alone (several times: these).")
@click.option("--seeds", type=click.IntRange(min=1), help="Check under so many seeds, from --seed on or drawn anew.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the table as a page, too.")
@click.option("--errata", is_flag=True, help="Only the documents' errors: each is shown wrong, with its evidence.")
@click.option("--convergence", is_flag=True, help="Does it still train as it did? A few seeds against reference bands.")
@click.option("--mutants", is_flag=True, help="Check the checks: wrong versions of the references must be caught.")
def command(
    patterns: tuple[str, ...],
    expression: str,
    suites: tuple[str, ...],
    as_json: bool,
    timeout: float,
    memory_limit: int,
    seed: int | None,
    jobs: int | None,
    device: str,
    dtype: str | None,
    like: str,
    only: tuple[str, ...],
    seeds: int | None,
    html: Path | None,
    errata: bool,
    convergence: bool,
    mutants: bool,
) -> int:
    """Check every variant against its reference, and the reference against something independent.

    Exits with 1 when a check fails, a case proves nothing (mistrusted) or an erratum no longer shows.
    """
    _refuse_mixed(convergence, errata or mutants, bool(html or only), bool(seeds))
    wanted, patterns, candidate_name = _held_against(like, patterns)
    limits = options.limits(timeout, memory_limit)
    repeat = repeater(suites, limits, candidate_name, only, options.placed(device, dtype))
    settings = checking.Settings(seed=seed, processes=jobs or processes(), only=only)
    selected = bool(patterns or expression)
    with Session([*sources(suites), *wanted], limits, device=device, dtype=dtype or "") as session:
        targets = _targets(session, wanted, patterns, expression)
        if targets is None:
            return output.USAGE  # why there is no such component is said already
        if convergence:
            return check_convergence(session, targets, seed, seeds, as_json, selected, settings.processes)
        if mutants:
            return check_mutants(session, targets, settings, as_json)
        checked = Checked(keeps_rows=as_json or errata)
        targets = with_errata(targets) if errata else targets
        _refuse_unknown_checks(session, targets, only)
        _check(session, targets, settings, _drawn(seed, seeds), checked.add)
    if html:
        _write_page(html, checked.table, repeat)
    _tell(checked, repeat, errata, as_json)
    lost = _lost(checked) if errata and not selected else []
    if lost or not checked.table.is_right:
        return output.SOMETHING_WRONG
    return output.NOT_MEASURED if session.problems else 0


def _refuse_mixed(convergence: bool, of_checks: bool, of_rows: bool, seeds: bool) -> None:
    """Options that would be silently without effect."""
    if convergence and (of_checks or of_rows):
        raise click.UsageError("--convergence trains; --only, --html, --errata and --mutants are for other checks")
    if of_checks and (seeds or of_rows):
        raise click.UsageError(
            "--only, --seeds and --html are for the checks themselves, not for --errata or --mutants"
        )


def _targets(
    session: Session, wanted: Sequence[Source], patterns: Sequence[str], expression: str
) -> Sequence[Target] | None:
    """What is selected; None where it is of a suite that could not be loaded, which is told."""
    everything = session.components()
    if wanted:
        _refuse_candidate(session.problems, wanted[0], everything)
    output.warn_of(session.problems)
    try:
        return select(everything, patterns, expression)
    except UnknownComponent as error:
        if not _is_of_unloaded(error.identifier, session.problems, everything):
            raise
        return None


def _tell(checked: Checked, repeat: Repeat, errata: bool, as_json: bool) -> None:
    if as_json:
        output.print_json([as_told(row, repeat) for row in checked.rows])
    elif errata:
        print_errata(checked.rows, documents.read(), repeat)
    else:
        print_checks(checked.table, repeat)


def _lost(checked: Checked) -> list[str]:
    """Errata that nothing shows any more, each of them told."""
    lost = unproved(checked.rows, documents.read())
    for name in lost:
        output.warn(f"{name} has no evidence: nothing that is registered shows it")
    return lost


def _is_of_unloaded(identifier: str, problems: Sequence[Problem], everything: Sequence[ComponentInfo]) -> bool:
    """Whether an id that nothing has would be in a suite that could not be loaded: a file mine.py holds suite mine."""
    suite = identifier.partition(".")[0]
    loaded = {one.id.partition(".")[0] for one in everything}
    lost = {Path(problem.source).name.removesuffix(".py").rpartition(".")[2] for problem in problems}
    return suite in lost - loaded


def _refuse_unknown_checks(session: Session, targets: Sequence[Target], only: Sequence[str]) -> None:
    """A check that nothing selected has is a mistake, never a silent pass."""
    names = checking.check_names(session, targets) if only else []
    for name in only:
        if name not in names:
            told = [f"--only {name}: no such check.", did_you_mean(name, names), f"There are {listing(names)}."]
            raise NnbenchError(" ".join(filter(None, told)))


def _drawn(seed: int | None, number: int | None) -> list[int]:
    """That many seeds, one after the other where the first is given; none where one is enough."""
    if number is None:
        return []
    if seed is not None:
        return list(range(seed, seed + number))
    return secrets.SystemRandom().sample(range(SEEDS), min(number, SEEDS))


def _check(
    session: Session,
    targets: Sequence[Target],
    settings: checking.Settings,
    seeds: Sequence[int],
    add: Callable[[Check], None],
) -> None:
    """Check, showing how far it is, and give each row away as it comes."""
    with Progress(checking.check_steps(targets) * max(len(seeds), 1)) as progress:
        for event in checking.check(session, targets, settings, seeds):
            progress.update(event.doing, event.steps)
            if isinstance(event.row, Check):
                add(event.row)


def as_told(row: Check, repeat: Repeat) -> dict[str, object]:
    """A row for machines; one that is not right brings the command that repeats it."""
    return plain(row) if row.is_right else plain(row) | {"repeat": repeat(Failure(row))}


def _write_page(path: Path, table: Correctness, repeat: Repeat) -> None:
    made_by = shlex.join(["nnbench", *sys.argv[1:]])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(correctness_page(table, made_by, repeat), encoding="utf-8")
    except OSError as error:
        raise NnbenchError(f"cannot write the page to {path}: {error}. Name another file with --html.") from None
    output.warn(f"the table is in {path}")


def _held_against(like: str, patterns: tuple[str, ...]) -> tuple[list[Source], tuple[str, ...], str]:
    """With --like: the candidate's source, the pattern that selects it, and how it was named."""
    if not like:
        return [], patterns, ""
    if len(patterns) != 1:
        raise click.UsageError("--like holds one class or function against a component: package.module:Name --like ID")
    against = parse(like)
    return (
        [candidate(patterns[0], against.component)],
        (f"{against.component}@{CANDIDATE}[{against.case}]",),
        patterns[0],
    )


def _refuse_candidate(problems: Sequence[Problem], wanted: Source, everything: Sequence[ComponentInfo]) -> None:
    """What cannot be had cannot be checked: that is no matter of a failed check."""
    if wanted.name not in {one.id for one in everything}:
        raise UnknownComponent(unknown(wanted.name, [one.id for one in everything]))
    for problem in problems:
        if problem.source == wanted.name:
            raise NnbenchError(f"{wanted.locator} cannot be checked: {problem.message}")
