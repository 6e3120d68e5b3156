"""Running the program that downloads: watched while it runs, given up when nothing arrives, ended with us."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO

Tell = Callable[[int, int | None, str], None]  # bytes so far, bytes in all where known, what is going on

LOOK_EVERY = 0.2  # seconds
PATIENCE = 60.0  # seconds without a new byte
FAREWELL = 5.0  # seconds between asking a program to end and ending it
COMPLAINT = re.compile(r"error|failed|^E:", re.IGNORECASE)
PREFIX = re.compile(r"^npm (error|ERR!)\s*")


class SourceFailed(Exception):
    """A source could not give the data set; the text is the reason, for the user's list of what was tried."""


@dataclass(frozen=True)
class Progress:
    """How a download is seen from outside: the files of ``folder`` that match ``pattern`` grow up to ``total``."""

    folder: Path
    pattern: str
    total: int | None
    tell: Tell
    message: str = "downloading"

    def report(self) -> None:
        done = grown(self.folder, self.pattern)
        # Some programs count a little more than the download, such as their own records beside it.
        self.tell(done if self.total is None else min(done, self.total), self.total, self.message)


def grown(folder: Path, pattern: str = "**/*") -> int:
    """Bytes in the files that match a pattern; files that vanish meanwhile count nothing."""
    total = 0
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def require(*programs: str) -> None:
    """Raise ``SourceFailed`` for a program that is not installed."""
    for program in programs:
        if shutil.which(program) is None:
            raise SourceFailed(f"the program {program} is not installed, or not on the PATH")


def run(
    command: Sequence[str],
    progress: Progress,
    patience: float = PATIENCE,
    clock: Callable[[], float] = time.monotonic,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Run a program in the progress's folder until it ends; ``environment`` is added to ours.

    Raises ``SourceFailed`` with the program's own words when it fails, and when nothing in the folder grows for
    ``patience`` seconds. On Ctrl-C, as on any error here, the program is ended before this returns.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        with _started(command, progress.folder, said, {**os.environ, **environment}) as child:
            _watch(child, progress, patience, clock)
        if child.returncode:
            said.seek(0)
            raise SourceFailed(f"{Path(command[0]).name} failed: {complaint(said.read())}")


@contextlib.contextmanager
def _started(
    command: Sequence[str], folder: Path, said: IO[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # a group of its own, so that the helpers it starts can be ended with it
    )
    try:
        yield child
    finally:
        _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(FAREWELL)


def _watch(child: subprocess.Popen[bytes], progress: Progress, patience: float, clock: Callable[[], float]) -> None:
    before, since = -1, clock()
    while child.poll() is None:
        now = grown(progress.folder)
        if now != before:
            before, since = now, clock()
            progress.report()
        elif clock() - since > patience:
            raise SourceFailed(f"nothing arrived for {patience:.0f} seconds")
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(LOOK_EVERY)
    progress.report()


def complaint(output: str) -> str:
    """The lines of a program's output that say why it failed, short enough for one line.

    >>> complaint("Reading lists...\\nE: Unable to locate package dataset-x\\n")
    'E: Unable to locate package dataset-x'
    """
    lines = [line.strip() for line in re.split(r"[\r\n]+", output) if line.strip()]
    telling = [PREFIX.sub("", line) for line in lines if COMPLAINT.search(line)]
    said = list(dict.fromkeys(telling)) or lines[-1:] or ["it said nothing"]
    text = "; ".join(said[:4])
    return text if len(text) <= 300 else text[:297] + "..."
