"""What every optimizer promises whatever its formula: going on from a state, new groups, closures."""

from __future__ import annotations

import copy
import inspect
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from nnbench.checks.evidence import Finding, Skip, Wrong, judge, passed
from nnbench.checks.stepped import (
    History,
    Parameters,
    allowance_float64,
    along,
    copies_of_parameters,
    error_between,
    gradients_in,
    needed_variant,
    optimizer_for,
    run,
    same_bits,
    small,
    take_step,
)
from nnbench.checks.trial import Trial
from nnbench.specs import InputSpec

Settings = dict[str, Any]


def resume(trial: Trial) -> Finding:
    """An optimizer loaded from a state_dict half-way goes on bit for bit like the one that was never stopped.

    The state_dict arrives as a copy, and once more through a file.
    """
    trial = small(trial)
    ways: dict[str, Callable[[Settings], Settings]] = {"": copy.deepcopy, " read from a file": _through_a_file}
    for way, carried in ways.items():
        if not goes_on(trial, carried, {}):
            raise Wrong(f"resumed from its state_dict{way} it goes another way than the run that was never stopped")
    return passed()


def _through_a_file(state: Settings) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


def goes_on(trial: Trial, carried: Callable[[Settings], Settings], settings: Settings) -> bool:
    """Whether an optimizer built with these settings instead of the case's goes on as if nothing had happened."""
    gradients = gradients_in(trial, torch.float64)
    half = len(gradients) // 2
    first, parameters = optimizer_for(trial, trial.variant)
    along(first, parameters, gradients[:half])
    second, _ = optimizer_for(trial, trial.variant, params=parameters, **settings)
    second.load_state_dict(carried(first.state_dict()))
    whole = run(trial, trial.variant, torch.float64)
    return same_bits(along(second, parameters, gradients[half:]), whole[half:])


def missing_gradient(trial: Trial) -> Finding:
    """A parameter without a gradient stays as it is, to the bit, and the others are stepped as if it were not there.

    It arrives half-way, in a group of its own.
    """
    trial = small(trial)
    gradients = gradients_in(trial, torch.float64)
    half = len(gradients) // 2
    optimizer, parameters = optimizer_for(trial, trial.variant)
    along(optimizer, parameters, gradients[:half])
    extra = torch.ones(3, dtype=torch.float64, requires_grad=True)
    optimizer.add_param_group({"params": [extra]})
    rest = along(optimizer, parameters, gradients[half:])
    if not torch.equal(extra.detach(), torch.ones(3, dtype=torch.float64)):
        raise Wrong("it changes a parameter that has no gradient")
    if not same_bits(rest, run(trial, trial.variant, torch.float64)[half:]):
        raise Wrong("after a group is added it steps the parameters that it had in another way")
    return passed()


def added_group(trial: Trial) -> Finding:
    """A group added half-way is stepped from its own beginning, the others go on, against torch or the reference."""
    trial = small(trial)
    other = needed_variant(trial)
    try:
        want = _run_with_added(trial, other)
    except Exception as error:  # noqa: BLE001  its own row tells it
        raise Skip(f"{other} cannot step a group that is added on the way: {type(error).__name__}") from None
    got = _run_with_added(trial, trial.variant)
    return judge(error_between(got, want), allowance_float64(len(want)), "after a group was added on the way")


def _run_with_added(trial: Trial, variant: str) -> History:
    gradients = gradients_in(trial, torch.float64)
    half = len(gradients) // 2
    optimizer, parameters = optimizer_for(trial, variant)
    along(optimizer, parameters, gradients[:half])
    added = copies_of_parameters(trial)
    optimizer.add_param_group({"params": added})
    return along(optimizer, parameters + added, (step * 2 for step in gradients[half:]))


def parameter_layouts(trial: Trial) -> Finding:
    """Parameters and gradients that lie in memory in another order are stepped like those that lie in a row.

    Four dimensions in channels-last memory and a transposed matrix, against the variant's own steps of contiguous ones.
    """
    trial = _with_images(trial)
    want = run(trial, trial.variant, torch.float64)
    errors = {told: error_between(_run_laid_out(trial, *laid), want) for told, laid in LAID_OUT.items()}
    told = max(errors, key=lambda one: errors[one])
    return judge(errors[told], allowance_float64(len(want)), f"where {told} in another order in memory")


