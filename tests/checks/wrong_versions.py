"""Wrong versions of a registered component, as its variants: what the battery says of them."""

from dataclasses import replace
from types import MappingProxyType

import pytest

import nnbench
from nnbench import Variant
from nnbench.checks.battery import check

SEED = 3
LARGEST = 1000  # elements of a case's inputs: larger cases show what small ones do


def said_of(identifier, forward):
    """The battery's rows on a component with another forward, in its small cases, the smallest first.

    The constructor is torch's, or the reference's where torch has none.
    """
    component = nnbench.component(identifier)
    base = component.variants.get("torch", component.reference).resolve()
    toy = Variant("toy", type("Toy", (base,), {"forward": forward}))
    made = replace(component, variants=MappingProxyType({**component.variants, "toy": toy}))
    elements = {case.label: sum(spec.elements for spec in case.inputs) for case in component.cases}
    for case in sorted(component.cases, key=lambda case: elements[case.label]):
        if elements[case.label] <= LARGEST:
            yield from check(made, "toy", case, SEED)


def failures(identifier, forward):
    """The first of them comes at once."""
    return (row for row in said_of(identifier, forward) if not row.is_right)


def with_lost_gradients(wrong, right):
    """A table of wrong versions, with two more of each component: it pulls at its input no longer, or with 0."""
    return {name: rows | _lost(right[name][0]) for name, rows in wrong.items()}


def _lost(right):
    return {
        "its input detached": lambda module, x, *more: right(module, x.detach(), *more),
        "a gradient of 0": lambda module, x, *more: right(module, x.detach(), *more) + 0 * x.sum(),
    }


def rows_of(table):
    """One row each: the component's name and the forward."""
    named = ((name, what, forward) for name, rows in table.items() for what, forward in rows.items())
    return [pytest.param(name, forward, id=f"{name}: {what}") for name, what, forward in named]


def right_rows_of(table):
    return [
        pytest.param(name, forward, id=f"{name} {place}")
        for name, ways in table.items()
        for place, forward in enumerate(ways)
    ]


def registered(suite):
    return {made.id for made in nnbench.components() if made.id.startswith(f"{suite}.")}
