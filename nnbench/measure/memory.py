"""What memory a call takes: growth of the process's peak resident size while it runs."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

from nnbench.failures import NotMeasurable
from nnbench.measure.allocator import freed_memory_given_back

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # proc(5): sets the peak resident size back to the present one


def peak_growth(call: Callable[[], object]) -> int:
    """Bytes by which one call's peak exceeds what was resident before it.

    Free memory that the allocator still holds is given back first: memory that a call finds ready would not show. Large
    blocks that the call itself frees are given back at once, so that they do not add up with what it takes next.
    Raises ``NotMeasurable`` where the system cannot reset the peak.
    """
    gc.collect(1)  # the young: looking through all that torch keeps would take longer than the call
    with freed_memory_given_back():
        try:
            CLEAR.write_text(RESET_PEAK)
        except OSError as error:
            raise NotMeasurable(f"the peak resident size cannot be reset here ({error})") from None
        before = _status("VmRSS")
        call()
        return max(0, _status("VmHWM") - before)


def _status(name: str) -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise NotMeasurable(f"{STATUS} does not tell {name}")
