"""kill -9 at random moments while a run is measured, sealed and compacted: what was reported is there, and once.

python benchmarks/harness/kill_store.py 50

Each round starts a process that writes journals as fast as it can, seals them and compacts, and says after each what is
stored. It is killed at a random moment of one of the three; then `nnbench`'s own repair runs (seal what was left,
compact), and what the store holds is held against what was said.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from nnbench.compact import compact
from nnbench.history import open_history, table
from nnbench.store import runs_folder, seal_abandoned

WRITER = """
import os, sys
from pathlib import Path
from nnbench.compact import compact
from nnbench.model import Measurement, Run
from nnbench.store import Journal

results, rows = Path(sys.argv[1]), int(sys.argv[2])
def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
for number in range(10**6):
    name = f"20260101T{number // 3600:02d}{number // 60 % 60:02d}{number % 60:02d}Z-{number:06x}"
    say("measuring")
    with Journal(results, Run(name, "2026-01-01T00:00:00+00:00", "", "", False, {"id": "m"})) as journal:
        for value in range(rows):
            journal.add(Measurement("a.b", "torch", "c", "forward_time", "s", (float(value),), note="x" * 200))
            say("stored", name, value)
        say("sealing")
    if number % 4 == 3:
        say("compacting")
        compact(results)
"""
PHASES = ("measuring", "sealing", "compacting")


def killed(results: Path, phase: str, draw: random.Random) -> list[tuple[str, float]]:
    """What a writer said to have stored before it was killed some time after it began this phase."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(results), str(draw.randrange(20, 400))], stdout=subprocess.PIPE
    )
    assert writer.stdout is not None
    said, wait = b"", draw.randrange(1, 4)
    while said.count(f"{phase}\n".encode()) < wait:
        said += os.read(writer.stdout.fileno(), 65536)
    until = time.perf_counter() + draw.expovariate(1 / 0.01)  # a sealing takes some ten milliseconds
    while (left := until - time.perf_counter()) > 0:
        if select.select([writer.stdout], [], [], left)[0]:
            said += os.read(writer.stdout.fileno(), 65536)
    writer.send_signal(signal.SIGKILL)
    said += writer.stdout.read()
    writer.stdout.close()
    assert writer.wait() == -signal.SIGKILL
    whole = said.decode().rpartition("\n")[0].splitlines()
    return [(words[1], float(words[2])) for words in map(str.split, whole) if words[0] == "stored"]


def faults(results: Path, said: list[tuple[str, float]]) -> list[str]:
    """What is wrong with a store for what was said of it, before and after it is put in order."""
    wrong = []
    for repair in ("sealed", "compacted"):
        seal_abandoned(results)
        if repair == "compacted":
            compact(results)
        rows = table(results, 'SELECT run, "values"[1] AS value FROM runs').to_pylist()
        found = Counter((row["run"], row["value"]) for row in rows)
        lost = [one for one in said if one not in found]
        wrong += [f"{repair}: {len(lost)} lost, such as {lost[0]}"] if lost else []
        twice = [one for one, count in found.items() if count > 1]
        wrong += [f"{repair}: {len(twice)} counted twice, such as {twice[0]}"] if twice else []
        more = len(found) - len(said)
        wrong += [f"{repair}: {more} more than was said"] if more > 1 else []
    problems = open_history(results).problems
    left = list(runs_folder(results).glob(".*.partial"))
    return [*wrong, *problems, *(f"{path} was left" for path in left)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("moments", type=int, nargs="?", default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    count, wrong = Counter[str](), 0
    for moment in range(arguments.moments):
        draw = random.Random(f"{arguments.seed} {moment}")
        phase = PHASES[moment % len(PHASES)]
        with tempfile.TemporaryDirectory() as folder:
            said = killed(Path(folder), phase, draw)
            found = faults(Path(folder), said)
        count[phase] += 1
        wrong += bool(found)
        print(
            f"{moment + 1:>3}  {phase:<10}  {len(said):>6} said to be stored  {'; '.join(found) or 'all there, once'}"
        )
    told = ", ".join(f"{number} while {phase}" for phase, number in count.items())
    print(f"killed {told}: {wrong} with something lost or counted twice")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
