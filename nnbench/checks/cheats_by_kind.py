"""Wrong versions that no change of one place makes, built around any reference as its kind asks: all must be caught."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from nnbench.catalog import Component
from nnbench.checks.cheats import CHEATS, IGNORED_MODES, OF_GRADIENTS, OF_NAN, Call, Cheat, Output
from nnbench.variants import is_constructor


def cheats_of(component: Component) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Each cheat in words, and what makes it: a class or a function to stand in the reference's place."""
    reference = component.reference.resolve()
    if component.drive is not None or component.kind not in OF_KIND:
        return
    yield from ((told, functools.partial(make, reference)) for told, make in OF_KIND[component.kind](component))


Makers = Iterator[tuple[str, Callable[[Any], Any]]]


def _of_callable(component: Component) -> Makers:
    for told, cheat in CHEATS.items():
        if (told not in OF_GRADIENTS or _takes_gradients(component)) and (told != OF_NAN or _takes_numbers(component)):
            yield told, functools.partial(_around, cheat)
    if "mode" in component.properties:
        for told, training in IGNORED_MODES.items():
            yield told, functools.partial(_in_one_mode, training)


def _takes_gradients(component: Component) -> bool:
    """Whether an input of any case takes a gradient; without one, weights may."""
    inputs = [spec for case in component.cases for spec in case.inputs]
    return component.kind in ("module", "architecture") or any(spec.requires_grad for spec in inputs)


def _takes_numbers(component: Component) -> bool:
    """Whether an input may hold NaN, as normal ones may."""
    return any(spec.distribution == "randn" and spec.requires_grad for case in component.cases for spec in case.inputs)


def _of_optimizer(component: Component) -> Makers:
    return ((told, functools.partial(_stepping, step)) for told, step in STEPS.items())


def _of_scheduler(component: Component) -> Makers:
    return ((told, functools.partial(_scheduling, step)) for told, step in SCHEDULES.items())


def _of_initializer(component: Component) -> Makers:
    return ((told, functools.partial(_filling, fill)) for told, fill in FILLS.items())


OF_KIND: dict[str, Callable[[Component], Makers]] = {
    **dict.fromkeys(("module", "loss", "architecture", "regularizer"), _of_callable),
    "optimizer": _of_optimizer,
    "scheduler": _of_scheduler,
    "initializer": _of_initializer,
}


def _derived(reference: Any, derive: Callable[[type], type]) -> Any:
    """A class derived from the reference's, with the arguments that a partial of it carries."""
    if isinstance(reference, functools.partial):
        return functools.partial(_derived(reference.func, derive), *reference.args, **reference.keywords)
    return derive(reference)


def _around(cheat: Cheat, reference: Any) -> Any:
    if is_constructor(reference):
        return _derived(reference, functools.partial(_cheating_class, cheat))
    kept: dict[Any, Any] = {}

    @functools.wraps(reference)
    def function(*inputs: Tensor, **arguments: Any) -> Output:
        return cheat(functools.partial(reference, **arguments), inputs, kept)

    return function


def _cheating_class(cheat: Cheat, base: Any) -> type:
    """What it keeps between calls it keeps for each object."""

    def forward(self: Any, *inputs: Tensor) -> Output:
        kept = self.__dict__.setdefault("_kept_by_the_cheat", {})
        return cheat(functools.partial(getattr(base, called), self), inputs, kept)

    called = "forward" if issubclass(base, nn.Module) else "__call__"
    return type(base.__name__, (base,), {called: forward})


def _in_one_mode(training: bool, reference: Any) -> Any:
    def derive(base: Any) -> type:
        def forward(self: Any, *inputs: Tensor) -> Output:
            was = self.training
            self.train(training)
            try:
                return base.forward(self, *inputs)
            finally:
                self.train(was)

        return type(base.__name__, (base,), {"forward": forward})

    return _derived(reference, derive)


