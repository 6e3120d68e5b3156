"""A training's state on disk: there whole or not at all, and gone on from only by the same training."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from nnbench.errors import NnbenchError
from nnbench.train.fit import Told, Training

FORMAT = 2  # with the place within an epoch


def save(file: Path, state: dict[str, Any]) -> None:
    """Keep a training's state."""
    put(file, state | {"format": FORMAT})


def put(file: Path, content: Mapping[str, Any]) -> None:
    """Put it in the file's place in one step."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    with partial.open("wb") as opened:
        torch.save(content, opened)
        opened.flush()
        os.fsync(opened.fileno())
    partial.replace(file)


def load(file: Path, of: Mapping[str, Any]) -> dict[str, Any]:
    """The state that ``save`` kept; raises ``NnbenchError`` where it is damaged or of another training."""
    try:
        state: dict[str, Any] = torch.load(file, weights_only=True)
        found, written_as = state["of"], state.get("format", 1)
    except Exception as error:  # noqa: BLE001  torch raises what its unpickler does
        raise NnbenchError(f"{file} is no checkpoint of a training ({type(error).__name__}); remove it") from None
    if written_as != FORMAT:
        raise NnbenchError(f"{file} has format {written_as} and this nnbench reads {FORMAT}; remove it")
    differing = [name for name in of if found.get(name) != of[name]]
    if differing:
        told = ", ".join(f"{name} {found.get(name)!r} and not {of[name]!r}" for name in differing)
        raise NnbenchError(f"{file} is of another training: {told}. Remove it, or name another folder")
    return state


class Keeper:
    """Keeps a training's state in a file: ``keep`` after each epoch, ``watching`` every so many seconds within one.

    ``of`` names the training. Begun with a file that is there, the training goes on from it.
    """

    def __init__(
        self,
        file: Path,
        training: Training,
        of: Mapping[str, Any],
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file, self._training, self._of = file, training, dict(of)
        self._seconds, self._clock, self._kept = seconds, clock, clock()
        _remove_remains(file)
        if file.is_file():
            training.restore(load(file, of))

    def keep(self) -> None:
        save(self._file, self._training.state() | {"of": self._of})
        self._kept = self._clock()

    def watching(self, tell: Told) -> Told:
        """What tells of each batch, and keeps the state where it is time to."""

        def told(done: int, of: int) -> None:
            tell(done, of)
            if done < of and self._clock() - self._kept >= self._seconds:  # after the last, the epoch's end is near
                self.keep()

        return told


def _remove_remains(file: Path) -> None:
    """What processes left that were killed while they wrote."""
    for partial in file.parent.glob(f".{glob.escape(file.name)}.*.partial"):
        if not _is_running(int(partial.name.split(".")[-2])):
            partial.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
