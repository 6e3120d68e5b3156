"""What the battery says of another class or function in the place of a registered one."""

from dataclasses import replace
from types import MappingProxyType

import nnbench
from nnbench import Variant
from nnbench.checks.battery import check

SEED = 3


def what_is_wrong(identifier, target):
    """The first check that fails and what it says, the smallest case first; empty where none does."""
    component = nnbench.component(identifier)
    variants = MappingProxyType({**component.variants, "toy": Variant("toy", target)})
    made = replace(component, variants=variants)
    for case in sorted(component.cases, key=lambda one: sum(spec.elements for spec in one.inputs)):
        for row in check(made, "toy", case, SEED):
            if not row.is_right:
                return f"{row.check}: {row.note}"
    return ""


def rows_of(table):
    """Component and name of each wrong version in a table of tables."""
    return [(identifier, name) for identifier, wrong in table.items() for name in wrong]
