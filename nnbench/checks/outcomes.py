"""What a metric, a transform or a procedure gives: any nesting of numbers, tensors and words, against another judge."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nnbench.checks.evidence import MARGIN, ULPS, Finding, Skip, Wrong, error_of, judge, passed, scale_of
from nnbench.checks.trial import Trial
from nnbench.model import CheckStatus
from nnbench.workload import arguments_of, dtype_of, outcome_of

MOST_QUESTIONS = 12
Leaf = tuple[str, Any]  # where it stands in the outcome, and what stands there


def outcome_float64(trial: Trial) -> Finding:
    """The outcome in float64: the reference's against its oracle or another implementation, the others' against it."""
    return _judged(trial, torch.float64)


def outcome_dtype(trial: Trial) -> Finding:
    """The outcome in the case's own dtype against the same judge's in float64."""
    return _judged(trial, dtype_of(trial.case))


def _judged(trial: Trial, dtype: torch.dtype) -> Finding:
    """Asked with other inputs again where what knows nothing would have been right too, as a count may be by luck."""
    name = _judge(trial)
    told = f"against {name}, with the same seed" if "stochastic" in trial.component.properties else f"against {name}"
    want = _right(trial, name)
    for question in range(MOST_QUESTIONS):
        stale = _right(trial, name, other=question + 1)
        finding = _compared(trial, _leaves_of(trial, trial.variant, dtype, question), want, dtype, told)
        nulls = {"zeros": _miss(_zeros(want), want, trial, dtype), "a stale outcome": _miss(stale, want, trial, dtype)}
        if finding.status != CheckStatus.PASSED or all(miss > MARGIN for miss in nulls.values()):
            return finding
        want = stale
    return judge(0.0, 1.0, told, nulls)  # misses are counted in allowances: one allowance is what just passes


def _judge(trial: Trial) -> str:
    """Who says what is right. Chance has no oracle: there another implementation is asked, with the same seed."""
    if not trial.is_reference:
        return "reference"
    if trial.component.oracle is not None and "stochastic" not in trial.component.properties:
        return "its oracle"
    variants = trial.component.variants
    peers = [name for name, made in variants.items() if name != "reference" and not made.expected_to_fail]
    if not peers:
        raise Skip("nothing independent to compare the reference with: it has no oracle and no other variant")
    return "torch" if "torch" in peers else peers[0]


def _right(trial: Trial, name: str, other: int = 0) -> list[Leaf]:
    if name != "its oracle":
        return trial.judged_by(name, lambda: _leaves_of(trial, name, torch.float64, other))
    assert trial.component.oracle is not None
    arrays = [tensor.detach().numpy() for tensor in trial.inputs(torch.float64, other)]
    arguments = arguments_of(trial.case, trial.seed, torch.float64)
    plain = {name: value.numpy() if isinstance(value, Tensor) else value for name, value in arguments.items()}
    return list(leaves(trial.component.oracle(*arrays, **plain)))


def _leaves_of(trial: Trial, variant: str, dtype: torch.dtype, other: int = 0, chance: int = 0) -> list[Leaf]:
    """A variant's outcome for this trial's inputs (or other ones) and chance (or another)."""
    run = outcome_of(trial.component, variant, trial.case, trial.seed, dtype)
    torch.manual_seed(trial.seed + chance)
    return list(leaves(run(*_inputs(trial, dtype, other))))


def _inputs(trial: Trial, dtype: torch.dtype, other: int = 0) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in trial.inputs(dtype, other)]


def leaves(outcome: Any, path: str = "") -> Iterator[Leaf]:
    """What stands at the ends of an outcome, each with its path; tensors and arrays are leaves.

    Raises ``Wrong`` for what cannot be compared.
    """
    if isinstance(outcome, Tensor):
        yield path, outcome.detach()
    elif isinstance(outcome, np.ndarray | np.generic):
        yield path, torch.as_tensor(np.asarray(outcome))
    elif outcome is None or isinstance(outcome, bool | int | float | str):
        yield path, outcome
    elif isinstance(outcome, Mapping):
        for name in outcome:
            yield from leaves(outcome[name], f"{path}[{name!r}]")
    elif isinstance(outcome, Sequence):
        for place, item in enumerate(outcome):
            yield from leaves(item, f"{path}[{place}]")
    else:
        raise Wrong(f"its outcome holds {type(outcome).__name__}, which has no comparison")


def _compared(trial: Trial, got: list[Leaf], want: list[Leaf], dtype: torch.dtype, note: str) -> Finding:
    """The worst of the leaves: its error beside what is allowed; words and whole numbers are right or wrong."""
    if [path for path, _ in got] != [path for path, _ in want]:
        raise Wrong(f"its outcome holds {_named(got)} where {_named(want)} is right")
    pairs = zip(got, want, strict=True)
    found = [
        _leaf(trial, mine, right, dtype, f"at {path} {note}" if path else note) for (path, mine), (_, right) in pairs
    ]
    return max(found, key=lambda one: (one.status != CheckStatus.PASSED, _share(one)), default=passed(note))


def _share(finding: Finding) -> float:
    """An error as a share of what is allowed; less than any for words, which have none."""
    if finding.error is None:
        return -1.0
    return finding.error / finding.allowance if finding.allowance else finding.error


def _named(found: list[Leaf]) -> str:
    paths = [path or "one value" for path, _ in found]
    return ", ".join(paths[:6]) + (f" and {len(paths) - 6} more" if len(paths) > 6 else "") or "nothing"


def _leaf(trial: Trial, got: Any, want: Any, dtype: torch.dtype, note: str) -> Finding:
    if not (_is_number(got) and _is_number(want)):
        if type(got) is not type(want) or got != want:
            raise Wrong(f"{got!r} where {want!r} is right {note}")
        return passed(note)
    mine, right = (torch.as_tensor(value, dtype=_number_dtype(value)) for value in (got, want))
    return judge(error_of(mine, right), _allowance(trial, mine, right, dtype), note)


def _is_number(value: Any) -> bool:
    return isinstance(value, Tensor | float | int) and not isinstance(value, bool)


def _number_dtype(value: Any) -> torch.dtype:
    """Python's own numbers are float64 and int64."""
    if isinstance(value, Tensor):
        return value.dtype
    return torch.float64 if isinstance(value, float) else torch.int64


