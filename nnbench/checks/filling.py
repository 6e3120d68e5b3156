"""Initializers: what they fill tensors and modules with, against the distribution that it should be drawn from."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nnbench.checks.evidence import Finding, Skip, Wrong, judge, passed
from nnbench.checks.trial import Trial
from nnbench.model import CheckStatus
from nnbench.workload import arguments_of, dtype_of, module_arguments

LEAST_SAMPLED = 20_000  # numbers a tensor is judged by: smaller ones are filled several times
MOST_FILLS = 20_000
LEAST_COMPARED = 400  # numbers that two pieces are told to be unrelated by
# How often a right initializer fails a check, all its tensors together.
ERROR_PROBABILITY = 1e-6
TOO_WIDE = 1.1  # times the right width: what a case must be able to tell from the right one
ORDINALS = ("first", "second", "third", "fourth")


class Filled:
    """What a variant fills in one go: a trial's tensors, by position, and what its modules hold, by name.

    ``more`` are arguments beside the case's.
    """

    def __init__(self, trial: Trial, variant: str, dtype: torch.dtype | None = None, **more: Any) -> None:
        dtype = dtype or dtype_of(trial.case)
        self.tensors = [tensor.detach().clone() for tensor in trial.inputs(dtype)]
        self.arguments = module_arguments(arguments_of(trial.case, trial.seed, dtype))
        self.modules = [value.to(dtype) for value in self.arguments.values() if isinstance(value, nn.Module)]
        self.fill = trial.component.variant(variant).build(**self.arguments, **more)

    def values(self) -> dict[str, Tensor]:
        held = {str(place): tensor for place, tensor in enumerate(self.tensors)}
        for module in self.modules:
            held |= module.state_dict()
        return {name: tensor.detach().clone() for name, tensor in held.items()}

    def held(self) -> list[Tensor]:
        """What is filled itself, not copies: the tensors, and the modules' parameters."""
        return [*self.tensors, *(parameter for module in self.modules for parameter in module.parameters())]

    def refill(self, seed: int) -> Any:
        torch.manual_seed(seed)
        return self.fill(*self.tensors)


def told(name: str) -> str:
    """A value's name as people read it: tensors have none but their positions.

    >>> told("0"), told("0.weight")
    ('the first tensor', '0.weight')
    """
    if not name.isdecimal():
        return name
    place = int(name)
    return f"the {ORDINALS[place]} tensor" if place < len(ORDINALS) else f"tensor {place + 1}"


def all_told(names: Iterable[str]) -> str:
    return ", ".join(told(name) for name in names)


def distribution(trial: Trial) -> Finding:
    """Every number filled in against the oracle's distribution: Kolmogorov and Smirnov's largest distance.

    A right initializer fails once in a million checks. Constants are compared exactly.
    Source: Massey (1951), The Kolmogorov-Smirnov Test for Goodness of Fit.
    """
    if trial.component.oracle is None:
        raise Skip("it has no oracle to give the distribution")
    return distribution_in(trial, Filled(trial, trial.variant), trial.component.oracle)


def distribution_in(trial: Trial, filled: Filled, oracle: Callable[..., Any]) -> Finding:
    """The same of what is filled wherever it lies in memory."""
    before = filled.values()
    right = oracle(*(tensor.numpy() for tensor in filled.tensors), **filled.arguments)
    filled.refill(trial.seed)
    after = filled.values()
    strangers = right.keys() - after.keys()
    if strangers:
        raise Wrong(f"its oracle speaks of {all_told(sorted(strangers))}, which is not filled here")
    findings = [_constant(name, after[name], float(want)) for name, want in right.items() if _is_constant(want)]
    findings += [_untouched(name, before[name], after[name]) for name in after.keys() - right.keys()]
    drawn = {name: want for name, want in right.items() if not _is_constant(want)}
    findings += [_distance(filled, trial.seed, name, want, len(drawn)) for name, want in drawn.items()]
    return max(findings, key=lambda one: (one.status != CheckStatus.PASSED, (one.error or 0) / (one.allowance or 1)))


def _is_constant(want: Any) -> bool:
    return isinstance(want, int | float)


def _constant(name: str, got: Tensor, want: float) -> Finding:
    if not bool((got == torch.tensor(want, dtype=got.dtype)).all()):
        raise Wrong(f"{told(name)} is not filled with {want}")
    return passed()


def _untouched(name: str, before: Tensor, after: Tensor) -> Finding:
    if not bool(((before == after) | (before.isnan() & after.isnan())).all()):
        raise Wrong(f"{told(name)} is changed, which it should leave as it is")
    return passed()


