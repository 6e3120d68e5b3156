"""Measure components on the GPU at hand, in each dtype, and put the table into docs/gpu.md.

python benchmarks/harness/gpu_suite.py --write docs/gpu.md --json gpu.json       # about ten minutes on a H200
python benchmarks/harness/gpu_suite.py layers.linear --dtypes bfloat16           # a look, on stdout
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import torch

from nnbench.catalog import Component
from nnbench.discovery import describe, load, sources
from nnbench.errors import NnbenchError
from nnbench.failures import NotMeasurable, explain
from nnbench.measure import cuda
from nnbench.measure.cuda_samples import STANDARD, Bench, Reading
from nnbench.measure.device import float32_precision, moved
from nnbench.plan import select
from nnbench.specs import Case
from nnbench.units import by_unit, seconds
from nnbench.workload import Call, prepare

COMPONENTS = (
    "activations.gelu", "layers.linear", "layers.conv2d", "layers.layer_norm", "layers.batch_norm2d",
    "layers.multi_head_attention", "layers.embedding", "layers.lstm", "losses.cross_entropy",
    "optimizers.adam", "optimizers.sgd", "architectures.cnn", "architectures.resnet18_cifar",
)  # fmt: skip
VARIANTS = ("reference", "torch")
DTYPES = ("float32", "float16", "bfloat16")
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
GIB = 2**30
SIDE = 8192  # of the square matrices whose product gives the ceiling of arithmetic


@dataclass(frozen=True)
class Row:
    """One variant in one case: each metric's median, and every note that came with one."""

    component: str
    variant: str
    case: str
    values: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def main() -> int:
    asked = _arguments()
    try:
        bench = cuda.bench()
        torch.set_num_threads(1)
        with bench.device.active():
            limits = ceilings(bench)
            rows = list(measured(bench, asked.patterns, asked.dtypes))
    except (NotMeasurable, NnbenchError) as reason:
        print(f"gpu_suite: {reason}", file=sys.stderr)
        return 2
    page = page_of(bench, limits, rows)
    print(page)
    if asked.json:
        asked.json.write_text(json.dumps({"ceilings": limits, "rows": [asdict(row) for row in rows]}, indent=1))
    if asked.write:
        asked.write.write_text(spliced(asked.write.read_text(encoding="utf-8"), page), encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("patterns", nargs="*", default=list(COMPONENTS))
    made.add_argument("--dtypes", nargs="+", choices=DTYPES, default=list(DTYPES))
    made.add_argument("--write", type=Path, help="a page with the two markers that the table goes between")
    made.add_argument("--json", type=Path, help="every median and note, for machines")
    return made.parse_args()


def ceilings(bench: Bench) -> dict[str, float]:
    """Bytes a second of a copy of 1 GiB, read and written, and operations a second of a large product in each dtype."""
    products = {f"product in {dtype}": 2 * SIDE**3 / _cold(bench, _product(dtype)) for dtype in DTYPES}
    return {"copy": 2 * GIB / _cold(bench, _copy())} | products


def _copy() -> Call:
    source = torch.randn(GIB // 4, device="cuda")
    target = torch.empty_like(source)
    return Call(lambda: target.copy_(source))


def _product(dtype: str) -> Call:
    left, right = (torch.randn(SIDE, SIDE, device="cuda").to(getattr(torch, dtype)) for _ in range(2))
    return Call(lambda: left @ right)


def _cold(bench: Bench, call: Call) -> float:
    """The median of the cold samples, seconds; not a number where none was good."""
    cuda.warm_up(call, bench, STANDARD)
    found = cuda.cold(call, bench, STANDARD, cuda.host_times(call, bench, STANDARD))
    return median(found.values) if found.values else float("nan")


def measured(bench: Bench, patterns: Sequence[str], dtypes: Sequence[str]) -> Iterator[Row]:
    """A row for each timed case of the selected components, in each dtype; what fails is told in its row's notes."""
    catalog = load(sources())
    for dtype in dtypes:
        there = {one.id: moved(one, "cuda", dtype) for one in catalog.components.values()}
        targets = select([describe(one) for one in there.values()], patterns)
        wanted = [one for one in targets if one.case.timed and one.case.dtype == dtype and one.variant in VARIANTS]
        for place, target in enumerate(wanted, 1):
            print(f"gpu_suite: {place} of {len(wanted)} in {dtype}: {target.key}", file=sys.stderr, flush=True)
            component = there[target.component.id]
            yield row_of(bench, component, target.variant, component.case(target.case.label))


def row_of(bench: Bench, component: Component, variant: str, case: Case) -> Row:
    """What came of measuring it, or the reason why nothing did."""
    readings: list[Reading] = []
    lost: tuple[str, ...] = ()
    try:
        workload = prepare(component, variant, case)
        readings += cuda.measure(workload, {"round": 0, "budget": 0.0}, bench)
    except Exception as error:  # noqa: BLE001  a component is anybody's code
        status, note = explain(error)
        lost = (f"{status}: {note}",)
    values = {one.metric: median(one.values) for one in readings if one.values}
    notes = dict.fromkeys(f"{one.metric}: {one.note}" for one in readings if one.note)
    return Row(component.id, variant, case.label, values, (*notes, *lost))


def page_of(bench: Bench, limits: dict[str, float], rows: Sequence[Row]) -> str:
    """The table in Markdown with all that it was made with."""
    about = cuda.context(bench)
    made = f"{datetime.now(UTC):%Y-%m-%d}, `{shlex.join(['python', *sys.argv])}`"
    precision = ", ".join(f"{what.replace('_', ' ')} {how}" for what, how in float32_precision().items())
    told = [
        f"{about['gpu']}, torch {torch.__version__}, CUDA {about['cuda']}, Python {sys.version.split()[0]}, {made}.",
        f"float32: {precision}. Default SM clock: {about['default_clock_mhz']} MHz.",
        "Ceilings: " + ", ".join(f"{name} {_rate(name, value)}" for name, value in limits.items()) + ".",
    ]
    return "\n".join([*told, "", *_table(rows), "", *_notes(rows)]).rstrip()


def _rate(name: str, value: float) -> str:
    return f"{value / 1e12:.2f} TB/s" if name == "copy" else f"{value / 1e12:.0f} TFLOP/s"


def _table(rows: Sequence[Row]) -> list[str]:
    head = "| component | case | variant | mode | cold | hot | host | with waiting | peak memory | energy |"
    return [head, "|---|---|---|---|---:|---:|---:|---:|---:|---:|", *(line for row in rows for line in _lines(row))]


def _lines(row: Row) -> Iterator[str]:
    """A line a mode; memory and energy, which are of all modes together, stand in the first."""
    modes = list(dict.fromkeys(metric.removesuffix("_host_time") for metric in row.values if "_host_time" in metric))
    for mode in modes:
        times = [_cell(row.values.get(f"{mode}_{kind}_time")) for kind in ("cold", "hot", "host", "wall")]
        more = [_amount(row, "cuda_peak_memory", "B"), _amount(row, "energy", "J")] if mode == modes[0] else ["", ""]
        yield "| " + " | ".join([row.component, row.case, row.variant, mode, *times, *more]) + " |"


def _cell(value: float | None) -> str:
    return "" if value is None else seconds(value)


def _amount(row: Row, metric: str, unit: str) -> str:
    return by_unit(row.values[metric], unit) if metric in row.values else ""


def _notes(rows: Sequence[Row]) -> list[str]:
    return [f"- {row.component}@{row.variant} [{row.case}] {note}" for row in rows for note in row.notes]


def spliced(text: str, page: str) -> str:
    """The text with what stands between its two markers replaced."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"gpu_suite: the page has no {BEGIN} with {END} behind it")
    return f"{before}{BEGIN}\n{page}\n{END}{after}"


if __name__ == "__main__":
    sys.exit(main())
