"""Tables made of measurements: what is shown of one run. No input or output here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nnbench.metrics import CALIBRATION, DRAWN, EXPERIMENT, METRICS, MODES_ON_REQUEST, TIMED_MODES, TRIAL
from nnbench.model import CHECK_PREFIX, Measurement, Status
from nnbench.stats import Interval, location, share

Key = tuple[str, str, str]  # component, case, variant


@dataclass(frozen=True)
class Line:
    """What one variant gave in one case. Times are CPU seconds per call by mode, with their 99 % intervals.

    ``counters`` are the exact ones, by metric, and ``by_operator`` says what they are made of, for those of which that
    was noted; ``throughput`` is in samples a second of wall time, where a call goes through samples.
    ``speed`` is torch's time over this variant's, over all modes together: above 1 is faster than torch. ``status`` is
    "ok", or the first that was not, with its ``note``.
    """

    component: str
    case: str
    variant: str
    times: Mapping[str, Interval] = field(default_factory=dict)
    memory: float | None = None
    counters: Mapping[str, int] = field(default_factory=dict)
    by_operator: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    instructions: float | None = None
    throughput: Interval | None = None
    speed: Interval | None = None
    status: str = Status.OK
    note: str = ""
    on_gpu: bool = False

    @property
    def key(self) -> Key:
        return self.component, self.case, self.variant

    @property
    def memory_metric(self) -> str:
        return "cuda_peak_memory" if self.on_gpu else "peak_memory"

    def time_metric(self, mode: str) -> str:
        """The name of what ``times`` holds of this mode."""
        return f"{mode}_cold_time" if self.on_gpu else f"{mode}_time"

    @property
    def parameters(self) -> int | None:
        return self.counters.get("parameters")

    @property
    def flops(self) -> int | None:
        return self.counters.get("flops")

    @property
    def total(self) -> Interval | None:
        """All modes together, but for what is the sum of others."""
        times = [time for mode, time in self.times.items() if mode not in MODES_ON_REQUEST]
        return sum(times[1:], times[0]) if times else None


@dataclass(frozen=True)
class TrainingLine:
    """One epoch of one training."""

    component: str
    variant: str
    data: str
    seed: int
    epoch: int
    values: Mapping[str, float]  # by metric
    status: str = Status.OK
    note: str = ""
    test_samples: int = 0
    contender: str = ""  # of an experiment

    @property
    def interval(self) -> Interval | None:
        """The test accuracy with the 99 % interval that drawing so many test samples leaves it."""
        accuracy = self.values.get("test_accuracy")
        if accuracy is None or not self.test_samples or not math.isfinite(accuracy):
            return None
        return share(accuracy, self.test_samples)


def is_training(row: Measurement) -> bool:
    return "epoch" in row.context or row.metric == "test_accuracy"


def components_only(rows: Iterable[Measurement]) -> list[Measurement]:
    """Measurements of components: neither checks, nor training, nor the machine's calibration."""
    return [
        row
        for row in rows
        if not row.metric.startswith(CHECK_PREFIX)
        and not row.component.startswith(f"{CALIBRATION}.")
        and not is_training(row)
        and row.metric not in (TRIAL, EXPERIMENT)
    ]


def lines(rows: Iterable[Measurement]) -> tuple[Line, ...]:
    """One line a component, case and variant, in the order in which they were first measured."""
    rows = list(rows)
    groups: dict[Key, list[Measurement]] = {key: [] for key in _checked(rows)}
    for row in components_only(rows):
        groups.setdefault((row.component, row.case, row.variant), []).append(row)
    made = {key: _line(key, group) for key, group in groups.items() if group}
    return tuple(_with_speed(line, made.get((line.component, line.case, "torch"))) for line in _in_order(made))


def _checked(rows: Iterable[Measurement]) -> list[Key]:
    """What was checked, in order: checks come first and miss nobody, so that a failed variant keeps its place."""
    return [(row.component, row.case, row.variant) for row in rows if row.metric.startswith(CHECK_PREFIX)]


def _in_order(made: Mapping[Key, Line]) -> list[Line]:
    """Components and cases as they came, the variants of a case together."""
    order: dict[tuple[str, str], list[Line]] = {}
    for line in made.values():
        order.setdefault((line.component, line.case), []).append(line)
    return [line for group in order.values() for line in group]


def _line(key: Key, rows: Sequence[Measurement]) -> Line:
    bad = [row for row in rows if row.status not in (Status.OK, Status.SKIPPED)]
    skipped = [row for row in rows if row.status == Status.SKIPPED and not _is_beside(row)]
    told = (bad or skipped)[:1]
    return Line(
        *key,
        times=_times(rows),
        memory=_first(_single(rows, "peak_memory"), _single(rows, "cuda_peak_memory")),
        counters=_counters(rows),
        by_operator=_by_operator(rows),
        instructions=_single(rows, "instructions"),
        throughput=_throughput(rows),
        status=told[0].status if told else Status.OK,
        note=told[0].note if told else "",
        on_gpu=any(row.metric.endswith("_cold_time") for row in rows),
    )


