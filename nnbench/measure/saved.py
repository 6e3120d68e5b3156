"""What autograd keeps of the forward for the backward."""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from nnbench.measure.lifetimes import Lifetimes

UNUSED = "never used"


class Saved(saved_tensors_hooks):
    """Bytes that were saved, each storage once; those that lived before the call live anyway and are not counted.

    ``by_node`` tells for which node of the graph, the first one to use it in backward: the one that saved it, where no
    other saved it too.
    """

    def __init__(self, lifetimes: Lifetimes) -> None:
        super().__init__(self._pack, self._unpack)
        self._lifetimes = lifetimes
        self._sizes: dict[int, int] = {}  # by the number of the birth
        self._nodes: dict[int, str] = {}

    @property
    def bytes(self) -> int:
        return sum(self._sizes.values())

    @property
    def by_node(self) -> dict[str, int]:
        found: Counter[str] = Counter()
        for number, size in self._sizes.items():
            found[self._nodes.get(number, UNUSED)] += size
        return dict(found)

    def _pack(self, tensor: Tensor) -> Tensor:
        birth = self._lifetimes.birth_of(tensor)
        if birth is not None:
            self._sizes[birth.number] = birth.size
        return tensor

    def _unpack(self, tensor: Tensor) -> Tensor:
        birth, node = self._lifetimes.birth_of(tensor), torch._C._current_autograd_node()
        if birth is not None and node is not None:
            self._nodes.setdefault(birth.number, node.name())
        return tensor
