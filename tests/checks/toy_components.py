"""Toy components and the battery run on one variant of them."""

import torch
from torch import nn

from nnbench import Suite, case, randn
from nnbench.checks.battery import check

SEED = 7


def component(reference, *cases, kind="module", variants=None, **declared):
    """A toy component; its judge is ``torch``, or the reference for other variants."""
    return Suite("toy").component(
        "thing", reference=reference, variants=variants, kind=kind, cases=cases or [case(randn(4, 6))], **declared
    )


def rows_of(made, variant="mine", seed=SEED):
    """The first case's rows, by check."""
    return {row.check: row for row in check(made, variant, made.cases[0], seed)}


def held_against(reference, mine, *cases, **declared):
    """The rows of ``mine``, a variant beside a reference that torch's own confirms."""
    return rows_of(component(reference, *cases, variants={"torch": reference, "mine": mine}, **declared))


def wrong(rows):
    """The names of the checks that say that something is wrong."""
    return [name for name, row in rows.items() if not row.is_right]


class Tanh(nn.Module):
    """The right answer of most toys."""

    def forward(self, x):
        return torch.tanh(x)


class Weighted(nn.Module):
    """With a weight to take gradients of: ``x * weight``."""

    def __init__(self, features=6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))

    def forward(self, x):
        return x * self.weight
