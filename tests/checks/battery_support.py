"""What the tests of the battery share: a component of one case, and its rows by check."""

from __future__ import annotations

from nnbench import Suite, case, randn
from nnbench.checks.battery import check

SEED = 7
RIGHT = {"passed", "skipped"}
SMALL = (case(randn(8, 16)),)


def component(reference, *, cases=SMALL, kind="module", variants=None, **declared):
    return Suite("toy").component("thing", reference=reference, variants=variants, kind=kind, cases=cases, **declared)


def checked(made, variant="reference", seed=SEED):
    """Each check's row, by the check's name."""
    return {row.check: row for row in check(made, variant, made.cases[0], seed)}


def statuses(rows):
    return {row.status for row in rows.values()}
