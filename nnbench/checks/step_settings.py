"""The settings of optimizers: in the parameter groups, changed on the way, brought along by a state."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from nnbench.checks.evidence import Finding, Skip, Wrong, judge, passed
from nnbench.checks.step_rules import Settings, goes_on
from nnbench.checks.stepped import (
    History,
    Parameters,
    allowance_float64,
    along,
    along_moved,
    copies_of_parameters,
    error_between,
    gradients_in,
    needed_variant,
    optimizer_for,
    same_bits,
    small,
    take_step,
)
from nnbench.checks.trial import Trial
from nnbench.failures import NotMeasurable

# They choose among torch's implementations of the same steps.
IMPLEMENTATIONS = ("foreach", "fused", "capturable", "differentiable")
FACTOR = 8.0
TIMES_MOVED = 3
FEW = 8  # steps, where every setting takes its turn
Way = Callable[[Any, Parameters, list[Parameters]], History]
SMALL_SETTING, IN_ITS_PLACE = 0.05, 0.25  # an eighth of a small epsilon is too small to be seen, or magnifies rounding


def resume_elsewhere(trial: Trial) -> Finding:
    """Loaded into an optimizer that was built with other settings, the state_dict brings its own settings along."""
    trial = small(trial)
    group = _group_of(trial, trial.variant)
    others = _accepted(_others(group), lambda settings: optimizer_for(trial, trial.variant, **settings))
    if not others:
        raise Skip("it has no setting that another number could be given for")
    if not goes_on(trial, copy.deepcopy, others):
        raise Wrong(f"its state_dict does not replace the settings that it was built with: {', '.join(others)}")
    return passed()


def settings(trial: Trial) -> Finding:
    """A setting changed in the parameter groups (as schedulers do) counts from the next step on.

    It steps as one does that was built with the new value and got the state loaded, bit for bit.
    """
    trial = small(trial)
    compared = [name for name, value in _others(_group_of(trial, trial.variant)).items() if _heeded(trial, name, value)]
    if not compared:
        raise Skip("it has no setting that could be changed on the way")
    return passed(", ".join(compared))


def _heeded(trial: Trial, name: str, value: Any) -> bool:
    """False where it cannot be built with the value, or not go on with it; raises ``Wrong`` where it is ignored."""
    gradients = gradients_in(trial, torch.float64)[:FEW]
    half = len(gradients) // 2
    changed, parameters = optimizer_for(trial, trial.variant)
    along(changed, parameters, gradients[:half])
    copies = [parameter.detach().clone().requires_grad_() for parameter in parameters]
    saved = copy.deepcopy(changed.state_dict())
    for group in (*changed.param_groups, *saved["param_groups"]):
        group[name] = value
    try:
        rebuilt, _ = optimizer_for(trial, trial.variant, params=copies, **{name: value})
        rebuilt.load_state_dict(saved)
        want = along(rebuilt, copies, gradients[half:])
    except Exception:  # noqa: BLE001  it refuses the value, or keeps too little to go on with it
        return False
    if not same_bits(along(changed, parameters, gradients[half:]), want):
        raise Wrong(f"its {name} set in param_groups is not the one that it steps with")
    return True


def groups(trial: Trial) -> Finding:
    """Two groups with different settings, each stepped with its own, against torch or the reference."""
    trial = small(trial)
    other = needed_variant(trial)
    mine, theirs = (_group_of(trial, variant) for variant in (trial.variant, other))
    common = {name: value for name, value in _others(mine).items() if name in theirs}
    chosen = _accepted(common, lambda settings: _can_step_groups(trial, other, settings))
    if not chosen:
        raise Skip("its groups have no setting in common with those that it would be compared with")
    want = trial.judged_by(other, lambda: _run_groups(trial, other, chosen))
    got = _run_groups(trial, trial.variant, chosen)
    note = f"where a second group has its own {', '.join(chosen)}"
    error, allowance = error_between(got, want), allowance_float64(len(want))
    if not error > allowance:
        return judge(error, allowance, note)
    nulls = {"a second group like the first": error_between(_run_groups(trial, other, {}), want)}
    return judge(error, allowance + _magnified(trial, other, chosen, want), note, nulls)


def _magnified(trial: Trial, other: str, chosen: Settings, want: History) -> float:
    """How far rounding may take the judge itself: settings that nobody tuned may subtract almost equal numbers."""
    moved = (_run_groups(trial, other, chosen, partial(along_moved, seed=seed)) for seed in range(TIMES_MOVED))
    return max(error_between(history, want) for history in moved)


def _can_step_groups(trial: Trial, other: str, chosen: Settings) -> None:
    """Raises where the judge cannot, or where the variant on trial refuses the settings; its own faults pass."""
    first = gradients_in(trial, torch.float64)[0] * 2
    take_step(*_in_groups(trial, other, chosen), first)
    optimizer, parameters = _in_groups(trial, trial.variant, chosen)
    try:
        take_step(optimizer, parameters, first)
    except NotMeasurable:
        raise
    except Exception:  # noqa: BLE001  shown when it is judged
        return


def _in_groups(trial: Trial, variant: str, chosen: Settings) -> tuple[Any, Parameters]:
    first, second = copies_of_parameters(trial), copies_of_parameters(trial)
    optimizer, _ = optimizer_for(trial, variant, params=[{"params": first}, {"params": second, **chosen}])
    return optimizer, first + second


def _run_groups(trial: Trial, variant: str, chosen: Settings, way: Way = along) -> History:
    """Half-way its own state_dict is loaded: what that makes of the settings counts from there on."""
    optimizer, parameters = _in_groups(trial, variant, chosen)
    gradients = [step * 2 for step in gradients_in(trial, torch.float64)]
    half = len(gradients) // 2
    begun = way(optimizer, parameters, gradients[:half])
    optimizer.load_state_dict(optimizer.state_dict())
    return begun + way(optimizer, parameters, gradients[half:])


def _group_of(trial: Trial, variant: str) -> Settings:
    """The settings that an optimizer keeps for its parameters."""
    group = optimizer_for(trial, variant)[0].param_groups[0]
    return {name: value for name, value in group.items() if name != "params"}


def _others(group: Settings) -> Settings:
    """Another value for every number and switch of a group, and for pairs of numbers."""
    values = {name: _another(value) for name, value in group.items() if name not in IMPLEMENTATIONS}
    return {name: value for name, value in values.items() if value is not None}


def _another(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, float | int):
        return value / FACTOR if value >= SMALL_SETTING else IN_ITS_PLACE
    if isinstance(value, tuple | list) and value and all(isinstance(one, float | int) for one in value):
        return tuple(_another(one) for one in value)
    return None


def _accepted(values: Settings, attempt: Callable[[Settings], Any]) -> Settings:
    """Those of the values that an attempt takes together, first come first served."""
    chosen: Settings = {}
    for name, value in values.items():
        try:
            attempt(chosen | {name: value})
        except Exception:  # noqa: BLE001  refused
            continue
        chosen[name] = value
    return chosen
