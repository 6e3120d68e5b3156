"""Optimizers step by step: parameters after each step against an independent float64 recurrence."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nnbench.checks.evidence import TIMES_THE_FLOOR, ULPS, Finding, Skip, Wrong, judge, passed
from nnbench.checks.trial import Trial
from nnbench.specs import InputSpec
from nnbench.workload import build, draw, dtype_of

STEPS = 25
STEPS_WHEN_LARGE = 6  # a large case is there for what only size shows; the small ones take all the steps
LARGE = 100_000  # elements
LEARNING_RATE_FACTOR = 8.0
DECADES = 4  # gradients are scaled by 10**-4 to 10**4: that is what exposes a misplaced epsilon
ULPS_A_STEP = 8

History = list[list[Tensor]]  # parameters after each step


def steps_float64(trial: Trial) -> Finding:
    """Parameters after each of 25 steps in float64 (6 for a large case), against the oracle or else the reference."""
    want = _judge(trial)
    allowance = ULPS_A_STEP * len(want) * torch.finfo(torch.float64).eps
    return _compare(trial, _run(trial, trial.variant, torch.float64), want, allowance)


def steps_dtype(trial: Trial) -> Finding:
    """The same in the case's own dtype, allowed twice the error of the other implementation (halves three times)."""
    dtype = dtype_of(trial.case)
    want = _judge(trial)
    allowance = ULPS[dtype] * torch.finfo(dtype).eps + TIMES_THE_FLOOR[dtype] * _floor(trial, dtype, want)
    return _compare(trial, _run(trial, trial.variant, dtype), want, allowance)


def _floor(trial: Trial, dtype: torch.dtype, want: History) -> float:
    """The error of the first peer that can be stepped; without one, what rounding each step at random adds up to."""
    for name in trial.peers:
        try:
            return _error(_run(trial, name, dtype), want)
        except Exception:  # noqa: BLE001  its own row tells it
            continue
    return math.sqrt(len(want)) * torch.finfo(dtype).eps


def _compare(trial: Trial, got: History, want: History, allowance: float) -> Finding:
    idle = [_starting_parameters(trial, torch.float64)] * len(want)
    error = _error(got, want)
    errors = (_error(got[step : step + 1], want[step : step + 1]) for step in range(len(want)))
    first = next((step for step, missed in enumerate(errors) if missed > allowance), 0)
    note = f"against {_judge_name(trial)}" + (f", first at step {first + 1}" if error > allowance else "")
    return judge(error, allowance, note, {"parameters left as they are": _error(idle, want)})


def _judge_name(trial: Trial) -> str:
    if trial.component.oracle is not None:
        return "its oracle"
    return "torch" if trial.is_reference else "the reference"


def _error(got: History, want: History) -> float:
    """The largest difference over steps and parameters, as a share of the largest value that the parameter took."""
    worst = 0.0
    for mine, theirs in zip(zip(*got, strict=True), zip(*want, strict=True), strict=True):
        mine_all, theirs_all = (torch.stack([t.double() for t in history]) for history in (mine, theirs))
        difference = (mine_all - theirs_all).abs().max() / theirs_all.abs().max().clamp(min=1e-300)
        worst = max(worst, float(difference.nan_to_num(nan=float("inf"))))
    return worst


def _starting_parameters(trial: Trial, dtype: torch.dtype) -> list[Tensor]:
    return [tensor.detach() for tensor in trial.inputs(dtype)]


def _number_of_steps(trial: Trial) -> int:
    return STEPS if sum(spec.elements for spec in trial.case.inputs) < LARGE else STEPS_WHEN_LARGE


def _gradients(trial: Trial, dtype: torch.dtype) -> Iterator[list[Tensor]]:
    """Each step's gradients: normal, times a power of ten between 1e-4 and 1e4 drawn for the step."""
    generator = torch.Generator().manual_seed(trial.seed + 1)
    powers = (torch.rand(_number_of_steps(trial), generator=generator) * 2 - 1) * DECADES
    for step, power in enumerate(powers.tolist()):
        normal = [
            draw(InputSpec("randn", spec.shape), trial.seed * 1000 + 100 * (step + 1) + place, torch.float32)
            for place, spec in enumerate(trial.case.inputs)
        ]
        yield [(tensor * 10**power).to(dtype) for tensor in normal]