def _allowance(trial: Trial, got: Tensor, want: Tensor, dtype: torch.dtype) -> float:
    """A few units in the last place for every root of the terms that may have been summed; nothing for integers."""
    if not (got.is_floating_point() or want.is_floating_point()):
        return 0.0
    finite = want.double()[want.isfinite()]
    largest = float(finite.abs().max()) / scale_of(want) if finite.numel() else 1.0
    eps = max(torch.finfo(one).eps for one in (dtype, got.dtype) if one.is_floating_point)
    terms = max((spec.elements for spec in trial.case.inputs), default=1)
    return ULPS[dtype] * eps * math.sqrt(max(terms, 1)) * max(largest, 1.0)


def _zeros(want: list[Leaf]) -> list[Leaf]:
    return [(path, torch.zeros_like(torch.as_tensor(value)) if _is_number(value) else value) for path, value in want]


def _miss(guess: list[Leaf], want: list[Leaf], trial: Trial, dtype: torch.dtype) -> float:
    """How many times its allowance a guess misses by, at the leaf where it misses most."""
    if [path for path, _ in guess] != [path for path, _ in want]:
        return math.inf
    return max(
        (_missed(trial, mine, right, dtype) for (_, mine), (_, right) in zip(guess, want, strict=True)), default=0.0
    )


def _missed(trial: Trial, guess: Any, want: Any, dtype: torch.dtype) -> float:
    try:
        finding = _leaf(trial, guess, want, dtype, "")
    except Wrong:
        return math.inf
    if not finding.error:
        return 0.0
    return finding.error / finding.allowance if finding.allowance else math.inf


def inputs_unchanged(trial: Trial) -> Finding:
    """None of its inputs is changed, to the bit."""
    run = outcome_of(trial.component, trial.variant, trial.case, trial.seed, dtype_of(trial.case))
    inputs = _inputs(trial, dtype_of(trial.case))
    kept = [tensor.clone() for tensor in inputs]
    torch.manual_seed(trial.seed)
    run(*inputs)
    changed = [str(place) for place, (a, b) in enumerate(zip(inputs, kept, strict=True)) if not torch.equal(a, b)]
    if changed:
        raise Wrong(f"it changes its input {' and '.join(changed)} in place")
    return passed()


def answers_anew(trial: Trial) -> Finding:
    """Run again with other numbers in the same tensors, it gives the outcome for those, not one that it kept."""
    dtype = torch.float64
    run = outcome_of(trial.component, trial.variant, trial.case, trial.seed, dtype)
    held, others = _inputs(trial, dtype), _inputs(trial, dtype, other=1)
    run(*held)
    for tensor, other in zip(held, others, strict=True):
        tensor.copy_(other)
    torch.manual_seed(trial.seed)
    got = list(leaves(run(*held)))
    want = _right(trial, _judge(trial), other=1)
    return _compared(trial, got, want, dtype, "when run again")


def repeats(trial: Trial) -> Finding:
    """Twice from the same seed it gives the same outcome, to the bit."""
    dtype = dtype_of(trial.case)
    if not _same(_leaves_of(trial, trial.variant, dtype), _leaves_of(trial, trial.variant, dtype)):
        raise Wrong("twice from the same seed it gives different outcomes")
    return passed()


def another_seed(trial: Trial) -> Finding:
    """What is declared stochastic gives another outcome from another seed."""
    dtype = dtype_of(trial.case)
    first, second = (_leaves_of(trial, trial.variant, dtype, chance=chance) for chance in (0, 1))
    if _same(first, second):
        raise Wrong("from another seed it gives the same outcome, though it is declared stochastic")
    return passed()


def _same(first: list[Leaf], second: list[Leaf]) -> bool:
    if [path for path, _ in first] != [path for path, _ in second]:
        return False
    return all(_same_leaf(a, b) for (_, a), (_, b) in zip(first, second, strict=True))


def _same_leaf(first: Any, second: Any) -> bool:
    if not (isinstance(first, Tensor) and isinstance(second, Tensor)):
        return bool(first == second or (first != first and second != second))
    return first.shape == second.shape and bool(((first == second) | ((first != first) & (second != second))).all())
