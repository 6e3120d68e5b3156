"""Training procedures wrong as people get them wrong, by a rewritten place of their source: the battery sees each."""

from __future__ import annotations

from dataclasses import replace

import pytest
from wrong_sources import rewritten
from wrong_targets import SEED, rows_of, what_is_wrong
from wrong_training import WRONG

import nnbench
from nnbench.checks.battery import check


@pytest.mark.parametrize(("identifier", "name"), rows_of(WRONG))
def test_the_battery_sees_what_is_wrong(identifier, name):
    assert what_is_wrong(identifier, rewritten(identifier, *WRONG[identifier][name]))


@pytest.mark.parametrize("identifier", WRONG)
def test_what_is_rewritten_as_it_was_passes(identifier):
    """In its smallest case: what fails above is what was changed, not that it was executed anew."""
    module = {row[0] for row in WRONG[identifier].values()}
    component = nnbench.component(identifier)
    smallest = min(component.cases, key=lambda case: sum(spec.elements for spec in case.inputs))
    for name in sorted(module):
        toy = nnbench.Variant("toy", rewritten(identifier, name, "", ""))
        made = replace(component, variants={**component.variants, "toy": toy})
        rows = list(check(made, "toy", smallest, SEED))
        assert rows
        assert all(row.is_right for row in rows), [row.note for row in rows if not row.is_right]
