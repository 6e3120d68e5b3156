"""Trajectories of training: kept as JSON, and compared to the last bit with another. Nothing here imports torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nnbench.errors import NnbenchError

FORMAT = 1
WHERE = ("torch", "cpu", "threads")  # what may rightly change the last bit


@dataclass(frozen=True)
class Step:
    """One step: the batch's loss, exactly, as hexadecimal text, and a CRC-32 of each tensor of the state."""

    loss: str
    tensors: Mapping[str, int]


@dataclass(frozen=True)
class Trajectory:
    """The first steps of one training: ``of`` names what was trained (component, variant, data, seed), ``where`` with
    what software and on what machine, which alone may rightly change the last bit. ``band`` is what the same training
    reached over many seeds, in the words of ``nnbench.bands``; None where that was not asked. So many steps were
    ``asked`` for (0: as many as there are), of a training of so many ``epochs`` (0: of its recipe's); where there are
    fewer, the training ended there.
    """

    of: Mapping[str, Any]
    where: Mapping[str, Any]
    steps: tuple[Step, ...]
    band: Mapping[str, Any] | None = None
    asked: int = 0
    epochs: int = 0

    @property
    def wanted(self) -> int:
        """How many steps another trajectory must have been asked for to be held against this one."""
        return self.asked or len(self.steps)


@dataclass(frozen=True)
class Difference:
    """Where two trajectories part: at which step (from 0), and in what."""

    step: int
    what: str


def write(file: Path, trajectory: Trajectory) -> None:
    """Keep a trajectory; raises ``NnbenchError`` where it cannot be written."""
    try:
        file.write_text(json.dumps({"format": FORMAT} | asdict(trajectory), indent=1) + "\n")
    except OSError as error:
        raise NnbenchError(f"cannot write {file}: {error}") from None


def read(file: Path) -> Trajectory:
    """What ``write`` kept; raises ``NnbenchError`` for any other file."""
    try:
        content = json.loads(file.read_text())
        if content["format"] != FORMAT:
            raise NnbenchError(f"{file} has format {content['format']!r} and this nnbench reads {FORMAT}")
        steps, band = read_steps(content["steps"]), content.get("band")
        numbers = (int(content.get(name, 0)) for name in ("asked", "epochs"))
        return Trajectory(dict(content["of"]), dict(content["where"]), steps, band, *numbers)
    except OSError as error:
        raise NnbenchError(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        told = type(error).__name__
        raise NnbenchError(f"{file} is no trajectory ({told}); `nnbench train TASK --record FILE` makes one") from None


def read_steps(content: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Steps out of what ``asdict`` makes of them."""
    return tuple(Step(str(one["loss"]), dict(one["tensors"])) for one in content)


def elsewhere(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What of software and machine is not what it was, in words."""
    names = [name for name in WHERE if before.get(name) != after.get(name)]
    return [f"{name}: {before.get(name)} then, {after.get(name)} now" for name in names]


def first_difference(before: Sequence[Step], after: Sequence[Step], asked: int = 0) -> Difference | None:
    """The first step, and in it the loss or else the first tensor, in which they differ; None where they agree.

    Where one is shorter, its training ended earlier, which is a difference too; ``asked`` is how many steps either
    might have had.
    """
    lengths = len(before), len(after)
    for number, (old, new) in enumerate(zip(before, after, strict=False)):
        if old.tensors.keys() != new.tensors.keys():
            return Difference(number, f"tensors: {', '.join(sorted(old.tensors.keys() ^ new.tensors.keys()))}")
        if old.loss != new.loss:
            return Difference(number, f"the loss, {float.fromhex(old.loss):.9g} and {float.fromhex(new.loss):.9g}")
        changed = [name for name in old.tensors if old.tensors[name] != new.tensors[name]]
        if changed:
            return Difference(number, f"{changed[0]} ({len(changed)} of {len(old.tensors)} tensors)")
    if len(before) == len(after):
        return None
    old_end, new_end = (f"not within {asked} steps" if one == asked else f"after {one} steps" for one in lengths)
    return Difference(min(lengths), f"where it ends: {old_end} before, {new_end} now")
