"""What a component does beside its result: leaves its inputs alone, repeats itself, heeds its mode."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn

from nnbench.checks.economy import refuse_where_smaller
from nnbench.checks.evidence import MARGIN, Finding, Skip, Wrong, allowance_of, error_of, judge, passed, worst
from nnbench.checks.trial import Trial
from nnbench.checks.values import compare_outputs
from nnbench.model import CheckStatus
from nnbench.workload import dtype_of, tensors

LATER_CALLS = 24
LARGEST_CALLED = 70_000  # elements of the inputs


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
    answers = [outputs_of(made, tuple(others))]
    for tensor, other in zip(first, others, strict=True):
        tensor.copy_(other)
    answers.append(outputs_of(made, tuple(first)))
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
    chance = torch.get_rng_state()
    first, second = outputs_of(made, inputs), outputs_of(made, inputs)
    if not equal(first, second):
        raise Wrong("two calls with the same inputs differ; if it is meant to be random, declare it stochastic")
    if "stochastic" not in trial.component.properties and not torch.equal(chance, torch.get_rng_state()):
        raise Wrong("it draws from torch's global generator or seeds it, which changes everybody's later numbers")
    return passed()


def mode(trial: Trial) -> Finding:
    """Training and evaluation mode differ exactly when the component declares "mode".

    A case may leave the modes nothing to differ in (a rate of zero, no running statistics): its judge tells.
    """
    made = trial.make(trial.variant, dtype_of(trial.case), trial.state)
    if not isinstance(made, nn.Module):
        raise Skip("a function has no mode")
    declared = "mode" in trial.component.properties
    differ = _modes_differ(trial, made)
    if differ and not declared:
        raise Wrong("training and evaluation mode give different outputs, which it does not declare (mode)")
    if declared and not differ and not _judge_differs(trial):
        raise Skip("the modes have nothing to differ in, in this case")
    if declared and not differ:
        raise Wrong("training and evaluation mode give the same output, though it declares that they differ (mode)")
    return passed()


def _modes_differ(trial: Trial, made: nn.Module) -> bool:
    inputs = trial.inputs(dtype_of(trial.case))
    training, evaluation = (outputs_of(made.train(flag), inputs) for flag in (True, False))
    return not equal(training, evaluation)


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


def later_calls(trial: Trial) -> Finding:
    """Called over and over, with one input and another in turn, it goes on giving the answer to each."""
    refuse_where_smaller(trial)
    if sum(spec.elements for spec in trial.case.inputs) > LARGEST_CALLED:
        raise Skip("too large to be called often; smaller cases are")
    dtype = dtype_of(trial.case)
    made = trial.make(trial.variant, dtype, trial.state)
    inputs = [trial.inputs(dtype, other) for other in (0, 1)]
    right = [trial.answer("reference", torch.float64).outputs, trial.stale]
    return worst(
        [
            compare_outputs(trial, tuple(outputs_of(made, inputs[turn])), right[turn], dtype, told, MARGIN)
            for call in range(LATER_CALLS)
            for turn, told in [(call % 2, f"in call {call + 1} with two inputs in turn")]
        ]
    )


def own_memory(trial: Trial) -> Finding:
    """Its outputs are its own: not the memory of an input or a weight, and not written over by a later call.

    Memory that the reference's or torch's output shares as well (a view, as of flatten) may be shared.
    """
    dtype = dtype_of(trial.case)
    shared = _shared(trial, trial.variant, dtype)
    for judge_name in {"reference", "torch"} & set(trial.component.variants) - {trial.variant}:
        shared -= trial.judged_by(judge_name, functools.partial(_shared, trial, judge_name, dtype))
    if shared:
        raise Wrong(f"its output is the memory of {' and '.join(sorted(shared))}: what changes one changes the other")
    made = trial.make(trial.variant, dtype, trial.state)
    first = tuple(tensors(made(*trial.inputs(dtype))))
    kept = [tensor.detach().clone() for tensor in first]
    made(*trial.inputs(dtype, other=1))
    if not equal([tensor.detach() for tensor in first], kept):
        raise Wrong("a later call writes over the output of an earlier one")
    return passed()


def _shared(trial: Trial, variant: str, dtype: torch.dtype) -> set[str]:
    """Which inputs, parameters and buffers a variant's outputs share memory with."""
    made, inputs = trial.make(variant, dtype, trial.state), trial.inputs(dtype)
    outputs = {tensor.untyped_storage().data_ptr() for tensor in tensors(made(*inputs)) if tensor.numel()}
    held = {f"its input {place}": tensor for place, tensor in enumerate(inputs)}
    held |= made.state_dict(keep_vars=True) if isinstance(made, nn.Module) else {}
    return {name for name, tensor in held.items() if tensor.untyped_storage().data_ptr() in outputs}


def outputs_of(made: nn.Module, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in tensors(made(*inputs))]


def equal(first: list[Tensor], second: list[Tensor]) -> bool:
    return len(first) == len(second) and all(_same_bits(a, b) for a, b in zip(first, second, strict=True))


def _same_bits(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(((a == b) | (a.isnan() & b.isnan())).all())
