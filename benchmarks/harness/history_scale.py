"""How questions to a history grow with it: made-up histories of 10 thousand to a million measurements, with changes.

python benchmarks/harness/history_scale.py 10000 100000 1000000 --asv

For each size a folder of one file a run and its compacted copy; each question is a fresh process, asked three times, of
which the best counts, with its CPU time and the most memory that it took. `--asv` writes the same points as asv's
results beside an empty repository of as many commits, for `asv publish` and its regression pass alone.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nnbench.model import Run
from nnbench.store import HEADER, SCHEMA
from nnbench.store.schema import plain_header

SEED = 6
VALUES = 5  # samples a measurement
KERNELS = ("calibration.matrix_product", "calibration.copy")
METRICS = (
    ("forward_time", "s"),
    ("backward_time", "s"),
    ("forward_wall_time", "s"),
    ("peak_memory", "B"),
    ("flops", "1"),
)
VARIANTS = ("reference", "torch")
CASES = ("small", "large")
FIRST = datetime(2023, 1, 1, tzinfo=UTC)
STEP = 0.10  # the size of a planted change
CHANGED = 50  # one series in so many has one


@dataclass(frozen=True)
class History:
    """Medians of each series (rows) at each commit (columns), and which series change where."""

    names: tuple[tuple[str, str, str, str, str], ...]  # component, variant, case, metric, unit
    points: np.ndarray
    changes: dict[int, int]


def history(measurements: int) -> History:
    """As many series as commits; noise of 1 %, heavy-tailed, and a step in one series of fifty."""
    commits = round(math.sqrt(measurements))
    draw = np.random.default_rng([SEED, measurements])
    per = len(VARIANTS) * len(CASES) * len(METRICS)
    names = [
        (
            f"layers.component{number // per:03d}",
            VARIANTS[number % 2],
            CASES[number // 2 % 2],
            *METRICS[number // 4 % 5],
        )
        for number in range(commits - len(KERNELS))
    ]
    names += [(kernel, "reference", "default", "calibration_time", "s") for kernel in KERNELS]
    exact = np.array([metric in ("flops", "peak_memory") for *_, metric, _ in names])
    noise = draw.standard_t(4, (len(names), commits)) * 0.01
    noise[exact] = 0.0
    level = np.exp(draw.normal(-9.0, 1.0, len(names)))
    level[exact] = np.round(level[exact] * 1e9)
    points = level[:, None] * np.exp(noise)
    changed = draw.choice(len(names) - len(KERNELS), max(1, commits // CHANGED), replace=False)
    changes = {int(series): int(draw.integers(commits // 5, commits * 4 // 5)) for series in changed}
    for series, place in changes.items():
        points[series, place:] *= 1 + STEP
    return History(tuple(names), points, changes)


def write(results: Path, made: History) -> None:
    """One run file a commit, as `nnbench run` would have left it."""
    folder = results / "runs"
    folder.mkdir(parents=True)
    draw = np.random.default_rng(SEED)
    names = {
        place: pa.array([name[place] for name in made.names]).dictionary_encode().dictionary_decode()
        for place in range(5)
    }
    for number in range(made.points.shape[1]):
        pq.write_table(
            _rows(_run(number), made, number, names, draw), folder / f"{_run(number).id}.parquet", compression="zstd"
        )


def _run(number: int) -> Run:
    started = FIRST + timedelta(hours=8 * number)
    machine = {"id": "bcba9a63", "cpu": "made up", "cores": 2, "threads": 1, "gpus": [], "load": [0.5, 0.5, 0.5]}
    name = f"{started:%Y%m%dT%H%M%SZ}-{number:06x}"
    return Run(name, started.isoformat(), "nnbench run", commit_name(number), False, machine)


def commit_name(number: int) -> str:
    return f"{number + 1:040x}"


def _rows(run: Run, made: History, number: int, names: dict[int, pa.Array], draw: np.random.Generator) -> pa.Table:
    count = len(made.names)
    within = np.exp(draw.normal(0.0, 0.005, (count, VALUES)))
    values = (made.points[:, number, None] * within).ravel()
    starts = np.arange(0, VALUES * count + 1, VALUES, dtype=np.int32)

    def same(value: object, kind: pa.DataType) -> pa.Array:
        return pa.array([value] * count, kind)

    columns = {
        "run": same(run.id, pa.string()),
        "started": same(datetime.fromisoformat(run.started), SCHEMA.field("started").type),
        "commit": same(run.commit, pa.string()),
        "dirty": same(False, pa.bool_()),
        "machine": same(run.machine["id"], pa.string()),
        **dict(zip(("component", "variant", "case", "metric", "unit"), names.values(), strict=True)),
        "spec": same("0123456789abcdef", pa.string()),
        "round": same(0, pa.int32()),
        "values": pa.ListArray.from_arrays(starts, values),
        "status": same("ok", pa.string()),
        "note": same("", pa.string()),
        "allowance": same(None, pa.float64()),
        "context": same("{}", pa.string()),
    }
    header = json.dumps(plain_header(run)).encode()
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA.with_metadata({HEADER: header}))


# questions


@dataclass(frozen=True)
class Cost:
    """Seconds of wall and of CPU time and bytes of memory of a process; ``ended`` is its exit code."""

    wall: float
    cpu: float
    memory: int
    ended: int


def cost(command: Sequence[str], folder: Path, limit: float = math.inf) -> Cost:
    """Of one process, with all that it starts; it is given so many CPU seconds at most."""
    seconds = "unlimited" if math.isinf(limit) else str(int(limit))
    began = time.perf_counter()
    process = subprocess.Popen(
        ["sh", "-c", f'ulimit -t {seconds}; exec "$@"', "sh", *command],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, process.returncode)


NNBENCH = (sys.executable, "-m", "nnbench")
SERIES = "import sys; from pathlib import Path; from nnbench.trends import series; series.read(Path(sys.argv[1]))"
QUESTIONS = {
    "series": (sys.executable, "-c", SERIES, "results"),
    "nnbench regressions": (*NNBENCH, "regressions"),
    "nnbench trend": (*NNBENCH, "trend", "layers.component00*"),
    "nnbench report": (*NNBENCH, "report", "latest"),
    "nnbench results": (*NNBENCH, "results"),
}


def ask(folder: Path, times: int) -> Iterator[tuple[str, Cost]]:
    for name, command in QUESTIONS.items():
        yield name, min((cost(command, folder) for _ in range(times)), key=lambda one: one.wall)


def report_alone(folder: Path) -> Cost:
    """Of the same page without a history: what is beyond that, the history costs."""
    alone = folder / "alone" / "results" / "runs"
    alone.mkdir(parents=True)
    shutil.copy(max((folder / "results" / "runs").glob("*.parquet")), alone)
    return cost(QUESTIONS["nnbench report"], folder / "alone")


def tell(size: int, layout: str, question: str, found: Cost) -> None:
    is_fine = found.ended == 0 or (found.ended == 1 and question == "nnbench regressions")  # something got worse
    ended = "" if is_fine else f"  ended with {found.ended}"
    print(
        f"{size:>9,}  {layout:<10}  {question:<22}  {found.wall:7.2f} s  {found.cpu:7.2f} s CPU  "
        f"{found.memory / 2**20:6.0f} MiB{ended}",
        flush=True,
    )


# asv beside it


def write_for_asv(folder: Path, made: History) -> None:
    """asv's results of the same points: a file a commit, and a repository that has those commits."""
    names = _commits(folder / "repository", made.points.shape[1])
    results = folder / "asv" / "machine"
    results.mkdir(parents=True)
    (folder / "asv.conf.json").write_text(
        json.dumps(
            {"version": 1, "project": "made up", "repo": "repository", "branches": ["main"], "results_dir": "asv",
             "html_dir": "html", "show_commit_url": ""}
        )
    )  # fmt: skip
    benchmarks = [".".join(name[:4]).replace("layers.", "") for name in made.names]
    (folder / "asv" / "benchmarks.json").write_text(
        json.dumps({"version": 2} | {one: _described(one) for one in benchmarks})
    )
    (results / "machine.json").write_text(json.dumps({"machine": "machine", "version": 1}))
    for number, commit in enumerate(names):
        content = {
            "version": 2,
            "commit_hash": commit,
            "date": int((FIRST + timedelta(hours=8 * number)).timestamp() * 1000),
            "env_name": "python",
            "params": {"machine": "machine", "python": "3"},
            "python": "3",
            "requirements": {},
            "env_vars": {},
            "durations": {},
            "result_columns": ["result", "params", "version"],
            "results": {
                one: [[float(value)], [], "1"] for one, value in zip(benchmarks, made.points[:, number], strict=True)
            },
        }
        (results / f"{commit[:8]}-python.json").write_text(json.dumps(content))


