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
Rates = dict[str, np.ndarray]  # by script: a row for each step, with the rate of each group


def scripts(trial: Trial) -> dict[str, Script]:
    """What the schedule is stepped with: nothing, or scripted losses made of the case's draws."""
    if not trial.case.inputs:
        return {"": None}
    draws = trial.inputs(torch.float64)[0].detach().numpy()
    if draws.ndim != 1 or len(draws) < EPOCHS // 2:
        raise Wrong(f"a schedule's input is rand(T) with T of {EPOCHS // 2} or more: one draw a step")
    epochs = np.arange(len(draws))
    return {
        "falling, then flat": np.maximum(2 - epochs * 4 / len(draws), 0.8),
        "noisy": draws,
        "with infinities and no numbers": _broken(draws, epochs),
        "rising": 1 + epochs * (0.5 + draws / 1000),
    }


def _broken(draws: np.ndarray, epochs: np.ndarray) -> np.ndarray:
    """Losses that fall, with infinities and NaN where chance has them, and outright at the start and on the plateau.

    The second infinity is as good as the first, where more is better. When a schedule finds the plateau, and how long
    its rate goes on falling there, depends on its patience.
    """
    losses = np.select([draws < NOT_A_NUMBER, draws > INFINITE], [np.nan, np.inf], 1 + np.exp(-epochs / 20))
    outright = np.array([0, 3, *(len(draws) * twentieths // 20 for twentieths in (13, 15, 17))])
    losses[outright], losses[outright + 1] = np.inf, np.nan
    return losses


def closed_form(trial: Trial) -> Finding:
    """Rates after every step, two groups and every script: the reference against its oracle, the others against it."""
    want = {name: _right(trial, script) for name, script in scripts(trial).items()}
    got = {name: _rates(trial, trial.variant, script) for name, script in scripts(trial).items()}
    return _compared(got, want, f"against {_judge(trial)}")


def chained(trial: Trial) -> Finding:
    """Two of the same schedule on one optimizer, stepped in turn: what each makes of rates that the other has left."""
    other = "torch" if trial.is_reference else "reference"
    if other not in trial.component.variants:
        raise Skip("it has no torch variant to say what two on one optimizer come to")
    stepped = scripts(trial)
    want = trial.judged_by(other, lambda: {name: _rates(trial, other, one, 2) for name, one in stepped.items()})
    got = {name: _rates(trial, trial.variant, one, 2) for name, one in stepped.items()}
    return _compared(got, want, f"two on one optimizer, against {'torch' if trial.is_reference else 'the reference'}")


def _compared(got: Rates, want: Rates, told: str) -> Finding:
    """The script on which they differ most decides, and a rate that stays as it is has to differ as well."""
    errors = {name: _error(got[name], rates) for name, rates in want.items()}
    name = max(errors, key=lambda one: errors[one])
    allowance = ULPS[torch.float64] * torch.finfo(torch.float64).eps * len(want[name])
    constant = max(_error(np.broadcast_to(SCHEDULED_RATES, rates.shape), rates) for rates in want.values())
    step = _first_wrong(got[name], want[name], allowance) if errors[name] > allowance else ""
    told = " ".join(filter(None, [told, f"on the script {name!r}" if name else "", step]))
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


def _start(trial: Trial, variant: str, schedules: int = 1) -> tuple[list[Any], torch.optim.Optimizer]:
    """An optimizer and as many schedules on it, one built after the other."""
    optimizer = rates_to_schedule()
    made = [
        build(trial.component, variant, trial.case, trial.seed, torch.float64, optimizer=optimizer)
        for _ in range(schedules)
    ]
    return made, optimizer


def _rates(trial: Trial, variant: str, script: Script, schedules: int = 1) -> np.ndarray:
    made, optimizer = _start(trial, variant, schedules)
    return _walk(made, optimizer, script, 0, _length(script))


def _length(script: Script) -> int:
    return EPOCHS if script is None else len(script)


def _walk(made: list[Any], optimizer: torch.optim.Optimizer, script: Script, first: int, last: int) -> np.ndarray:
    """Step all schedules from one epoch to another; the rates of all groups after each epoch."""
    rates = []
    for epoch in range(first, last):
        optimizer.step()  # schedulers warn when they are stepped before it
        for scheduler in made:
            scheduler.step() if script is None else scheduler.step(float(script[epoch]))
        rates.append([float(group["lr"]) for group in optimizer.param_groups])
    return np.array(rates, dtype=np.float64)


def resume(trial: Trial) -> Finding:
    """A schedule loaded from its state_dict on the way goes on bit for bit like the one that was never stopped."""
    for name, script in scripts(trial).items():
        whole = _rates(trial, trial.variant, script)
        for epoch in _interruptions(whole):
            if not np.array_equal(_resumed(trial, script, epoch), whole[epoch:]):
                told = f", on the script {name!r}" if name else ""
                raise Wrong(
                    f"resumed from its state_dict it goes another way than the one never stopped{told}: "
                    f"stopped after {epoch} steps"
                )
    return passed()


def _interruptions(whole: np.ndarray) -> list[int]:
    """Three steps to stop after: no round numbers, at which a schedule that starts again would be in step.

    The last is just behind the first fall, where a pause after a fall is on and what was counted before it is not.
    """
    falls = np.flatnonzero((whole[1:] < whole[:-1]).any(axis=1)) + 1  # the places of the steps that made one
    behind = falls[0] + 2 if len(falls) else len(whole) // 3 + 1
    return [len(whole) // 2 - 13, len(whole) * 5 // 6 - 3, min(int(behind), len(whole) - 1)]


def _resumed(trial: Trial, script: Script, epoch: int) -> np.ndarray:
    """The rates from an epoch on, of a schedule made anew and loaded with the state of one stopped there."""
    first, optimizer = _start(trial, trial.variant)
    _walk(first, optimizer, script, 0, epoch)
    saved = copy.deepcopy((first[0].state_dict(), optimizer.state_dict()))
    second, fresh = _start(trial, trial.variant)
    second[0].load_state_dict(saved[0])
    fresh.load_state_dict(saved[1])
    return _walk(second, fresh, script, epoch, _length(script))


def rates_only(trial: Trial) -> Finding:
    """It changes the learning rates and nothing else of the optimizer, and reports the rates set, at every step."""
    script = next(iter(scripts(trial).values()))
    untouched = rates_to_schedule()
    before = [_others(group) for group in untouched.param_groups]
    parameters = [parameter.detach() for group in untouched.param_groups for parameter in group["params"]]
    made, optimizer = _start(trial, trial.variant)
    for epoch in range(_length(script)):
        (rates,) = _walk(made, optimizer, script, epoch, epoch + 1).tolist()
        if [float(rate) for rate in made[0].get_last_lr()] != rates:
            raise Wrong(f"get_last_lr() gives other rates than those that it has set, at step {epoch + 1}")
    now = [parameter.detach() for group in optimizer.param_groups for parameter in group["params"]]
    if before != [_others(group) for group in optimizer.param_groups]:
        raise Wrong("it changes more of the optimizer's settings than the learning rate")
    if not all(torch.equal(a, b) for a, b in zip(parameters, now, strict=True)):
        raise Wrong("it changes the parameters themselves")
    return passed()


def _others(group: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name not in ("params", "lr", "initial_lr")}