@lru_cache(maxsize=2)
def _judge(trial: Trial) -> History:
    """What is right: the oracle's recurrence, or the reference for another variant of a component without one."""
    if trial.component.oracle is None:
        other = "torch" if trial.is_reference else "reference"
        if other not in trial.component.variants:
            raise Skip("nothing independent to compare the reference with: it has no oracle and no torch variant")
        return _run(trial, other, torch.float64)
    parameters = [tensor.numpy() for tensor in _starting_parameters(trial, torch.float64)]
    gradients = [[tensor.numpy() for tensor in step] for step in _gradients(trial, torch.float64)]
    steps = trial.component.oracle(parameters, gradients, **trial.case.arguments)
    return [[torch.as_tensor(np.asarray(array)) for array in step] for step in steps]


def _optimizer(trial: Trial, variant: str, dtype: torch.dtype) -> tuple[Any, list[Tensor]]:
    parameters = [tensor.clone().requires_grad_() for tensor in _starting_parameters(trial, dtype)]
    return build(trial.component, variant, trial.case, trial.seed, dtype, params=parameters), parameters


@lru_cache(maxsize=4)
def _run(trial: Trial, variant: str, dtype: torch.dtype) -> History:
    optimizer, parameters = _optimizer(trial, variant, dtype)
    return [_step(optimizer, parameters, gradients) for gradients in _gradients(trial, dtype)]


def _step(optimizer: Any, parameters: list[Tensor], gradients: list[Tensor]) -> list[Tensor]:
    """One step. Gradients are refilled in place, as training without ``set_to_none`` does, and must stay as they are.

    Raises ``Wrong`` where the step changes a gradient.
    """
    for parameter, gradient in zip(parameters, gradients, strict=True):
        if parameter.grad is None:
            parameter.grad = gradient.clone()
        else:
            parameter.grad.copy_(gradient)
    optimizer.step()
    for parameter, gradient in zip(parameters, gradients, strict=True):
        if parameter.grad is None or not torch.equal(parameter.grad, gradient):
            raise Wrong("its step changes the gradients that it is given")
    return [parameter.detach().clone() for parameter in parameters]


def resume(trial: Trial) -> Finding:
    """An optimizer loaded from a state_dict half-way goes on bit for bit like the one that was never stopped."""
    whole = _run(trial, trial.variant, torch.float64)
    gradients = list(_gradients(trial, torch.float64))
    half = len(gradients) // 2
    first, parameters = _optimizer(trial, trial.variant, torch.float64)
    for step in gradients[:half]:
        _step(first, parameters, step)
    saved = copy.deepcopy(first.state_dict())
    second = build(trial.component, trial.variant, trial.case, trial.seed, torch.float64, params=parameters)
    second.load_state_dict(saved)
    resumed = [_step(second, parameters, step) for step in gradients[half:]]
    if not all(
        torch.equal(a, b)
        for got, want in zip(resumed, whole[half:], strict=True)
        for a, b in zip(got, want, strict=True)
    ):
        raise Wrong("resumed from its state_dict it goes another way than the run that was never stopped")
    return passed()


def missing_gradient(trial: Trial) -> Finding:
    """A parameter without a gradient stays as it is, to the bit, while the others are stepped."""
    optimizer, parameters = _optimizer(trial, trial.variant, torch.float64)
    extra = torch.ones(3, dtype=torch.float64, requires_grad=True)
    optimizer.add_param_group({"params": [extra]})
    _step(optimizer, parameters, next(_gradients(trial, torch.float64)))
    if not torch.equal(extra.detach(), torch.ones(3, dtype=torch.float64)):
        raise Wrong("it changes a parameter that has no gradient")
    return passed()


def learning_rate(trial: Trial) -> Finding:
    """A learning rate set in the parameter groups (as schedulers do) counts, as if it had been given at the start."""
    given = trial.case.arguments.get("lr")
    if not isinstance(given, float):
        raise Skip("the case gives no learning rate as a number")
    changed, parameters = _optimizer(trial, trial.variant, torch.float64)
    for group in changed.param_groups:
        group["lr"] = given / LEARNING_RATE_FACTOR
    case = replace(trial.case, arguments={**trial.case.arguments, "lr": given / LEARNING_RATE_FACTOR})
    fresh, others = _optimizer(replace(trial, case=case), trial.variant, torch.float64)
    for gradients in _gradients(trial, torch.float64):
        pairs = zip(_step(changed, parameters, gradients), _step(fresh, others, gradients), strict=True)
        if not all(torch.equal(a, b) for a, b in pairs):
            raise Wrong("a learning rate set in param_groups is not the one that it steps with")
    return passed()
