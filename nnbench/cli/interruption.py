"""Ctrl-C, and SIGTERM, which is Ctrl-C by another name: how a command hears of it, and what it says."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

INTERRUPTED = 130  # what shells give for Ctrl-C
SAID = "nnbench: interrupted"


def leaves() -> None:
    """From now on it ends the process at once: nothing is begun yet, and an exception amid imports is anybody's."""
    _hear(_leave)


def raised() -> None:
    """From now on it raises ``KeyboardInterrupt``, so that what is begun can be put away; once more, and it leaves.

    Nothing changes in a process that has not called ``leaves`` before, such as one that tests a command.
    """
    if signal.getsignal(signal.SIGTERM) is _leave:
        _hear(_raise)


def told() -> int:
    """Say that it was Ctrl-C, on a line of its own where the terminal shows ``^C``; the exit code for it."""
    print(f"\n{SAID}" if sys.stderr.isatty() else SAID, file=sys.stderr)
    return INTERRUPTED


def _hear(handler: Callable[[int, Any], None]) -> None:
    """A shell's background job is deaf to SIGINT, and stays so."""
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGTERM, handler)


def _leave(number: int, frame: Any) -> None:
    os.write(2, f"{SAID}\n".encode())
    os._exit(INTERRUPTED)


def _raise(number: int, frame: Any) -> None:
    leaves()
    raise KeyboardInterrupt
