"""How often ``nnbench compare`` tells a difference where there is none, and how often it finds one, simulated.

Run it with ``python benchmarks/harness/comparison_rates.py``; ``--repeats 200`` is quicker and rougher. Every contender
has the same true mean and noise of deviation 1 between seeds; where it is paired, half or nine tenths of the variance
come from the seed itself. One contender is then made worse by so many deviations. Seeded: the table is the same
on every machine. Its columns:

- false: experiments of equal contenders in which any pair is called better or worse (no margin let it off)
- ties told: pairs of equal contenders called equal, the margin being two deviations
- false ties: pairs that differ by exactly the margin, called equal
- intervals, of means: 99 % intervals of differences and of means that hold the true value
- found: of the others, how many are told from the one that is worse by 1, 2 or 4 deviations
"""

import argparse
import math
import random

from nnbench.comparison import DECIDED, intervals, pairs

CONTENDERS = (2, 4, 6)
SEEDS = (2, 3, 5, 10)
MARGIN = (
    2.0  # deviations between seeds: about what 10,000 test samples leave open of 98 % with a deviation of 0.17 points
)
WORSE = (1.0, 2.0, 4.0)  # deviations
LOSSES = "of losses"
SHARE = 0.1  # of a loss: its deviation between seeds; compared by logarithms, as losses and errors are
FIRST = "c0"  # the contender that is made worse, or is noisier than the rest


def normal(generator: random.Random) -> float:
    return generator.gauss(0, 1)


def skewed(generator: random.Random) -> float:
    """Mostly a little above the mean, now and then far below it, as seeds that fall into a bad place are."""
    return 1 - generator.expovariate(1)


def steps(generator: random.Random) -> float:
    """Whole numbers, as accuracies of few test samples are."""
    return round(generator.gauss(0, 1))


NOISE = {
    "unpaired": (0.0, 1.0, normal),
    "paired, half": (0.5, 1.0, normal),
    "paired, nine tenths": (0.9, 1.0, normal),
    "one is noisier, five times": (0.0, 5.0, normal),
    "skewed": (0.0, 1.0, skewed),
    "in whole steps": (0.0, 1.0, steps),
    "of losses": (0.0, 1.0, normal),
}


def experiment(generator, contenders, seeds, shared, noisier, draw):
    """Values by contender, one a seed; ``shared`` is the share of the variance that is the seed's own."""
    common = [draw(generator) for _ in range(seeds)]
    return {
        f"c{place}": [
            (noisier if place == 0 else 1.0) * (shared**0.5 * one + (1 - shared) ** 0.5 * draw(generator))
            for one in common
        ]
        for place in range(contenders)
    }


def shifted(values, by):
    return values | {FIRST: [value - by for value in values[FIRST]]}


def compared(values, margin, noise):
    """All pairs; of losses, whose logarithms the values are, as losses are compared."""
    if noise != LOSSES:
        return pairs(values, "more", margin)
    losses = {name: [math.exp(-SHARE * value) for value in members] for name, members in values.items()}
    return pairs(losses, "less", math.expm1(SHARE * margin), ideal=0.0)


def found(values, by, noise):
    """The share of the others that are told from the first, which is made worse by so much."""
    told = [pair.verdict == "worse" for pair in compared(shifted(values, by), MARGIN, noise) if pair.a == FIRST]
    return sum(told) / len(told)


def rates(contenders, seeds, noise, repeats):
    """Shares of 1: false alarms by experiment, ties told and 99 % intervals that hold by pair, and what is found."""
    generator = random.Random(f"{contenders} {seeds} {noise}")
    false, ties, holds, means = 0, 0.0, 0.0, 0.0
    hits = dict.fromkeys(WORSE, 0.0)
    wrong_ties = 0.0
    for _ in range(repeats):
        values = experiment(generator, contenders, seeds, *NOISE[noise])
        told = compared(values, MARGIN, noise)
        bare = compared(values, 0.0, noise)  # without a margin, no trifle is let off
        false += any(pair.verdict in DECIDED for pair in bare)
        ties += sum(pair.verdict == "equal" for pair in told) / len(told)
        holds += sum(pair.low <= 0 <= pair.high for pair in told) / len(told)
        means += sum(one.low <= 0 <= one.high for one in intervals(values).values()) / contenders
        at_margin = [pair for pair in compared(shifted(values, MARGIN), MARGIN, noise) if pair.a == FIRST]
        wrong_ties += sum(pair.verdict == "equal" for pair in at_margin) / len(at_margin)
        for by in WORSE:
            hits[by] += found(values, by, noise)
    totals = (false, ties, wrong_ties, holds, means, *(hits[by] for by in WORSE))
    return [total / repeats for total in totals]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--noise", choices=NOISE, help="this kind alone")
    given = parser.parse_args()
    heads = ("false", "ties told", "false ties", "intervals", "of means", *(f"found {by:g}" for by in WORSE))
    print(f"{'noise':28} contenders seeds  {'  '.join(f'{head:>10}' for head in heads)}")
    for noise in [given.noise] if given.noise else NOISE:
        for contenders in CONTENDERS:
            for seeds in SEEDS:
                line = [f"{100 * rate:8.1f} %" for rate in rates(contenders, seeds, noise, given.repeats)]
                print(f"{noise:28} {contenders:10} {seeds:5}  {'  '.join(line)}", flush=True)


if __name__ == "__main__":
    main()
