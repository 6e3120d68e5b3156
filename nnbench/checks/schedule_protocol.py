"""Learning-rate schedules in torch's protocol: begun later, sent to an epoch, with rates and groups from elsewhere."""

from __future__ import annotations

import functools
import inspect
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from nnbench.checks.evidence import ULPS, Finding, Skip, Wrong, passed
from nnbench.checks.schedules import oracle_rates
from nnbench.checks.trial import Trial
from nnbench.checks.walks import (
    EPOCHS,
    Rates,
    Script,
    called,
    compared,
    error_of,
    length_of,
    metric,
    other_than,
    rates_of,
    scripts,
    start,
    walk,
)
from nnbench.workload import SCHEDULED_RATES, build, rates_to_schedule

# Epochs that a schedule goes on from, around those at which many a schedule turns, and how far it is followed.
BEGINNINGS = (0, 1, 4, 28, 29, 30, 98, 99, 100)
FOLLOWED = 40
HELD = (0.05, 0.001)  # the groups' rates then: none that follows from the initial ones
# Epochs that a schedule is sent to, forwards and back, and the steps that it takes from each.
SENT_TO = (5, 59, 60, 100, 0, 130)
STEPS_FROM_THERE = 3
# By the steps taken: what each group's rate is multiplied by from outside.
OUTSIDE = {20: (0.5, 3.0), 61: (1.5, 0.8), 110: (0.7, 1.2)}
GROUP_COMES_AFTER, ITS_RATE = 3, 0.7
COMPARED_AFTER = (0, 7, 37)  # steps


def begun_later(trial: Trial) -> Finding:
    """Built with ``last_epoch=`` on groups that hold their ``initial_lr``: the rates from there on."""
    if not _takes(trial.component.variant(trial.variant).resolve(), "last_epoch"):
        raise Skip("it takes no last_epoch")
    if trial.is_reference and "torch" not in trial.component.variants and trial.component.oracle is not None:
        return _begun_later_by_oracle(trial)
    other = other_than(trial, "how it goes on from an epoch")
    if not _takes(trial.component.variant(other).resolve(), "last_epoch"):
        raise Skip(f"{called(other)} takes no last_epoch")

    def every(variant: str) -> Rates:
        return {f"from epoch {epoch} on": _begun(trial, variant, epoch, HELD) for epoch in BEGINNINGS}

    return compared(every(trial.variant), trial.judged_by(other, lambda: every(other)), f"against {called(other)}")


def _begun_later_by_oracle(trial: Trial) -> Finding:
    """Torch's own differ in which rates they find in the groups: that of the epoch given, or that of the next."""
    right = oracle_rates(trial, np.arange(1, EPOCHS + 1))
    got, want = Rates(), Rates()
    for epoch in BEGINNINGS[1:]:
        name = f"from epoch {epoch} on"
        want[name] = right[epoch : epoch + FOLLOWED]
        either = [_begun(trial, trial.variant, epoch, right[held - 1]) for held in (epoch, epoch + 1)]
        got[name] = min(either, key=lambda rates: error_of(rates, want[name]))
    return compared(got, want, "against its oracle")


def _begun(trial: Trial, variant: str, epoch: int, held: Any) -> np.ndarray:
    """The rates as it is built, and after each of the steps that follow."""
    optimizer = rates_to_schedule()
    for group, rate, initial in zip(optimizer.param_groups, held, SCHEDULED_RATES, strict=True):
        group.update(lr=float(rate), initial_lr=initial)
    build_with = {"optimizer": optimizer, "last_epoch": epoch}
    made = build(trial.component, variant, trial.case, trial.seed, torch.float64, **build_with)
    optimizer.step()
    first = rates_of(optimizer)
    return np.array([first, *walk([made], optimizer, None, range(FOLLOWED - 1))])


def sent_to_an_epoch(trial: Trial) -> Finding:
    """``step(epoch=...)``, deprecated in torch but taken: the rates there (its closed form's) and for some steps on."""
    other = other_than(trial, "where step(epoch=...) leads to")
    for variant in (trial.variant, other):
        (made,), _ = trial.judged_by(variant, functools.partial(start, trial, variant))
        if not _takes(made.step, "epoch"):
            raise Skip(f"the step of {'it' if variant == trial.variant else called(other)} takes no epoch")

    def sent(variant: str) -> tuple[Rates, bool]:
        found = {name: _sent(trial, variant, script) for name, script in scripts(trial).items()}
        return {name: rates for name, (rates, _) in found.items()}, any(warned for _, warned in found.values())

    (want, expected), (got, warned) = trial.judged_by(other, lambda: sent(other)), sent(trial.variant)
    if warned and not expected:
        raise Wrong("a plain step() warns")
    return compared(got, want, f"sent to epochs, against {called(other)}")


