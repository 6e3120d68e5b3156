"""Values and gradients: the reference against its oracle or torch, every other variant against the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.autograd.gradcheck import GradcheckError

from nnbench.checks.economy import refuse_where_smaller
from nnbench.checks.evidence import (
    MARGIN,
    Finding,
    Skip,
    Wrong,
    allowance_of,
    error_of,
    floor_in,
    judge,
    null_models,
    passed,
    worst,
)
from nnbench.checks.numbers import INSIDE, shifted, wide
from nnbench.checks.trial import Trial
from nnbench.model import CheckStatus
from nnbench.workload import dtype_of, tensors

WIDE = 64.0  # standard deviations of the inputs that show what saturates
OFFSET = 1000.0  # standard deviations
STALE_OUTPUTS = range(1, 9)
LARGEST_WIDE = 200_000  # elements of the inputs
# torch's default of 1e-3 would let a gradient pass that is off by a part in a thousand.
GRADCHECK_SHARE = 1e-5
GRADCHECK_LEAST = 1e-8  # absolute, an element; what finite differences of 1e-6 leave of a gradient that is zero
LARGEST_GRADCHECK = 300_000  # elements of inputs and parameters; finite differences of more take seconds


def forward_float64(trial: Trial) -> Finding:
    """Outputs in float64: the reference against its oracle or torch, every other variant against the reference."""
    judged_by = independent(trial)
    if judged_by is None:
        raise Skip("nothing independent to compare the reference with: it has no oracle and no torch variant")
    return _outputs(trial, torch.float64, *judged_by)


def independent(trial: Trial) -> tuple[tuple[Tensor, ...], str] | None:
    """What is right in float64, and who says so."""
    if not trial.is_reference:
        return trial.answer("reference", torch.float64).outputs, "the reference"
    if trial.component.oracle is not None:
        return trial.oracle_answer, "its oracle"
    if "torch" in trial.component.variants:
        return trial.answer("torch", torch.float64).outputs, "torch"
    return None


def forward_dtype(trial: Trial) -> Finding:
    """Outputs in the case's own dtype against the reference in float64.

    The other implementation's error, which is the measure, may be small by luck: a failure counts when it shows at two
    different inputs.
    """
    found = _in_own_dtype(trial)
    return _in_own_dtype(replace(trial, seed=trial.seed + 1)) if _is_failure(found) else found


def _in_own_dtype(trial: Trial) -> Finding:
    want = trial.answer("reference", torch.float64).outputs
    return _outputs(trial, dtype_of(trial.case), want, "the reference in float64")


def _outputs(trial: Trial, dtype: torch.dtype, want: tuple[Tensor, ...], judge_name: str) -> Finding:
    got = trial.answer(trial.variant, dtype).outputs
    finding = compare_outputs(trial, got, want, dtype, f"against {judge_name}")
    if finding.status != CheckStatus.PASSED:
        return finding
    trusted = [_trusted(trial, dtype, place, right, finding) for place, right in enumerate(want)]
    return next((one for one in trusted if one.status != CheckStatus.PASSED), finding)


def compare_outputs(
    trial: Trial,
    got: tuple[Tensor, ...],
    want: tuple[Tensor, ...],
    dtype: torch.dtype,
    note: str,
    margin: float = 1.0,
) -> Finding:
    """The worst of the outputs; ``margin`` times the usual is allowed.

    Raises ``Wrong`` for another number of outputs, another shape or another dtype.
    """
    if len(got) != len(want):
        raise Wrong(f"{len(got)} outputs where {len(want)} are right")
    floor, terms = floor_in(dtype, trial.floor, trial.floor_dtype), trial.terms_in(dtype)
    findings = []
    for mine, right in zip(got, want, strict=True):
        if mine.is_floating_point() and mine.dtype != dtype:
            raise Wrong(f"{mine.dtype} came out where {dtype} went in".replace("torch.", ""))
        findings.append(judge(error_of(mine, right), margin * allowance_of(right, floor, dtype, terms), note))
    return worst(findings)


def _trusted(trial: Trial, dtype: torch.dtype, place: int, want: Tensor, found: Finding) -> Finding:
    """What was found, or mistrusted where a null model would have passed too.

    One number comes near another by chance now and then: a stale output counts when eight are near.
    """
    allowance = allowance_of(want, floor_in(dtype, trial.floor, trial.floor_dtype), dtype, trial.terms_in(dtype))
    for other in STALE_OUTPUTS:
        stale = trial.stale if other == 1 else trial.stale_by(other)
        finding = judge(0.0, allowance, found.note, _null_models(trial, want, stale[place]))
        if finding.status == CheckStatus.PASSED:
            break
    return replace(finding, error=found.error)


def _null_models(trial: Trial, want: Tensor, stale: Tensor) -> dict[str, float]:
    nulls = null_models(want, trial.inputs(torch.float64), stale)
    if "stochastic" in trial.component.properties and nulls.get("its input") == 0:
        return {}  # dropout: in evaluation mode the input is the answer; training_statistics sees more
    return nulls


def wide_inputs(trial: Trial) -> Finding:
    """Outputs for inputs 64 times as wide, in the case's dtype and in float64, with ten times the usual allowance.

    What saturates, clips or overflows shows there: an exponential of 100 is too large for float32. Far out a last bit
    of the input may rightly move many of the output, and a saturated output may be what a null model guesses.
    """
    if not any(spec.distribution == "randn" and spec.requires_grad for spec in trial.case.inputs):
        raise Skip("it has no normal inputs to widen")
    if sum(spec.elements for spec in trial.case.inputs) > LARGEST_WIDE:
        raise Skip("a smaller case of the component covers it")
    refuse_where_smaller(trial)
    found = _at_wide_inputs(replace(trial, numbers=wide(WIDE)))
    # A saturated number may be nothing but rounding, in the judge too: a failure counts when it shows twice.
    other = replace(trial, numbers=wide(WIDE), seed=trial.seed + 1)
    return _at_wide_inputs(other) if _is_failure(found) else found


def _at_wide_inputs(far_out: Trial) -> Finding:
    judged_by = independent(far_out)
    want = far_out.answer("reference", torch.float64).outputs
    told = "far out, against {}".format
    findings = [_far_out(far_out, dtype_of(far_out.case), want, told("the reference in float64"))]
    if judged_by is not None:
        right, name = judged_by
        findings.append(_far_out(far_out, torch.float64, right, told(name)))
    _refuse_lost_gradients(far_out)
    return worst(findings)


def offset_inputs(trial: Trial) -> Finding:
    """Outputs for inputs around 1000, in the case's dtype: a difference of two large numbers loses its digits there."""
    if not any(spec.distribution == "randn" and spec.requires_grad for spec in trial.case.inputs):
        raise Skip("it has no normal inputs to move")
    if sum(spec.elements for spec in trial.case.inputs) > LARGEST_WIDE:
        raise Skip("a smaller case of the component covers it")
    refuse_where_smaller(trial)
    found = _at_offset_inputs(replace(trial, numbers=shifted(OFFSET)))
    # One number alone may lose its digits by bad luck, in the judge too: a failure counts when it shows twice.
    other = replace(trial, numbers=shifted(OFFSET), seed=trial.seed + 1)
    return _at_offset_inputs(other) if _is_failure(found) else found


