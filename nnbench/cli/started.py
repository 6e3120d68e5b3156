"""The record that a command begins which stores what it measures."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

from nnbench import history, machine, store
from nnbench.cli import output
from nnbench.machine import THREADS
from nnbench.model import Run


def new_run(results: Path, threads: int = THREADS) -> Run:
    """A run that begins now: by this command, of the commit here, on this machine with so many threads."""
    commit, dirty = machine.commit(Path.cwd(), results)
    run = Run(
        id=store.new_run_id(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join(["nnbench", *sys.argv[1:]]),
        commit=commit,
        dirty=dirty,
        machine=machine.fingerprint() | {"threads": threads},
    )
    if doubt := history.clock_was_set_back(history.not_before(results, run.started), run):
        output.warn(doubt)
    return run
