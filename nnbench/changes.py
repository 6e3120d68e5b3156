"""What changed between two runs, and how sure. No input or output here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from nnbench.made_of import difference
from nnbench.metrics import INSTRUCTIONS_SHARE, METRICS
from nnbench.model import Run, Status, Verdict
from nnbench.roofline import without_impossible
from nnbench.stats import UNUSABLE, Interval, compare_times
from nnbench.tables import Key, Line, TrainingLine, calibration, components_only, lines, noise_floor, training_lines

# How well peak memory is known: /proc counts pages in batches, and a first call touches some of the code's own.
MEMORY_SHARE = 0.02
MEMORY_BYTES = 2**20


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


def drift(before: Run, after: Run) -> float:
    """The factor by which the machine itself surely moved between two runs; infinite where that is not known."""
    if before.machine.get("id") != after.machine.get("id") or before.machine.get("threads") != after.machine.get(
        "threads"
    ):
        return math.inf
    if any((noise_floor(run.measurements) or 0.0) > UNUSABLE for run in (before, after)):
        return math.inf
    first, second = calibration(before.measurements), calibration(after.measurements)
    moves = [_surely(second[name] / first[name]) for name in first.keys() & second.keys()]
    return max(moves, default=math.inf)


def _surely(ratio: Interval) -> float:
    """By what factor a ratio differs from 1 beyond doubt: a kernel that swings within each run proves no drift."""
    return max(ratio.low, 1 / ratio.high, 1.0)


def changes(before: Run, after: Run) -> tuple[Change, ...]:
    """Every metric of both runs compared: times by intervals, memory within what is known of it, counts exactly."""
    alike = before.machine.get("id") == after.machine.get("id")
    first, second = _lines(before, alike), _lines(after, alike)
    moved = drift(before, after)
    specs = (_specs(before), _specs(after))
    found: list[Change] = []
    for key in dict.fromkeys([*first, *second]):
        found += _changes(key, first.get(key), second.get(key), moved, _same_spec(key, *specs))
    return (*found, *_training_changes(before, after))


def _lines(run: Run, alike: bool) -> dict[Key, Line]:
    """A run's lines without times that no machine can reach, and without instructions where the machines differ."""
    found = without_impossible(lines(run.measurements), run.machine)
    return {line.key: line if alike else replace(line, instructions=None) for line in found}


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
    note = NOT_COMPARED if math.isinf(moved) else ""
    times = [_time_change(key, mode, before, after, moved, note) for mode in {**before.times, **after.times}]
    exact = _exact_changes(key, before, after)
    return [*times, *_memory_change(key, before, after), *exact, *_instructions_change(key, before, after)]


NOT_COMPARED = "another machine or thread count, a run that was too noisy, or no calibration in common"


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
        return _change(key, (before if new is None else after).time_metric(mode), old, new, verdict)
    return _change(key, after.time_metric(mode), old, new, compare_times(old, new, moved), note)


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
    return [_change(key, after.memory_metric, old, new, verdict)]


def _memory_verdict(old: Interval, new: Interval) -> str:
    """Same where each lies within what is known of the other, undecided where only the two margins touch."""
    if not old.overlaps(new):
        return "worse" if new.low > old.high else "better"
    within = old.low <= new.estimate <= old.high or new.low <= old.estimate <= new.high
    return "same" if within else "undecided"


def _memory_interval(value: float) -> Interval:
    margin = max(MEMORY_SHARE * value, MEMORY_BYTES)
    return Interval(value, max(value - margin, 0.0), value + margin)


def _instructions_change(key: Key, before: Line, after: Line) -> list[Change]:
    """CPU instructions, which repeat but for a few in a thousand (docs/methodology.md)."""
    if not before.instructions or not after.instructions:
        return []
    old, new = before.instructions, after.instructions
    said = "same" if abs(math.log(new / old)) <= INSTRUCTIONS_SHARE else "worse" if new > old else "better"
    ends = (Interval(old, old, old), Interval(new, new, new))
    return [_change(key, "instructions", *ends, Verdict(said, new / old, math.nan, math.nan))]


def _exact_changes(key: Key, before: Line, after: Line) -> list[Change]:
    exact = [name for name, one in METRICS.items() if one.exact]
    both = [metric for metric in exact if metric in before.counters and metric in after.counters]
    return [_exact_change(key, metric, before, after) for metric in both]


def _exact_change(key: Key, metric: str, before: Line, after: Line) -> Change:
    """One counter; where it, or what it is made of, changed, the note names the operators that made the difference."""
    old, new = before.counters[metric], after.counters[metric]
    ends = (Interval(old, old, old), Interval(new, new, new))
    ratio = new / old if old else (1.0 if new == old else math.inf)
    parts = _made_of(before, metric), _made_of(after, metric)
    if metric == "flops" and parts.count(None) == 1:
        return _change(key, metric, *ends, Verdict("undecided", ratio, math.nan, math.nan), FORWARD_ALONE)
    note = "" if parts[0] is None or parts[1] is None else difference(parts[0], parts[1], METRICS[metric].unit)
    return _change(key, metric, *ends, Verdict(_exact_verdict(metric, old, new, note), ratio, ratio, ratio), note)


FORWARD_ALONE = "one of the two runs is older and counted the forward alone"


def _made_of(line: Line, metric: str) -> Mapping[str, int] | None:
    """What a counter is made of, by operator; None where that was not noted."""
    return line.by_operator.get(metric, None if line.counters[metric] else {})


def _exact_verdict(metric: str, old: int, new: int, note: str) -> str:
    if old == new:
        return "changed" if note else "same"
    if METRICS[metric].better == "neither":
        return "changed"
    return "worse" if new > old else "better"