def _is_beside(row: Measurement) -> bool:
    """Whether what was skipped here leaves the rest as it is."""
    return row.metric in METRICS and METRICS[row.metric].beside


def _first(value: float | None, other: float | None) -> float | None:
    return other if value is None else value


def _times(rows: Sequence[Measurement]) -> dict[str, Interval]:
    """CPU time by mode; on a GPU the device's, with its cache flushed."""
    found = {mode: _interval(rows, f"{mode}_time") or _interval(rows, f"{mode}_cold_time") for mode in TIMED_MODES}
    return {mode: interval for mode, interval in found.items() if interval is not None}


def _interval(rows: Sequence[Measurement], metric: str) -> Interval | None:
    rounds = [row.values for row in rows if row.metric == metric and row.values]
    return location(rounds) if rounds else None


def _throughput(rows: Sequence[Measurement]) -> Interval | None:
    """Items a second of wall time, where a call was declared to go through items."""
    items = next((row.context["items"] for row in rows if row.context.get("items")), None)
    wall = _interval(rows, "call_wall_time") or _interval(rows, "forward_wall_time")
    return Interval(items / wall.estimate, items / wall.high, items / wall.low) if items and wall else None


def _single(rows: Sequence[Measurement], metric: str) -> float | None:
    return next((row.values[-1] for row in rows if row.metric == metric and row.values), None)


def _counters(rows: Sequence[Measurement]) -> dict[str, int]:
    """The exact counters that were taken, in the order of the table of metrics."""
    found = {name: _single(rows, name) for name, metric in METRICS.items() if metric.exact}
    return {name: int(value) for name, value in found.items() if value is not None}


def _by_operator(rows: Sequence[Measurement]) -> dict[str, dict[str, int]]:
    """What the exact counters are made of, for those that were stored with it."""
    noted = [
        row for row in rows if row.metric in METRICS and METRICS[row.metric].exact and "by_operator" in row.context
    ]
    return {row.metric: {name: int(value) for name, value in row.context["by_operator"].items()} for row in noted}


def _with_speed(line: Line, torch_line: Line | None) -> Line:
    if (
        torch_line is None
        or torch_line.total is None
        or line.total is None
        or line.times.keys() != torch_line.times.keys()
    ):
        return line
    speed = Interval(1.0, 1.0, 1.0) if line.variant == "torch" else torch_line.total / line.total
    return Line(**{name: getattr(line, name) for name in line.__dataclass_fields__ if name != "speed"}, speed=speed)


def without_skipped(found: Iterable[Line]) -> tuple[list[Line], dict[str, int]]:
    """The lines that say something, and of those that were skipped whole how many for each reason."""
    kept, skipped = [], dict[str, int]()
    for line in found:
        if line.status == Status.SKIPPED and not line.times:
            skipped[line.note] = skipped.get(line.note, 0) + 1
        else:
            kept.append(line)
    return kept, skipped


def training_lines(rows: Iterable[Measurement]) -> tuple[TrainingLine, ...]:
    """One line an epoch of each training, in order."""
    groups: dict[tuple[str, str, str, str], list[Measurement]] = {}
    for row in rows:
        if is_training(row):
            seed = str(row.context.get("seed", ""))
            groups.setdefault((row.component, row.variant, row.case, seed), []).append(row)
    return tuple(_training_line(group) for group in groups.values())


def _training_line(rows: Sequence[Measurement]) -> TrainingLine:
    first = rows[0]
    bad = next((row for row in rows if row.status != Status.OK), None)
    return TrainingLine(
        component=first.component,
        variant=first.variant,
        data=str(first.context.get("data", "")),
        seed=int(first.context.get("seed", 0)),
        epoch=int(first.context.get("epoch", 0)),
        values={row.metric: row.values[0] for row in rows if row.values and row.metric not in DRAWN},
        status=bad.status if bad else Status.OK,
        note=bad.note if bad else "",
        test_samples=int(first.context.get("test_samples", 0)),
        contender=str(first.context.get("contender", "")),
    )


def noise_floor(rows: Iterable[Measurement]) -> float | None:
    """A run's own noise floor, as a share of 1; None where it did not measure one."""
    return next((row.values[0] for row in rows if row.metric == "noise_floor" and row.values), None)


def calibration(rows: Iterable[Measurement]) -> dict[str, Interval]:
    """Each calibration kernel's time: what the machine itself did during the run."""
    rounds: dict[str, dict[int, list[float]]] = {}
    for row in rows:
        if row.metric == "calibration_time" and row.values:
            rounds.setdefault(row.component, {}).setdefault(row.round, []).extend(row.values)
    return {name: location(list(by_round.values())) for name, by_round in rounds.items()}