def _at_offset_inputs(moved: Trial) -> Finding:
    want = moved.answer("reference", torch.float64).outputs
    note = f"at inputs around {OFFSET:g}, against the reference in float64"
    return compare_outputs(
        moved, moved.answer(moved.variant, dtype_of(moved.case)).outputs, want, dtype_of(moved.case), note, MARGIN
    )


def _far_out(trial: Trial, dtype: torch.dtype, want: tuple[Tensor, ...], note: str) -> Finding:
    return compare_outputs(trial, trial.answer(trial.variant, dtype).outputs, want, dtype, note, MARGIN)


def _refuse_lost_gradients(far_out: Trial) -> None:
    """Raises ``Wrong`` for a gradient that is not finite where the reference's in float64 is."""
    got = far_out.answer(far_out.variant, dtype_of(far_out.case)).gradients
    for name, right in far_out.answer("reference", torch.float64).gradients.items():
        found = got.get(name)
        if found is not None and right is not None and found.shape == right.shape:
            lost = int((right.isfinite() & ~found.isfinite()).sum())
            if lost:
                raise Wrong(f"far out the gradient of {name} is not finite in {lost} of {right.numel()} places")


def gradients_float64(trial: Trial) -> Finding:
    """Gradients of every input and parameter: the reference's against torch's, the others' against the reference's.

    A failure counts when it shows at two different inputs.
    """
    if trial.is_reference and "torch" not in trial.component.variants:
        raise Skip("no torch variant to compare the reference's gradients with; gradcheck covers them")
    other = "torch" if trial.is_reference else "reference"
    return _at_inputs(2, trial, torch.float64, other)


def gradients_dtype(trial: Trial) -> Finding:
    """Gradients in the case's own dtype against the reference's in float64.

    Where rounding carries a number over a kink (ReLU at zero, a maximum that changes places), slopes differ rightly. In
    a network of many it does so for one input in five, so a failure counts when it shows at eight different inputs.
    """
    return _at_inputs(8, trial, dtype_of(trial.case), "reference")


def _at_inputs(number: int, trial: Trial, dtype: torch.dtype, other: str) -> Finding:
    """The first finding that is no failure, or the last of so many."""
    found = _gradients(trial, dtype, other)
    for more in range(1, number):
        if not _is_failure(found):
            break
        found = _gradients(replace(trial, seed=trial.seed + more), dtype, other)
    return found


