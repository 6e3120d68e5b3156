"""What a case more costs: generated suites of cheap cases through `nnbench run`, whole, and the seconds a case.

python benchmarks/harness/many_cases.py 100 1000 10000
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas

SUITE = """
from torch import nn
from nnbench import Suite, case, randn

suite = Suite("many")
suite.component("relu", reference=nn.ReLU, cases=[case(randn(4), name=f"case{{place}}") for place in range({number})])
"""


def seconds(number: int, folder: Path) -> tuple[float, float, float]:
    """Wall and CPU time of a run over so many cases, and the share of the measuring that went into measured code."""
    (folder / "many.py").write_text(SUITE.format(number=number))
    command = [sys.executable, "-m", "nnbench", "run", "--suite", "many.py", "many", "--quick", "--no-train"]
    began, used = time.perf_counter(), _used()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    spent, used = time.perf_counter() - began, _used() - used
    if done.returncode not in (0, 4):
        raise RuntimeError(done.stderr)
    rows = pandas.read_parquet(folder / "results" / "runs")
    return spent, used, rows[rows.metric == "measured_share"]["values"].iloc[0][0]


def _used() -> float:
    """CPU seconds of all programs that this one has started and that have ended, and of those that they started."""
    times = os.times()
    return times.children_user + times.children_system


def main() -> None:
    print(f"{'cases':>6}  {'s in all':>8}  {'ms a case':>9}  {'CPU ms a case':>13}  {'measured':>8}")
    for number in map(int, sys.argv[1:] or ["100", "1000"]):
        with tempfile.TemporaryDirectory() as folder:
            spent, used, share = seconds(number, Path(folder))
        print(
            f"{number:6}  {spent:8.1f}  {1000 * spent / number:9.1f}  {1000 * used / number:13.1f}  {share:8.1%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
