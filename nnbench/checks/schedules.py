"""Learning-rate schedules: the rates of two parameter groups after each step, against their closed form."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch

from nnbench.checks.evidence import ULPS, Finding, Skip, Wrong, judge, passed
from nnbench.checks.trial import Trial
from nnbench.workload import SCHEDULED_RATES, build, rates_to_schedule

EPOCHS = 240
LEAST_SHARE = 1e-3  # of the initial rate: what is smaller is compared with that, as a cosine's end is a difference
NOT_A_NUMBER, INFINITE = 0.04, 0.96  # which draws of the script's dropouts become one

Script = np.ndarray | None  # the metric handed to each step, or nothing to be handed


def scripts(trial: Trial) -> dict[str, Script]:
    """What the schedule is stepped with: nothing, or scripted losses made of the case's draws."""
    if not trial.case.inputs:
        return {"": None}
    draws = trial.inputs(torch.float64)[0].detach().numpy()
    if draws.ndim != 1 or len(draws) < EPOCHS // 2:
        raise Wrong(f"a schedule's input is rand(T) with T of {EPOCHS // 2} or more: one draw a step")
    epochs = np.arange(len(draws))
    broken = np.select([draws < NOT_A_NUMBER, draws > INFINITE], [np.nan, np.inf], 1 + np.exp(-epochs / 20))
    return {
        "falling, then flat": np.maximum(2 - epochs * 4 / len(draws), 0.8),
        "noisy": draws,
        "with infinities and no numbers": broken,
        "rising": 1 + epochs * (0.5 + draws / 1000),
    }


def closed_form(trial: Trial) -> Finding:
    """Rates after every step, two groups and every script: the reference against its oracle, the others against it."""
    want = {name: _right(trial, script) for name, script in scripts(trial).items()}
    got = {name: _rates(trial, trial.variant, script) for name, script in scripts(trial).items()}
    errors = {name: _error(got[name], rates) for name, rates in want.items()}
    name = max(errors, key=lambda one: errors[one])
    allowance = ULPS[torch.float64] * torch.finfo(torch.float64).eps * len(want[name])
    constant = max(_error(np.broadcast_to(SCHEDULED_RATES, rates.shape), rates) for rates in want.values())
    step = _first_wrong(got[name], want[name], allowance) if errors[name] > allowance else ""
    told = " ".join(filter(None, [f"against {_judge(trial)}", f"on the script {name!r}" if name else "", step]))
    return judge(errors[name], allowance, told, {"a constant rate": constant})


def _judge(trial: Trial) -> str:
    if not trial.is_reference:
        return "the reference"
    if trial.component.oracle is not None:
        return "its oracle"
    return "torch"


def _right(trial: Trial, script: Script) -> np.ndarray:
    judged_by = _judge(trial)
    if judged_by == "its oracle":
        steps = np.arange(1, EPOCHS + 1) if script is None else script
        assert trial.component.oracle is not None
        columns = [trial.component.oracle(rate, steps, **trial.case.arguments) for rate in SCHEDULED_RATES]
        return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)
    other = "reference" if judged_by == "the reference" else "torch"
    if other not in trial.component.variants:
        raise Skip("nothing independent to compare the reference with: it has no oracle and no torch variant")
    found: np.ndarray = trial.judged_by(other, lambda: _rates(trial, other, script))
    return found


def _error(got: np.ndarray, want: np.ndarray) -> float:
    """The largest difference as a share of the rate, or of a thousandth of the highest one where that is less."""
    if got.shape != want.shape:
        raise Wrong(f"rates for {got.shape} steps and groups where {want.shape} are right")
    scale = np.maximum(np.abs(want), LEAST_SHARE * np.abs(want).max(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        missed = np.where(got == want, 0.0, np.abs(got - want) / scale)
    return math.inf if np.isnan(missed).any() else float(missed.max())


def _first_wrong(got: np.ndarray, want: np.ndarray, allowance: float) -> str:
    for step in range(len(want)):
        if _error(got[: step + 1], want[: step + 1]) > allowance:
            return f"first at step {step + 1}: {got[step].tolist()} where {want[step].tolist()} is right"
    return ""


def _start(trial: Trial, variant: str) -> tuple[Any, torch.optim.Optimizer]:
    optimizer = rates_to_schedule()
    return build(trial.component, variant, trial.case, trial.seed, torch.float64, optimizer=optimizer), optimizer


def _rates(trial: Trial, variant: str, script: Script) -> np.ndarray:
    scheduler, optimizer = _start(trial, variant)
    return _walk(scheduler, optimizer, script, 0, EPOCHS if script is None else len(script))


def _walk(scheduler: Any, optimizer: torch.optim.Optimizer, script: Script, first: int, last: int) -> np.ndarray:
    """Step from one epoch to another; the rates of all groups after each step."""
    rates = []
    for epoch in range(first, last):
        optimizer.step()  # schedulers warn when they are stepped before it
        scheduler.step() if script is None else scheduler.step(float(script[epoch]))
        rates.append([float(group["lr"]) for group in optimizer.param_groups])
    return np.array(rates, dtype=np.float64)


def resume(trial: Trial) -> Finding:
    """A schedule loaded from its state_dict half-way goes on bit for bit like the one that was never stopped."""
    for name, script in scripts(trial).items():
        whole = _rates(trial, trial.variant, script)
        half = len(whole) // 2 - 13  # no round number, at which a schedule that starts again would be in step
        first, optimizer = _start(trial, trial.variant)
        _walk(first, optimizer, script, 0, half)
        saved = copy.deepcopy((first.state_dict(), optimizer.state_dict()))
        second, fresh = _start(trial, trial.variant)
        second.load_state_dict(saved[0])
        fresh.load_state_dict(saved[1])
        if not np.array_equal(_walk(second, fresh, script, half, len(whole)), whole[half:]):
            told = f", on the script {name!r}" if name else ""
            raise Wrong(f"resumed from its state_dict it goes another way than the one never stopped{told}")
    return passed()


def rates_only(trial: Trial) -> Finding:
    """It changes the learning rates and nothing else of the optimizer, and reports the rates that it has set."""
    script = next(iter(scripts(trial).values()))
    untouched = rates_to_schedule()
    before = [_others(group) for group in untouched.param_groups]
    parameters = [parameter.detach() for group in untouched.param_groups for parameter in group["params"]]
    scheduler, optimizer = _start(trial, trial.variant)
    rates = _walk(scheduler, optimizer, script, 0, EPOCHS if script is None else len(script))
    now = [parameter.detach() for group in optimizer.param_groups for parameter in group["params"]]
    if before != [_others(group) for group in optimizer.param_groups]:
        raise Wrong("it changes more of the optimizer's settings than the learning rate")
    if not all(torch.equal(a, b) for a, b in zip(parameters, now, strict=True)):
        raise Wrong("it changes the parameters themselves")
    if [float(rate) for rate in scheduler.get_last_lr()] != rates[-1].tolist():
        raise Wrong("get_last_lr() gives other rates than those that it has set")
    return passed()


def _others(group: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name not in ("params", "lr", "initial_lr")}
