"""Optimizers stepped along gradients of eight decades, and how far two of them have gone apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from nnbench.checks.evidence import Skip, Wrong
from nnbench.checks.trial import Trial
from nnbench.specs import InputSpec
from nnbench.workload import build, draw

STEPS = 25
STEPS_WHEN_LARGE = 6  # a large case is there for what only size shows; the small ones take all the steps
LARGE = 100_000  # elements
DECADES = 4  # gradients are scaled by 10**-4 to 10**4: that is what exposes a misplaced epsilon
ULPS_A_STEP = 8
MOVED_BY = 16 * ULPS_A_STEP  # ulps; an average fades, up to sixteen times, before it is used again
LONGEST_SIDE = 8

Parameters = list[Tensor]
Gradients = list[Tensor | None]  # None: the parameter has none at this step
History = list[Parameters]  # parameters after each step
State = list[dict[str, Tensor]]  # what is kept for each parameter, by name


@dataclass(frozen=True)
class Walk:
    """Parameters, and what the optimizer keeps for each of them, after each step."""

    parameters: History
    states: list[State]


@lru_cache(maxsize=2)
def small(trial: Trial) -> Trial:
    """The same with parameters of at most eight elements along each axis: rules hold for every size."""
    inputs = tuple(
        replace(spec, shape=tuple(min(size, LONGEST_SIDE) for size in spec.shape)) for spec in trial.case.inputs
    )
    return replace(trial, case=replace(trial.case, inputs=inputs))


def other_variant(trial: Trial) -> str | None:
    """Whose steps and state are right: torch's for the reference, the reference's for the others."""
    other = "torch" if trial.is_reference else "reference"
    return other if other in trial.component.variants else None


def needed_variant(trial: Trial) -> str:
    other = other_variant(trial)
    if other is None:
        raise Skip("there is no torch variant to compare the reference with")
    return other


def starting_parameters(trial: Trial, dtype: torch.dtype) -> Parameters:
    return [tensor.detach() for tensor in trial.inputs(dtype)]


def copies_of_parameters(trial: Trial) -> Parameters:
    return [tensor.clone().requires_grad_() for tensor in starting_parameters(trial, torch.float64)]


def number_of_steps(trial: Trial) -> int:
    return STEPS if sum(spec.elements for spec in trial.case.inputs) < LARGE else STEPS_WHEN_LARGE


def allowance_float64(steps: int) -> float:
    return ULPS_A_STEP * steps * torch.finfo(torch.float64).eps


@lru_cache(maxsize=2)
def gradients_in(trial: Trial, dtype: torch.dtype) -> list[Parameters]:
    """Each step's gradients: normal, times a power of ten between 1e-4 and 1e4 drawn for the step."""
    return list(_drawn_gradients(trial, dtype))


def _drawn_gradients(trial: Trial, dtype: torch.dtype) -> Iterator[Parameters]:
    generator = torch.Generator().manual_seed(trial.seed + 1)
    powers = (torch.rand(number_of_steps(trial), generator=generator) * 2 - 1) * DECADES
    for step, power in enumerate(powers.tolist()):
        normal = [
            draw(InputSpec("randn", spec.shape), trial.seed * 1000 + 100 * (step + 1) + place, torch.float32)
            for place, spec in enumerate(trial.case.inputs)
        ]
        yield [(tensor * 10**power).to(dtype) for tensor in normal]


def optimizer_for(
    trial: Trial, variant: str, dtype: torch.dtype = torch.float64, **handed: Any
) -> tuple[Any, Parameters]:
    """An optimizer and the parameters that it is to step; what is ``handed`` replaces the case's arguments."""
    parameters = [tensor.clone().to(trial.device).requires_grad_() for tensor in starting_parameters(trial, dtype)]
    return build(
        trial.component, variant, trial.case, trial.seed, dtype, **({"params": parameters} | handed)
    ), parameters


