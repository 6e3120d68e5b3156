"""How users compare two versions today, each by its own code: one run after the other, and the tool's rule."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from known_work import OPERATIONS, TIMES

HERE = Path(__file__).parent
AMOUNTS = (TIMES, 102, 103, 105, 110)
THRESHOLD = 1.03  # what a blocked_autorange must differ by
Trial = dict[str, Any]


def blocked_autorange() -> Iterator[Trial]:
    """The medians of two processes; more than 3 % apart is a difference."""
    script = str(HERE / "known_work" / "torch_benchmarks.py")
    (before,) = json.loads(_run([sys.executable, script, str(TIMES)], HERE)).values()
    after = json.loads(_run([sys.executable, script, *map(str, AMOUNTS)], HERE))
    for amount, medians in after.items():
        for name, median in medians.items():
            yield {"operation": name, "amount": int(amount), "says": _by_threshold(median / before[name])}


def _by_threshold(ratio: float) -> str:
    return "slower" if ratio > THRESHOLD else "faster" if ratio < 1 / THRESHOLD else "same"


def pytest_benchmark() -> Iterator[Trial]:
    """A saved run, and for each amount another with ``--benchmark-compare-fail=mean:5%``."""
    test = str(HERE / "known_work" / "pytest_benchmarks.py")
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, test]
        command += ["--benchmark-storage", folder]
        _run([*command, "--benchmark-autosave"], Path(folder), TIMES)
        for amount in AMOUNTS:
            compared = [*command, "--benchmark-compare=0001", "--benchmark-compare-fail=mean:5%"]
            said = _run(compared, Path(folder), amount, fine=(0, 1))
            for name in OPERATIONS:
                is_slower = re.search(rf"test_call\[{name}\] \(.*\) - Field 'mean' has failed", said) is not None
                yield {"operation": name, "amount": amount, "says": "slower" if is_slower else "same"}


def asv() -> Iterator[Trial]:
    """Two commits measured by ``asv run`` and compared by the rule of ``asv continuous``: 1.1 and its test."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        commits = _repository(folder)
        settings = [sys.executable, "-m", "asv"]
        _run([*settings, "machine", "--yes", "--machine", "here"], folder, TIMES)
        run = [*settings, "run", "--machine", "here", "--python=same", "--set-commit-hash"]
        for commit, amount in zip(commits, (TIMES, *AMOUNTS), strict=True):
            _run([*run, commit], folder, amount)
        for commit, amount in zip(commits[1:], AMOUNTS, strict=True):
            said = _run(
                [*settings, "compare", "--factor", "1.1", "--machine", "here", commits[0], commit], folder, TIMES
            )
            for operation in OPERATIONS:
                yield {"operation": operation, "amount": amount, "says": _asv_says(said, operation)}


def _asv_says(table: str, operation: str) -> str:
    line = next(line for line in table.splitlines() if f"'{operation}'" in line)
    mark = line.strip("| ")[:1]
    return {"+": "slower", "-": "faster"}.get(mark, "same")


def _repository(folder: Path) -> Sequence[str]:
    """A repository with asv's configuration and a commit for each run."""
    settings = {"version": 1, "project": "known", "repo": ".", "branches": ["main"], "benchmark_dir": "benchmarks"}
    settings |= {"environment_type": "virtualenv", "launch_method": "forkserver"}  # --python=same makes no environment
    (folder / "asv.conf.json").write_text(json.dumps(settings))
    (folder / "benchmarks").mkdir()
    (folder / "benchmarks" / "__init__.py").write_text("")
    (folder / "benchmarks" / "known.py").write_text((HERE / "known_work" / "asv_benchmarks.py").read_text())
    _run(["git", "init", "-q", "-b", "main"], folder)
    _run(["git", "add", "asv.conf.json", "benchmarks"], folder)
    who = ["-c", "user.name=known", "-c", "user.email=known@example.org"]
    for number in range(1 + len(AMOUNTS)):
        _run(["git", *who, "commit", "-q", "--allow-empty", "-m", str(number)], folder)
    return _run(["git", "rev-list", "--reverse", "HEAD"], folder).split()


def _run(command: Sequence[str], folder: Path, amount: int = TIMES, fine: Sequence[int] = (0,)) -> str:
    done = subprocess.run(
        command, cwd=folder, env=_environment(folder, amount), capture_output=True, text=True, check=False
    )
    if done.returncode not in fine:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout + done.stderr if len(fine) > 1 else done.stdout


def _environment(folder: Path, amount: int) -> Mapping[str, str]:
    more = {"HOME": str(folder), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE), "ASV_PYTHONPATH": str(HERE)}
    return os.environ | more | {"KNOWN_TIMES": str(amount)}
