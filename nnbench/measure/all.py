"""Every measurement that a variant's kind calls for, one row each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from nnbench.catalog import Component
from nnbench.failures import NotMeasurable
from nnbench.measure import calibration
from nnbench.measure.counters import flops
from nnbench.measure.memory import peak_growth
from nnbench.measure.time import Block, Plan, sample
from nnbench.metrics import CALIBRATION, METRICS, MODES_ON_REQUEST
from nnbench.model import Measurement, Status
from nnbench.specs import Case
from nnbench.workload import Call, Workload, prepare


def measure(component: Component, variant: str, case: Case, request: Mapping[str, Any]) -> Iterator[Measurement]:
    """Times of each mode; in the first round also counters and memory, never in the same loop as time.

    ``request`` holds ``seed``, ``round``, ``budget`` (seconds a mode) and ``threads``.
    """
    workload = prepare(component, variant, case, request["seed"])
    context = {"seed": request["seed"], "threads": request["threads"]}
    if workload.items:
        context["items"] = workload.items

    def row(metric: str, values: tuple[float, ...], status: str = Status.OK, note: str = "") -> Measurement:
        return Measurement(
            component=component.id,
            variant=variant,
            case=case.label,
            metric=metric,
            unit=METRICS[metric].unit,
            values=values,
            status=status,
            note=note,
            spec=case.spec,
            round=request["round"],
            context=context,
        )

    asked = {mode: call for mode, call in workload.calls.items() if mode not in MODES_ON_REQUEST}
    for mode, call in asked.items():
        blocks = sample(call, Plan(budget=request["budget"]))
        is_parallel = "parallel" in component.properties
        yield row(f"{mode}_time", tuple(block.wall if is_parallel else block.cpu for block in blocks))
        yield row(f"{mode}_wall_time", tuple(block.wall for block in blocks))
    if request["round"] == 0:
        yield from (row(metric, (float(value),)) for metric, value in _counters(workload).items())
        try:
            yield row("peak_memory", (float(peak_growth(workload.whole)),))
        except NotMeasurable as reason:
            yield row("peak_memory", (), Status.SKIPPED, str(reason))


def _counters(workload: Workload) -> dict[str, int]:
    if not isinstance(workload.made, nn.Module):
        return {}
    parameters = sum(parameter.numel() for parameter in workload.made.parameters())
    return {"parameters": parameters, "flops": flops(workload.calls["forward"].run)}


def calibrate(request: Mapping[str, Any]) -> Iterator[Measurement]:
    """The calibration kernels' times in this process, under the suite name that no pattern selects."""
    for name, run in calibration.kernels().items():
        blocks: list[Block] = sample(Call(run), Plan(budget=request["budget"]))
        yield Measurement(
            component=f"{CALIBRATION}.{name}",
            variant="reference",
            case="default",
            metric="calibration_time",
            unit="s",
            values=tuple(block.cpu for block in blocks),
            round=request["round"],
        )
