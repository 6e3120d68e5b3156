"""Optimizers step by step: parameters and state after each step against an independent float64 recurrence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
import torch

from nnbench.checks.evidence import TIMES_THE_FLOOR, ULPS, Finding, Skip, judge
from nnbench.checks.stepped import (
    Gradients,
    History,
    Parameters,
    State,
    Walk,
    allowance_float64,
    error_between,
    gradients_in,
    needed_variant,
    optimizer_for,
    other_variant,
    run,
    share_off,
    small,
    starting_parameters,
    walk,
)
from nnbench.checks.trial import Trial
from nnbench.workload import dtype_of


def steps_float64(trial: Trial) -> Finding:
    """Parameters after each of 25 steps in float64 (6 for a large case), against the oracle or else the reference."""
    want = _judge(trial)
    return _compare(trial, run(trial, trial.variant, torch.float64), want, allowance_float64(len(want)))


def steps_dtype(trial: Trial) -> Finding:
    """The same in the case's own dtype, allowed twice the error of the other implementation (halves three times)."""
    dtype = dtype_of(trial.case)
    want = _judge(trial)
    allowance = ULPS[dtype] * torch.finfo(dtype).eps + TIMES_THE_FLOOR[dtype] * _floor(trial, dtype, want)
    return _compare(trial, run(trial, trial.variant, dtype), want, allowance)


def _floor(trial: Trial, dtype: torch.dtype, want: History) -> float:
    """The error of the first peer that can be stepped; without one, what rounding each step at random adds up to."""
    for name in trial.peers:
        try:
            return error_between(run(trial, name, dtype), want)
        except Exception:  # noqa: BLE001  its own row tells it
            continue
    return math.sqrt(len(want)) * torch.finfo(dtype).eps


def _compare(trial: Trial, got: History, want: History, allowance: float) -> Finding:
    idle = [starting_parameters(trial, torch.float64)] * len(want)
    error = error_between(got, want)
    note = f"against {_judge_name(trial)}" + _first_off(got, want, allowance)
    return judge(error, allowance, note, {"parameters left as they are": error_between(idle, want)})


def _first_off(got: History, want: History, allowance: float) -> str:
    errors = (error_between(got[step : step + 1], want[step : step + 1]) for step in range(len(want)))
    found = [step for step, missed in enumerate(errors) if missed > allowance]
    return f", first at step {found[0] + 1}" if found and error_between(got, want) > allowance else ""


def _judge_name(trial: Trial) -> str:
    return "its oracle" if trial.component.oracle is not None else _called(other_variant(trial))


def _called(variant: str | None) -> str:
    return "torch" if variant == "torch" else "the reference"


@lru_cache(maxsize=2)
def _judge(trial: Trial) -> History:
    """What is right: the oracle's recurrence, or the reference for another variant of a component without one."""
    if trial.component.oracle is not None:
        return _oracles(trial, gradients_in(trial, torch.float64))
    other = other_variant(trial)
    if other is None:
        raise Skip("nothing independent to compare the reference with: it has no oracle and no torch variant")
    return run(trial, other, torch.float64)


def _oracles(trial: Trial, gradients: Iterable[Parameters]) -> History:
    assert trial.component.oracle is not None
    parameters = [tensor.numpy() for tensor in starting_parameters(trial, torch.float64)]
    arrays = [[tensor.numpy() for tensor in step] for step in gradients]
    steps = trial.component.oracle(parameters, arrays, **trial.case.arguments)
    return [[torch.as_tensor(np.asarray(array)) for array in step] for step in steps]


def gaps(trial: Trial) -> Finding:
    """Parameters after each step where some gradients are zero and some are missing, against torch or the reference.

    Momentum and decay go on through a gradient of zero, and all of a parameter rests where it has none. Without
    another variant the oracle says what is right; then all parameters have their gaps together.
    """
    trial = small(trial)
    other = other_variant(trial)
    if other is None:
        return _gaps_by_oracle(trial)
    want = trial.judged_by(other, lambda: _walk_with_gaps(trial, other)).parameters
    got = _walk_with_gaps(trial, trial.variant).parameters
    allowance = allowance_float64(len(want))
    told = f"against {_called(other)}{_first_off(got, want, allowance)}, with gradients zero or missing"
    return judge(error_between(got, want), allowance, told)


