"""Values and gradients: the reference against its oracle or torch, every other variant against the reference."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.autograd.gradcheck import GradcheckError

from nnbench.checks.evidence import (
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
from nnbench.workload import dtype_of, tensors

# torch's default of 1e-3 would let a gradient pass that is off by a part in a thousand.
GRADCHECK_SHARE = 1e-5
GRADCHECK_LEAST = 1e-8  # absolute, an element; what finite differences of 1e-6 leave of a gradient that is zero
LARGEST_GRADCHECK = 300_000  # elements of inputs and parameters; finite differences of more take seconds


def forward_float64(trial: Trial) -> Finding:
    """Outputs in float64: the reference against its oracle or torch, every other variant against the reference."""
    if not trial.is_reference:
        judge_name, want = "the reference", trial.answer("reference", torch.float64).outputs
    elif trial.component.oracle is not None:
        judge_name, want = "its oracle", trial.oracle_answer
    elif "torch" in trial.component.variants:
        judge_name, want = "torch", trial.answer("torch", torch.float64).outputs
    else:
        raise Skip("nothing independent to compare the reference with: it has no oracle and no torch variant")
    return _outputs(trial, torch.float64, want, judge_name)


def forward_dtype(trial: Trial) -> Finding:
    """Outputs in the case's own dtype against the reference in float64."""
    return _outputs(
        trial, dtype_of(trial.case), trial.answer("reference", torch.float64).outputs, "the reference in float64"
    )


def _outputs(trial: Trial, dtype: torch.dtype, want: tuple[Tensor, ...], judge_name: str) -> Finding:
    got = trial.answer(trial.variant, dtype).outputs
    if len(got) != len(want):
        raise Wrong(f"{len(got)} outputs where {len(want)} are right")
    floor = floor_in(dtype, trial.floor, trial.floor_dtype)
    pairs = zip(zip(got, want, strict=True), trial.stale, strict=True)
    return worst([_output(trial, dtype, pair, stale, floor, judge_name) for pair, stale in pairs])


def _output(
    trial: Trial, dtype: torch.dtype, pair: tuple[Tensor, Tensor], stale: Tensor, floor: float, judge_name: str
) -> Finding:
    got, want = pair
    if got.is_floating_point() and got.dtype != dtype:
        raise Wrong(f"{got.dtype} came out where {dtype} went in".replace("torch.", ""))
    nulls = null_models(want, trial.inputs(torch.float64), stale)
    if "stochastic" in trial.component.properties and nulls.get("its input") == 0:
        nulls = {}  # dropout: in evaluation mode the input is the answer; training_statistics sees more
    allowance = allowance_of(want, floor, dtype, trial.terms_in(dtype))
    return judge(error_of(got, want), allowance, f"against {judge_name}", nulls)


def gradients_float64(trial: Trial) -> Finding:
    """Gradients of every input and parameter: the reference's against torch's, the others' against the reference's."""
    if trial.is_reference and "torch" not in trial.component.variants:
        raise Skip("no torch variant to compare the reference's gradients with; gradcheck covers them")
    return _gradients(trial, torch.float64, "torch" if trial.is_reference else "reference")


def gradients_dtype(trial: Trial) -> Finding:
    """Gradients in the case's own dtype against the reference's in float64."""
    return _gradients(trial, dtype_of(trial.case), "reference")


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
    return worst([_gradient(name, got[name], tensor, floor, dtype, terms) for name, tensor in shared.items()])


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
            raise Wrong(f"gradients differ from finite differences: {str(error).strip().splitlines()[0]}") from None


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
