"""Inputs that differ from the case's own in their sizes and their layout in memory."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from nnbench.checks.economy import refuse_large
from nnbench.checks.evidence import MARGIN, Finding, NoJudge, Skip, Wrong, worst
from nnbench.checks.trial import Answer, Trial, gradients_of
from nnbench.checks.values import compare_gradients, compare_outputs
from nnbench.failures import NotMeasurable, explain
from nnbench.specs import Case
from nnbench.workload import dtype_of, tensors


def sizes(trial: Trial) -> Finding:
    """Outputs and gradients in float64 for a batch of one, an odd and an empty one, no batch, and odd sizes.

    What the judge refuses is asked of nobody.
    """
    refuse_large(trial, tiny=0)
    findings, asked = [], []
    for told, case in _sized(trial.case):
        finding = _in_size(replace(trial, case=case), told)
        if finding is not None:
            findings.append(finding)
            asked.append(told)
    if not findings:
        raise Skip("its judge takes inputs of the case's own sizes only")
    found = worst(findings)
    return replace(found, note=", ".join(asked)) if found.status == "passed" else found


def _sized(case: Case) -> Iterator[tuple[str, Case]]:
    shapes = [spec.shape for spec in case.inputs]
    if not shapes or not shapes[0]:
        return
    batch = shapes[0][0]
    for told, size in (("a batch of one", 1), ("a batch of three", 3), ("an empty batch", 0)):
        if size != batch:
            yield told, _with_shapes(case, [_of_batch(shape, batch, (size,)) for shape in shapes])
    if all(shape and shape[0] == batch for shape in shapes):
        yield "no batch", _with_shapes(case, [shape[1:] for shape in shapes])
    odd = [(*shape[:2], *(size + 1 - size % 2 for size in shape[2:])) for shape in shapes]
    if odd != shapes:
        yield "odd sizes", _with_shapes(case, odd)


def _of_batch(shape: tuple[int, ...], batch: int, size: tuple[int, ...]) -> tuple[int, ...]:
    return (*size, *shape[1:]) if shape and shape[0] == batch else shape


def _with_shapes(case: Case, shapes: list[tuple[int, ...]]) -> Case:
    inputs = tuple(replace(spec, shape=shape) for spec, shape in zip(case.inputs, shapes, strict=True))
    return replace(case, inputs=inputs)


def _in_size(trial: Trial, told: str) -> Finding | None:
    """How the variant fares at another size; None where its judge refuses."""
    right = right_answer(trial)
    if right is None:
        return None
    want, gradients, name = right
    got = answer_to(trial, f"with {told}", name)
    finding = compare_outputs(trial, got.outputs, want, torch.float64, f"with {told}, against {name}", MARGIN)
    is_empty = any(0 in spec.shape for spec in trial.case.inputs)  # torch's own gradients of nothing are 0, NaN or none
    if is_empty or gradients is None or not any(tensor is not None for tensor in gradients.values()):
        return finding
    return worst([finding, compare_gradients(trial, got.gradients, gradients, torch.float64, f"with {told}", MARGIN)])


def right_answer(trial: Trial) -> tuple[tuple[Tensor, ...], dict[str, Tensor | None] | None, str] | None:
    """Outputs, gradients where there are any to be had, and whose they are; None where the judge refuses."""
    other = "torch" if trial.is_reference else "reference"
    try:
        if other in trial.component.variants:
            answer = trial.answer(other, torch.float64)
            return answer.outputs, dict(answer.gradients), "torch" if trial.is_reference else "the reference"
        return (trial.oracle_answer, None, "its oracle") if trial.component.oracle is not None else None
    except NoJudge:
        return None
    except Wrong:
        raise
    except Exception as error:
        # The oracle takes no such size, or has to call the reference, which does not.
        if isinstance(error, NotMeasurable):
            raise
        return None


def answer_to(trial: Trial, told: str, name: str) -> Answer:
    """The variant's own answer in float64; raises ``Wrong`` where it has none, as its judge has one."""
    try:
        return trial.answer(trial.variant, torch.float64)
    except (Wrong, NotMeasurable):
        raise
    except Exception as error:  # noqa: BLE001  a component is anybody's code
        raise Wrong(f"{told} it {explain(error)[1]}, where {name} has an answer") from None


