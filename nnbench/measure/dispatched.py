"""Following one call operator by operator: what was dispatched, its FLOPs, its storages and its traffic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch._ops import HigherOrderOperator
from torch.utils._python_dispatch import TorchDispatchMode

from nnbench.measure.lifetimes import Birth, Lifetimes, has_storage
from nnbench.measure.operators import Facts, facts_of
from nnbench.measure.traffic import Traffic

# Bookkeeping, which computes nothing: the first comes and goes with the hooks that count what is saved.
UNCOUNTED = ("aten.detach", "profiler._record_function_enter_new", "profiler._record_function_exit")


class Dispatched(TorchDispatchMode):
    """What happens between entering and leaving, below autograd, where torch hands each operator to its kernel.

    ``flops`` and ``traffic`` are those of the whole; ``in_backward`` holds the part that backward has in each, where
    what forward left for it counts as there before.
    """

    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()
        self.operators: Counter[str] = Counter()
        self.flops: Counter[str] = Counter()
        self.backward_flops = 0
        self.lifetimes = Lifetimes()
        self.traffic = Traffic()
        self.forward_traffic, self.backward_traffic = Traffic(), Traffic()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Otherwise torch wraps the method below, which loads torch.compile for a second and slows each operator."""
        return False

    def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if isinstance(operator, HigherOrderOperator):
            self.operators[str(operator)] += 1
            return operator(*args, **kwargs)
        facts = facts_of(operator)
        if facts.is_composite:  # it comes here whole in inference mode alone
            with self:
                return operator.decompose(*args, **kwargs)
        in_backward = torch._C._current_autograd_node() is not None
        given = _given(facts, args, kwargs)
        births = [self.lifetimes.meet(tensor) for _, tensor in given]
        out = operator(*args, **kwargs)
        for tensor in _tensors(out):
            self.lifetimes.arrive(tensor, in_backward)
        if not facts.touches_nothing:
            self._move(facts, given, births, out, in_backward)
        if facts.flops is not None:
            self._work(facts, int(facts.flops(*args, **kwargs, out_val=out)), in_backward)
        if facts.name not in UNCOUNTED:
            self.operators[facts.name] += 1
        return out

    def _work(self, facts: Facts, flops: int, in_backward: bool) -> None:
        self.flops[facts.name] += flops
        self.backward_flops += flops * in_backward

    def _move(
        self, facts: Facts, given: list[tuple[str, Tensor]], births: list[Birth | None], out: Any, in_backward: bool
    ) -> None:
        """Charge reads and writes of arguments that were there before, each where it belongs."""
        part = self.backward_traffic if in_backward else self.forward_traffic
        limit = _limit(facts, given, out) if facts.picks else None
        for place, ((name, tensor), birth) in enumerate(zip(given, births, strict=True)):
            if birth is None:
                charged: tuple[Traffic, ...] = (part, self.traffic)
            elif in_backward and not birth.in_backward:
                charged = (part,)
            else:
                continue
            for traffic in charged:
                key, most = id(tensor.untyped_storage()), None if place else limit
                if name not in facts.only_written:
                    traffic.read(key, tensor, most)
                if name in facts.written:
                    traffic.write(key, tensor, most)


def _limit(facts: Facts, given: list[tuple[str, Tensor]], out: Any) -> int:
    """Bytes that an operator that picks from its first tensor, or writes to parts of it, needs of it at most."""
    handed = [tensor for _, tensor in given[1:]] if facts.written else _tensors(out)
    return max((tensor.numel() * tensor.element_size() for tensor in handed), default=0)


def _given(facts: Facts, args: Any, kwargs: Any) -> list[tuple[str, Tensor]]:
    """Every tensor that an operator was given, with its argument's name."""
    found = []
    for name, argument in (*zip(facts.arguments, args, strict=False), *kwargs.items()):
        if isinstance(argument, Tensor):
            if has_storage(argument):
                found.append((name, argument))
        elif isinstance(argument, list | tuple):
            found += [(name, tensor) for tensor in _tensors(argument)]
    return found


def _tensors(value: Any) -> Iterable[Tensor]:
    """The tensors with a storage in an argument or a result: one, or some in a list."""
    if isinstance(value, Tensor):
        return (value,) if has_storage(value) else ()
    if isinstance(value, list | tuple):
        return [tensor for one in value for tensor in _tensors(one)]
    return ()
