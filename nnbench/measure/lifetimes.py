"""Births and deaths of storages during one call: what lives of them at once, at most."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor


class Birth(weakref.ref):
    """A storage that came to life during the call, for as long as it lives."""

    __slots__ = ("in_backward", "key", "number", "size")

    key: int  # id of the storage: torch keeps its Python object for as long as the storage lives
    number: int
    size: int  # bytes
    in_backward: bool


class Lifetimes:
    """Bytes of the storages that were born during the call, now (``live``) and at most (``peak``).

    A storage that is first met as an argument lived before; so did what was made outside of torch (from NumPy, say).
    """

    def __init__(self) -> None:
        self.live = 0
        self.peak = 0
        self._number = 0
        self._before: dict[int, Any] = {}  # held, so that no other storage can take its id
        self._born: dict[int, Birth] = {}

    def meet(self, tensor: Tensor) -> Birth | None:
        """The birth of an argument's storage; None where it lived before the call."""
        storage = tensor.untyped_storage()
        birth = self._born.get(id(storage))
        if birth is None:
            self._before[id(storage)] = storage
        return birth

    def arrive(self, tensor: Tensor, in_backward: bool = False) -> None:
        """An operator gave this tensor: its storage is new, unless it was met before."""
        storage = tensor.untyped_storage()
        key = id(storage)
        birth = self._born.get(key)
        if birth is not None:
            self._grow(birth, storage.nbytes())
        elif key not in self._before:
            birth = Birth(storage, self._bury)
            birth.key, birth.number, birth.size, birth.in_backward = key, self._number, 0, in_backward
            self._number += 1
            self._born[key] = birth
            self._grow(birth, storage.nbytes())

    def birth_of(self, tensor: Tensor) -> Birth | None:
        """The birth of a tensor's storage, where it came to life during the call and still lives."""
        return self._born.get(id(tensor.untyped_storage()))

    def _grow(self, birth: Birth, size: int) -> None:
        self.live += size - birth.size
        birth.size = size
        self.peak = max(self.peak, self.live)

    def _bury(self, birth: Birth) -> None:
        self.live -= birth.size
        self._born.pop(birth.key, None)


def has_storage(tensor: Tensor) -> bool:
    """Whether a tensor has a storage to follow: sparse ones, for one, have several."""
    return tensor.layout is torch.strided
