"""What a case more costs: generated suites of cheap cases through `nnbench run`, whole, and the seconds a case.

python benchmarks/harness/many_cases.py 100 1000 10000
"""

from __future__ import annotations

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


def seconds(number: int, folder: Path) -> tuple[float, float]:
    """Wall time of a run over so many cases, and the share of the measuring that went into measured code."""
    (folder / "many.py").write_text(SUITE.format(number=number))
    command = [sys.executable, "-m", "nnbench", "run", "--suite", "many.py", "many", "--quick", "--no-train"]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    spent = time.perf_counter() - began
    if done.returncode not in (0, 4):
        raise RuntimeError(done.stderr)
    rows = pandas.read_parquet(folder / "results" / "runs")
    return spent, rows[rows.metric == "measured_share"]["values"].iloc[0][0]


def main() -> None:
    print(f"{'cases':>6}  {'s in all':>8}  {'ms a case':>9}  {'measured':>8}")
    for number in map(int, sys.argv[1:] or ["100", "1000"]):
        with tempfile.TemporaryDirectory() as folder:
            spent, share = seconds(number, Path(folder))
        print(f"{number:6}  {spent:8.1f}  {1000 * spent / number:9.1f}  {share:8.1%}", flush=True)


if __name__ == "__main__":
    main()
