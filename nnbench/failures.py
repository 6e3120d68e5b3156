"""What an exception out of somebody's component means, in a status and one line."""

from __future__ import annotations

import re
import sys
import sysconfig
import traceback
from pathlib import Path

from nnbench.errors import DataUnavailable, NnbenchError
from nnbench.model import Status


class Spoilt(Exception):
    """The process cannot go on as it is: the next job needs a fresh one."""


class NotMeasurable(Exception):
    """There is nothing to measure here: a reason to skip, not a failure."""


class MissingPackage(NotMeasurable, ImportError):
    """What a variant is made of cannot be imported here."""


LOST_CHANNEL = 93  # a worker's exit code when what it answers on has been closed
COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # torch paints some of its messages for a terminal
OURS = Path(__file__).parent
STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))
PACKAGES = {"site-packages", "dist-packages"}  # other people's, in folders of the standard library
ALLOCATION = re.compile(r"tried to allocate ([\d.]+ ?\w*)")


def explain(error: BaseException) -> tuple[Status, str]:
    """Whether it was for want of memory, of a package, of anything to measure, or an error of the component's own.

    Where it was raised in the user's code is said behind what is no reason to skip.
    """
    message = (COLOURS.sub("", str(error)).strip().splitlines() or [""])[0]
    if isinstance(error, NotMeasurable | DataUnavailable):
        return Status.SKIPPED, message
    if isinstance(error, MemoryError) or "allocate memory" in str(error) or type(error).__name__ == "OutOfMemoryError":
        asked = ALLOCATION.search(message)
        note = f"it asked for {asked[1]}" if asked else f"{type(error).__name__}: {message}"
        return Status.OUT_OF_MEMORY, note + _place(error)
    if isinstance(error, NnbenchError):  # a sentence for the user
        return Status.FAILED, message + _place(error)
    return Status.FAILED, f"raised {type(error).__name__}: {message}".removesuffix(": ") + _place(error)


def _place(error: BaseException) -> str:
    """The line of the user's code that it came out of, or nothing where it passed through none."""
    lines = [(Path(frame.f_code.co_filename), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [(path, line) for path, line in lines if _is_users(path)]
    return f" ({own[-1][0].name}, line {own[-1][1]})" if own else ""


def _is_users(path: Path) -> bool:
    """Neither ours, torch's nor Python's own; suites are their authors'."""
    torch = getattr(sys.modules.get("torch"), "__file__", None)
    if not path.is_file() or (torch and path.is_relative_to(Path(torch).parent)):
        return False
    if path.is_relative_to(OURS):
        return path.is_relative_to(OURS / "suites")
    return not path.is_relative_to(STANDARD_LIBRARY) or not PACKAGES.isdisjoint(path.parts)
