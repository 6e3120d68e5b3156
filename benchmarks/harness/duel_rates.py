"""How often `nnbench duel` is wrong and what it finds, beside three ways in which users compare two versions today.

python benchmarks/harness/duel_rates.py rates.jsonl --rounds 15          # adds to what is there
python benchmarks/harness/duel_rates.py rates.jsonl --rounds 0           # only the table of what is there
python benchmarks/harness/duel_rates.py rates.jsonl --only duel --rounds 5

Each round (about four minutes) holds five operations of known work against themselves and against 2, 3, 5 and 10 % more
of it, with every harness in turn. The others come first in half of the rounds. Needs asv, pytest-benchmark and git.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import duel_rivals
from known_work import OPERATIONS, TIMES
from scipy.stats import binomtest

from nnbench.discovery import sources
from nnbench.duels import duel
from nnbench.duels.contest import Contest, Settings, Side
from nnbench.processes.session import Session

SUITE = Path(__file__).parent / "known_suite.py"
SETTINGS = Settings()  # 20 pairs of 8 samples a side: 160 at most
AMOUNTS = (TIMES, 102, 103, 105, 110)
Trial = dict[str, Any]


def contests() -> list[Contest]:
    """Four of each operation against itself, one against each larger amount."""
    alike = [_contest(name, f"copy{number}", TIMES) for name in OPERATIONS for number in range(4)]
    return alike + [_contest(name, "copy0", times) for name in OPERATIONS for times in AMOUNTS[1:]]


def _contest(name: str, case: str, times: int) -> Contest:
    return Contest(f"known.{name}", case, "forward", f"times{TIMES}", f"times{times}")


def duelled() -> Iterator[Trial]:
    """One duel over all contests: a trial each."""
    with Session(sources([str(SUITE)])[-1:]) as session:
        a, b = Side("A", session.twin()), Side("B", session.twin())
        for event in duel.run(a, b, contests(), SETTINGS):
            if event.outcome is not None:
                yield _told(event.outcome)


def _told(outcome: duel.Outcome) -> Trial:
    return {
        "operation": outcome.contest.component,
        "amount": int(outcome.contest.b_variant.removeprefix("times")),
        "says": outcome.status if outcome.status != "ok" else outcome.verdict.verdict,
        "ratio": outcome.verdict.ratio,
        "floor": outcome.floor,
        "samples": sum(map(len, outcome.a_samples)),
        "sides": [outcome.a_samples, outcome.b_samples],
    }


HARNESSES = {
    "duel": duelled,
    "torch": duel_rivals.blocked_autorange,
    "pytest-benchmark": duel_rivals.pytest_benchmark,
    "asv": duel_rivals.asv,
}


def measure(file: Path, rounds: int, only: str) -> None:
    """Add so many rounds to the file, a line a trial."""
    for number in range(rounds):
        names = [name for name in HARNESSES if only in ("", name)]
        for name in names if number % 2 else reversed(names):
            began = time.perf_counter()
            trials = list(HARNESSES[name]())
            took = (time.perf_counter() - began) / len(trials)
            with file.open("a") as out:
                out.writelines(json.dumps({"harness": name, "seconds": took, **trial}) + "\n" for trial in trials)
            print(f"round {number + 1} of {rounds}: {name}, {len(trials)} trials of {took:.1f} s", file=sys.stderr)


def table(trials: list[Trial]) -> Iterator[str]:
    """What each harness said of each amount, in Markdown."""
    yield "| harness | s a trial | said of the same | false alarms | +2 % | +3 % | +5 % | +10 % |"
    yield "|---|---|---|---|---|---|---|---|"
    for name in HARNESSES:
        own = [trial for trial in trials if trial["harness"] == name]
        if own:
            alike = [trial["says"] for trial in own if trial["amount"] == TIMES]
            said = ", ".join(f"{count} {says}" for says, count in Counter(alike).most_common())
            wrong = sum(says in ("slower", "faster") for says in alike)
            most = binomtest(wrong, len(alike)).proportion_ci(0.9).high
            alarms = f"{wrong} of {len(alike)} (at most {most:.1%})"
            seconds = sum(trial["seconds"] for trial in own) / len(own)
            yield f"| {name} | {seconds:.1f} | {said} | {alarms} | {' | '.join(_found(own, n) for n in AMOUNTS[1:])} |"


def _found(trials: list[Trial], amount: int) -> str:
    said = [trial["says"] for trial in trials if trial["amount"] == amount]
    return f"{said.count('slower')} of {len(said)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="where the trials are kept, a line each")
    parser.add_argument("--rounds", type=int, default=1, help="how many to add")
    parser.add_argument("--only", choices=HARNESSES, default="", help="only this harness")
    options = parser.parse_args()
    measure(options.file, options.rounds, options.only)
    print("\n".join(table([json.loads(line) for line in options.file.read_text().splitlines()])))


if __name__ == "__main__":
    main()
