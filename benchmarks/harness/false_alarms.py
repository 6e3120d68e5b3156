"""How often the checks fail what is right, in the cases that are there for the checks, under many seeds.

Torch's own variant of every component; where torch has none, the reference, which mutants and an oracle vouch for.

python benchmarks/harness/false_alarms.py 0 100          # seeds 0 to 99
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator

import torch

import nnbench
from nnbench.checks.battery import check
from nnbench.model import Check

LEFT_OUT = "architectures."  # networks of the layers that are checked here


def rows(seed: int) -> Iterator[Check]:
    """Every check of one variant of every component in every case that is not timed."""
    for component in nnbench.components():
        if not component.id.startswith(LEFT_OUT):
            for case in component.cases:
                if not case.timed:
                    yield from check(component, "torch" if "torch" in component.variants else "reference", case, seed)


def main() -> None:
    torch.set_num_threads(1)
    first, last = int(sys.argv[1]), int(sys.argv[2])
    counts: Counter[str] = Counter()
    for seed in range(first, last):
        for row in rows(seed):
            counts[row.status] += 1
            if not row.is_right:
                print(f"seed {seed}: {row.component}[{row.case}] {row.check} {row.status}: {row.note}", flush=True)
        print(f"{seed + 1 - first} seeds: {dict(counts)}", file=sys.stderr, flush=True)
    print(f"{last - first} seeds, {counts.total():,} checks: {dict(counts)}")


if __name__ == "__main__":
    main()
