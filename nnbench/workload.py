"""A variant and a case made ready to call: built, fed and, for each mode that its kind has, one function to time."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nnbench.catalog import Component
from nnbench.specs import Case, InputSpec


@dataclass(frozen=True)
class Call:
    """What one mode times. ``reset`` restores what repeated calls feed on; it runs between blocks, untimed.

    ``others`` do the same work on other buffers of the same numbers: calls take turns, so that none finds its inputs
    always where the caches have them.
    """

    run: Callable[[], object]
    reset: Callable[[], None] = lambda: None
    others: tuple[Callable[[], object], ...] = ()

    @property
    def runs(self) -> tuple[Callable[[], object], ...]:
        return (self.run, *self.others)


@dataclass(frozen=True)
class Workload:
    """What a worker holds ready for one variant and case.

    ``calls`` maps each mode to its call; ``whole`` is all of it once (forward and backward, or a step), for memory and
    counters; ``made`` is what was built (a module, an optimizer, a scheduler, a function), None where a suite's drive
    builds it at every call; ``items`` is how many samples one call goes through, None where it goes through none.
    """

    calls: Mapping[str, Call]
    whole: Callable[[], object]
    made: object = None
    items: int | None = None


def prepare(component: Component, variant: str, case: Case, seed: int = 0) -> Workload:
    """Build one variant for one case; the same seed gives the same weights and inputs.

    Raises whatever the component raises.
    """
    prepared = _called if component.drive is not None else WORKLOADS[component.kind]
    return prepared(component, variant, case, seed)


# torch.rand gives 0 once in 16 million: a probability whose logarithm is infinite, and no fair question.
SMALLEST_PROBABILITY = 2.0**-25


def draw(spec: InputSpec, seed: int, dtype: torch.dtype, device: str = "cpu") -> Tensor:
    """The tensor that a specification and a seed stand for.

    Floats are drawn in float32 whatever the dtype, so that float32 and float64 hold the same numbers.
    """
    generator = torch.Generator().manual_seed(seed)
    if spec.distribution == "randint":
        return torch.randint(spec.low, spec.high, spec.shape, generator=generator).to(device)
    if spec.distribution == "rand":
        numbers = torch.rand(spec.shape, generator=generator).clamp(min=SMALLEST_PROBABILITY)
    else:
        numbers = torch.randn(spec.shape, generator=generator)
    return numbers.to(device=device, dtype=dtype)


def draw_inputs(case: Case, seed: int, dtype: torch.dtype) -> tuple[Tensor, ...]:
    """A case's inputs, each from a seed of its own; those that take gradients are leaves that require them."""
    drawn = (draw(spec, seed * 1000 + place, dtype, case.device) for place, spec in enumerate(case.inputs))
    return tuple(tensor.requires_grad_(spec.requires_grad) for tensor, spec in zip(drawn, case.inputs, strict=True))


def dtype_of(case: Case) -> torch.dtype:
    dtype = getattr(torch, case.dtype)
    assert isinstance(dtype, torch.dtype)
    return dtype


def arguments_of(case: Case, seed: int, dtype: torch.dtype) -> dict[str, Any]:
    """A case's constructor arguments, those given as specifications drawn."""
    return {
        name: draw(value, seed * 1000 + 500 + place, dtype, case.device) if isinstance(value, InputSpec) else value
        for place, (name, value) in enumerate(case.arguments.items())
    }


def build(component: Component, variant: str, case: Case, seed: int, dtype: torch.dtype, **handed: Any) -> Any:
    """Construct a variant with a case's arguments; modules are moved to the dtype and the case's device."""
    torch.manual_seed(seed)
    return _construct(component, variant, case, arguments_of(case, seed, dtype) | handed, dtype)


def _construct(component: Component, variant: str, case: Case, arguments: Mapping[str, Any], dtype: torch.dtype) -> Any:
    made = component.variant(variant).build(**arguments)
    return made.to(device=case.device, dtype=dtype) if isinstance(made, nn.Module) else made


def outcome_of(component: Component, variant: str, case: Case, seed: int, dtype: torch.dtype) -> Callable[..., Any]:
    """A function of the case's inputs that gives a variant's outcome: as its suite drives it, or by calling it.

    What a suite drives is built by the drive, anew at every call; what is simply called is built once, here.
    """
    arguments = arguments_of(case, seed, dtype)

    def make(**more: Any) -> Any:
        return _construct(component, variant, case, arguments | more, dtype)

    torch.manual_seed(seed)
    return functools.partial(component.drive, make) if component.drive is not None else make()


