"""What binds a worker from outside: its parent's life, and a limit on its memory."""

from __future__ import annotations

import ctypes
import resource
import signal
from pathlib import Path


def die_with_parent() -> None:
    """A parent killed outright cannot stop a worker that hangs; Linux can."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def limit_memory(limit: int) -> None:
    """Let no allocation take the process ``limit`` bytes beyond what torch and the suites took already."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    present = sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))
    resource.setrlimit(resource.RLIMIT_DATA, (present + limit, resource.RLIM_INFINITY))
