"""How well changes in a history are found: nnbench's detection beside asv's, Otava's, ruptures' and two simple rules.

python -m pip install -e .[detection]             # in an environment of its own: Otava pins NumPy
python benchmarks/detection/measure.py --quick    # 15 s on an idle core; without --quick a minute
python benchmarks/detection/measure.py --histories FOLDER   # published asv pages of yours in place of the excerpts

Three kinds of histories: made up (seeded), published (noise of real histories, steps put in), and identical code
recorded on this machine by record.py. Prints Markdown.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import alarms
import crowds
import made_up
import numpy as np
import real
from detectors import DETECTORS, usable
from made_up import History
from scoring import rate, score, upper

Array = real.Array

LONG = 10_000
STEPS = (0.05, 0.10)
RULE = "|---|---|---|---|---|"


def histories(options: argparse.Namespace) -> Iterator[tuple[str, list[History]]]:
    """Every set of histories with its name."""
    few = options.quick
    yield "made up", list(made_up.histories(options.seed, 2 if few else 8))
    noise = {name: real.residuals(values) for name, values in real.published(options.histories).items()}
    yield "published", list(real.cut(noise, options.seed, 5 if few else 20))
    if options.recorded.exists():
        for basis, series in real.bases(real.recorded(options.recorded)).items():
            yield f"identical code, {basis}", list(real.cut(series, options.seed, 2 if few else 8))


def accuracy(name: str, cases: Sequence[History]) -> Iterator[str]:
    """One table: every detector on one set of histories."""
    yield f"\n**{name}**: {sum(case.step == 0 for case in cases)} series without a change, {len(cases)} in all\n"
    yield "| detector | F1 | found of 2 / 5 / 10 / 20 % | alarms per 1,000 unchanged points (at most, 95 %) | seconds |"
    yield RULE
    for detector in filter(usable, DETECTORS):
        began = time.process_time()
        told = score((case, DETECTORS[detector](case.values)) for case in cases)
        seconds = time.process_time() - began
        rates = f"{told.alarms} in {told.points}: {told.alarm_rate:.2f} ({told.most_alarms:.2f})"
        yield f"| {detector} | {told.f1:.3f} | {told.found()} | {rates} | {seconds:.1f} |"


def speed(seed: int) -> Iterator[str]:
    """Seconds of CPU time for one long series with twenty changes, the best of three."""
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(0, 0.02, LONG) + 0.05 * (np.arange(LONG) // (LONG // 20) % 2))
    yield f"\n| detector | seconds for {LONG:,} points |"
    yield "|---|---|"
    for detector in filter(usable, DETECTORS):
        yield f"| {detector} | {min(_seconds(detector, values) for _ in range(3)):.3f} |"


def _seconds(detector: str, values: Array) -> float:
    began = time.process_time()
    DETECTORS[detector](values)
    return time.process_time() - began


def confirming(file: Path, seed: int, every: int) -> Iterator[str]:
    """Trigger and confirm on recorded histories, with recorded pairs as the duels."""
    pairs = real.recorded(file)
    yield "\n| history | commits | suspicions per 1,000 | pairs each | false alarms per 1,000 (at most, 95 %) |"
    yield RULE
    found = ["\n| history | step | cases | suspected within 3 commits | confirmed within 3 commits |", RULE]
    for basis, series in real.bases(pairs).items():
        told = _replayed(series, pairs, seed, every)
        clean = told[0.0]
        most = upper(clean.false, clean.commits)
        duels = f"{clean.pairs / max(clean.triggered, 1):.1f}"
        wrong = f"{clean.false} of {clean.commits}: {rate(clean.false, clean.commits):.2f} ({most:.2f})"
        yield f"| {basis} | {clean.commits} | {rate(clean.triggered, clean.commits):.0f} | {duels} | {wrong} |"
        for step in STEPS:
            one = told[step]
            shares = f"{one.suspected / one.steps:.1%} | {one.confirmed / one.steps:.1%}"
            found.append(f"| {basis} | +{step:.0%} | {one.steps} | {shares} |")
    yield from found


def _replayed(
    series: Mapping[str, Array], pairs: Mapping[str, real.Pairs], seed: int, every: int
) -> dict[float, alarms.Replay]:
    replays = [alarms.replay(logs[::every], pairs[name], STEPS, seed) for name, logs in series.items()]
    return {step: alarms.together([one[step] for one in replays]) for step in replays[0]}


def report(options: argparse.Namespace) -> Iterator[str]:
    yield f"`python {' '.join(sys.argv)}`, {date.today()}"
    left_out = [name for name in DETECTORS if not usable(name)]
    if left_out:
        yield f"\nNot installed, so left out: {', '.join(left_out)}."
    cases = dict(histories(options))
    for part in options.part or PARTS:
        yield from PARTS[part](options, cases)


def _accuracy(options: argparse.Namespace, cases: Mapping[str, Sequence[History]]) -> Iterator[str]:
    for name, some in cases.items():
        yield from accuracy(name, some)


def _many(options: argparse.Namespace, cases: Mapping[str, Sequence[History]]) -> Iterator[str]:
    yield from crowds.screening([case.values for some in cases.values() for case in some])
    yield from crowds.together(options.seed, 3 if options.quick else 10)


def _alarms(options: argparse.Namespace, cases: Mapping[str, Sequence[History]]) -> Iterator[str]:
    if options.recorded.exists():
        yield from confirming(options.recorded, options.seed, 2 if options.quick else 1)


PARTS = {
    "accuracy": _accuracy,
    "speed": lambda options, cases: speed(options.seed),
    "many": _many,
    "alarms": _alarms,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a quarter of the work")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--part", choices=PARTS, action="append", help="only this (may be repeated)")
    parser.add_argument("--histories", type=Path, help="a folder of asv pages (graphs/**.json) of your own")
    parser.add_argument("--recorded", type=Path, default=real.RECORDED, help="what record.py wrote")
    for line in report(parser.parse_args()):
        print(line, flush=True)


if __name__ == "__main__":
    main()
