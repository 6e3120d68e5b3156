"""Files that ought to be refused, for what reads files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


def refuses(load: Callable[[Any], Any], target: Any) -> bool:
    """Whether it says that the file does not fit; any other error is one."""
    try:
        load(target)
    except (ValueError, RuntimeError):
        return True
    return False


class Code:
    """Makes a folder where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.path),)


def runs_code(load: Callable[[Any], Any], target: Any, path: Path) -> bool:
    """Whether loading the file at ``path``, which holds nothing but code, runs it."""
    ran = path.with_name("ran")
    torch.save(Code(ran), path)
    try:
        load(target)
    except Exception:  # noqa: BLE001  however it says so
        return ran.exists()
    return ran.exists()
