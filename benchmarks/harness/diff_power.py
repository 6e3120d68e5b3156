"""How often `nnbench diff` finds a slowdown, and how often it cries wolf, on simulated runs.

Run it with ``python benchmarks/harness/diff_power.py``. A process's time is log-normal around the true one (1 % from
process to process); its samples lie above that by the size of a normal number of 2 %, since disturbance only ever adds.
Seeded: the table is the same on every machine.
"""

import math
import random
from collections import Counter

from nnbench.stats import Interval, compare_times, location

BETWEEN, WITHIN, SAMPLES, PAIRS = 0.01, 0.02, 12, 2000


def run(generator: random.Random, rounds: int, factor: float) -> Interval:
    """What a run of so many rounds says of code that is slower by a factor."""
    levels = [factor * math.exp(generator.gauss(0, BETWEEN)) for _ in range(rounds)]
    return location([[level * math.exp(abs(generator.gauss(0, WITHIN))) for _ in range(SAMPLES)] for level in levels])


def main() -> None:
    generator = random.Random(1)
    print("rounds  slower by   verdicts")
    for rounds in (3, 10):
        for factor in (1.0, 1.05, 1.08, 1.1):
            pairs = ((run(generator, rounds, 1.0), run(generator, rounds, factor)) for _ in range(PAIRS))
            verdicts = Counter(compare_times(before, after).verdict for before, after in pairs)
            told = ", ".join(f"{verdict} {100 * number / PAIRS:.1f} %" for verdict, number in verdicts.most_common())
            print(f"{rounds:6}  {100 * (factor - 1):7.0f} %   {told}")


if __name__ == "__main__":
    main()
