"""Compulsory traffic: the bytes that a call has to read and write, however cleverly it is computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import prod

from torch import Tensor


@dataclass
class Reach:
    """What was touched of one storage: spans that are touched throughout, and the most that one tensor touched."""

    spans: set[tuple[int, int]] = field(default_factory=set)
    most: int = 0

    def add(self, tensor: Tensor, limit: int | None = None) -> None:
        """Bytes that a tensor covers, each once; ``limit`` where no more than so many of them are needed."""
        size = tensor.element_size()
        start, span, covered = _extent(tensor)
        if limit is None and covered == span:
            self.spans.add((start * size, (start + span) * size))
        else:
            self.most = max(self.most, min(covered, span) * size if limit is None else min(limit, covered * size))

    @property
    def bytes(self) -> int:
        return max(union(self.spans), self.most)


def _extent(tensor: Tensor) -> tuple[int, int, int]:
    """Elements: where a tensor starts, how far it reaches and how many different ones it has at most."""
    start = int(tensor.storage_offset())
    if tensor.is_contiguous() or tensor.numel() == 0:
        return start, tensor.numel(), tensor.numel()
    steps = [(size, stride) for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride]
    span = 1 + sum((size - 1) * stride for size, stride in steps)
    return start, span, prod(size for size, _ in steps)


def union(spans: Iterable[tuple[int, int]]) -> int:
    """The length that spans cover together.

    >>> union([(0, 4), (2, 6), (8, 9)])
    7
    """
    total, end = 0, 0
    for first, last in sorted(spans):
        total += max(0, last - max(first, end))
        end = max(end, last)
    return total


class Traffic:
    """Reads and writes of what a call did not make itself, storage by storage.

    What was written is not charged for being read afterwards.
    """

    def __init__(self) -> None:
        self._reads: dict[int, Reach] = {}
        self._writes: dict[int, Reach] = {}

    def read(self, key: int, tensor: Tensor, limit: int | None = None) -> None:
        if key not in self._writes:
            self._reads.setdefault(key, Reach()).add(tensor, limit)

    def write(self, key: int, tensor: Tensor, limit: int | None = None) -> None:
        self._writes.setdefault(key, Reach()).add(tensor, limit)

    @property
    def bytes(self) -> int:
        return sum(reach.bytes for reach in (*self._reads.values(), *self._writes.values()))