def _described(name: str) -> dict[str, object]:
    told = {
        "name": name,
        "code": "",
        "param_names": [],
        "params": [],
        "type": "time",
        "unit": "seconds",
        "version": "1",
    }
    return told | {"timeout": 60, "number": 0, "repeat": 0, "rounds": 1, "sample_time": 0.01, "warmup_time": 0}


def _commits(folder: Path, count: int) -> list[str]:
    """A repository of so many empty commits; their ids, oldest first."""
    subprocess.run(["git", "init", "-q", "-b", "main", folder], check=True)
    stream = "".join(
        f"commit refs/heads/main\ncommitter a <a@b.c> {int((FIRST + timedelta(hours=8 * number)).timestamp())} +0000\n"
        f"data 1\nx\n"
        for number in range(count)
    )
    subprocess.run(["git", "-C", folder, "fast-import", "--quiet"], input=stream.encode(), check=True)
    listed = subprocess.run(["git", "-C", folder, "rev-list", "--reverse", "main"], capture_output=True, check=True)
    return listed.stdout.decode().split()


STEPS = """
import sys, numpy
from asv import step_detect
for series in numpy.load(sys.argv[1]):
    step_detect.detect_regressions(step_detect.detect_steps(series), 0.05)
"""


def ask_asv(folder: Path, made: History, limit: float) -> Iterator[tuple[str, Cost]]:
    np.save(folder / "points.npy", made.points)
    yield "asv's regression pass", cost((sys.executable, "-c", STEPS, "points.npy"), folder, limit)
    write_for_asv(folder, made)
    yield "asv publish", cost((sys.executable, "-m", "asv", "publish"), folder, limit)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--times", type=int, default=3, help="how often each question is asked")
    parser.add_argument("--asv", action="store_true", help="asv on the same points, too")
    parser.add_argument("--asv-limit", type=float, default=math.inf, help="CPU seconds that asv is given")
    parser.add_argument("--keep", type=Path, help="a folder for the histories, which stay there")
    arguments = parser.parse_args()
    print("measurements  layout      question                    wall          CPU  memory at most", flush=True)
    for size in arguments.sizes:
        made = history(size)
        with tempfile.TemporaryDirectory() as temporary:
            folder = (arguments.keep or Path(temporary)) / str(size)
            write(folder / "results", made)
            for question, found in ask(folder, arguments.times):
                tell(size, "small", question, found)
            tell(size, "one run", "nnbench report", report_alone(folder))
            shutil.copytree(folder / "results" / "runs", folder / "compacted" / "results" / "runs")
            tell(size, "small", "nnbench results compact", cost((*NNBENCH, "results", "compact"), folder / "compacted"))
            for question, found in ask(folder / "compacted", arguments.times):
                tell(size, "compacted", question, found)
            if arguments.asv:
                for question, found in ask_asv(folder, made, arguments.asv_limit):
                    tell(size, "asv", question, found)


if __name__ == "__main__":
    main()
