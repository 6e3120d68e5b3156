"""Gradients as training takes them: added up in ``.grad``, with parts frozen, and not at all."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nnbench.checks.economy import refuse_many_weights
from nnbench.checks.evidence import MARGIN, Finding, Skip, Wrong, worst
from nnbench.checks.trial import Trial
from nnbench.checks.values import compare_gradients, compare_outputs
from nnbench.workload import differentiable, dtype_of, tensors, upstream_gradients

Gradients = dict[str, Tensor | None]


def accumulation(trial: Trial) -> Finding:
    """``backward()`` leaves the gradients in ``.grad``, and a second one adds as much again, as does one more graph.

    The upstream gradients that it is given stay as they are.
    """
    once = _whole_gradients(trial)
    made, inputs = trial.make(trial.variant, torch.float64, trial.state), trial.inputs(torch.float64)
    findings = []
    for times in (1, 2):
        _backward(trial, made, inputs)
        held: Gradients = {name: leaf.grad for name, leaf in _leaves(made, inputs).items()}
        want = {name: None if tensor is None else times * tensor for name, tensor in once.items()}
        told = "after one backward" if times == 1 else "after a second backward, which adds to the first"
        findings.append(compare_gradients(trial, held, want, torch.float64, told, MARGIN))
    again = _second_of_one_graph(trial)
    return worst([*findings, compare_gradients(trial, again, once, torch.float64, "from one graph twice", MARGIN)])


def _second_of_one_graph(trial: Trial) -> Gradients:
    """Gradients that are asked for a second time, of a graph that was kept."""
    made, inputs = trial.make(trial.variant, torch.float64, trial.state), trial.inputs(torch.float64)
    named = _leaves(made, inputs)
    towards = {name: leaf for name, leaf in named.items() if leaf.requires_grad}
    ends = differentiable(tuple(tensors(made(*inputs))))
    upstream = upstream_gradients(ends, trial.seed)
    for _ in range(2):
        found = torch.autograd.grad(ends, list(towards.values()), upstream, retain_graph=True, allow_unused=True)
    return dict.fromkeys(named) | dict(zip(towards, found, strict=True))


def _backward(trial: Trial, made: object, inputs: tuple[Tensor, ...]) -> None:
    """Raises ``Wrong`` where the upstream gradients, which are others' too, are changed."""
    ends = differentiable(tuple(tensors(made(*inputs))))  # type: ignore[operator]
    upstream = upstream_gradients(ends, trial.seed)
    kept = [tensor.clone() for tensor in upstream]
    torch.autograd.backward(ends, upstream)
    if not all(torch.equal(mine, right) for mine, right in zip(upstream, kept, strict=True)):
        raise Wrong("its backward changes the upstream gradient in place")


def _whole_gradients(trial: Trial) -> Gradients:
    """The reference's gradients in float64; raises ``Skip`` where there are none, or too many to be asked again."""
    refuse_many_weights(trial)
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
        if name not in kept:
            leaf.requires_grad_(False)
    _backward(trial, made, inputs)
    held: Gradients = {name: leaf.grad for name, leaf in _leaves(made, inputs).items() if name in kept}
    return compare_gradients(trial, held, kept, torch.float64, told, MARGIN)


def without_gradients(trial: Trial) -> Finding:
    """Under ``no_grad`` and ``inference_mode`` it gives the same outputs, in the case's dtype, with no graph."""
    dtype = dtype_of(trial.case)
    made, want = trial.make(trial.variant, dtype, trial.state), trial.answer("reference", torch.float64).outputs
    findings = []
    for without in (torch.no_grad, torch.inference_mode):
        with without():
            outputs = tuple(tensors(made(*trial.inputs(dtype))))
            if any(tensor.grad_fn is not None for tensor in outputs):
                raise Wrong(f"under {without.__name__} its output still has a graph behind it")
            outputs = tuple(tensor.clone() for tensor in outputs)
        findings.append(compare_outputs(trial, outputs, want, dtype, f"under {without.__name__}", MARGIN))
    return worst(findings)
