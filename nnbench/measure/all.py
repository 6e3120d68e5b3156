"""Every measurement that a variant's kind calls for, one row each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from nnbench.catalog import Component
from nnbench.failures import NotMeasurable, Spoilt
from nnbench.measure.calibration import Looks
from nnbench.measure.clock import Stopwatch
from nnbench.measure.compiling import compile_time
from nnbench.measure.counters import Counter, count, graph_breaks
from nnbench.measure.curves import HIGH, LOW, curves
from nnbench.measure.memory import peak_growth
from nnbench.measure.time import Block, Plan, sample
from nnbench.metrics import CALIBRATION, COMPILE, METRICS, MODES_ON_REQUEST
from nnbench.model import Measurement, Status
from nnbench.specs import Case
from nnbench.workload import Workload, prepare


@dataclass(frozen=True)
class Job:
    """One variant in one case, and what the runner asked for: ``seed``, ``round``, ``budget`` (seconds a mode),
    ``threads``, ``modes`` and ``counters`` (those that are taken on request only).
    """

    component: Component
    variant: str
    case: Case
    request: Mapping[str, Any]

    def row(
        self,
        metric: str,
        values: tuple[float, ...],
        context: Mapping[str, Any] = MappingProxyType({}),
        status: str = Status.OK,
        note: str = "",
    ) -> Measurement:
        known = {name: self.request[name] for name in ("seed", "threads")}
        return Measurement(
            component=self.component.id,
            variant=self.variant,
            case=self.case.label,
            metric=metric,
            unit=METRICS[metric].unit,
            values=values,
            status=status,
            note=note,
            spec=self.case.spec,
            round=self.request["round"],
            context=known | dict(context),
        )


def measure(
    component: Component,
    variant: str,
    case: Case,
    request: Mapping[str, Any],
    looks: Looks | None = None,
    stopwatch: Stopwatch | None = None,
) -> Iterator[Measurement]:
    """Times of each mode, and in the first round that of compiling where it is asked for; of a GPU's case everything.

    Beside each time stands the latest look at the calibration kernels. The stopwatch runs while something is measured
    or warmed up for it.
    """
    job, stopwatch = Job(component, variant, case, request), stopwatch or Stopwatch()
    if looks is not None:
        with stopwatch:
            found = looks.look_if_due()
        yield from looked(found, request["round"])
    if case.device != "cpu":
        yield from _on_device(job)
        return
    workload = prepare(component, variant, case, request["seed"])
    around = {"calibration": dict(looks.latest)} if looks is not None else {}
    yield from _times(job, workload, stopwatch, around)
    if request["round"] == 0 and COMPILE in request.get("modes", ()) and "forward" in workload.calls:
        with stopwatch:
            seconds = compile_time(workload)
        yield job.row("compile_time", (seconds,))


def once(component: Component, variant: str, case: Case, request: Mapping[str, Any]) -> Iterator[Measurement]:
    """What one call says for good, however busy the machine is: exact counters, and memory. A GPU's is not for here."""
    job = Job(component, variant, case, request)
    workload = prepare(component, variant, case, request["seed"])
    for counter in _counted(job, workload):
        by_operator = {"by_operator": dict(counter.by_operator)} if counter.by_operator else {}
        yield job.row(counter.metric, (float(counter.value),), by_operator)
    try:
        yield job.row("peak_memory", (float(peak_growth(workload.whole)),))
    except NotMeasurable as reason:
        yield job.row("peak_memory", (), status=Status.SKIPPED, note=str(reason))
    for metric, values in curves(component, variant, case):
        yield job.row(metric, values, {"low": LOW, "high": HIGH})


def _times(job: Job, workload: Workload, stopwatch: Stopwatch, around: Mapping[str, Any]) -> Iterator[Measurement]:
    items = {"items": workload.items} if workload.items else {}
    # The thread's CPU time does not see what other threads and processes do.
    is_parallel = "parallel" in job.component.properties or job.request["threads"] > 1
    for mode, call in workload.calls.items():
        if mode not in MODES_ON_REQUEST or mode in job.request.get("modes", ()):
            with stopwatch:
                blocks = sample(
                    call, Plan(budget=job.request["budget"], warm_up=min(Plan.warm_up, job.request["budget"] / 2))
                )
            yield job.row(f"{mode}_time", tuple(b.wall if is_parallel else b.cpu for b in blocks), around)
            yield job.row(f"{mode}_wall_time", tuple(block.wall for block in blocks), items)


def _on_device(job: Job) -> Iterator[Measurement]:
    """Cold, hot and host times, memory and energy of a case on the GPU, all on a stream of its own."""
    from nnbench.measure import cuda, device  # what a machine without a GPU does without

    device.refuse_host_work(job.component)
    made = cuda.bench()
    with made.device.active():
        workload = prepare(job.component, job.variant, job.case, job.request["seed"])
        items = {"items": workload.items} if workload.items else {}
        for one in cuda.measure(workload, job.request, made):
            yield job.row(one.metric, one.values, cuda.context(made) | items, one.status, one.note)
    if not device.cuda_device().is_usable():
        raise Spoilt("a graph's capture broke half-way and left the GPU's random numbers refused")


def _counted(job: Job, workload: Workload) -> Iterator[Counter]:
    """Counters of the work under seed 0, whatever the seed: lengths that are drawn decide how much there is to do."""
    if job.request["seed"] != 0:
        workload = prepare(job.component, job.variant, job.case, 0)
    yield from count(workload, is_parallel="parallel" in job.component.properties)
    if "graph_breaks" in job.request.get("counters", ()):
        yield graph_breaks(workload)


def calibrate(request: Mapping[str, Any], looks: Looks) -> Iterator[Measurement]:
    """The calibration kernels' times now, under the suite name that no pattern selects."""
    yield from looked(looks.look(), request["round"])


def looked(found: Mapping[str, list[Block]], round_number: int) -> Iterator[Measurement]:
    """What a look at the calibration kernels found, one row a kernel."""
    for name, blocks in found.items():
        yield Measurement(
            component=f"{CALIBRATION}.{name}",
            variant="reference",
            case="default",
            metric="calibration_time",
            unit="s",
            values=tuple(block.cpu for block in blocks),
            round=round_number,
        )