def tensors(output: Any) -> Iterator[Tensor]:
    """Every tensor in an output, in order, however it is nested in tuples, lists and dictionaries."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        for value in output.values():
            yield from tensors(value)
    elif isinstance(output, Sequence) and not isinstance(output, str):
        for value in output:
            yield from tensors(value)


def differentiable(output: Any) -> list[Tensor]:
    """The tensors of an output that gradients can be taken of."""
    return [tensor for tensor in tensors(output) if tensor.requires_grad]


def upstream_gradients(outputs: Sequence[Tensor], seed: int) -> list[Tensor]:
    """Fixed, non-uniform gradients to start backward from: with ones, many wrong gradients cancel out."""
    return [
        draw(InputSpec("randn", tuple(output.shape)), seed * 1000 + 900 + place, output.dtype, str(output.device))
        for place, output in enumerate(outputs)
    ]


def parameters_of(made: Any) -> list[Tensor]:
    return (
        [parameter for parameter in made.parameters() if parameter.requires_grad] if isinstance(made, nn.Module) else []
    )


def _module(component: Component, variant: str, case: Case, seed: int) -> Workload:
    """Forward as in training, with the graph recorded; backward towards inputs and parameters, without accumulation."""
    dtype = dtype_of(case)
    made = build(component, variant, case, seed, dtype)
    sets = [_modes_on(made, draw_inputs(case, seed, dtype), seed) for _ in range(BUFFERS)]
    calls = {mode: Call(run, others=tuple(other[mode] for other in sets[1:])) for mode, run in sets[0].items()}
    whole = sets[0].get("forward_backward", sets[0]["forward"])
    return Workload(calls, whole, made, case.items)


BUFFERS = 2  # sets of inputs that calls take in turn


def _modes_on(made: Callable[..., Any], inputs: tuple[Tensor, ...], seed: int) -> dict[str, Callable[[], object]]:
    """A function for each mode, on these inputs; backward and both together only where there are gradients to take."""
    towards = [tensor for tensor in (*inputs, *parameters_of(made)) if tensor.requires_grad]
    outputs = differentiable(made(*inputs))
    upstream = upstream_gradients(outputs, seed)

    def forward() -> object:
        return made(*inputs)

    def backward() -> object:
        return torch.autograd.grad(outputs, towards, upstream, retain_graph=True, allow_unused=True)

    def forward_backward() -> object:
        return torch.autograd.grad(differentiable(made(*inputs)), towards, upstream, allow_unused=True)

    with_gradients = {"backward": backward, "forward_backward": forward_backward} if outputs and towards else {}
    return {"forward": forward, **with_gradients}


def _optimizer(component: Component, variant: str, case: Case, seed: int) -> Workload:
    """Steps on parameters of the case's shapes with a fixed gradient, from the same place at each block's start."""
    parameters = [tensor.detach().requires_grad_() for tensor in draw_inputs(case, seed, dtype_of(case))]
    for parameter, gradient in zip(parameters, upstream_gradients(parameters, seed), strict=True):
        parameter.grad = gradient
    optimizer = build(component, variant, case, seed, dtype_of(case), params=parameters)
    optimizer.step()  # the first step makes the state; it is the later ones that training consists of
    changing = [*parameters, *tensors(list(optimizer.state.values()))]
    kept = [tensor.detach().clone() for tensor in changing]

    def reset() -> None:
        with torch.no_grad():
            for tensor, value in zip(changing, kept, strict=True):
                tensor.copy_(value)

    return Workload({"step": Call(optimizer.step, reset)}, optimizer.step, optimizer)


def rates_to_schedule() -> torch.optim.Optimizer:
    """An optimizer for a scheduler to work on: two parameter groups with learning rates of their own, no gradients."""
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": rate} for rate in SCHEDULED_RATES]
    return torch.optim.SGD(groups, lr=SCHEDULED_RATES[0])


SCHEDULED_RATES = (0.1, 0.003)


def _scheduler(component: Component, variant: str, case: Case, seed: int) -> Workload:
    """Steps from the start of the schedule, with the same metric each time where it takes one."""
    optimizer = rates_to_schedule()
    scheduler = build(component, variant, case, seed, dtype_of(case), optimizer=optimizer)
    optimizer.step()  # schedulers warn when they are stepped before it
    kept = copy.deepcopy((scheduler.state_dict(), optimizer.state_dict()))
    metrics = [1.0] * len(case.inputs)

    def reset() -> None:
        scheduler.load_state_dict(copy.deepcopy(kept[0]))
        optimizer.load_state_dict(copy.deepcopy(kept[1]))

    def step() -> None:
        scheduler.step(*metrics)

    return Workload({"step": Call(step, reset)}, step, scheduler)


def module_arguments(arguments: Mapping[str, Any], device: str = "cpu") -> dict[str, Any]:
    """An initializer's arguments, with those that are classes or functions called: they make the module to be filled.

    The module's own random numbers come from a fixed seed, so that what is filled differs by the filling alone.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = {name: value() if callable(value) else value for name, value in arguments.items()}
    return {name: value.to(device) if isinstance(value, nn.Module) else value for name, value in made.items()}


def _initializer(component: Component, variant: str, case: Case, seed: int) -> Workload:
    """Filling the same tensors, or the same module, again and again."""
    tensors_to_fill = [tensor.detach() for tensor in draw_inputs(case, seed, dtype_of(case))]
    filled = component.variant(variant).build(**module_arguments(arguments_of(case, seed, dtype_of(case)), case.device))
    torch.manual_seed(seed)

    def call() -> object:
        return filled(*tensors_to_fill)

    return Workload({"call": Call(call)}, call, filled)


def _called(component: Component, variant: str, case: Case, seed: int) -> Workload:
    """One call with the case's inputs, or one drive, building included.

    Unless the case declares its items, those of a transform are its first input's rows.
    """
    inputs = [tensor.detach() for tensor in draw_inputs(case, seed, dtype_of(case))]
    outcome = outcome_of(component, variant, case, seed, dtype_of(case))
    rows = inputs[0].shape[0] if component.kind == "transform" and inputs and inputs[0].dim() else None

    def call() -> object:
        return outcome(*inputs)

    made = outcome if component.drive is None else None
    return Workload({"call": Call(call)}, call, made, case.items or rows)


# One entry a kind: how a workload is made of it.
WORKLOADS: dict[str, Callable[[Component, str, Case, int], Workload]] = {
    "module": _module,
    "loss": _module,
    "architecture": _module,
    "regularizer": _module,
    "optimizer": _optimizer,
    "scheduler": _scheduler,
    "initializer": _initializer,
    "metric": _called,
    "transform": _called,
    "procedure": _called,
}
