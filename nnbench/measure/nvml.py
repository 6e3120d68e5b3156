"""What NVML tells of one GPU: clocks and why they are low, used memory, energy, and who else works there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import pynvml

from nnbench.failures import NotMeasurable

# The bits of nvmlDeviceGetCurrentClocksEventReasons that slow a busy GPU down; bit 0 says that it is idle.
REASONS = {
    0x2: "application clocks set by a user",
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "heat (software)",
    0x40: "heat (hardware)",
    0x80: "power brake",
    0x100: "display clock setting",
}


class Monitor(Protocol):
    """What is asked of NVML; ``None`` is what a GPU, or its driver, does not tell. Clocks in MHz."""

    def clock(self) -> int | None: ...

    def default_clock(self) -> int | None: ...

    def throttle_reasons(self) -> tuple[str, ...]: ...

    def used_bytes(self) -> int | None: ...

    def energy(self) -> float | None:
        """Joules since the driver was loaded."""

    def others(self) -> tuple[str, ...]:
        """The processes on this GPU that are not this one, each by name and number."""


def company(monitor: Monitor) -> str:
    """The note for a row that was measured beside other processes; empty where there is none."""
    others = monitor.others()
    return f"also on this GPU: {', '.join(others)}" if others else ""


@dataclass(frozen=True)
class Nvml:
    """The real one; ``library`` has the functions of pynvml, ``own`` is this process's number."""

    handle: Any
    library: Any = pynvml
    own: int = 0

    def clock(self) -> int | None:
        told = self._told(self.library.nvmlDeviceGetClockInfo, self.handle, self.library.NVML_CLOCK_SM)
        return None if told is None else int(told)

    def default_clock(self) -> int | None:
        """The clock that the maker set for long work, or the highest where the driver no longer tells that one."""
        kind = self.library.NVML_CLOCK_SM
        told = self._told(self.library.nvmlDeviceGetDefaultApplicationsClock, self.handle, kind)
        told = told or self._told(self.library.nvmlDeviceGetMaxClockInfo, self.handle, kind)
        return int(told) if told else None

    def throttle_reasons(self) -> tuple[str, ...]:
        bits = self._told(self.library.nvmlDeviceGetCurrentClocksEventReasons, self.handle)
        if bits is None:  # a driver older than the name
            bits = self._told(self.library.nvmlDeviceGetCurrentClocksThrottleReasons, self.handle)
        return tuple(words for bit, words in REASONS.items() if (bits or 0) & bit)

    def used_bytes(self) -> int | None:
        told = self._told(self.library.nvmlDeviceGetMemoryInfo, self.handle)
        return None if told is None else int(told.used)

    def energy(self) -> float | None:
        told = self._told(self.library.nvmlDeviceGetTotalEnergyConsumption, self.handle)
        return None if told is None else told / 1e3

    def others(self) -> tuple[str, ...]:
        computing = self._told(self.library.nvmlDeviceGetComputeRunningProcesses, self.handle) or []
        drawing = self._told(self.library.nvmlDeviceGetGraphicsRunningProcesses, self.handle) or []
        names = {process.pid: self._name(process.pid) for process in [*computing, *drawing]}
        return tuple(f"{name or 'process'} ({pid})" for pid, name in sorted(_without_own(names, self.own).items()))

    def _name(self, pid: int) -> str:
        """The program's file name; empty where it cannot be told, as for a process outside this container."""
        told = self._told(self.library.nvmlSystemGetProcessName, pid)
        name = told.decode(errors="replace") if isinstance(told, bytes) else str(told or "")
        return os.path.basename(name.split(" ")[0])  # noqa: PTH119  a name, and no path of this system

    def _told(self, ask: Callable[..., Any], *about: Any) -> Any:
        """An answer, or None where this GPU, driver or user gets none."""
        try:
            return ask(*about)
        except self.library.NVMLError:
            return None


def _without_own(names: dict[int, str], own: int) -> dict[int, str]:
    """Everybody but this process.

    In a container the driver may number processes otherwise; then this one is among those it cannot name.
    """
    if own in names:
        return {pid: name for pid, name in names.items() if pid != own}
    nameless = [pid for pid, name in names.items() if not name]
    return {pid: name for pid, name in names.items() if pid not in nameless[:1]}


def monitor(uuid: str = "") -> Nvml:
    """NVML's view of the GPU with this UUID, as torch's device properties give it, or of the only one there is.

    Raises ``NotMeasurable`` where no driver answers.
    """
    try:
        pynvml.nvmlInit()
        return Nvml(_handle(uuid), own=os.getpid())
    except pynvml.NVMLError as error:
        raise NotMeasurable(f"NVML does not answer ({error})") from None


def _handle(uuid: str) -> Any:
    if pynvml.nvmlDeviceGetCount() == 1:
        return pynvml.nvmlDeviceGetHandleByIndex(0)
    return pynvml.nvmlDeviceGetHandleByUUID(uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}")
