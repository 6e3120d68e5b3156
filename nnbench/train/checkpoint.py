"""A training's state on disk: there whole or not at all, and gone on from only by the same training."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from nnbench.errors import NnbenchError
from nnbench.specs import Recipe
from nnbench.train.fit import Told, Training

FORMAT = 3  # with the recipe in what it is of
FREE = ("data", "epochs", "every_run", "note")  # of a recipe; the data has a name and a checksum of its own
EMPTY = Recipe("", "", "", {}, 0, 0)


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
        older = ", without the recipe that it is of," if written_as < FORMAT else ""
        told = f"{file} has format {written_as}{older} and this nnbench reads {FORMAT}"
        raise NnbenchError(f"{told}; remove it, or name another folder")
    differing = [name for name in {**of, **found} if found.get(name) != of.get(name)]
    if differing:
        told = ", ".join(f"{name} {found.get(name, 'none')} and not {of.get(name, 'none')}" for name in differing)
        raise NnbenchError(f"{file} is of another training: {told}. Remove it, or name another folder")
    return state


def of_recipe(recipe: Recipe) -> dict[str, str]:
    """What of a recipe a training can only be gone on from with, by name: ``optimizer lr`` is a setting's.

    Not its epochs, of which there may be more, nor what is as it is where a recipe says nothing of it.
    """
    found: dict[str, str] = {}
    for name in (one.name for one in fields(Recipe) if one.name not in FREE):
        value = getattr(recipe, name)
        if isinstance(value, Mapping):
            of = name.removesuffix("_arguments").replace("arguments", "network")
            found |= {f"{of} {key}": _told(one) for key, one in value.items()}
        elif value != getattr(EMPTY, name):
            found[name.replace("_", " ")] = _told(value)
    return found


def _told(value: Any) -> str:
    """In words that are the same in every process."""
    return str(getattr(value, "__qualname__", value)) or "none"


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
            _go_on(file, training, of)

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


def _go_on(file: Path, training: Training, of: Mapping[str, Any]) -> None:
    state = load(file, of)
    try:
        training.restore(state)
    except (RuntimeError, ValueError, KeyError) as error:  # the code of the network or of its optimizer is another one
        reason = str(error).splitlines()[0].rstrip(":")
        told = f"{file} does not fit what is trained ({reason})"
        raise NnbenchError(f"{told}; remove it, or name another folder") from None


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