def _overriding(name: str, method: Callable[..., Any], reference: Any) -> Any:
    """The reference with a method of its own: a function of the class that it is derived from, of it, and the rest."""

    def derive(base: Any) -> type:
        return type(base.__name__, (base,), {name: lambda self, *given, **more: method(base, self, *given, **more)})

    return _derived(reference, derive)


def _stepping(step: Callable[..., Any], reference: Any) -> Any:
    return _overriding("step", step, reference)


def _calls(made: Any) -> int:
    made.__dict__["_calls_of_the_cheat"] = made.__dict__.get("_calls_of_the_cheat", 0) + 1
    return int(made.__dict__["_calls_of_the_cheat"])


def _steps_no_more(base: Any, self: Any, closure: Any = None) -> Any:
    return base.step(self, closure) if _calls(self) <= 5 else None


def _forgets_its_state(base: Any, self: Any, closure: Any = None) -> Any:
    if _calls(self) == 5:
        self.state.clear()
    return base.step(self, closure)


def _steps_the_first_group(base: Any, self: Any, closure: Any = None) -> Any:
    groups, self.param_groups = self.param_groups, self.param_groups[:1]
    try:
        return base.step(self, closure)
    finally:
        self.param_groups = groups


def _clears_gradients(base: Any, self: Any, closure: Any = None) -> Any:
    found = base.step(self, closure)
    self.zero_grad(set_to_none=False)
    return found


STEPS: dict[str, Callable[..., Any]] = {
    "does nothing": lambda base, self, closure=None: None,
    "does nothing after five steps": _steps_no_more,
    "forgets its state once": _forgets_its_state,
    "steps its first group only": _steps_the_first_group,
    "clears the gradients": _clears_gradients,
}


def _scheduling(step: Callable[..., Any], reference: Any) -> Any:
    return _overriding("step", step, reference)


def _stops(base: Any, self: Any, *given: Any) -> Any:
    return base.step(self, *given) if _calls(self) <= 20 else None


def _first_rate_only(base: Any, self: Any, *given: Any) -> Any:
    kept = [group["lr"] for group in self.optimizer.param_groups]
    base.step(self, *given)
    for group, rate in list(zip(self.optimizer.param_groups, kept, strict=True))[1:]:
        group["lr"] = rate


SCHEDULES: dict[str, Callable[..., Any]] = {
    "schedules no more after twenty steps": _stops,
    "schedules the first group only": _first_rate_only,
}


def _filling(fill: Callable[..., Any], reference: Any) -> Any:
    if not callable(reference) or is_constructor(reference):
        return reference

    @functools.wraps(reference)
    def function(*tensors: Tensor, **arguments: Any) -> Any:
        return fill(functools.partial(reference, **arguments), tensors, arguments)

    return function


def _held(tensors: tuple[Tensor, ...], arguments: dict[str, Any]) -> list[Tensor]:
    modules = [value for value in arguments.values() if isinstance(value, nn.Module)]
    return [*tensors, *(parameter for module in modules for parameter in module.parameters())]


def _fills_with(change: Callable[[Tensor], Any]) -> Callable[..., Any]:
    def fill(call: Call, tensors: tuple[Tensor, ...], arguments: dict[str, Any]) -> Any:
        found = call(*tensors)
        with torch.no_grad():
            for tensor in _held(tensors, arguments):
                change(tensor)
        return found

    return fill


def _always_the_same(call: Call, tensors: tuple[Tensor, ...], arguments: dict[str, Any]) -> Any:
    torch.manual_seed(0)
    return call(*tensors)


FILLS: dict[str, Callable[..., Any]] = {
    "fills nothing": lambda call, tensors, arguments: tensors[0] if tensors else None,
    "fills with zeros": _fills_with(lambda tensor: tensor.zero_()),
    "fills with the same numbers from every seed": _always_the_same,
    "leaves half as it was": _fills_with(lambda tensor: tensor.view(-1)[: tensor.numel() // 2].zero_()),
    "fills a tenth too wide": _fills_with(lambda tensor: tensor.mul_(1.1)),
}
