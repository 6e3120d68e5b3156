"""What `nnbench check --convergence` says of trainings over seeds, simulated: 13 bands, 8 seeds, more where it is open.

python benchmarks/harness/band_rates.py --comparisons 5000
"""

from __future__ import annotations

import argparse
from collections import Counter
from random import Random

from nnbench.bands import SPEED, Band, compare
from nnbench.convergence import LOOKS, SEEDS

BAND_SEEDS = 20
TOGETHER = 13 * 2 * LOOKS  # bands, metrics of each, looks
SHIFTS = (0.0, 0.5, 1.0, 2.0, 3.0)  # deviations between seeds by which the new trainings are worse


def said(luck: Random, shift: float) -> tuple[str, int]:
    """The verdict on one band whose trainings have moved by this much, and with how many seeds."""
    band = Band("a.net", "", "", "", 1, {SPEED: tuple(luck.gauss(0, 1) for _ in range(BAND_SEEDS))}, {})
    new: list[float] = []
    for _ in range(LOOKS):
        new += [luck.gauss(shift, 1) for _ in range(SEEDS)]
        verdict = compare(band, SPEED, new, TOGETHER).verdict
        if verdict != "undecided":
            break
    return verdict, len(new)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comparisons", type=int, default=5000)
    comparisons = parser.parse_args().comparisons
    print("moved by   equal  undecided  slower  faster  seeds")
    for shift in SHIFTS:
        luck = Random(f"{shift}")
        found = [said(luck, shift) for _ in range(comparisons)]
        counts = Counter(verdict for verdict, _ in found)
        shares = [f"{100 * counts[word] / comparisons:7.2f} %" for word in ("equal", "undecided", "slower", "faster")]
        print(f"{shift:8}", *shares, f"{sum(seeds for _, seeds in found) / comparisons:.1f}")


if __name__ == "__main__":
    main()