def _sent(trial: Trial, variant: str, script: Script) -> tuple[np.ndarray, bool]:
    """The rates and the count of epochs after every step, and whether a step without an epoch warned."""
    (made,), optimizer = start(trial, variant)
    rows, warned, steps = list[list[float]](), False, 0
    for epoch in SENT_TO:
        for given in ({"epoch": epoch}, *[{}] * STEPS_FROM_THERE):
            with warnings.catch_warnings(record=True) as heard:
                warnings.simplefilter("always")
                made.step(*metric(script, steps), **given)
            warned = warned or bool(heard and not given)
            rows.append([*rates_of(optimizer), float(made.last_epoch)])
            steps += 1
    return np.array(rows), warned


def outside_rates(trial: Trial) -> Finding:
    """Rates that somebody sets between two steps: what it makes of them."""
    other = other_than(trial, "what becomes of rates set from outside")

    def every(variant: str) -> Rates:
        return {name: _disturbed(trial, variant, script) for name, script in scripts(trial).items()}

    want = trial.judged_by(other, lambda: every(other))
    return compared(every(trial.variant), want, f"with rates set from outside, against {called(other)}")


def _disturbed(trial: Trial, variant: str, script: Script) -> np.ndarray:
    made, optimizer = start(trial, variant)
    rows = []
    for epoch in range(length_of(script)):
        for group, factor in zip(optimizer.param_groups, OUTSIDE.get(epoch, (1.0, 1.0)), strict=True):
            group["lr"] *= factor
        rows.append(walk(made, optimizer, script, [epoch])[0])
    return np.array(rows)


def later_group(trial: Trial) -> Finding:
    """A parameter group that is added on the way has its rates too, where torch's schedule takes one."""
    other = other_than(trial, "what becomes of a group that comes later")

    def every(variant: str) -> Rates:
        return {name: _joined(trial, variant, script) for name, script in scripts(trial).items()}

    try:
        want = every(other)
    except Exception:  # noqa: BLE001  many a schedule has counted its groups when it was built
        raise Skip(f"{called(other)} takes no group that comes later") from None
    return compared(every(trial.variant), want, f"with a group that came later, against {called(other)}")


def _joined(trial: Trial, variant: str, script: Script) -> np.ndarray:
    made, optimizer = start(trial, variant)
    walk(made, optimizer, script, range(GROUP_COMES_AFTER))
    optimizer.add_param_group({"params": [torch.zeros(1, requires_grad=True)], "lr": ITS_RATE})
    return walk(made, optimizer, script, range(GROUP_COMES_AFTER, length_of(script)))


def same_state(trial: Trial) -> Finding:
    """What its state_dict holds under torch's names, and each group's ``initial_lr``, at the start and on the way.

    Names that begin with an underscore are its own. The reference and torch's have the same names, as a state of one
    loads into the other; other variants are held to those that they share with the reference.
    """
    other = other_than(trial, "what its state holds")
    strict = "torch" in (trial.variant, other)
    for script in scripts(trial).values():
        right = trial.judged_by(other, functools.partial(_states, trial, other, script))
        for steps, theirs, mine in zip(COMPARED_AFTER, right, _states(trial, trial.variant, script), strict=True):
            odd = _differing(mine, theirs, strict)
            if odd:
                told = ", ".join(f"{name} = {mine.get(name)} for {theirs.get(name)}" for name in odd)
                raise Wrong(f"after {steps} steps its state is another than that of {called(other)}: {told}")
    return passed(f"as {called(other)}")


def _states(trial: Trial, variant: str, script: Script) -> list[dict[str, Any]]:
    (made,), optimizer = start(trial, variant)
    found: list[dict[str, Any]] = []
    for before, steps in itertools.pairwise((0, *COMPARED_AFTER)):
        walk([made], optimizer, script, range(before, steps))
        public = {name: value for name, value in made.state_dict().items() if not name.startswith("_")}
        found.append(public | {"initial_lr": [group.get("initial_lr") for group in optimizer.param_groups]})
    return found


def _differing(mine: dict[str, Any], theirs: dict[str, Any], strict: bool) -> list[str]:
    """The names of what is not the same; what only one of them has is no matter unless it is ``strict``."""
    lone = sorted(mine.keys() ^ theirs.keys()) if strict else []
    return lone + [name for name in mine if name in theirs and not _is_same(mine[name], theirs[name])]


def _is_same(mine: Any, theirs: Any) -> bool:
    """Equal, numbers but for rounding."""
    if isinstance(mine, list | tuple) and isinstance(theirs, list | tuple):
        return len(mine) == len(theirs) and all(map(_is_same, mine, theirs))
    if isinstance(mine, int | float) and isinstance(theirs, int | float):
        rounding = ULPS[torch.float64] * torch.finfo(torch.float64).eps * EPOCHS
        return bool(np.isclose(mine, theirs, rtol=rounding, atol=0, equal_nan=True))
    return bool(mine == theirs)


def _takes(callable_: Callable[..., Any], name: str) -> bool:
    return name in inspect.signature(callable_).parameters