def _with_images(trial: Trial) -> Trial:
    inputs = (InputSpec("randn", (4, 3, 2, 2), requires_grad=True), InputSpec("randn", (5, 3), requires_grad=True))
    return replace(trial, case=replace(trial.case, inputs=inputs))


def _run_laid_out(trial: Trial, parameters_too: bool, gradients_too: bool) -> History:
    parameters, gradients = copies_of_parameters(trial), gradients_in(trial, torch.float64)
    if parameters_too:
        parameters = [_in_another_order(parameter.detach()).requires_grad_() for parameter in parameters]
    if gradients_too:
        gradients = [[_in_another_order(gradient) for gradient in step] for step in gradients]
    optimizer, _ = optimizer_for(trial, trial.variant, params=parameters)
    return along(optimizer, parameters, gradients)


def _in_another_order(tensor: Tensor) -> Tensor:
    if tensor.dim() == 4:  # images: batch, channels, height, width
        return tensor.contiguous(memory_format=torch.channels_last)
    return tensor.T.contiguous().T


LAID_OUT = {  # parameters, gradients
    "its parameters and gradients lie": (True, True),
    "its parameters lie": (True, False),
    "its gradients lie": (False, True),
}


def closure(trial: Trial) -> Finding:
    """A closure is evaluated once, with gradients enabled, and its loss comes back, whatever the mode outside.

    The gradients are those of a training loop: cleared by ``zero_grad`` either way, then computed by ``backward``.
    """
    trial = small(trial)
    if not inspect.signature(optimizer_for(trial, trial.variant)[0].step).parameters:
        raise Skip("its step takes no closure")
    for outside in (True, False):
        optimizer, parameters = optimizer_for(trial, trial.variant)
        for place, gradients in enumerate(gradients_in(trial, torch.float64)[:4]):
            optimizer.zero_grad(set_to_none=place % 2 == 0)
            with torch.set_grad_enabled(outside):
                _step_by_closure(optimizer, parameters, gradients)
                _refuse_other_mode(outside)
            _refuse_other_way(trial, parameters, place, "that is given a closure")
    return passed()


def without_gradients(trial: Trial) -> Finding:
    """A step taken where gradients are disabled is the same step, and leaves them disabled."""
    trial = small(trial)
    optimizer, parameters = optimizer_for(trial, trial.variant)
    for place, gradients in enumerate(gradients_in(trial, torch.float64)[:2]):
        with torch.no_grad():
            take_step(optimizer, parameters, gradients)
            _refuse_other_mode(False)
        _refuse_other_way(trial, parameters, place, "with gradients disabled")
    return passed()


def _refuse_other_mode(outside: bool) -> None:
    if torch.is_grad_enabled() != outside:
        raise Wrong("its step leaves gradients enabled or disabled otherwise than they were")


def _refuse_other_way(trial: Trial, parameters: Parameters, place: int, told: str) -> None:
    want = run(trial, trial.variant, torch.float64)[place]
    if not same_bits([[parameter.detach() for parameter in parameters]], [want]):
        raise Wrong(f"a step {told} goes another way than one that is given gradients")


def _step_by_closure(optimizer: Any, parameters: Parameters, gradients: Parameters) -> None:
    losses: list[Tensor] = []
    enabled: list[bool] = []

    def evaluate() -> Tensor:
        enabled.append(torch.is_grad_enabled())
        with torch.enable_grad():
            # Its gradients are the given ones, to the bit.
            terms = [(p * g).sum() for p, g in zip(parameters, gradients, strict=True)]
            loss = torch.stack(terms).sum()
        if len(losses) == 0:
            loss.backward()
        losses.append(loss.detach())
        return loss

    returned = optimizer.step(evaluate)
    if len(losses) != 1:
        raise Wrong(f"it evaluates the closure {len(losses)} times")
    if not enabled[0]:
        raise Wrong("it evaluates the closure with gradients disabled")
    if returned is None or not torch.equal(torch.as_tensor(returned).detach(), losses[0]):
        raise Wrong("its step does not return the closure's loss")