def _distance(filled: Filled, seed: int, name: str, want: Any, tensors: int) -> Finding:
    fills = min(MOST_FILLS, math.ceil(LEAST_SAMPLED / max(filled.values()[name].numel(), 1)))
    drawn = []
    torch.manual_seed(seed * 1000)
    for _ in range(fills):
        filled.fill(*filled.tensors)
        drawn.append(filled.values()[name].flatten())
    numbers = torch.cat(drawn).double().sort().values.numpy()
    allowance = _allowed_distance(ERROR_PROBABILITY / tensors, len(numbers))
    found = judge(_largest_distance(numbers, want), allowance, f"in the distribution of {told(name)}")
    # Null models must miss by much; a distance cannot: it is enough that a width a tenth off is always found.
    wide = _largest_distance((numbers - want.mean()) * TOO_WIDE + want.mean(), want)
    if found.status == CheckStatus.PASSED and wide <= allowance:
        note = f"a width {TOO_WIDE - 1:.0%} off would pass too, with {len(numbers)} numbers: give the case more"
        return Finding(CheckStatus.MISTRUSTED, found.error, allowance, note)
    return found


def _largest_distance(ascending: np.ndarray, want: Any) -> float:
    """Between the share of the numbers up to each and the probability of as much; NaN where there is one."""
    probability, share = want.cdf(ascending), np.arange(len(ascending) + 1) / len(ascending)
    return float(np.maximum(share[1:] - probability, probability - share[:-1]).max())


@functools.cache
def _allowed_distance(probability: float, numbers: int) -> float:
    from scipy import stats

    return float(stats.kstwo.isf(probability, numbers))


def another_seed(trial: Trial) -> Finding:
    """Filled again, and from another seed, the numbers are others."""
    filled = Filled(trial, trial.variant)
    filled.refill(trial.seed)
    first = filled.values()
    filled.fill(*filled.tensors)
    again = filled.values()
    filled.refill(trial.seed + 1)
    other = filled.values()
    random = random_in(first)
    if not random:
        raise Skip("it fills with constants")
    stuck = [name for name in random if any(torch.equal(first[name], values[name]) for values in (again, other))]
    if stuck:
        raise Wrong(f"{all_told(stuck)} gets the same numbers again")
    return passed()


def random_in(values: dict[str, Tensor]) -> list[str]:
    """The names of those that hold different numbers."""
    return [name for name, tensor in values.items() if tensor.is_floating_point() and len(tensor.unique()) > 1]


def unrelated(trial: Trial) -> Finding:
    """No two tensors that are filled in one go, and no two halves of one, hold numbers that go together.

    Pearson's correlation of the numbers in order; a right initializer fails once in a million checks.
    """
    from scipy import stats

    filled = Filled(trial, trial.variant)
    filled.refill(trial.seed)
    values = filled.values()
    halves = [(name, half.double()) for name in random_in(values) for half in values[name].flatten().chunk(2)]
    halves = [(name, half) for name, half in halves if half.numel() >= LEAST_COMPARED]
    pairs = list(itertools.combinations(halves, 2))
    if not pairs:
        raise Skip(f"it fills no two pieces of {LEAST_COMPARED} numbers or more")
    for (name, one), (another, two) in pairs:
        least = min(one.numel(), two.numel())
        if stats.pearsonr(one[:least].numpy(), two[:least].numpy()).pvalue < ERROR_PROBABILITY / len(pairs):
            other = "its other half" if name == another else told(another)
            raise Wrong(f"what {told(name)} gets goes together with what {other} gets")
    return passed()


def without_a_graph(trial: Trial) -> Finding:
    """Parameters that take gradients are filled in place: in their own memory, still leaves, with nothing recorded."""
    filled = Filled(trial, trial.variant)
    for tensor in filled.tensors:
        tensor.requires_grad_()
    before = [tensor.detach() for tensor in filled.held()]  # kept, so that no other tensor gets their memory
    given = filled.refill(trial.seed)
    held = filled.held()
    if not all(tensor.is_leaf and tensor.requires_grad and tensor.grad_fn is None for tensor in held):
        raise Wrong("what it fills is no longer a leaf that takes gradients")
    if [tensor.data_ptr() for tensor in held] != [tensor.data_ptr() for tensor in before]:
        raise Wrong("what it fills lies elsewhere in memory afterwards, where nothing that shares it sees the numbers")
    if isinstance(given, Tensor) and not any(given is tensor for tensor in held):
        raise Wrong("it returns another tensor than the one that it was given to fill")
    return passed()
