"""What a metric, a transform or a procedure gives: its whole outcome against another judge's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nnbench.checks.economy import LARGEST
from nnbench.checks.evidence import MARGIN, Finding, Skip, Wrong, judge, passed, worst
from nnbench.checks.inputs import LAYOUTS, laid_out
from nnbench.checks.leaves import Leaf, Yardstick, distances, leaves, same, zeros
from nnbench.checks.trial import Trial
from nnbench.model import CheckStatus
from nnbench.workload import arguments_of, dtype_of, outcome_of

MOST_QUESTIONS = 12
# A transform's numbers are each made of a part of its input: a kernel, a row, a column.
TERMS_OF_A_TRANSFORM = 4096
# Of one step in the last place of every input: each of a procedure's many steps rounds, and the next carries it on.
ROUNDINGS = 4
LARGEST_FLOOR = 1e-9  # what enlarges a rounding beyond this is too unstable to be judged, and fails


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
        stale = _right(trial, name, question + 1)
        yardstick = _yardstick(trial, dtype, question)
        finding = yardstick.compare(_leaves_of(trial, trial.variant, dtype, question), want, told)
        nulls = {"zeros": yardstick.miss(zeros(want), want), "a stale outcome": yardstick.miss(stale, want)}
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
    """What the judge says for this trial's inputs, or other ones."""
    return _said(trial, name, _inputs(trial, torch.float64, other))


def _said(trial: Trial, name: str, inputs: Sequence[Tensor]) -> list[Leaf]:
    if name != "its oracle":
        found: list[Leaf] = trial.judged_by(name, lambda: _outcome(trial, name, torch.float64, inputs))
        return found
    assert trial.component.oracle is not None
    arrays = [tensor.numpy() for tensor in inputs]
    arguments = arguments_of(trial.case, trial.seed, torch.float64)
    plain = {name: value.numpy() if isinstance(value, Tensor) else value for name, value in arguments.items()}
    return list(leaves(trial.component.oracle(*arrays, **plain)))


def _yardstick(trial: Trial, dtype: torch.dtype, other: int = 0) -> Yardstick:
    if not any(tensor.is_floating_point() for tensor in trial.inputs(dtype)):
        dtype = torch.get_default_dtype()  # of integers alone, numbers are made in it
    terms = max((spec.elements for spec in trial.case.inputs), default=1)
    if trial.component.kind == "transform":
        return Yardstick(dtype, min(terms, TERMS_OF_A_TRANSFORM))
    if trial.component.kind != "procedure":
        return Yardstick(dtype, terms)
    whole = _inputs(trial, torch.float64, other)
    name = _judge(trial)  # never what is on trial: it would set its own allowance
    moved, plain = (_said(trial, name, inputs) for inputs in (_rounded(whole, trial.seed), whole))
    floors = {path: min(ROUNDINGS * error, LARGEST_FLOOR) for path, error in distances(moved, plain).items()}
    return Yardstick(dtype, terms, floors)


def _rounded(inputs: Sequence[Tensor], seed: int) -> list[Tensor]:
    """Each number moved by one step in its last place, up or down."""
    generator = torch.Generator().manual_seed(seed)
    signs = [torch.randint(0, 2, tensor.shape, generator=generator) * 2 - 1 for tensor in inputs]
    return [
        tensor * (1 + torch.finfo(tensor.dtype).eps * sign.to(tensor.dtype))
        if tensor.is_floating_point()
        else tensor.clone()
        for tensor, sign in zip(inputs, signs, strict=True)
    ]


def _leaves_of(trial: Trial, variant: str, dtype: torch.dtype, other: int = 0, chance: int = 0) -> list[Leaf]:
    """A variant's outcome for this trial's inputs (or other ones) and chance (or another)."""
    return _outcome(trial, variant, dtype, _inputs(trial, dtype, other), chance)


def _outcome(trial: Trial, variant: str, dtype: torch.dtype, inputs: Sequence[Tensor], chance: int = 0) -> list[Leaf]:
    run = outcome_of(trial.component, variant, trial.case, trial.seed, dtype)
    torch.manual_seed(trial.seed + chance)
    return list(leaves(run(*inputs)))


def _inputs(trial: Trial, dtype: torch.dtype, other: int = 0) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in trial.inputs(dtype, other)]


def inputs_unchanged(trial: Trial) -> Finding:
    """None of its inputs is changed, to the bit."""
    inputs = _inputs(trial, dtype_of(trial.case))
    kept = [tensor.clone() for tensor in inputs]
    _outcome(trial, trial.variant, dtype_of(trial.case), inputs)
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
    return _yardstick(trial, dtype, other=1).compare(got, _right(trial, _judge(trial), other=1), "when run again")


def layouts(trial: Trial) -> Finding:
    """The same numbers laid out otherwise in memory give the same outcome in float64."""
    inputs, name = _inputs(trial, torch.float64), _judge(trial)
    ways = [told for told, lay_out in LAYOUTS.items() if any(lay_out(tensor) is not None for tensor in inputs)]
    if sum(tensor.numel() for tensor in inputs) > LARGEST or not ways:
        raise Skip("its inputs are too large, or have nothing to lay out otherwise")
    want, yardstick = _right(trial, name), _yardstick(trial, torch.float64)
    findings = []
    for told in ways:
        got = _outcome(trial, trial.variant, torch.float64, [laid_out(tensor, told) for tensor in inputs])
        findings.append(yardstick.compare(got, want, f"with inputs laid out {told}"))
    return worst(findings)


def repeats(trial: Trial) -> Finding:
    """Twice from the same seed it gives the same outcome, to the bit."""
    dtype = dtype_of(trial.case)
    if not same(_leaves_of(trial, trial.variant, dtype), _leaves_of(trial, trial.variant, dtype)):
        raise Wrong("twice from the same seed it gives different outcomes")
    return passed()


def another_seed(trial: Trial) -> Finding:
    """What is declared stochastic gives another outcome from another seed."""
    dtype = dtype_of(trial.case)
    first, second = (_leaves_of(trial, trial.variant, dtype, chance=chance) for chance in (0, 1))
    if same(first, second):
        raise Wrong("from another seed it gives the same outcome, though it is declared stochastic")
    return passed()
