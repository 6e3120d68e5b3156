"""What the C library's allocator does with freed memory, so that it does not depend on what was freed before.

By itself, glibc moves its thresholds up with every larger block that is freed: from then on such blocks stay with the
process, and both a call's peak and its page faults depend on the calls before it.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MIB = 2**20
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
KEEPING = (64 * MIB, 32 * MIB)  # where glibc's own thresholds end up in a process that frees large blocks
GIVING_BACK = (MIB // 8, MIB)
MOST_PLUGS = 16384  # 16 GiB of holes


@functools.cache
def _library() -> Any:
    return ctypes.CDLL(None)


def keep_freed_memory() -> None:
    """Freed blocks up to 32 MiB stay with the process, as after a while in any process that trains."""
    _set(*KEEPING)


@contextmanager
def freed_memory_given_back() -> Iterator[None]:
    """Blocks of a MiB and more go back to the system when they are freed, and so does the end of the heap."""
    give_back_free_memory()
    _set(*GIVING_BACK)
    plugs = _plug_holes()
    try:
        yield
    finally:
        for place in plugs:
            _library().free(ctypes.c_void_p(place))
        keep_freed_memory()


def _plug_holes() -> list[int]:
    """Take the heap's free stretches of a MiB and more, untouched: a block that lands in one stays there when freed."""
    plugs: list[int] = []
    if not hasattr(_library(), "gnu_get_libc_version"):
        return plugs
    _library().malloc.restype = ctypes.c_void_p
    while len(plugs) < MOST_PLUGS:
        place = _library().malloc(ctypes.c_size_t(MIB))
        if not place:
            break
        plugs.append(place)
        if _is_from_the_system(place):  # no stretch is left
            break
    return plugs


def _is_from_the_system(place: int) -> bool:
    """glibc notes it in the size that stands before each block (IS_MMAPPED in malloc.c)."""
    before = ctypes.c_size_t.from_address(place - ctypes.sizeof(ctypes.c_size_t)).value
    return bool(before & 2)


def give_back_free_memory() -> None:
    """Return to the system what the allocator holds free; glibc can, musl has no such call."""
    trim = getattr(_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _set(trim_threshold: int, mmap_threshold: int) -> None:
    mallopt = getattr(_library(), "mallopt", None)
    if mallopt is not None:
        mallopt(M_TRIM_THRESHOLD, trim_threshold)
        mallopt(M_MMAP_THRESHOLD, mmap_threshold)