def _is_failure(found: Finding) -> bool:
    return found.status == CheckStatus.FAILED


def _gradients(trial: Trial, dtype: torch.dtype, other: str) -> Finding:
    got = trial.answer(trial.variant, dtype).gradients
    want = trial.answer(other, torch.float64).gradients
    if not any(tensor is not None for tensor in (*want.values(), *got.values())):
        raise Skip("nothing to take gradients of")
    return compare_gradients(trial, got, want, dtype)


def compare_gradients(
    trial: Trial,
    got: Mapping[str, Tensor | None],
    want: Mapping[str, Tensor | None],
    dtype: torch.dtype,
    note: str = "",
    margin: float = 1.0,
) -> Finding:
    """The worst of the gradients; ``margin`` times the usual is allowed. Raises ``Wrong`` where one does not arrive."""
    floor = floor_in(dtype, trial.gradient_floor, trial.floor_dtype)
    # A function has no parameters to take gradients of, where the reference it stands for may have them.
    shared = {name: tensor for name, tensor in want.items() if name in got}
    if not shared:
        raise Wrong(f"no gradient arrives anywhere {note}".strip())
    terms = trial.terms_in(dtype, of="gradients")
    findings = []
    for name, tensor in shared.items():
        found = got[name]
        if found is not None and tensor is not None and trial.vanishes(tensor):
            findings.append(_vanishing(name, found, margin * trial.rounding_of_gradients(dtype), note))
        else:
            findings.append(_gradient(name, found, tensor, margin * _allowance(tensor, floor, dtype, terms), note))
    return worst(findings)


def _allowance(want: Tensor | None, floor: float, dtype: torch.dtype, terms: int) -> float:
    return 0.0 if want is None else allowance_of(want, floor, dtype, terms)


def _vanishing(name: str, got: Tensor, allowance: float, note: str) -> Finding:
    """A share of its own scale says nothing of a gradient that is zero but for rounding."""
    left = error_of(got, torch.zeros_like(got))
    return judge(left, allowance, f"in the gradient of {name}, which is zero {note}".strip())


def _gradient(name: str, got: Tensor | None, want: Tensor | None, allowance: float, note: str) -> Finding:
    if want is None:
        return passed(f"{name} has none, rightly") if got is None else _unexpected(name, got)
    if got is None:
        raise Wrong(f"no gradient arrives at {name} {note}".strip())
    return judge(error_of(got, want), allowance, f"in the gradient of {name} {note}".strip())


def _unexpected(name: str, got: Tensor) -> Finding:
    if bool((got == 0).all()):
        return passed(f"the gradient of {name} is zero, which stands for none")
    raise Wrong(f"a gradient arrives at {name}, which should have none")


def gradcheck(trial: Trial) -> Finding:
    """Gradients of the reference against finite differences in float64.

    A kink (ReLU at zero) inside a difference gives a wrong slope now and then, so a failure counts when it shows at two
    different inputs; a wrong gradient always does. Source: ``torch.autograd.gradcheck``, fast mode.
    """
    if not trial.is_reference:
        raise Skip("finite differences judge the reference; the other variants' gradients are held against it")
    try:
        return _gradcheck(trial, 0)
    except GradcheckError:
        try:
            return _gradcheck(trial, 1)
        except GradcheckError as error:
            told = " ".join(str(error).split())[:200]
            raise Wrong(f"gradients differ from finite differences: {told}") from None


def _gradcheck(trial: Trial, other: int) -> Finding:
    trial = replace(trial, numbers=INSIDE)
    made, inputs = trial.make("reference", torch.float64, trial.state), trial.inputs(torch.float64, other)
    parameters = dict(made.named_parameters()) if isinstance(made, nn.Module) else {}
    leaves = (*inputs, *parameters.values())
    if not any(tensor.requires_grad for tensor in leaves):
        raise Skip("nothing takes gradients")
    if sum(tensor.numel() for tensor in leaves) > LARGEST_GRADCHECK:
        raise Skip("too large for finite differences; a smaller case of the component covers it")

    def call(*given: Tensor) -> tuple[Tensor, ...]:
        named = dict(zip(parameters, given[len(inputs) :], strict=True))
        fed = given[: len(inputs)]
        output = torch.func.functional_call(made, named, fed) if isinstance(made, nn.Module) else made(*fed)
        return tuple(tensors(output))

    torch.autograd.gradcheck(call, leaves, fast_mode=True, rtol=GRADCHECK_SHARE, atol=GRADCHECK_LEAST)
    return passed(f"fast mode, finite differences of 1e-6, to within {GRADCHECK_SHARE:g}")
