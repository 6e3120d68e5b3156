"""Which computer, which software, which commit: facts that decide whether two results may be compared."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pynvml

from nnbench import ceilings

SOFTWARE = ("torch", "numpy", "nnbench-harness")
THREADS = 1  # two threads on shared cores can be five times slower than one, and never agree with themselves


def fingerprint() -> dict[str, Any]:
    """Facts about this machine and its software; importing torch is not needed for any of them.

    "ceilings" is there where they were measured, on this machine with this torch.
    """
    cards = gpus()
    hardware = {
        "cpu": _cpu_model(),
        "cores": psutil.cpu_count(logical=False) or psutil.cpu_count(),
        "logical_cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "architecture": platform.machine(),
        "gpus": [{name: card[name] for name in ("name", "memory_gib")} for card in cards],
    }
    facts: dict[str, Any] = {
        "id": machine_id(hardware),
        **hardware,
        "gpus": cards,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: _version(name) for name in SOFTWARE},
        "threads": THREADS,
        "load": [round(load, 2) for load in os.getloadavg()],
    }
    measured = ceilings.valid(facts["id"], facts["torch"])
    return facts | {"ceilings": measured} if measured else facts


def machine_id(hardware: dict[str, Any]) -> str:
    """The class of machine: eight hexadecimal digits that are equal where the hardware is."""
    return hashlib.sha256(json.dumps(hardware, sort_keys=True).encode()).hexdigest()[:8]


def _cpu_model() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def gpus() -> list[dict[str, Any]]:
    """Name, memory and driver of each NVIDIA GPU, through NVML; empty where no driver answers."""
    try:
        pynvml.nvmlInit()
        driver = pynvml.nvmlSystemGetDriverVersion()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return [_gpu(handle, driver) for handle in handles]
    except pynvml.NVMLError:
        return []
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _gpu(handle: Any, driver: str) -> dict[str, Any]:
    return {
        "name": pynvml.nvmlDeviceGetName(handle),
        "memory_gib": round(pynvml.nvmlDeviceGetMemoryInfo(handle).total / 2**30, 1),
        "driver": driver,
    }


def commit(folder: Path, results: Path | None = None) -> tuple[str, bool]:
    """The commit checked out around ``folder`` and whether the tree differs from it; ("", False) outside git.

    Files in the ``results`` folder do not make a tree dirty: measuring writes them.
    """
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return "", False
    root = Path((_git(folder, "rev-parse", "--show-toplevel") or "").strip())
    excluded = []
    if results is not None and results.resolve().is_relative_to(root):
        excluded = [f":(exclude,top){results.resolve().relative_to(root).as_posix()}"]
    changed = _git(root, "status", "--porcelain", "--", ".", *excluded)
    return head.strip(), bool((changed or "").strip())


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
