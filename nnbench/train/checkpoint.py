"""A training's state on disk: there whole or not at all, and gone on from only by the same training."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from nnbench.errors import NnbenchError


def save(file: Path, state: dict[str, Any]) -> None:
    """Put the state in the file's place in one step."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    with partial.open("wb") as opened:
        torch.save(state, opened)
        opened.flush()
        os.fsync(opened.fileno())
    partial.replace(file)


def load(file: Path, of: dict[str, Any]) -> dict[str, Any]:
    """The state that ``save`` kept; raises ``NnbenchError`` where it is damaged or of another training."""
    try:
        state: dict[str, Any] = torch.load(file, weights_only=True)
        found = state["of"]
    except Exception as error:  # noqa: BLE001  torch raises what its unpickler does
        raise NnbenchError(f"{file} is no checkpoint of a training ({type(error).__name__}); remove it") from None
    differing = [name for name in of if found.get(name) != of[name]]
    if differing:
        told = ", ".join(f"{name} {found.get(name)!r} and not {of[name]!r}" for name in differing)
        raise NnbenchError(f"{file} is of another training: {told}. Remove it, or name another folder")
    return state
