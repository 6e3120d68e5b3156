"""What a component does beside its result: leaves its inputs alone, repeats itself, heeds its mode."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nnbench.checks.evidence import MARGIN, Finding, Skip, Wrong, allowance_of, error_of, judge, passed
from nnbench.checks.trial import Trial
from nnbench.model import CheckStatus
from nnbench.workload import dtype_of, tensors


def inputs_unchanged(trial: Trial) -> Finding:
    """Calling it changes none of its inputs, to the bit."""
    dtype = dtype_of(trial.case)
    made, inputs = trial.make(trial.variant, dtype, trial.state), [t.detach() for t in trial.inputs(dtype)]
    kept = [tensor.clone() for tensor in inputs]
    made(*inputs)
    changed = [str(place) for place, (a, b) in enumerate(zip(inputs, kept, strict=True)) if not torch.equal(a, b)]
    if changed:
        raise Wrong(f"it changes its input {' and '.join(changed)} in place")
    return passed()


def answers_anew(trial: Trial) -> Finding:
    """Called again with other numbers, in other tensors and in the same ones, it gives the answer to those.

    A result kept from an earlier call, by object or by address, would pass every other check.
    """
    dtype = dtype_of(trial.case)
    made = trial.make(trial.variant, dtype, trial.state)
    first, others = ([tensor.detach().clone() for tensor in trial.inputs(dtype, other)] for other in (0, 1))
    made(*first)
    answers = [_outputs(made, tuple(others))]
    for tensor, other in zip(first, others, strict=True):
        tensor.copy_(other)
    answers.append(_outputs(made, tuple(first)))
    terms = trial.terms_in(dtype)
    findings = [
        judge(error_of(got, want), MARGIN * allowance_of(want, trial.floor, dtype, terms), "when called again")
        for answer in answers
        for got, want in zip(answer, trial.stale, strict=True)
    ]
    return max(findings, key=lambda found: (found.status == CheckStatus.FAILED, found.error))


def deterministic(trial: Trial) -> Finding:
    """Two calls with the same inputs give the same bits, in evaluation mode where it is declared stochastic."""
    made, inputs = trial.make(trial.variant, dtype_of(trial.case), trial.state), trial.inputs(dtype_of(trial.case))
    first, second = _outputs(made, inputs), _outputs(made, inputs)
    if not _equal(first, second):
        raise Wrong("two calls with the same inputs differ; if it is meant to be random, declare it stochastic")
    return passed()


def mode(trial: Trial) -> Finding:
    """Training and evaluation mode differ exactly when the component declares "mode".

    Of a random component a case may leave chance nothing to do (a rate of zero, one layer only): its judge tells.
    """
    made = trial.make(trial.variant, dtype_of(trial.case), trial.state)
    if not isinstance(made, nn.Module):
        raise Skip("a function has no mode")
    declared = "mode" in trial.component.properties
    differ = _modes_differ(trial, made)
    if differ and not declared:
        raise Wrong("training and evaluation mode give different outputs, which it does not declare (mode)")
    if declared and not differ and "stochastic" in trial.component.properties and not _judge_differs(trial):
        raise Skip("nothing is random in this case")
    if declared and not differ:
        raise Wrong("training and evaluation mode give the same output, though it declares that they differ (mode)")
    return passed()


def _modes_differ(trial: Trial, made: nn.Module) -> bool:
    inputs = trial.inputs(dtype_of(trial.case))
    training, evaluation = (_outputs(made.train(flag), inputs) for flag in (True, False))
    return not _equal(training, evaluation)


def _judge_differs(trial: Trial) -> bool:
    """Whether torch's differs between the modes here, the reference for other variants; where neither is there, yes."""
    judge = "torch" if trial.is_reference else "reference"
    if judge not in trial.component.variants:
        return True
    state = trial.state

    def differs() -> bool:
        made = trial.make(judge, dtype_of(trial.case), state)
        return isinstance(made, nn.Module) and _modes_differ(trial, made)

    return bool(trial.judged_by(judge, differs))


def _outputs(made: nn.Module, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in tensors(made(*inputs))]


def _equal(first: list[Tensor], second: list[Tensor]) -> bool:
    return len(first) == len(second) and all(_same_bits(a, b) for a, b in zip(first, second, strict=True))


def _same_bits(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(((a == b) | (a.isnan() & b.isnan())).all())
