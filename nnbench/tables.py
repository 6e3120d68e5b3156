"""Tables made of measurements: what is shown of one run, and of the change between two. No input or output here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from nnbench.metrics import CALIBRATION, METRICS, TIMED_MODES
from nnbench.model import CHECK_PREFIX, Measurement, Run, Status, Verdict
from nnbench.stats import Interval, compare_times, location

Key = tuple[str, str, str]  # component, case, variant

# How well peak memory is known: /proc counts pages in batches, and a first call touches some of the code's own.
MEMORY_SHARE = 0.02
MEMORY_BYTES = 2**20


@dataclass(frozen=True)
class Line:
    """What one variant gave in one case. Times are CPU seconds per call by mode, with their 99 % intervals.

    ``speed`` is torch's time over this variant's, over all modes together: above 1 is faster than torch. ``status`` is
    "ok", or the first that was not, with its ``note``.
    """

    component: str
    case: str
    variant: str
    times: Mapping[str, Interval] = field(default_factory=dict)
    wall_times: Mapping[str, Interval] = field(default_factory=dict)
    memory: float | None = None
    parameters: int | None = None
    flops: int | None = None
    speed: Interval | None = None
    status: str = Status.OK
    note: str = ""

    @property
    def key(self) -> Key:
        return self.component, self.case, self.variant

    @property
    def total(self) -> Interval | None:
        """All modes together."""
        times = list(self.times.values())
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

    @property
    def interval(self) -> Interval | None:
        """The test accuracy with the 99 % interval that drawing so many test samples leaves it (binomial)."""
        accuracy = self.values.get("test_accuracy")
        if accuracy is None or not self.test_samples or not math.isfinite(accuracy):
            return None
        half = 2.576 * math.sqrt(max(accuracy * (1 - accuracy), 0.25 / self.test_samples) / self.test_samples)
        return Interval(accuracy, max(0.0, accuracy - half), min(1.0, accuracy + half))


@dataclass(frozen=True)
class Change:
    """One metric of one variant in one case, before and after; times and memory with their intervals."""

    component: str
    case: str
    variant: str
    metric: str
    unit: str
    before: Interval | None
    after: Interval | None
    verdict: Verdict
    note: str = ""

    @property
    def is_worse(self) -> bool:
        return self.verdict.verdict in ("slower", "worse", "broken")


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
    skipped = [row for row in rows if row.status == Status.SKIPPED and row.metric != "peak_memory"]
    told = (bad or skipped)[:1]
    return Line(
        *key,
        times=_times(rows, "time"),
        wall_times=_times(rows, "wall_time"),
        memory=_single(rows, "peak_memory"),
        parameters=_whole(_single(rows, "parameters")),
        flops=_whole(_single(rows, "flops")),
        status=told[0].status if told else Status.OK,
        note=told[0].note if told else "",
    )


def _times(rows: Sequence[Measurement], suffix: str) -> dict[str, Interval]:
    found = {}
    for mode in TIMED_MODES:
        rounds = [row.values for row in rows if row.metric == f"{mode}_{suffix}" and row.values]
        if rounds:
            found[mode] = location(rounds)
    return found


def _single(rows: Sequence[Measurement], metric: str) -> float | None:
    return next((row.values[-1] for row in rows if row.metric == metric and row.values), None)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


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
        values={row.metric: row.values[0] for row in rows if row.values},
        status=bad.status if bad else Status.OK,
        note=bad.note if bad else "",
        test_samples=int(first.context.get("test_samples", 0)),
    )


def calibration(rows: Iterable[Measurement]) -> dict[str, Interval]:
    """Each calibration kernel's time: what the machine itself did during the run."""
    rounds: dict[str, dict[int, list[float]]] = {}
    for row in rows:
        if row.component.startswith(f"{CALIBRATION}.") and row.values:
            rounds.setdefault(row.component, {}).setdefault(row.round, []).extend(row.values)
    return {name: location(list(by_round.values())) for name, by_round in rounds.items()}


def drift(before: Run, after: Run) -> float:
    """The factor by which the machine itself surely moved between two runs; infinite where that is not known."""
    if before.machine.get("id") != after.machine.get("id") or before.machine.get("threads") != after.machine.get(
        "threads"
    ):
        return math.inf
    first, second = calibration(before.measurements), calibration(after.measurements)
    moves = [_surely(second[name] / first[name]) for name in first.keys() & second.keys()]
    return max(moves, default=math.inf)


def _surely(ratio: Interval) -> float:
    """By what factor a ratio differs from 1 beyond doubt: a kernel that swings within each run proves no drift."""
    return max(ratio.low, 1 / ratio.high, 1.0)


def changes(before: Run, after: Run) -> tuple[Change, ...]:
    """Every metric of both runs compared: times by intervals, memory within what is known of it, counts exactly."""
    first = {line.key: line for line in lines(before.measurements)}
    second = {line.key: line for line in lines(after.measurements)}
    moved = drift(before, after)
    specs = (_specs(before), _specs(after))
    found: list[Change] = []
    for key in dict.fromkeys([*first, *second]):
        found += _changes(key, first.get(key), second.get(key), moved, _same_spec(key, *specs))
    return (*found, *_training_changes(before, after))


