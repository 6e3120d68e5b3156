"""What declared properties promise: two modes, chance in training, samples that do not mix."""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor, nn

from nnbench.checks.economy import refuse_where_smaller
from nnbench.checks.evidence import MARGIN, Finding, Skip, Wrong, allowance_of, error_of, floor_in, judge, passed, worst
from nnbench.checks.trial import Trial, gradients_of
from nnbench.checks.values import compare_gradients
from nnbench.specs import Case
from nnbench.workload import differentiable, dtype_of, tensors

# Calls in training mode, of a stochastic component and of one with many weights; and standard errors between two means
# that chance alone reaches less than once in ten million comparisons, of which a check makes at most a dozen.
CALLS, LARGEST_Z = 48, 6.0
FEW_CALLS, LARGEST_Z_OF_FEW = 16, 8.0
LARGEST_SAMPLED = 200_000  # elements of the inputs
MANY_WEIGHTS = 300_000
OTHER_CHANCES = 3  # seeds beside the first, to see which buffers chance changes
ROUNDING = 1e-13  # of the largest of the statistics, in float64


def evaluation_float64(trial: Trial) -> Finding:
    """Outputs and gradients in evaluation mode, with running statistics that are not the initial ones."""
    if trial.is_reference and "torch" not in trial.component.variants:
        raise Skip("nothing independent to compare the reference with: it has no torch variant")
    got, slopes = _evaluated(trial, trial.variant)
    want, right = _evaluated(trial, "torch" if trial.is_reference else "reference")
    finding = _compared(trial, got, want, "in evaluation mode")
    if not any(tensor is not None for tensor in right.values()):
        return finding
    return worst([finding, compare_gradients(trial, slopes, right, torch.float64, "in evaluation mode", MARGIN)])


def _evaluated(trial: Trial, variant: str) -> tuple[list[Tensor], dict[str, Tensor | None]]:
    made, inputs = trial.make(variant, torch.float64, trial.state).eval(), trial.inputs(torch.float64)
    outputs = tuple(tensors(made(*inputs)))
    return [tensor.detach() for tensor in outputs], gradients_of(made, inputs, outputs, trial.seed)


def state_after_call(trial: Trial) -> Finding:
    """Buffers (running statistics, counters) after two calls in training mode and one in evaluation mode.

    Of a random component those are compared that chance leaves alone: the judge's are equal whatever the seed.
    """
    name = "torch" if trial.is_reference else "reference"
    if name not in trial.component.variants:
        raise Skip("nothing independent to compare the reference with: it has no torch variant")
    refuse_where_smaller(trial)
    want = _left_alone_by_chance(trial, name)
    got = _state(trial, trial.variant)
    if got.keys() < want.keys():
        raise Wrong(f"it has no buffer {sorted(want.keys() - got.keys())[0]}")
    return _compared(trial, [got[one] for one in want], list(want.values()), "in its buffers after three calls", MARGIN)


def _left_alone_by_chance(trial: Trial, name: str) -> dict[str, Tensor]:
    """A judge's buffers; raises ``Skip`` where there is none that could be compared."""
    first = trial.judged_by(name, lambda: _state(trial, name))
    if not first:
        raise Skip("it has no buffers")
    chances = range(1, OTHER_CHANCES + 1) if "stochastic" in trial.component.properties else ()
    others = [trial.judged_by(name, functools.partial(_state, trial, name, chance)) for chance in chances]
    kept = {one: buffer for one, buffer in first.items() if all(torch.equal(buffer, other[one]) for other in others)}
    if not kept:
        raise Skip("what chance changes has no one right value")
    return kept


def _state(trial: Trial, variant: str, chance: int = 0) -> dict[str, Tensor]:
    made = trial.make(variant, torch.float64, trial.state)
    if not isinstance(made, nn.Module):
        return {}
    torch.manual_seed(trial.seed * 1000 + chance)
    made.train()
    for other in (0, 1):
        made(*trial.inputs(torch.float64, other))
    made.eval()(*trial.inputs(torch.float64, other=2))
    return {name: buffer.detach() for name, buffer in made.named_buffers()}