def layouts(trial: Trial) -> Finding:
    """The same numbers laid out otherwise in memory give the same: outputs in the case's dtype, gradients in float64.

    Transposed, every second element of a larger tensor, channels last; upstream gradients too.
    """
    refuse_large(trial)
    findings = [finding for told in LAYOUTS for finding in _in_layout(trial, told)]
    if not findings:
        raise Skip("it has no input with two sizes to lay out otherwise")
    return worst(findings)


def _in_layout(trial: Trial, told: str) -> Iterator[Finding]:
    lay_out, dtype = LAYOUTS[told], dtype_of(trial.case)
    right = trial.answer("reference", torch.float64)
    if all(lay_out(tensor) is None for tensor in trial.inputs(dtype)):
        return
    for asked in dict.fromkeys((dtype, torch.float64)):
        made = trial.make(trial.variant, asked, trial.state)
        inputs = tuple(laid_out(tensor, told) for tensor in trial.inputs(asked))
        outputs = tuple(tensors(made(*inputs)))
        note = f"with inputs laid out {told}"
        yield compare_outputs(trial, outputs, right.outputs, asked, note, MARGIN)
        if asked == torch.float64 and any(tensor is not None for tensor in right.gradients.values()):
            found = gradients_of(made, inputs, outputs, trial.seed, functools.partial(laid_out, told=told))
            yield compare_gradients(trial, found, right.gradients, asked, note, MARGIN)


def laid_out(tensor: Tensor, told: str) -> Tensor:
    made = LAYOUTS[told](tensor.detach())
    return tensor if made is None else made.requires_grad_(tensor.requires_grad)


def _transposed(tensor: Tensor) -> Tensor | None:
    if tensor.dim() < 2:
        return None
    return tensor.transpose(0, -1).contiguous().transpose(0, -1)


def _every_second(tensor: Tensor) -> Tensor | None:
    if not tensor.dim():
        return None
    return torch.stack([tensor, torch.full_like(tensor, 7)], -1)[..., 0]


def _channels_last(tensor: Tensor) -> Tensor | None:
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else None


LAYOUTS = {"transposed": _transposed, "every second": _every_second, "channels last": _channels_last}


def same_input(trial: Trial) -> Finding:
    """One tensor given for several inputs, as self-attention does: outputs and gradients in float64."""
    first = trial.case.inputs[0] if trial.case.inputs else None
    alike = [place for place, spec in enumerate(trial.case.inputs) if spec == first]
    if len(alike) < 2:
        raise Skip("it has no two inputs of one kind")
    refuse_large(trial)
    other = "torch" if trial.is_reference else "reference"
    if other not in trial.component.variants:
        raise Skip("nothing independent to compare the reference with: it has no torch variant")
    want, slopes = trial.judged_by(other, lambda: _with_one_input(trial, other, alike))
    got, found = _with_one_input(trial, trial.variant, alike)
    told = f"with one tensor for inputs {', '.join(map(str, alike))}"
    finding = compare_outputs(trial, got, want, torch.float64, told, MARGIN)
    if not any(tensor is not None for tensor in slopes.values()):
        return finding
    return worst([finding, compare_gradients(trial, found, slopes, torch.float64, told, MARGIN)])


def _with_one_input(
    trial: Trial, variant: str, alike: list[int]
) -> tuple[tuple[Tensor, ...], dict[str, Tensor | None]]:
    inputs = list(trial.inputs(torch.float64))
    for place in alike:
        inputs[place] = inputs[0]
    made = trial.make(variant, torch.float64, trial.state)
    outputs = tuple(tensors(made(*inputs)))
    kept = tuple(tensor for place, tensor in enumerate(inputs) if place not in alike[1:])
    return tuple(tensor.detach() for tensor in outputs), gradients_of(made, kept, outputs, trial.seed)
