"""Exact counters: free of noise, so that any change is real."""

from __future__ import annotations

import collections
import gc
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy
import torch
from torch import Tensor, nn

from nnbench.measure.dispatched import Dispatched
from nnbench.measure.lifetimes import has_storage
from nnbench.measure.saved import Saved
from nnbench.workload import Workload, tensors


@dataclass(frozen=True)
class Counter:
    """One count. ``by_operator`` says what it is made of, where that can be told.

    ``by_mode`` splits it between forward and backward; backward by itself has to read what forward left for it, so
    that of ``moved_bytes`` the parts are more than the whole.
    """

    metric: str
    value: int
    by_operator: Mapping[str, int] = field(default_factory=dict)
    by_mode: Mapping[str, int] = field(default_factory=dict)


def count(workload: Workload, is_parallel: bool = False) -> Iterator[Counter]:
    """Every exact counter that the workload has, from one call of its whole.

    Where it is parallel, what lives at once depends on when its helpers answer, and is left out.

    The same in every process and on every machine with the same build of torch, as long as what the component does
    does not depend on the numbers it is given; work in other threads is not counted. What torch.compile made runs below
    torch's operators, so that nothing of its call is counted.
    """
    if not _is_compiled(workload.made):
        found = _of_the_call(workload)
        yield from (one for one in found if not (is_parallel and one.metric == "peak_live_bytes"))
    if isinstance(workload.made, nn.Module):
        yield Counter("parameters", sum(one.numel() for one in workload.made.parameters()))
        yield Counter("buffers", sum(one.numel() for one in workload.made.buffers()))
    if isinstance(workload.made, torch.optim.Optimizer):
        yield _state(workload.made)


def _of_the_call(workload: Workload) -> Iterator[Counter]:
    written = _warmed_up(workload)
    has_backward = "backward" in workload.calls
    try:
        seen, saved, results = _followed(workload, has_backward)
    except RuntimeError as error:
        if NO_HOOKS not in str(error):
            raise
        _reset(workload)
        seen, saved, results = _followed(workload, False)
    _reset(workload)
    given_back = _new_bytes(results, seen)
    del results
    forward = seen.forward_traffic.bytes + written
    moved = {"forward": forward, "backward": seen.backward_traffic.bytes + given_back}
    total = seen.flops.total()
    worked = {"forward": total - seen.backward_flops, "backward": seen.backward_flops}
    yield Counter("flops", total, _told(seen.flops), worked if has_backward else {})
    yield Counter("operators", seen.operators.total(), _told(seen.operators))
    if saved is not None:
        yield Counter("saved_bytes", saved.bytes, _told(saved.by_node))
    yield Counter("peak_live_bytes", seen.lifetimes.peak)
    yield Counter("moved_bytes", seen.traffic.bytes + written + given_back, {}, moved if has_backward else {})


NO_HOOKS = "support saved tensor hooks"  # torch.func.grad and its like, inside a component


def _followed(workload: Workload, with_saved: bool) -> tuple[Dispatched, Saved | None, object]:
    """One call of the whole, what was seen of it and, where that is asked for, what it saved."""
    seen = Dispatched()
    saved = Saved(seen.lifetimes) if with_saved else None
    with _no_garbage_collection(), _same_chance(), _nothing_compiled(), seen, saved or nullcontext():
        results = workload.whole()
    return seen, saved, results


def _told(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts) if counts[name]}


def _warmed_up(workload: Workload) -> int:
    """Call it once, so that nothing that only a first call does is counted; gives the bytes that its forward writes.

    A backward keeps no result of its forward, so that this is the place to look at it. What a forward only passes on,
    as it is or as a view, it does not write.
    """
    if "backward" in workload.calls:
        made = [one for one in tensors(workload.calls["forward"].run()) if one.grad_fn is not None]
        return sum(_distinct(one for one in made if one._base is None or not one._base.is_leaf).values())
    if not isinstance(workload.made, torch.optim.Optimizer):  # its first step was made when it was prepared
        workload.whole()
    _reset(workload)
    return 0


def _reset(workload: Workload) -> None:
    for call in workload.calls.values():
        call.reset()


def _new_bytes(results: object, seen: Dispatched) -> int:
    """Bytes of what came to life during the call and is handed over."""
    return sum(_distinct(one for one in tensors(results) if _is_new(one, seen)).values())


def _is_new(tensor: Tensor, seen: Dispatched) -> bool:
    return has_storage(tensor) and seen.lifetimes.birth_of(tensor) is not None


def _distinct(found: Iterator[Tensor]) -> dict[int, int]:
    """Bytes of each storage among some tensors, as far as the tensors cover it."""
    sizes: dict[int, int] = {}
    for tensor in found:
        if has_storage(tensor):
            storage = tensor.untyped_storage()
            covered = min(tensor.numel() * tensor.element_size(), storage.nbytes())
            sizes[storage._cdata] = max(sizes.get(storage._cdata, 0), covered)
    return sizes


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """What is kept in a cycle lives until a collection, whose time is nobody's: here, until after the call."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _is_compiled(made: object) -> bool:
    """Whether ``torch.compile`` or ``Module.compile`` made it what it is."""
    in_place = isinstance(made, nn.Module) and made._compiled_call_impl is not None
    return in_place or hasattr(made, "_torchdynamo_orig_callable")


@contextmanager
def _nothing_compiled() -> Iterator[None]:
    """Keep torch.compile, where it was loaded, from compiling a part of the component, or the counting itself."""
    if "torch._dynamo" in sys.modules:
        with torch.compiler.set_stance("force_eager"):
            yield
    else:
        yield


@contextmanager
def _same_chance() -> Iterator[None]:
    """The same random numbers at every count, of torch, NumPy and Python; afterwards those go on that would have."""
    states = random.getstate(), numpy.random.get_state()
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        random.seed(0)
        numpy.random.seed(0)
        try:
            yield
        finally:
            random.setstate(states[0])
            numpy.random.set_state(states[1])


def _state(optimizer: torch.optim.Optimizer) -> Counter:
    """Bytes of state for each element of the parameters, rounded; single numbers such as the step are left out."""
    elements = sum(one.numel() for group in optimizer.param_groups for one in group["params"])
    by_name: collections.Counter[str] = collections.Counter()
    for state in optimizer.state.values():
        for name, value in state.items():
            by_name[str(name)] += sum(_state_bytes(one) for one in tensors(value))
    return Counter("state_bytes", round(by_name.total() / max(elements, 1)), _told(by_name))


def _state_bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size() if tensor.dim() else 0


def graph_breaks(workload: Workload) -> Counter:
    """How often torch.compile has to leave its graph in the forward, step or call; by the reason that torch gives.

    Takes seconds, and forgets what was compiled in this process so far.
    """
    import torch._dynamo  # loading it takes a second

    call: Any = next(iter(workload.calls.values()))
    torch._dynamo.reset()
    try:
        told = torch._dynamo.explain(call.run)()
    finally:
        torch._dynamo.reset()
        call.reset()
    reasons = collections.Counter(_first_line(one.reason) for one in told.break_reasons)
    return Counter("graph_breaks", max(told.graph_break_count, 0), _told(reasons))


def _first_line(reason: object) -> str:
    return (str(reason).strip().splitlines() or ["no reason given"])[0]
