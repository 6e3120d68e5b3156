"""Gradients as training takes them: added up in ``.grad``, with parts frozen, and not at all."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nnbench.checks.evidence import MARGIN, Finding, Skip, Wrong, passed, worst
from nnbench.checks.inputs import TINY
from nnbench.checks.trial import Trial
from nnbench.checks.values import compare_gradients, compare_outputs
from nnbench.workload import differentiable, dtype_of, tensors, upstream_gradients

MOST_WEIGHTS = 1_000_000
Gradients = dict[str, Tensor | None]


def accumulation(trial: Trial) -> Finding:
    """``backward()`` leaves the gradients in ``.grad``, and a second one adds as much again."""
    once = _whole_gradients(trial)
    made, inputs = trial.make(trial.variant, torch.float64, trial.state), trial.inputs(torch.float64)
    findings = []
    for times in (1, 2):
        _backward(trial, made, inputs)
        held: Gradients = {name: leaf.grad for name, leaf in _leaves(made, inputs).items()}
        want = {name: None if tensor is None else times * tensor for name, tensor in once.items()}
        told = "after one backward" if times == 1 else "after a second backward, which adds to the first"
        findings.append(compare_gradients(trial, held, want, torch.float64, told, MARGIN))
    return worst(findings)


def _backward(trial: Trial, made: object, inputs: tuple[Tensor, ...]) -> None:
    ends = differentiable(tuple(tensors(made(*inputs))))  # type: ignore[operator]
    torch.autograd.backward(ends, upstream_gradients(ends, trial.seed))


def _whole_gradients(trial: Trial) -> Gradients:
    """The reference's gradients in float64; raises ``Skip`` where there are none, or too many to be asked again."""
    weights = sum(tensor.numel() for tensor in (trial.state or {}).values())
    if weights > MOST_WEIGHTS and sum(spec.elements for spec in trial.case.inputs) > TINY:
        raise Skip("too large to be asked often; smaller components are")
    found = dict(trial.answer("reference", torch.float64).gradients)
    if not any(tensor is not None for tensor in found.values()):
        raise Skip("nothing to take gradients of")
    return found


def _leaves(made: object, inputs: tuple[Tensor, ...]) -> dict[str, Tensor]:
    named = {f"input {place}": tensor for place, tensor in enumerate(inputs) if tensor.requires_grad}
    return named | (dict(made.named_parameters()) if isinstance(made, nn.Module) else {})


def partial_gradients(trial: Trial) -> Finding:
    """Frozen parameters leave the inputs' gradients as they are, and inputs without gradients the parameters'."""
    whole = _whole_gradients(trial)
    of_inputs = {name: tensor for name, tensor in whole.items() if name.startswith("input ")}
    of_parameters = {name: tensor for name, tensor in whole.items() if name not in of_inputs}
    findings = []
    for kept, told in ((of_inputs, "while its parameters are frozen"), (of_parameters, "while no input takes any")):
        if any(tensor is not None for tensor in kept.values()) and len(kept) < len(whole):
            findings.append(_with_only(trial, kept, told))
    if not findings:
        raise Skip("it has not both inputs and parameters that take gradients")
    return worst(findings)


def _with_only(trial: Trial, kept: Gradients, told: str) -> Finding:
    made, inputs = trial.make(trial.variant, torch.float64, trial.state), trial.inputs(torch.float64)
    for name, leaf in _leaves(made, inputs).items():
        leaf.requires_grad_(name in kept)
    _backward(trial, made, inputs)
    held: Gradients = {name: leaf.grad for name, leaf in _leaves(made, inputs).items() if name in kept}
    return compare_gradients(trial, held, kept, torch.float64, told, MARGIN)


def without_gradients(trial: Trial) -> Finding:
    """Under ``no_grad`` it gives the same outputs, in the case's dtype, and they ask for no gradient."""
    dtype = dtype_of(trial.case)
    made, inputs = trial.make(trial.variant, dtype, trial.state), trial.inputs(dtype)
    with torch.no_grad():
        outputs = tuple(tensors(made(*inputs)))
    if any(tensor.grad_fn is not None for tensor in outputs):
        raise Wrong("under no_grad its output still has a graph behind it")
    want = trial.answer("reference", torch.float64).outputs
    found = compare_outputs(trial, outputs, want, dtype, "under no_grad", MARGIN)
    return passed("under no_grad") if not outputs else found
