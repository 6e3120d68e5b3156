"""``nnbench check --errata``: the documents' errors, each shown wrong with its evidence."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import click

from nnbench.cli.check_told import failure
from nnbench.documents import Documents
from nnbench.errors import NnbenchError
from nnbench.model import EVIDENCE, Check, CheckStatus
from nnbench.plan import Target
from nnbench.report.failures import Repeat


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


def print_errata(rows: Sequence[Check], known: Documents, repeat: Repeat) -> None:
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
            click.echo(f"\n{failure(row, repeat)}")
    shown = {row.check for row in evidence if row.status == CheckStatus.EXPECTED}
    failed = {row.check for row in evidence} - shown
    also = sum(row.status == CheckStatus.EXPECTED for row in rows) - sum(row.check in shown for row in evidence)
    click.echo(
        f"\n{len(shown - failed)} of {len(shown | failed)} errata shown, and {also} checks failed because of them."
    )
