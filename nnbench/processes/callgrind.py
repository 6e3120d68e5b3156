"""Counting CPU instructions with valgrind's tool callgrind: how a worker is started under it, and what it writes.

The worker switches the counting on and off (``torch._C._valgrind_toggle``); each time that it has been switched off,
callgrind writes a file with the total.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from nnbench.failures import NotMeasurable
from nnbench.processes.process import Launcher

PROGRAM = "valgrind"
MISSING = "CPU instructions are counted by valgrind, which is not installed; on Debian and Ubuntu: apt install valgrind"
SLOWDOWN = 20.0  # about how many times longer starting takes
NAME = "instructions"
TOTALS = re.compile(r"^totals: (\d+)$", re.MULTILINE)
EVENTS = re.compile(r"^events: (\w+)", re.MULTILINE)
INSTRUCTIONS = "Ir"  # callgrind's name for instructions read

# Valgrind replaces each fused multiply-add by a call of a function, some hundred times slower: kernels without do.
KERNELS = {"MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "SSE41"}
SAME_EVERY_TIME = {"PYTHONHASHSEED": "0"}


def find() -> str:
    """Where valgrind is; raises ``NotMeasurable`` with how to get it."""
    found = shutil.which(PROGRAM)
    if found is None:
        raise NotMeasurable(MISSING)
    return found


def launcher(program: str, folder: Path) -> Launcher:
    """How to start a worker that counts nothing until it says so, and writes its counts into the folder."""
    options = (
        "--tool=callgrind",
        "--collect-atstart=no",
        "--dump-line=no",  # totals are all that is read
        f"--callgrind-out-file={folder}/{NAME}.%p",
    )
    return Launcher((program, *options), SAME_EVERY_TIME | KERNELS, SLOWDOWN)


def take(folder: Path, process: int) -> list[int]:
    """What a process has had counted since the last look, one number each time, in order; its files are removed.

    Raises ``NotMeasurable`` where callgrind has written nothing, or nothing that can be read.
    """
    written = sorted(folder.glob(f"{NAME}.{process}.*"), key=lambda path: int(path.suffix[1:]))
    if not written:
        raise NotMeasurable("callgrind wrote no count: torch was built without valgrind's header, or the disk is full")
    found = [total(path.read_text()) for path in written]
    for path in (*written, folder / f"{NAME}.{process}"):  # the last is empty: it is written when the process ends
        path.unlink(missing_ok=True)
    return found


def total(text: str) -> int:
    """The instructions that a file of callgrind's adds up to; raises ``NotMeasurable`` for any other text.

    >>> total("# callgrind format\\nevents: Ir\\nsummary: 12\\n\\ntotals: 12\\n")
    12
    """
    events, totals = EVENTS.search(text), TOTALS.search(text)
    if events is None or totals is None or events[1] != INSTRUCTIONS:
        raise NotMeasurable("callgrind wrote a file without a count of instructions")
    return int(totals[1])
