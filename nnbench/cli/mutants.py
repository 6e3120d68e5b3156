"""``nnbench check --mutants``: are the checks themselves any good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import click

from nnbench import mutation
from nnbench.checking import Settings
from nnbench.cli import output
from nnbench.cli.progress import Progress
from nnbench.errors import NnbenchError
from nnbench.model import plain
from nnbench.mutation import CAUGHT, EQUIVALENT, SURVIVED, MutantInfo, Outcome
from nnbench.plan import Target
from nnbench.processes.session import Session


def check_mutants(session: Session, targets: Sequence[Target], settings: Settings, as_json: bool) -> int:
    """Try every wrong version of the selected components' references; exits with 1 when one survives."""
    components = list({target.component.id: target.component for target in targets}.values())
    mutants = mutation.listed(session, components, session.components())
    if not mutants:
        raise NnbenchError("there is no source to make mutants of in what is selected")
    found: list[Outcome] = []
    with Progress(len(mutants)) as progress:
        for mutant, outcome in mutation.outcomes(session, mutants, settings):
            progress.update(_named(mutant), int(outcome is not None))
            if outcome is not None:
                found.append(outcome)
    output.print_json([plain(one) for one in found]) if as_json else _print(found)
    return output.SOMETHING_WRONG if any(one.status == SURVIVED for one in found) else 0


def _print(found: Sequence[Outcome]) -> None:
    columns = ["wrong versions", CAUGHT, EQUIVALENT, SURVIVED]
    table = output.table("component", *columns, "share caught", right=[*columns, "share caught"])
    groups: dict[str, Counter[str]] = {}
    for one in found:
        groups.setdefault(one.component, Counter())[one.status] += 1
    for component, counts in groups.items():
        output.add_row(table, component, *_cells(counts))
    output.console().print(table)
    for one in found:
        if one.status == SURVIVED:
            click.echo(f"\nsurvived: {_named(one)}")
    total = Counter(one.status for one in found)
    told = ", ".join(f"{total[status]} {status}" for status in (CAUGHT, EQUIVALENT, SURVIVED))
    cheats = sum(not one.line for one in found)
    click.echo(
        f"\n{len(found)} wrong versions ({len(found) - cheats} changes of the source, {cheats} cheats): {told} "
        f"({_cells(total)[-1]} of those that are not equivalent caught)"
    )


def _named(one: MutantInfo | Outcome) -> str:
    where = f"{one.file}:{one.line}: " if one.line else ""
    return f"{one.component}: {where}{one.change}"


def _cells(counts: Counter[str]) -> list[str]:
    """How many there are, and the share caught of those that could be."""
    could_be = counts.total() - counts[EQUIVALENT]
    share = f"{100 * counts[CAUGHT] / could_be:.1f} %" if could_be else ""
    return [
        str(number or "") for number in (counts.total(), *(counts[one] for one in (CAUGHT, EQUIVALENT, SURVIVED)))
    ] + [share]
