"""Records a history of identical code on this machine: what changes in it is noise.

python benchmarks/detection/record.py identical.csv --rounds 300      # adds to what is there, about 5 s a round

Each round is a fresh pair of worker processes that run the same five operations and the calibration kernel in turns,
as `nnbench duel` and `nnbench history` do. A line holds the round, its start (seconds since 1970), the operation, the
smallest sample of either side (seconds of CPU time), the pair's log ratio and how uncertain that is by itself.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent.parent / "harness"))

from known_work import OPERATIONS, TIMES

from nnbench.discovery import sources
from nnbench.duels.contest import Contest, Settings, Side
from nnbench.duels.pair import FLOOR, Meeting, play
from nnbench.processes.session import Session

SUITE = Path(__file__).parent.parent / "harness" / "known_suite.py"
COLUMNS = ("round", "started", "operation", "a", "b", "value", "error")
CONTESTS = [Contest(f"known.{name}", "copy0", "forward", f"times{TIMES}", f"times{TIMES}") for name in OPERATIONS]


def rounds(count: int, pause: float) -> Iterator[list[Meeting]]:
    """So many pairs of fresh processes, one after the other."""
    luck = Random()
    with Session(sources([str(SUITE)])[-1:]) as session:
        sides = (Side("A", session.twin()), Side("B", session.twin()))
        try:
            for _ in range(count):
                yield [met for met in play(sides, CONTESTS, Settings(), luck) if isinstance(met, Meeting)]
                for side in sides:
                    side.worker.renew()
                time.sleep(pause)
        finally:
            for side in sides:
                side.worker.renew()


def row(number: int, started: float, met: Meeting) -> list[object]:
    name = "calibration" if met.contest == FLOOR else met.contest.component.removeprefix("known.")
    least = [min(value for block in side.cpu for value in block) for side in met.sides]
    return [number, int(started), name, *(f"{value:.6g}" for value in (*least, met.value, met.error))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="a CSV file, added to")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between rounds")
    options = parser.parse_args()
    before = list(csv.DictReader(options.file.open())) if options.file.exists() else []
    first = 1 + max((int(line["round"]) for line in before), default=-1)
    with options.file.open("a", newline="") as out:
        writer = csv.writer(out)
        if not before:
            writer.writerow(COLUMNS)
        for number, meetings in enumerate(rounds(options.rounds, options.pause), first):
            writer.writerows(row(number, time.time(), met) for met in meetings)
            out.flush()
            print(f"\r{number - first + 1} of {options.rounds} rounds", end="", file=sys.stderr)
    print(file=sys.stderr)


if __name__ == "__main__":
    main()