def _gaps_by_oracle(trial: Trial) -> Finding:
    if trial.component.oracle is None:
        raise Skip("nothing independent to compare the reference with: it has no oracle and no torch variant")
    steps = list(_with_common_gaps(trial))
    got = walk(*optimizer_for(trial, trial.variant), steps).parameters
    taken = [place for place, gradients in enumerate(steps) if gradients[0] is not None]
    whole = [[tensor for tensor in steps[place] if tensor is not None] for place in taken]
    want = _oracles(trial, whole)
    allowance = allowance_float64(len(got))
    rested = [got[place] for place in range(1, len(got)) if place not in taken]
    before = [got[place - 1] for place in range(1, len(got)) if place not in taken]
    error = max(error_between([got[place] for place in taken], want), error_between(rested, before))
    return judge(error, allowance, "against its oracle, with gradients zero or missing")


def _with_gaps(trial: Trial) -> Iterator[Gradients]:
    """Each parameter in its own turn: every fourth gradient zero, every fourth missing."""
    for step, gradients in enumerate(gradients_in(trial, torch.float64)):
        turns = [(step + place) % 4 for place in range(len(gradients))]
        yield [
            None if turn == 3 else tensor * (turn != 1 or not step)
            for turn, tensor in zip(turns, gradients, strict=True)
        ]


def _with_common_gaps(trial: Trial) -> Iterator[Gradients]:
    """Every fourth gradient zero, in turn; at every fifth step all are missing."""
    for step, gradients in enumerate(gradients_in(trial, torch.float64)):
        zeroed = [tensor * ((step + place) % 4 != 1) for place, tensor in enumerate(gradients)]
        yield [None] * len(gradients) if step % 5 == 3 else list(zeroed)


@lru_cache(maxsize=4)
def _walk_with_gaps(trial: Trial, variant: str) -> Walk:
    return walk(*optimizer_for(trial, variant), _with_gaps(trial))


def state(trial: Trial) -> Finding:
    """What is kept for each parameter after each step, gaps included, where torch or the reference keep the same."""
    trial = small(trial)
    other = needed_variant(trial)
    want = trial.judged_by(other, lambda: _walk_with_gaps(trial, other)).states
    got = _walk_with_gaps(trial, trial.variant).states
    names = _shared_names(got[-1], want[-1], other)
    errors = {name: _state_error(got, want, name) for name in names}
    worst = max(names, key=lambda name: errors[name])
    return judge(errors[worst], allowance_float64(len(want)), f"in {worst}, against {_called(other)}'s state")


def _shared_names(mine: State, theirs: State, other: str) -> list[str]:
    ours, wanted = (list(dict.fromkeys(name for one in state for name in one)) for state in (mine, theirs))
    if not wanted:
        raise Skip(f"{_called(other)} keeps no state to compare it with")
    if any(name not in one for one, right in zip(mine, theirs, strict=True) for name in right):
        raise Skip(f"it keeps {', '.join(ours) or 'nothing'} where {_called(other)} keeps {', '.join(wanted)}")
    return wanted


def _state_error(got: list[State], want: list[State], name: str) -> float:
    worst = 0.0
    for place in range(len(want[-1])):
        pairs = [(mine[place].get(name), theirs[place].get(name)) for mine, theirs in zip(got, want, strict=True)]
        both = [(mine, theirs) for mine, theirs in pairs if mine is not None and theirs is not None]
        if any(mine.shape != theirs.shape for mine, theirs in both):
            return math.inf
        if both:
            worst = max(worst, share_off(*zip(*both, strict=True)))
    return worst
