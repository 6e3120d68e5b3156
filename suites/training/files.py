"""Files of weights: written whole or not at all, read without running what is in them."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

UNREADABLE = (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError, AttributeError)


def write_whole(content: Any, path: Path) -> None:
    """Write to a file beside it and rename: whoever is interrupted leaves the earlier file as it was."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        with unfinished.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read_safely(path: Path) -> Any:
    """Tensors, numbers, texts and containers of them, on the CPU; ``ValueError`` for a file of anything else."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise ValueError(f"{path} is no file of weights: {reason(error)}") from error


def reason(error: Exception) -> str:
    """Why torch does not read a file, in its own words but without its advice to read it all the same."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    telling = [line for line in lines if line.startswith("WeightsUnpickler error:")] or lines
    return telling[0].partition(". Please")[0]


def refuse_misfit(model: nn.Module, found: Any, path: Path) -> None:
    """``ValueError`` that says where a file's state_dict does not fit a network."""
    if not isinstance(found, Mapping):
        raise ValueError(f"{path} holds no state_dict but a {type(found).__name__}")
    wrong = _misfits(model.state_dict(), found)
    if wrong:
        raise ValueError(f"{path} is of another network: {'; '.join(wrong)}")


def _misfits(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    missing = [f"it lacks {name}" for name in wanted if name not in found]
    unknown = [f"it has {name}, which the network lacks" for name in found if name not in wanted]
    other = [
        f"{name} is {_described(found[name])} in it and {_described(value)} in the network"
        for name, value in wanted.items()
        if name in found and _described(found[name]) != _described(value)
    ]
    return missing + unknown + other


def _described(value: Any) -> str:
    if not isinstance(value, Tensor):
        return type(value).__name__
    return f"{tuple(value.shape)} of {str(value.dtype).removeprefix('torch.')}"
