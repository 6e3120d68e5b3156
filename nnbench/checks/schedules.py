"""Learning-rate schedules: the rates of two parameter groups after each step, against their closed form."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import numpy as np

from nnbench.checks.evidence import Finding, Skip, Wrong, passed
from nnbench.checks.trial import Trial
from nnbench.checks.walks import (
    EPOCHS,
    Rates,
    Script,
    called,
    compared,
    error_of,
    length_of,
    other_than,
    rates_of,
    scripts,
    start,
    walk,
    whole_walk,
)
from nnbench.workload import SCHEDULED_RATES, rates_to_schedule


def closed_form(trial: Trial) -> Finding:
    """Rates after every step, two groups and every script: the reference against its oracle, the others against it.

    A rate that stays as it is has to differ on one of the scripts.
    """
    want = {name: _right(trial, script) for name, script in scripts(trial).items()}
    got = {name: whole_walk(trial, trial.variant, script) for name, script in scripts(trial).items()}
    constant = max(error_of(np.broadcast_to(SCHEDULED_RATES, rates.shape), rates) for rates in want.values())
    return compared(got, want, f"against {_judge(trial)}", {"a constant rate": constant})


def chained(trial: Trial) -> Finding:
    """Two of the same schedule on one optimizer, stepped in turn: what each makes of rates that the other has left."""
    other = other_than(trial, "what two on one optimizer come to")

    def both(variant: str) -> Rates:
        return {name: whole_walk(trial, variant, script, 2) for name, script in scripts(trial).items()}

    want = trial.judged_by(other, lambda: both(other))
    return compared(both(trial.variant), want, f"two on one optimizer, against {called(other)}")


def _judge(trial: Trial) -> str:
    if not trial.is_reference:
        return "the reference"
    if trial.component.oracle is not None:
        return "its oracle"
    return "torch"


def _right(trial: Trial, script: Script) -> np.ndarray:
    judged_by = _judge(trial)
    if judged_by == "its oracle":
        return oracle_rates(trial, np.arange(1, EPOCHS + 1) if script is None else script)
    other = "reference" if judged_by == "the reference" else "torch"
    if other not in trial.component.variants:
        raise Skip("nothing independent to compare the reference with: it has no oracle and no torch variant")
    found: np.ndarray = trial.judged_by(other, lambda: whole_walk(trial, other, script))
    return found


def oracle_rates(trial: Trial, steps: np.ndarray) -> np.ndarray:
    """What the oracle says of each group; one that takes ``group`` is told its place: an argument may be a list."""
    oracle = trial.component.oracle
    assert oracle is not None
    takes_group = "group" in inspect.signature(oracle).parameters
    columns = [
        oracle(rate, steps, **trial.case.arguments, **({"group": place} if takes_group else {}))
        for place, rate in enumerate(SCHEDULED_RATES)
    ]
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


def resume(trial: Trial) -> Finding:
    """A schedule loaded from its pickled state_dict on the way goes on bit for bit like the one never stopped."""
    for name, script in scripts(trial).items():
        whole = whole_walk(trial, trial.variant, script)
        for epoch in _interruptions(whole):
            if not np.array_equal(_resumed(trial, script, epoch), whole[epoch:]):
                told = f", on the script {name!r}" if name else ""
                raise Wrong(
                    f"resumed from its state_dict it goes another way than the one never stopped{told}: "
                    f"stopped after {epoch} steps"
                )
    return passed()


def _interruptions(whole: np.ndarray) -> list[int]:
    """Steps to stop after: none, one, and three that are no round numbers, at which one that starts again is in step.

    The last is just behind the first fall, where a pause after a fall is on and what was counted before it is not.
    """
    falls = np.flatnonzero((whole[1:] < whole[:-1]).any(axis=1)) + 1  # the places of the steps that made one
    behind = falls[0] + 2 if len(falls) else len(whole) // 3 + 1
    return [0, 1, len(whole) // 2 - 13, len(whole) * 5 // 6 - 3, min(int(behind), len(whole) - 1)]


def _resumed(trial: Trial, script: Script, epoch: int) -> np.ndarray:
    """The rates from an epoch on, of a schedule made anew and loaded with the state of one stopped there."""
    first, optimizer = start(trial, trial.variant)
    walk(first, optimizer, script, range(epoch))
    saved = _through_a_file((first[0].state_dict(), optimizer.state_dict()))
    second, fresh = start(trial, trial.variant)
    second[0].load_state_dict(saved[0])
    fresh.load_state_dict(saved[1])
    return walk(second, fresh, script, range(epoch, length_of(script)))


def _through_a_file(states: Any) -> Any:
    try:
        return pickle.loads(pickle.dumps(states))
    except Exception as error:  # noqa: BLE001  a state may hold anything
        raise Wrong(f"its state_dict cannot be written to a file: {error}") from None


def rates_only(trial: Trial) -> Finding:
    """It changes the learning rates and nothing else of the optimizer, and reports the rates set, from the first on."""
    script = next(iter(scripts(trial).values()))
    untouched = rates_to_schedule()
    before = [_others(group) for group in untouched.param_groups]
    parameters = [parameter.detach() for group in untouched.param_groups for parameter in group["params"]]
    (made,), optimizer = start(trial, trial.variant)
    _refuse_other_rates(made, optimizer, "as it is built")
    for epoch in range(length_of(script)):
        walk([made], optimizer, script, [epoch])
        _refuse_other_rates(made, optimizer, f"at step {epoch + 1}")
    now = [parameter.detach() for group in optimizer.param_groups for parameter in group["params"]]
    if before != [_others(group) for group in optimizer.param_groups]:
        raise Wrong("it changes more of the optimizer's settings than the learning rate")
    if not all((a == b).all() for a, b in zip(parameters, now, strict=True)):
        raise Wrong("it changes the parameters themselves")
    return passed()


def _refuse_other_rates(made: Any, optimizer: Any, told: str) -> None:
    if [float(rate) for rate in made.get_last_lr()] != rates_of(optimizer):
        raise Wrong(f"get_last_lr() gives other rates than those that it has set, {told}")


def _others(group: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name not in ("params", "lr", "initial_lr")}
