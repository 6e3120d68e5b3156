"""``nnbench check``: is it right."""

from __future__ import annotations

import shlex
import textwrap
from collections import Counter
from collections.abc import Sequence

import click

from nnbench import documents, runner
from nnbench.candidate import CANDIDATE
from nnbench.cli import options, output
from nnbench.cli.mutants import check_mutants
from nnbench.cli.progress import Progress
from nnbench.discovery import Source, candidate, sources, unknown
from nnbench.documents import Documents
from nnbench.errors import NnbenchError, UnknownComponent
from nnbench.model import EVIDENCE, Check, CheckStatus, ComponentInfo, Problem, Status, plain
from nnbench.plan import Target, parse, select
from nnbench.session import Session, processes

EXAMPLE = """\b
Example:
  nnbench check 'layers.*'
  nnbench check layers.linear@torch --seed 7 --json
  nnbench check mine.py:MyNorm --like layers.layer_norm     a class of yours, without registering it
  nnbench check --mutants losses       are the checks any good: wrong losses must be caught
  nnbench check --errata               what the documents get wrong, each with its evidence
"""


@click.command("check", epilog=EXAMPLE)
@options.selection
@options.as_json
@options.worker
@click.option(
    "--like", default="", metavar="COMPONENT", help="Hold package.module:Name or file.py:Name against this one."
)
@click.option("--errata", is_flag=True, help="Only the documents' errors: each is shown wrong, with its evidence.")
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
    like: str,
    errata: bool,
    mutants: bool,
) -> int:
    """Check every variant against its reference, and the reference against something independent.

    Exits with 1 when a check fails, a case proves nothing (mistrusted) or an erratum no longer shows.
    """
    wanted, patterns, named = _held_against(like, patterns)
    with Session([*sources(suites), *wanted], options.limits(timeout, memory_limit)) as session:
        everything = session.components()
        if wanted:
            _refuse_candidate(session.problems, wanted[0], everything)
        output.warn_of(session.problems)
        targets = select(everything, patterns, expression)
        if errata:
            targets = with_errata(targets)
        settings = runner.Settings(seed=seed, processes=jobs or processes())
        if mutants:
            return check_mutants(session, targets, settings, as_json)
        rows: list[Check] = []
        with Progress(runner.check_steps(targets)) as progress:
            for event in runner.check(session, targets, settings):
                progress.update(event.doing, event.steps)
                if isinstance(event.row, Check):
                    rows.append(event.row)
    known = documents.read()
    lost = [] if patterns or expression or not errata else unproved(rows, known)
    if as_json:
        output.print_json([plain(row) for row in rows])
    else:
        print_errata(rows, known, suites) if errata else _print(rows, suites, named)
    for name in lost:
        output.warn(f"{name} has no evidence: nothing that is registered shows it")
    if lost or any(not row.is_right for row in rows):
        return output.SOMETHING_WRONG
    return output.NOT_MEASURED if session.problems else 0


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


def with_errata(targets: Sequence[Target]) -> tuple[Target, ...]:
    """The variants that show errata, each in its component's first case: that is where the evidence is given."""
    kept = [
        target
        for target in targets
        if target.component.errata.get(target.variant) and target.case == target.component.cases[0]
    ]
    if not kept:
        raise NnbenchError("nothing that is selected shows an erratum; `nnbench list --coverage` says what does")
    return tuple(kept)


def unproved(rows: Sequence[Check], known: Documents) -> list[str]:
    """The documents' errata that no evidence was given for, neither for nor against."""
    given = {row.check.removeprefix(EVIDENCE) for row in rows}
    return [name for name in known.errata if name not in given]


def print_errata(rows: Sequence[Check], known: Documents, suites: Sequence[str]) -> None:
    """Each erratum with what the documents get wrong and the evidence for it."""
    evidence = [row for row in rows if row.check.startswith(EVIDENCE)]
    for row in sorted(evidence, key=lambda one: one.check):
        name = row.check.removeprefix(EVIDENCE)
        said = known.errata[name].says if name in known.errata else "an erratum of its suite's own"
        mark = "shown" if row.status == CheckStatus.EXPECTED else row.status
        click.echo(f"{click.style(name, bold=True)}  {row.component}@{row.variant}: {mark}")
        for title, text in (("documents", said), ("evidence", row.note.removeprefix(f"{name}: "))):
            click.echo(textwrap.fill(f"{title}: {text}", 110, initial_indent="    ", subsequent_indent="      "))
    for row in rows:
        if not row.is_right:
            click.echo(f"\n{failure(row, suites)}")
    shown = {row.check for row in evidence if row.status == CheckStatus.EXPECTED}
    failed = {row.check for row in evidence} - shown
    also = sum(row.status == CheckStatus.EXPECTED for row in rows) - sum(row.check in shown for row in evidence)
    click.echo(
        f"\n{len(shown - failed)} of {len(shown | failed)} errata shown, and {also} checks failed because of them."
    )


def _print(rows: Sequence[Check], suites: Sequence[str], candidate: str = "") -> None:
    statuses = [status.value for status in CheckStatus]
    groups: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        groups.setdefault((row.component, row.variant), Counter())[row.status] += 1
    table = output.table("component", "variant", *statuses, right=statuses)
    for (component, variant), counts in groups.items():
        output.add_row(table, component, variant, *(str(counts[status] or "") for status in statuses))
    console = output.console()
    console.print(table)
    for row in rows:
        if not row.is_right:
            console.print(f"\n{failure(row, suites, candidate)}", markup=False, soft_wrap=True)
    missing = Counter(row.note for row in rows if row.cause == Status.SKIPPED)
    for note, number in missing.items():
        console.print(f"\nskipped whole, {number} {'case' if number == 1 else 'cases'}: {note}", markup=False)
    _print_differences(rows)
    totals = Counter(row.status for row in rows)
    console.print("\n" + ", ".join(f"{totals[status]} {status}" for status in statuses if totals[status]))


def _print_differences(rows: Sequence[Check]) -> None:
    """Which variants are expected to fail, as known to differ: once each."""
    told: dict[tuple[str, str], str] = {}
    for row in rows:
        if row.status == CheckStatus.EXPECTED and not row.erratum:
            told.setdefault((row.component, row.variant), row.note.partition(":")[0])
    for (component, variant), note in told.items():
        click.echo(f"\n{component}@{variant} fails as expected: {note}")


def failure(row: Check, suites: Sequence[str] = (), candidate: str = "") -> str:
    """What is wrong, and the one line that repeats it."""
    size = "" if row.error is None else f" (error {row.error:.3g}, allowed {row.allowance:.3g})"
    return (
        f"{row.component}@{row.variant} [{row.case}] {row.check} {row.status}: {row.note}{size}\n"
        f"  repeat: {repeat(row, suites, candidate)}"
    )


def repeat(row: Check, suites: Sequence[str] = (), candidate: str = "") -> str:
    """The command that repeats a check with its seed; ``candidate`` is what was held against the component."""
    key = f"{row.component}@{row.variant}[{row.case}]"
    what = [candidate, "--like", f"{row.component}[{row.case}]"] if candidate else [key]
    named = [part for suite in suites for part in ("--suite", suite)]
    return shlex.join(["nnbench", "check", *what, *named, "--seed", str(row.seed)])
