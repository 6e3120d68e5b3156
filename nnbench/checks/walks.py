"""Walking a schedule through scripted epochs: the rates of two parameter groups after each step, and comparing them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from nnbench.checks.evidence import ULPS, Finding, Skip, Wrong, judge
from nnbench.checks.trial import Trial
from nnbench.workload import build, rates_to_schedule

EPOCHS = 240
LEAST_SHARE = 1e-3  # of the highest rate: what is smaller is compared with that, as a cosine's end is a difference
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


def length_of(script: Script) -> int:
    return EPOCHS if script is None else len(script)


def metric(script: Script, epoch: int) -> list[float]:
    """What a step is handed."""
    return [] if script is None else [float(script[epoch])]


def start(trial: Trial, variant: str, schedules: int = 1) -> tuple[list[Any], torch.optim.Optimizer]:
    """An optimizer and as many schedules on it, one built after the other."""
    optimizer = rates_to_schedule()
    made = [
        build(trial.component, variant, trial.case, trial.seed, torch.float64, optimizer=optimizer)
        for _ in range(schedules)
    ]
    optimizer.step()  # schedulers warn when they are stepped before it
    return made, optimizer


def walk(made: list[Any], optimizer: torch.optim.Optimizer, script: Script, epochs: Iterable[int]) -> np.ndarray:
    """Step all schedules through these epochs of a script; the rates of all groups after each."""
    rates = []
    for epoch in epochs:
        for scheduler in made:
            scheduler.step(*metric(script, epoch))
        rates.append(rates_of(optimizer))
    return np.array(rates, dtype=np.float64)


def rates_of(optimizer: torch.optim.Optimizer) -> list[float]:
    return [float(group["lr"]) for group in optimizer.param_groups]


def whole_walk(trial: Trial, variant: str, script: Script, schedules: int = 1) -> np.ndarray:
    made, optimizer = start(trial, variant, schedules)
    return walk(made, optimizer, script, range(length_of(script)))


def other_than(trial: Trial, what_for: str) -> str:
    """The variant that says what is right where no closed form does: torch's for the reference, else the reference."""
    other = "torch" if trial.is_reference else "reference"
    if other not in trial.component.variants:
        raise Skip(f"it has no torch variant to say {what_for}")
    return other


def called(variant: str) -> str:
    return "torch" if variant == "torch" else "the reference"


def compared(got: Rates, want: Rates, told: str, nulls: dict[str, float] | None = None) -> Finding:
    """The walk on which they differ most decides."""
    errors = {name: error_of(got[name], rates) for name, rates in want.items()}
    name = max(errors, key=lambda one: errors[one])
    allowance = ULPS[torch.float64] * torch.finfo(torch.float64).eps * max(EPOCHS, len(want[name]))
    step = _first_wrong(got[name], want[name], allowance) if errors[name] > allowance else ""
    told = " ".join(filter(None, [told, f"on the script {name!r}" if name else "", step]))
    return judge(errors[name], allowance, told, nulls)


def error_of(got: np.ndarray, want: np.ndarray) -> float:
    """The largest difference as a share of the rate, or of a thousandth of the highest one where that is less."""
    if got.shape != want.shape:
        raise Wrong(f"rates for {got.shape} steps and groups where {want.shape} are right")
    scale = np.maximum(np.abs(want), LEAST_SHARE * np.abs(want).max(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        missed = np.where(got == want, 0.0, np.abs(got - want) / scale)
    return math.inf if np.isnan(missed).any() else float(missed.max())


def _first_wrong(got: np.ndarray, want: np.ndarray, allowance: float) -> str:
    for step in range(len(want)):
        if error_of(got[: step + 1], want[: step + 1]) > allowance:
            return f"first at step {step + 1}: {got[step].tolist()} where {want[step].tolist()} is right"
    return ""
