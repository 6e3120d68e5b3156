"""What an exception out of somebody's component means, in a status and one line."""

from __future__ import annotations

import re

from nnbench.errors import DataUnavailable
from nnbench.model import Status


class NotMeasurable(Exception):
    """There is nothing to measure here: a reason to skip, not a failure."""


class MissingPackage(NotMeasurable, ImportError):
    """What a variant is made of cannot be imported here."""


COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # torch paints some of its messages for a terminal
ALLOCATION = re.compile(r"tried to allocate ([\d.]+ ?\w*)")


def explain(error: BaseException) -> tuple[Status, str]:
    """Whether it was for want of memory, of a package, of anything to measure, or an error of the component's own."""
    message = (COLOURS.sub("", str(error)).strip().splitlines() or [""])[0]
    if isinstance(error, NotMeasurable | DataUnavailable):
        return Status.SKIPPED, message
    if isinstance(error, MemoryError) or "allocate memory" in str(error) or type(error).__name__ == "OutOfMemoryError":
        asked = ALLOCATION.search(message)
        return Status.OUT_OF_MEMORY, f"it asked for {asked[1]}" if asked else f"{type(error).__name__}: {message}"
    return Status.FAILED, f"raised {type(error).__name__}: {message}".removesuffix(": ")
