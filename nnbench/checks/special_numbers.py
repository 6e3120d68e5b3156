"""Inputs of special numbers: small whole ones, where sums are exact, and one NaN, infinity or zero among others."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import torch
from torch import Tensor

from nnbench.checks.economy import refuse_large
from nnbench.checks.evidence import MARGIN, Finding, Skip, Wrong, allowance_of, error_of, judge, passed, worst
from nnbench.checks.inputs import answer_to, right_answer
from nnbench.checks.numbers import SPECIAL, WHOLE, holding
from nnbench.checks.trial import Trial
from nnbench.checks.values import compare_gradients, compare_outputs, independent
from nnbench.workload import dtype_of

FEWEST_EXACT = 16  # elements of the outputs
LARGEST_ENLARGEMENT = 100.0  # times a rounding of the inputs, in the outputs


def whole_numbers(trial: Trial) -> Finding:
    """Inputs and weights of small whole numbers, among them zeros and ties: bit for bit where sums are exact.

    They are exact where the other implementation in the case's dtype has the very numbers of float64. Gradients are
    compared at zeros and ties too, where both have the same outputs to the bit: the reference's choice of slope, which
    is torch's, is the right one.
    """
    refuse_large(trial)
    whole = replace(trial, numbers=WHOLE)
    if not any(spec.distribution != "randint" for spec in trial.case.inputs) and not trial.state:
        raise Skip("its inputs are whole numbers in every check")
    judged_by = independent(whole)
    if judged_by is None:
        raise Skip("nothing independent to compare the reference with: it has no oracle and no torch variant")
    want, name = judged_by
    if whole.enlarges_rounding > LARGEST_ENLARGEMENT:
        raise Skip("at whole numbers it enlarges each rounding so much that nothing can be said of its last bits")
    note = f"at whole numbers, against {name}"
    got = whole.answer(trial.variant, torch.float64)
    findings = [compare_outputs(whole, got.outputs, want, torch.float64, note), _in_dtype(whole)]
    other = "torch" if trial.is_reference else "reference"
    # In a network whole weights saturate, and behind a normalisation a zero is rounding: a slope there says nothing.
    is_network = trial.component.kind == "architecture" or "mode" in trial.component.properties
    if (
        other in trial.component.variants
        and not is_network
        and _same_bits(got.outputs, whole.answer(other, torch.float64).outputs)
    ):
        slopes = whole.answer(other, torch.float64).gradients
        if any(tensor is not None for tensor in slopes.values()):
            findings.append(compare_gradients(whole, got.gradients, slopes, torch.float64, "at zeros and ties", MARGIN))
    return worst(findings)


def _in_dtype(whole: Trial) -> Finding:
    dtype = dtype_of(whole.case)
    got = whole.answer(whole.variant, dtype).outputs
    want = whole.answer("reference", torch.float64).outputs
    note = "at whole numbers, against the reference in float64"
    finding = compare_outputs(whole, got, want, dtype, note, MARGIN)
    if _is_exact(whole, want) and not _same_bits(got, want):
        raise Wrong("at whole numbers, where every sum is exact, it differs from the right answer in its last bits")
    return finding


def _is_exact(whole: Trial, want: tuple[Tensor, ...]) -> bool:
    if sum(tensor.numel() for tensor in want) < FEWEST_EXACT:
        return False  # one quotient may be exact by luck
    peer = whole.peer_answer
    return peer is not None and whole.floor_dtype == dtype_of(whole.case) and _same_bits(peer.outputs, want)


def _same_bits(got: tuple[Tensor, ...], want: tuple[Tensor, ...]) -> bool:
    return len(got) == len(want) and all(
        a.shape == b.shape and bool(((a == b) | (a.isnan() & b.isnan())).all()) for a, b in zip(got, want, strict=True)
    )


def special_values(trial: Trial) -> Finding:
    """One NaN, infinity or zero among the inputs, in float64: it shows in the outputs where it should, and only there.

    Of an infinity nothing is asked where its judge has no number for it.
    """
    if not any(spec.distribution == "randn" and spec.requires_grad for spec in trial.case.inputs):
        raise Skip("it has no normal inputs to hold a special value")
    refuse_large(trial)
    findings = [_with_special(trial, told, value) for told, value in SPECIAL.items()]
    kept = [finding for finding in findings if finding is not None]
    if not kept:
        raise Skip("nothing independent to compare the reference with: it has no oracle and no torch variant")
    return worst(kept)


def _with_special(trial: Trial, told: str, value: float) -> Finding | None:
    special = replace(trial, numbers=holding(value))
    right = right_answer(special)
    if right is None:
        return None
    want, _, name = right
    got = answer_to(special, f"with {told} among its inputs", name).outputs
    if math.isinf(value):
        got, want = _where_defined(special, got, want)
    return _compared(special, got, want, f"with {told} among its inputs, against {name}")


def _where_defined(
    trial: Trial, got: tuple[Tensor, ...], want: tuple[Tensor, ...]
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Only what both the reference and torch have a number for: torch's is the definition, on trial or not."""
    judges = {"reference", "torch"} - ({"reference"} if trial.is_reference else set())
    names = sorted(judges & set(trial.component.variants))
    if not names:
        return got, want
    others = [trial.answer(name, torch.float64).outputs for name in names]
    undefined = [
        functools.reduce(torch.logical_or, [one.isnan() for one in several]) for several in zip(*others, strict=True)
    ]
    masked = [
        tuple(torch.where(mask, torch.nan, one) for one, mask in zip(side, undefined, strict=True))
        for side in (got, want)
    ]
    return masked[0], masked[1]


def _compared(trial: Trial, got: tuple[Tensor, ...], want: tuple[Tensor, ...], note: str) -> Finding:
    if not want:
        return passed(note)
    terms = trial.terms_in(torch.float64)
    findings = []
    for a, b in zip(got, want, strict=True):
        if a.shape == b.shape and bool((a.isnan() != b.isnan()).any()):
            places = int((a.isnan() != b.isnan()).sum())
            raise Wrong(
                f"NaN in {places} of {a.numel()} places where there should be none, or none where it should {note}"
            )
        findings.append(judge(error_of(a, b), MARGIN * allowance_of(b, 0.0, torch.float64, terms), note))
    return worst(findings)