def _training_changes(before: Run, after: Run) -> list[Change]:
    """Test accuracies of the same training (data, seed, epoch), within what their test set's size lets them tell."""
    first, second = (
        {_training_key(line): line for line in training_lines(run.measurements)} for run in (before, after)
    )
    pairs = [(first[key], second[key]) for key in first if key in second]
    return [_training_change(old, new) for old, new in pairs if old.interval and new.interval]


def _training_key(line: TrainingLine) -> tuple[str, str, str, int, int]:
    return line.component, line.variant, line.data, line.seed, line.epoch


def _training_change(old: TrainingLine, new: TrainingLine) -> Change:
    assert old.interval is not None
    assert new.interval is not None
    key = (old.component, f"{old.data},epoch={old.epoch},seed={old.seed}", old.variant)
    same = old.interval == new.interval
    apart = not old.interval.overlaps(new.interval)
    moved = "better" if new.interval.estimate > old.interval.estimate else "worse"
    said = moved if apart else "same" if same else "undecided"
    ratio = new.interval.estimate / old.interval.estimate if old.interval.estimate else math.inf
    note = "" if same or apart else "within what the test set's size can tell, and one seed says little"
    return _change(key, "test_accuracy", old.interval, new.interval, Verdict(said, ratio, math.nan, math.nan), note)


def _specs(run: Run) -> dict[Key, str]:
    return {(row.component, row.case, row.variant): row.spec for row in components_only(run.measurements)}


def _same_spec(key: Key, first: Mapping[Key, str], second: Mapping[Key, str]) -> bool:
    return key not in first or key not in second or first[key] == second[key]


def _changes(key: Key, before: Line | None, after: Line | None, moved: float, same_spec: bool) -> list[Change]:
    if before is None or after is None:
        verdict = "only after" if before is None else "only before"
        return [_change(key, "case", None, None, Verdict(verdict, math.nan, math.nan, math.nan))]
    if not same_spec:
        undecided = Verdict("undecided", math.nan, math.nan, math.nan)
        return [_change(key, "case", None, None, undecided, "the case's specification changed: it is other work")]
    if before.status != after.status:
        said = _status_verdict(before.status, after.status)
        nothing = Verdict(said, math.nan, math.nan, math.nan)
        return [_change(key, "status", None, None, nothing, after.note or before.note)] if said else []
    note = "another machine or thread count, or no calibration in common" if math.isinf(moved) else ""
    times = [_time_change(key, mode, before, after, moved, note) for mode in {**before.times, **after.times}]
    return [*times, *_memory_change(key, before, after), *_exact_changes(key, before, after)]


def _status_verdict(before: str, after: str) -> str:
    """A missing package is no defect of the component: "skipped" is neither broken nor mended."""
    if Status.SKIPPED in (before, after):
        return "only before" if after == Status.SKIPPED else "only after"
    if after == Status.OK:
        return "mended"
    return "broken" if before == Status.OK else ""  # wrong in one way or another, but wrong before and after


def _time_change(key: Key, mode: str, before: Line, after: Line, moved: float, note: str) -> Change:
    old, new = before.times.get(mode), after.times.get(mode)
    if old is None or new is None:
        verdict = Verdict("only after" if old is None else "only before", math.nan, math.nan, math.nan)
        return _change(key, f"{mode}_time", old, new, verdict)
    return _change(key, f"{mode}_time", old, new, compare_times(old, new, moved), note)


def _change(
    key: Key, metric: str, before: Interval | None, after: Interval | None, verdict: Verdict, note: str = ""
) -> Change:
    unit = METRICS[metric].unit if metric in METRICS else ""
    return Change(*key, metric=metric, unit=unit, before=before, after=after, verdict=verdict, note=note)


def _memory_change(key: Key, before: Line, after: Line) -> list[Change]:
    if before.memory is None or after.memory is None:
        return []
    old, new = _memory_interval(before.memory), _memory_interval(after.memory)
    ratio = max(after.memory, 1.0) / max(before.memory, 1.0)
    verdict = Verdict(_memory_verdict(old, new), ratio, math.nan, math.nan)
    return [_change(key, "peak_memory", old, new, verdict)]


def _memory_verdict(old: Interval, new: Interval) -> str:
    """Same where each lies within what is known of the other, undecided where only the two margins touch."""
    if not old.overlaps(new):
        return "worse" if new.low > old.high else "better"
    within = old.low <= new.estimate <= old.high or new.low <= old.estimate <= new.high
    return "same" if within else "undecided"


def _memory_interval(value: float) -> Interval:
    margin = max(MEMORY_SHARE * value, MEMORY_BYTES)
    return Interval(value, max(value - margin, 0.0), value + margin)


def _exact_changes(key: Key, before: Line, after: Line) -> list[Change]:
    found = []
    for metric in ("parameters", "flops"):
        old, new = getattr(before, metric), getattr(after, metric)
        if old is not None and new is not None:
            ratio = new / old if old else (1.0 if new == old else math.inf)
            ends = (Interval(old, old, old), Interval(new, new, new))
            found.append(_change(key, metric, *ends, Verdict(_exact_verdict(metric, old, new), ratio, ratio, ratio)))
    return found


def _exact_verdict(metric: str, old: int, new: int) -> str:
    if old == new:
        return "same"
    if METRICS[metric].better == "neither":
        return "changed"
    return "worse" if new > old else "better"
