"""Values and gradients: the reference against its oracle or torch, every other variant against the reference."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.autograd.gradcheck import GradcheckError

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
from nnbench.checks.trial import Trial
from nnbench.model import CheckStatus
from nnbench.workload import dtype_of, tensors

WIDE = 64.0  # standard deviations of the inputs that show what saturates
LARGEST_WIDE = 200_000  # elements of the inputs
# torch's default of 1e-3 would let a gradient pass that is off by a part in a thousand.
GRADCHECK_SHARE = 1e-5
GRADCHECK_LEAST = 1e-8  # absolute, an element; what finite differences of 1e-6 leave of a gradient that is zero
LARGEST_GRADCHECK = 300_000  # elements of inputs and parameters; finite differences of more take seconds


def forward_float64(trial: Trial) -> Finding:
    """Outputs in float64: the reference against its oracle or torch, every other variant against the reference."""
    judged_by = _independent(trial)
    if judged_by is None:
        raise Skip("nothing independent to compare the reference with: it has no oracle and no torch variant")
    return _outputs(trial, torch.float64, *judged_by)


def _independent(trial: Trial) -> tuple[tuple[Tensor, ...], str] | None:
    """What is right in float64, and who says so."""
    if not trial.is_reference:
        return trial.answer("reference", torch.float64).outputs, "the reference"
    if trial.component.oracle is not None:
        return trial.oracle_answer, "its oracle"
    if "torch" in trial.component.variants:
        return trial.answer("torch", torch.float64).outputs, "torch"
    return None


def forward_dtype(trial: Trial) -> Finding:
    """Outputs in the case's own dtype against the reference in float64."""
    return _outputs(
        trial, dtype_of(trial.case), trial.answer("reference", torch.float64).outputs, "the reference in float64"
    )


def _outputs(
    trial: Trial, dtype: torch.dtype, want: tuple[Tensor, ...], judge_name: str, margin: float = 1.0
) -> Finding:
    got = trial.answer(trial.variant, dtype).outputs
    if len(got) != len(want):
        raise Wrong(f"{len(got)} outputs where {len(want)} are right")
    floor = floor_in(dtype, trial.floor, trial.floor_dtype)
    pairs = zip(zip(got, want, strict=True), trial.stale, strict=True)
    return worst([_output(trial, dtype, pair, stale, floor, judge_name, margin) for pair, stale in pairs])


def _output(
    trial: Trial,
    dtype: torch.dtype,
    pair: tuple[Tensor, Tensor],
    stale: Tensor,
    floor: float,
    judge_name: str,
    margin: float,
) -> Finding:
    got, want = pair
    if got.is_floating_point() and got.dtype != dtype:
        raise Wrong(f"{got.dtype} came out where {dtype} went in".replace("torch.", ""))
    allowance = margin * allowance_of(want, floor, dtype, trial.terms_in(dtype))
    nulls = _null_models(trial, want, stale) if margin == 1.0 else {}
    return judge(error_of(got, want), allowance, f"against {judge_name}", nulls)


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
    wide = replace(trial, spread=WIDE)
    judged_by = _independent(wide)
    want = wide.answer("reference", torch.float64).outputs
    findings = [_outputs(wide, dtype_of(wide.case), want, "the reference in float64", MARGIN)]
    if judged_by is not None:
        findings.append(_outputs(wide, torch.float64, *judged_by, MARGIN))
    return worst(findings)


def gradients_float64(trial: Trial) -> Finding:
    """Gradients of every input and parameter: the reference's against torch's, the others' against the reference's."""
    if trial.is_reference and "torch" not in trial.component.variants:
        raise Skip("no torch variant to compare the reference's gradients with; gradcheck covers them")
    return _gradients(trial, torch.float64, "torch" if trial.is_reference else "reference")


def gradients_dtype(trial: Trial) -> Finding:
    """Gradients in the case's own dtype against the reference's in float64.

    Where rounding carries a number over a kink (ReLU at zero), slopes differ rightly, so a failure counts when it shows
    at two different inputs.
    """
    dtype = dtype_of(trial.case)
    found = _gradients(trial, dtype, "reference")
    return _gradients(replace(trial, seed=trial.seed + 1), dtype, "reference") if _is_failure(found) else found


def _is_failure(found: Finding) -> bool:
    return found.status == CheckStatus.FAILED


def _gradients(trial: Trial, dtype: torch.dtype, other: str) -> Finding:
    got = trial.answer(trial.variant, dtype).gradients
    want = trial.answer(other, torch.float64).gradients
    if not any(tensor is not None for tensor in want.values()):
        raise Skip("nothing to take gradients of")
    floor = floor_in(dtype, trial.gradient_floor, trial.floor_dtype)
    # A function has no parameters to take gradients of, where the reference it stands for may have them.
    shared = {name: tensor for name, tensor in want.items() if name in got}
    if not shared:
        raise Wrong("no gradient arrives anywhere")
    terms = trial.terms_in(dtype, of="gradients")
    findings = []
    for name, tensor in shared.items():
        found = got[name]
        if found is not None and tensor is not None and trial.vanishes(tensor):
            findings.append(_vanishing(trial, name, found, dtype))
        else:
            findings.append(_gradient(name, found, tensor, floor, dtype, terms))
    return worst(findings)


def _vanishing(trial: Trial, name: str, got: Tensor, dtype: torch.dtype) -> Finding:
    """A share of its own scale says nothing of a gradient that is zero but for rounding."""
    left = error_of(got, torch.zeros_like(got))
    return judge(left, trial.rounding_of_gradients(dtype), f"in the gradient of {name}, which is zero")


def _gradient(
    name: str, got: Tensor | None, want: Tensor | None, floor: float, dtype: torch.dtype, terms: int
) -> Finding:
    if want is None:
        return passed(f"{name} has none, rightly") if got is None else _unexpected(name, got)
    if got is None:
        raise Wrong(f"no gradient arrives at {name}")
    allowance = allowance_of(want, floor, dtype, terms)
    return judge(error_of(got, want), allowance, f"in the gradient of {name}")


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