def _compared(trial: Trial, got: list[Tensor], want: list[Tensor], note: str, margin: float = 1.0) -> Finding:
    if len(got) != len(want):
        raise Wrong(f"{len(got)} tensors where {len(want)} are right {note}")
    terms = trial.terms_in(torch.float64)
    floor = floor_in(torch.float64, trial.floor, trial.floor_dtype)
    pairs = zip(got, want, strict=True)
    return worst([judge(error_of(a, b), margin * allowance_of(b, floor, torch.float64, terms), note) for a, b in pairs])


def training_statistics(trial: Trial) -> Finding:
    """In training mode a stochastic component is compared in distribution: means over many calls with fresh chance.

    Share of zeros and its spread over samples and places, mean, mean size and mean square of the outputs and of the
    gradients, against the reference's; the largest of the differences in standard errors is the error. A right
    component fails less than once in a million.
    """
    many_weights = sum(tensor.numel() for tensor in (trial.state or {}).values()) > MANY_WEIGHTS
    if _is_too_large(trial, many_weights):
        raise Skip("too large to be called so often; a smaller case of the component covers it")
    other = "torch" if trial.is_reference and "torch" in trial.component.variants else "reference"
    calls, largest = (FEW_CALLS, LARGEST_Z_OF_FEW) if many_weights else (CALLS, LARGEST_Z)
    got, want = _samples(trial, trial.variant, range(calls)), _samples(trial, other, range(calls, 2 * calls))
    if got.isnan().any() and not want.isnan().any():
        raise Wrong("in training mode it returns NaN")
    varies, should_vary = (bool((found.std(0) > 0).any()) for found in (got, want))
    if varies and not should_vary:
        raise Wrong("in training mode its calls differ, where nothing is random in this case")
    if not should_vary:
        return _without_chance(got[0], want[0])
    if not varies:
        raise Wrong("in training mode every call gives the same, where the reference's differ")
    spread = torch.sqrt((got.var(0) + want.var(0)) / calls)
    difference = (got.mean(0) - want.mean(0)).abs()
    # A mean that is zero but for rounding (a gradient behind a normalisation) varies by rounding alone.
    sizes = torch.maximum(got.abs().mean(0), want.abs().mean(0))
    spread = torch.where(sizes <= ROUNDING * sizes.max(), 0.0, spread)
    # Where neither varies (the share of zeros of something that is never zero) the means must agree outright.
    scores = torch.where(spread > 0, difference / spread, torch.where(difference > 1e-6, math.inf, 0.0))
    return judge(float(scores.max()), largest, f"(in standard errors, over {calls} calls in training mode)")


def _without_chance(got: Tensor, want: Tensor) -> Finding:
    """Where nothing is random (a rate of zero, or of one) the statistics of one call must agree but for rounding."""
    return judge(error_of(got, want), 1e-9, "in training mode, where nothing is random in this case")


def _is_too_large(trial: Trial, many_weights: bool) -> bool:
    """By its inputs, or by its weights where a case with smaller inputs is there to be sampled instead."""
    smallest = min(_elements(case) for case in trial.component.cases)
    return _elements(trial.case) > LARGEST_SAMPLED or (many_weights and _elements(trial.case) > smallest)


def _elements(case: Case) -> int:
    return sum(spec.elements for spec in case.inputs)


def _samples(trial: Trial, variant: str, seeds: range) -> Tensor:
    """One row a seed: summary statistics of outputs and input gradients; the weights are shared."""
    made = trial.make(variant, torch.float64, trial.state)
    if not isinstance(made, nn.Module):
        raise Skip("a function has no training mode")
    made.train()
    rows = []
    for seed in seeds:
        torch.manual_seed(trial.seed * 1000 + seed)
        rows.append(_summary(made, trial.inputs(torch.float64)))
    return torch.stack(rows)


