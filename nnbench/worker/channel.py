"""A worker's line to its parent: jobs come in, answers go out, by files that a component does not know of."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator
from typing import IO, Any

from nnbench.failures import LOST_CHANNEL

Message = dict[str, Any]


class Channel:
    """Takes stdin and stdout for itself, under other numbers: a component reads nothing, and prints to stderr."""

    def __init__(self) -> None:
        self._jobs: IO[str] = os.fdopen(os.dup(0))
        self._answers: IO[str] = os.fdopen(os.dup(1), "w", buffering=1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        self._process, self._file = os.getpid(), file_behind(self._answers.fileno())
        self._copies = mmap.mmap(-1, 1)  # shared with copies of this process, which set it to 1

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The files that no component may close."""
        return 0, 1, 2, self._jobs.fileno(), self._answers.fileno()

    @property
    def copied(self) -> bool:
        """Whether the present job's component forked, and the copy came back from its call."""
        return bool(self._copies[0])

    def jobs(self) -> Iterator[Message]:
        """One after the other, until the parent has no more."""
        for line in self._jobs:
            self._copies[0] = 0
            yield json.loads(line)

    def say(self, message: Message) -> None:
        """Answer; ends the process where it cannot, and a copy of it."""
        if os.getpid() != self._process:
            self._copies[0] = 1
            os._exit(0)
        try:
            if file_behind(self._answers.fileno()) != self._file:
                os._exit(LOST_CHANNEL)
            self._answers.write(json.dumps(message) + "\n")
            self._answers.flush()
        except (OSError, ValueError):
            os._exit(LOST_CHANNEL)


def file_behind(descriptor: int) -> tuple[int, int] | None:
    """What tells one file from another, or nothing where the descriptor is closed."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino
