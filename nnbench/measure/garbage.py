"""Garbage is not collected while something is measured: a collection would be charged to whatever runs then."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """The young garbage is collected before, and none meanwhile; a collector that was off stays off."""
    was_on = gc.isenabled()
    gc.collect(1)  # looking through all that torch keeps would take longer than most measurements
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
