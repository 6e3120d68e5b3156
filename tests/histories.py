"""A repository of commits and a results folder with a run of each, made without measuring anything."""

import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nnbench.model import Measurement, Run
from nnbench.store import runs_folder, write_run

START = datetime(2026, 1, 1, tzinfo=UTC)
LINEAR = ("layers.linear", "torch", "8")


@dataclass
class Past:
    """Commits in ``root``, oldest first, and their runs in ``results``, an hour apart."""

    root: Path
    machine: str = "m"
    commits: list = field(default_factory=list)
    runs: list = field(default_factory=list)

    @property
    def results(self):
        return self.root / "results"

    def git(self, *arguments):
        identity = ["-c", "user.name=n", "-c", "user.email=n@example.org"]
        command = ["git", "-C", str(self.root), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, count=1):
        if not self.commits:
            self.git("init", "--quiet", "--initial-branch", "main")
        for _ in range(count):
            self.git("commit", "--quiet", "--allow-empty", "--message", "more")
            self.commits.append(self.git("rev-parse", "HEAD"))

    def run(self, *rows, commit="", dirty=False, command="nnbench run", **software):
        when = START + timedelta(hours=len(self.runs))
        name = f"{when:%Y%m%dT%H%M%SZ}-{len(self.runs):06x}"
        machine = {"id": self.machine, "threads": 1, **software}
        made = Run(name, when.isoformat(), command, commit, dirty, machine, measurements=tuple(rows))
        write_run(runs_folder(self.results), made)
        self.runs.append(name)
        return name


def row(metric, *values, names=LINEAR, unit="s", **content):
    return Measurement(*names, metric, unit, tuple(map(float, values)), spec="s", **content)


def kernels(slow=1.0):
    return [
        Measurement(f"calibration.{name}", "reference", "default", "calibration_time", "s", (1e-4 * slow,))
        for name in ("matrix_product", "copy")
    ]


def duel_rows(before, after, ratio, verdict, seconds=1e-3):
    """What ``nnbench duel --rev`` stores of one contest."""
    sides = {"duel": "a", "commit": before}
    said = {"verdict": verdict, "ratio": ratio, "commit": after, "revision": after[:8]}
    return (
        row("before_forward_time", seconds, context=sides),
        row("forward_time", seconds * ratio, context={"duel": "b", "commit": after}),
        row("duel_forward", ratio, unit="1", context=said),
    )