def _summary(made: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
    outputs = [tensor for tensor in tensors(made(*inputs)) if tensor.is_floating_point()]
    ends, leaves = differentiable(outputs), [tensor for tensor in inputs if tensor.requires_grad]
    # The upstream gradient is even over neighbours, and so leaves chance to the component alone.
    upstream = [torch.ones_like(one) for one in ends]
    some = torch.autograd.grad(ends, leaves, upstream, allow_unused=True) if leaves and ends else [None] * len(leaves)
    # Where all is dropped no gradient is as good as zeros.
    found = [torch.zeros_like(leaf) if one is None else one for leaf, one in zip(leaves, some, strict=True)]
    filled = [tensor.detach() for tensor in (*outputs, *found) if tensor.numel()]
    least = ROUNDING * max((float(tensor.abs().max()) for tensor in filled), default=0.0)
    return torch.tensor([number for tensor in filled for number in _numbers(tensor, least)], dtype=torch.float64)


def _numbers(one: Tensor, least: float) -> list[float]:
    """Share of zeros, mean, mean size and mean square; and how unevenly samples and places share in the zeros.

    The last two tell a mask that all samples have in common, or all of a sample, from one drawn for each element. What
    is not larger than ``least`` is zero but for rounding.
    """
    zeros = (one.abs() <= least).double()
    uneven = [zeros.mean(0), zeros.flatten(1).mean(1)] if one.dim() > 1 else []
    found = [
        zeros.mean(),
        one.mean(),
        one.abs().mean(),
        one.square().mean(),
        *(part.square().mean() for part in uneven),
    ]
    return [float(number) for number in found]


def batch_independent(trial: Trial) -> Finding:
    """The first half of a batch, alone, gives the first half of the whole batch's output."""
    dtype = dtype_of(trial.case)
    inputs = trial.inputs(dtype)
    size = inputs[0].shape[0] if inputs and inputs[0].dim() else 0
    if size < 2 or any(tensor.dim() == 0 or tensor.shape[0] != size for tensor in inputs):
        raise Skip("the case has no batch of two or more to take apart")
    made = trial.make(trial.variant, dtype, trial.state)
    if isinstance(made, nn.Module) and "mode" in trial.component.properties:
        made.eval()
    half = size // 2
    whole, alone = (list(tensors(made(*given))) for given in (inputs, [tensor[:half] for tensor in inputs]))
    return worst([_of_half(trial, a.detach(), b.detach()[:half], dtype) for a, b in zip(alone, whole, strict=True)])


def elementwise(trial: Trial) -> Finding:
    """Other numbers at every second place leave the outputs at the places between as they are, to the bit."""
    dtype = dtype_of(trial.case)
    (first, *_), (second, *_) = (trial.inputs(dtype, other) for other in (0, 1))
    kept = torch.arange(first.numel()).reshape(first.shape) % 2 == 0
    made = trial.make(trial.variant, dtype, trial.state)
    before, after = (next(iter(tensors(made(given)))).detach() for given in (first, torch.where(kept, first, second)))
    if before.shape != first.shape:
        raise Wrong(f"its output has the shape {tuple(before.shape)}, its input {tuple(first.shape)}: not elementwise")
    moved = int((kept & ~((before == after) | (before.isnan() & after.isnan()))).sum())
    if moved:
        raise Wrong(f"{moved} of {int(kept.sum())} outputs change with numbers at other places")
    return passed()


def _of_half(trial: Trial, alone: Tensor, whole: Tensor, dtype: torch.dtype) -> Finding:
    # Kernels may sum in another order for another batch size, hence the margin.
    allowance = MARGIN * allowance_of(whole, trial.floor, dtype, trial.terms_in(dtype))
    return judge(error_of(alone, whole), allowance, "between half a batch alone and within the whole")
