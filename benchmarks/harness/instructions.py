"""How far two runs of `--counters instructions` differ on the same code, and whether they find 2 % more work.

python benchmarks/harness/instructions.py 'activations.*' 'layers.*'        # or none, for everything
python benchmarks/harness/instructions.py --every 12                         # every twelfth target of everything

Needs valgrind. Beside what is selected it counts twenty operations, each done 50 times and 51 times.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from nnbench.discovery import sources
from nnbench.metrics import INSTRUCTIONS_SHARE
from nnbench.model import Measurement, Status
from nnbench.plan import Target, select, timed
from nnbench.processes.instructions import Settings, instructions
from nnbench.processes.session import Session

TIMES, MORE = 50, 51  # 2 % more work

SUITE = f"""
import torch
from nnbench import Suite, case, randn

OPERATIONS = dict(
    relu=torch.relu, tanh=torch.tanh, sigmoid=torch.sigmoid, exp=torch.exp, absolute=torch.abs, sine=torch.sin,
    add=lambda x: x + x, multiply=lambda x: x * x, subtract=lambda x: x - 1, divide=lambda x: x / 2,
    matrix_product=lambda x: x @ x, softmax=lambda x: x.softmax(1), gelu=torch.nn.functional.gelu,
    layer_norm=lambda x: torch.nn.functional.layer_norm(x, x.shape[1:]), transpose=lambda x: x.T.contiguous(),
    sort=lambda x: x.sort().values, cumsum=lambda x: x.cumsum(0), total=lambda x: x.sum(1), maximum=lambda x: x.amax(1),
    python=lambda x: [number * number for number in range(1000)],
)
suite = Suite("twenty")


def repeated(operation, times):
    def run(x):
        for _ in range(times):
            y = operation(x)
        return y
    return run


for name, operation in OPERATIONS.items():
    suite.component(
        name,
        kind="metric",
        reference=repeated(operation, {TIMES}),
        variants={{"more": repeated(operation, {MORE})}},
        cases=[case(randn(32, 32))],
    )
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*")
    parser.add_argument("--every", type=int, default=1, help="keep every so many of the targets")
    parser.add_argument("--processes", type=int, default=1, help="for each of the two runs, which go side by side")
    parser.add_argument("--seconds", type=int, default=Settings().seconds, help="of CPU time a target")
    given = parser.parse_args()
    settings = Settings(given.seconds, given.processes)
    with TemporaryDirectory() as folder:
        suite = Path(folder) / "twenty.py"
        suite.write_text(SUITE)
        with Session(sources([str(suite)])) as session:
            targets = timed(select(session.components(), given.patterns))
            twenty = select(session.components(), ["twenty"])
            kept = [target for target in targets if not target.component.id.startswith("twenty.")]
            chosen = [*twenty, *kept[:: given.every]]
            with ThreadPoolExecutor(2) as both:
                first, second = both.map(lambda name: dict(run(session, chosen, settings, name)), ("first", "second"))
    tell_differences(first, second)
    tell_found(first, second, twenty)


def run(
    session: Session, targets: Sequence[Target], settings: Settings, name: str
) -> Iterator[tuple[str, Measurement]]:
    """Each target's key and row; what it took goes to stderr."""
    start, started = time.monotonic(), 0.0
    waiting = iter(targets)
    for step in instructions(session, targets, settings):
        if step.row is not None:
            started = started or time.monotonic() - start
            target = next(waiting)
            told = step.row.note or f"{step.row.values[0]:,.0f}"
            print(f"{name} {time.monotonic() - start:7.1f} s  {target.key}: {told}", file=sys.stderr, flush=True)
            yield target.key, step.row
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{name} run: {len(targets)} targets in {time.monotonic() - start:.0f} s, the first after {started:.0f} s; "
        f"CPU time of all workers so far {spent.ru_utime + spent.ru_stime:.0f} s",
        flush=True,
    )


def tell_differences(first: dict[str, Measurement], second: dict[str, Measurement]) -> None:
    both = [key for key in first if first[key].status == second[key].status == Status.OK]
    apart = {key: abs(second[key].values[0] / first[key].values[0] - 1) for key in both}
    far = sum(share > INSTRUCTIONS_SHARE for share in apart.values())
    print(
        f"{len(both)} of {len(first)} targets counted twice; {far} differ by more than {100 * INSTRUCTIONS_SHARE:g} %"
    )
    print(f"differences: median {statistics.median(apart.values()):.4%}, largest {max(apart.values()):.3%}")
    for key in sorted(apart, key=apart.__getitem__, reverse=True)[:10]:
        print(f"  {apart[key]:.3%}  {first[key].values[0]:,.0f}  {key}")
    for key, row in first.items():
        if key not in both:
            print(f"  {row.status}, {second[key].status}: {key}: {row.note or second[key].note}")


def tell_found(first: dict[str, Measurement], second: dict[str, Measurement], twenty: Sequence[Target]) -> None:
    """Whether 2 % more work, counted in the second run, stands out against the first."""
    less = {one.component.id: first[one.key].values[0] for one in twenty if one.variant == "reference"}
    more = {one.component.id: second[one.key].values[0] for one in twenty if one.variant == "more"}
    ratios = {name: more[name] / less[name] for name in less}
    found = sum(ratio > 1 + INSTRUCTIONS_SHARE for ratio in ratios.values())
    print(f"2 % more work: {found} of {len(ratios)} found beyond {100 * INSTRUCTIONS_SHARE:g} %")
    print("  " + ", ".join(f"{name.removeprefix('twenty.')} {ratio - 1:+.2%}" for name, ratio in ratios.items()))


if __name__ == "__main__":
    main()