def take_step(optimizer: Any, parameters: Parameters, gradients: Iterable[Tensor | None]) -> Parameters:
    """One step. Gradients are refilled in place, as training without ``set_to_none`` does, and must stay as they are.

    Raises ``Wrong`` where the step changes a gradient.
    """
    given = [
        (parameter, None if gradient is None else gradient.to(parameter.device))
        for parameter, gradient in zip(parameters, gradients, strict=True)
    ]
    for parameter, gradient in given:
        if gradient is None or parameter.grad is None:
            parameter.grad = None if gradient is None else gradient.clone()
        else:
            parameter.grad.copy_(gradient)
    optimizer.step()
    for parameter, gradient in given:
        if not _same_gradient(parameter.grad, gradient):
            raise Wrong("its step changes the gradients that it is given")
    return [parameter.detach().clone().cpu() for parameter in parameters]


def _same_gradient(now: Tensor | None, given: Tensor | None) -> bool:
    if now is None or given is None:
        return now is given
    return torch.equal(now, given)


def along(optimizer: Any, parameters: Parameters, steps: Iterable[Iterable[Tensor | None]]) -> History:
    return [take_step(optimizer, parameters, gradients) for gradients in steps]


def along_moved(optimizer: Any, parameters: Parameters, steps: Iterable[Parameters], seed: int) -> History:
    """The same with all gradients, parameters and averages moved up or down at random, a little, before each step.

    How far that goes from the way of those left as they are is more than rounding can do on it.
    """
    generator = torch.Generator().manual_seed(seed)
    history = []
    for gradients in steps:
        for parameter in parameters:
            for tensor in (parameter.detach(), *_kept_like(optimizer, parameter)):
                tensor.copy_(_moved(tensor, generator))
        history.append(take_step(optimizer, parameters, [_moved(tensor, generator) for tensor in gradients]))
    return history


def _kept_like(optimizer: Any, parameter: Tensor) -> list[Tensor]:
    """The averages and buffers; a count is exact."""
    kept = getattr(optimizer, "state", {}).get(parameter, {}).values()
    return [
        one for one in kept if isinstance(one, Tensor) and (one.shape, one.dtype) == (parameter.shape, parameter.dtype)
    ]


def _moved(tensor: Tensor, generator: torch.Generator) -> Tensor:
    signs = torch.randint(0, 2, tensor.shape, generator=generator, dtype=tensor.dtype) * 2 - 1
    return tensor * (1 + signs * MOVED_BY * torch.finfo(tensor.dtype).eps)


@lru_cache(maxsize=4)
def run(trial: Trial, variant: str, dtype: torch.dtype) -> History:
    """A variant's parameters after each step along the gradients."""
    return along(*optimizer_for(trial, variant, dtype), gradients_in(trial, dtype))


def walk(optimizer: Any, parameters: Parameters, steps: Iterable[Gradients]) -> Walk:
    """The same with the state after each step."""
    history, states = [], []
    for gradients in steps:
        history.append(take_step(optimizer, parameters, gradients))
        states.append([state_of(optimizer, parameter) for parameter in parameters])
    return Walk(history, states)


def state_of(optimizer: Any, parameter: Tensor) -> dict[str, Tensor]:
    """The numbers that an optimizer keeps for a parameter, in float64."""
    kept = getattr(optimizer, "state", {}).get(parameter, {})
    return {
        name: torch.as_tensor(value).detach().clone().double()
        for name, value in kept.items()
        if isinstance(value, Tensor | float | int)
    }


def same_bits(got: History, want: History) -> bool:
    return all(
        torch.equal(a, b) for mine, theirs in zip(got, want, strict=True) for a, b in zip(mine, theirs, strict=True)
    )


def error_between(got: History, want: History) -> float:
    """The largest difference over steps and parameters, as a share of the largest value that the parameter took."""
    pairs = zip(zip(*got, strict=True), zip(*want, strict=True), strict=True)
    return max((share_off(mine, theirs) for mine, theirs in pairs), default=0.0)


def share_off(mine: Iterable[Tensor], theirs: Iterable[Tensor]) -> float:
    mine_all, theirs_all = (torch.stack([tensor.double() for tensor in history]) for history in (mine, theirs))
    difference = (mine_all - theirs_all).abs().max() / theirs_all.abs().max().clamp(min=1e-300)
    return float(difference.nan_to_num(nan=float("inf")))
