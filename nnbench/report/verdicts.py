"""What a run says in sentences: what is wrong, which variant is fastest, and what was measured where."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nnbench.errors import listing
from nnbench.model import Check, CheckStatus, Run, Status
from nnbench.report.words import factor, grouped, moment, plural
from nnbench.stats import Interval, compare_times
from nnbench.tables import Key, Line, TrainingLine, lines, training_lines
from nnbench.units import share

WRONG, ERRATUM, SKIPPED = "wrong", "erratum", "skipped"


@dataclass(frozen=True)
class Finding:
    """A variant that got no time, or should not have. ``weight`` is "wrong", "erratum" (as expected) or "skipped"."""

    weight: str
    component: str
    variant: str
    case: str
    status: str
    reason: str

    @property
    def key(self) -> Key:
        return self.component, self.case, self.variant


@dataclass(frozen=True)
class Race:
    """Which variant of a case is fastest: ``lead`` and ``rest`` are the sentence, ``winner`` is empty on a tie."""

    component: str
    case: str
    outcome: str  # "won", "tie", "alone" or "none"
    winner: str
    lead: str
    rest: str

    @property
    def sentence(self) -> str:
        return f"{self.lead} {self.rest}"


@dataclass(frozen=True)
class Speed:
    """Torch's time over this variant's, and what may be said of it: "faster", "slower", "tie" or "torch" itself."""

    interval: Interval
    word: str


def judged(run: Run) -> tuple[Line, ...]:
    """The run's lines; one whose check failed is wrong, whatever times it has, and is compared with nothing."""
    checks = _by_key(run.checks)
    bad = {key: _of_checks(key, rows) for key, rows in checks.items() if not all(check.is_right for check in rows)}
    return tuple(
        replace(line, status=Status.WRONG, note=finding.reason)
        if line.status == Status.OK and (finding := bad.get(line.key)) is not None
        else line
        for line in lines(run.measurements)
    )


def findings(run: Run) -> tuple[Finding, ...]:
    """Everything that is not simply right, in the order in which it was measured."""
    checks = _by_key(run.checks)
    found = [_of_line(line, checks.pop(line.key, [])) for line in judged(run)]
    found += [_of_checks(key, rows) for key, rows in checks.items()]
    found += [_of_training(line) for line in training_lines(run.measurements)]
    return tuple(finding for finding in found if finding is not None)


def _by_key(checks: Iterable[Check]) -> dict[Key, list[Check]]:
    return dict(grouped(checks, lambda check: (check.component, check.case, check.variant)))


def _of_line(line: Line, checks: Sequence[Check]) -> Finding | None:
    said = _of_checks(line.key, checks)
    if line.status == Status.OK:
        return said
    if said is not None and said.weight == ERRATUM and line.status == Status.WRONG:
        return said
    if said is not None and line.status == Status.WRONG:
        return _finding(WRONG, line.key, said.status, line.note)
    return _finding(SKIPPED if line.status == Status.SKIPPED else WRONG, line.key, *_ending(line.status, line.note))


def _of_checks(key: Key, checks: Sequence[Check]) -> Finding | None:
    bad = [check for check in checks if not check.is_right]
    if bad:
        worst = next((check for check in bad if check.status == CheckStatus.FAILED), bad[0])
        status = CheckStatus.MISTRUSTED if worst.status == CheckStatus.MISTRUSTED else Status.WRONG
        if worst.check == "completed":
            return _finding(WRONG, key, *_ending(Status.FAILED, worst.note))
        return _finding(WRONG, key, status, f"{worst.check}: {worst.note}")
    expected = next((check for check in checks if check.status == CheckStatus.EXPECTED), None)
    return None if expected is None else _finding(ERRATUM, key, "as documented", expected.note)


def _ending(status: str, note: str) -> tuple[str, str]:
    """How it ended and why: a check that could not be completed carries its process's end in its note."""
    rest = note.removeprefix("completed: ")
    ends = [known for known in Status if rest.startswith(f"{known}: ")]
    return (str(ends[0]), rest.removeprefix(f"{ends[0]}: ")) if ends else (str(status), rest)


def _of_training(line: TrainingLine) -> Finding | None:
    case = f"training on {line.data}, epoch {line.epoch}" if line.data else "training"
    key = line.component, case, line.variant
    if line.status != Status.OK:
        return _finding(SKIPPED if line.status == Status.SKIPPED else WRONG, key, line.status, line.note)
    lost = [metric.replace("_", " ") for metric, value in line.values.items() if not math.isfinite(value)]
    return _finding(WRONG, key, "diverged", f"{listing(lost)} is not finite") if lost else None


def _finding(weight: str, key: Key, status: str, reason: str) -> Finding:
    component, case, variant = key
    return Finding(weight, component, variant, case, str(status), reason.strip() or "no reason was recorded")


def headline(run: Run, found: Sequence[Finding]) -> str:
    """The first words of the page."""
    wrong = Counter(finding.status for finding in found if finding.weight == WRONG)
    if wrong:
        return f"Not everything is right: {listing(f'{count} {status}' for status, count in wrong.items())}"
    if not run.measurements:
        return "Nothing was measured"
    return "Nothing is wrong" if run.ended == "complete" else "Nothing is wrong so far"


def measured(run: Run) -> str:
    """How much was measured, where, of which commit and when."""
    keys = dict.fromkeys([line.key for line in lines(run.measurements)] + list(_by_key(run.checks)))
    where = f"on {machine(run.machine)}, at {commit(run)}, on {moment(run.started)}"
    components, cases = {key[0] for key in keys}, {key[:2] for key in keys}
    if not keys:
        what = "An architecture was trained" if training_lines(run.measurements) else "No component was measured"
        return f"{what} {where}."
    verb = "was" if len(components) == 1 else "were"
    return (
        f"{plural(len(components), 'component')} {verb} measured in {plural(len(cases), 'case')}, "
        f"{plural(len(keys), 'variant')} in all, {where}."
    )


def machine(facts: Mapping[str, Any]) -> str:
    """CPU, cores and GPUs in a few words."""
    cores = facts.get("cores")
    gpus = [str(gpu.get("name", "GPU") if isinstance(gpu, Mapping) else gpu) for gpu in facts.get("gpus") or ()]
    count = plural(cores, "core") if isinstance(cores, int) else "unknown cores"
    return f"{facts.get('cpu') or 'an unknown CPU'} ({count}, {listing(gpus) if gpus else 'no GPU'})"


def commit(run: Run) -> str:
    """The commit and whether the tree differed from it."""
    if not run.commit:
        return "no commit (outside a git repository)"
    return f"commit {run.commit[:10]} with uncommitted changes" if run.dirty else f"commit {run.commit[:10]}"


def ending(run: Run) -> str:
    """What to know about a run that did not come to its end; empty for one that did."""
    if run.ended == "complete":
        return ""
    return f"The run was {run.ended} before its end: this is what it had measured until then."


def check_counts(run: Run) -> str:
    """How the checks ended, in one sentence."""
    counts = Counter(check.status for check in run.checks)
    if not counts:
        return "No check was made."
    said = [f"{counts[status]:,} {status}" for status in CheckStatus if counts[status]]
    return f"{plural(counts.total(), 'check')}: {listing(said)}."


def races(found: Sequence[Line]) -> tuple[Race, ...]:
    """One race a component and case, in order."""
    groups = grouped(found, lambda line: (line.component, line.case))
    return tuple(_race(component, case, group) for (component, case), group in groups)


def _race(component: str, case: str, group: Sequence[Line]) -> Race:
    right = [line for line in group if line.status == Status.OK and line.total is not None]
    if not right:
        return Race(component, case, "none", "", "no variant", "got a time")
    base = _base(right)
    peers = [line for line in right if line.times.keys() == base.times.keys()]
    peers.sort(key=lambda line: (_total(line).estimate, line.variant))
    outcome, lead, rest = _result(base, peers)
    aside = [line.variant for line in right if line not in peers]
    more = f"; left out, as measured in other modes: {listing(aside)}" if aside else ""
    return Race(component, case, outcome, lead if outcome == "won" else "", lead, rest + more)


def _base(right: Sequence[Line]) -> Line:
    """What the others are compared with: torch, or else the reference, or else the first."""
    by_variant = {line.variant: line for line in right}
    return by_variant.get("torch") or by_variant.get("reference") or right[0]


def _result(base: Line, peers: Sequence[Line]) -> tuple[str, str, str]:
    """Outcome and the two halves of the sentence; ``peers`` are sorted by time and hold ``base``."""
    leader = peers[0]
    level = [line for line in peers if line is leader or word(leader, line) == "tie"]
    if len(peers) == 1:
        return "alone", leader.variant, "has nothing to be compared with"
    if len(level) == 1:
        other = peers[1] if leader is base else base
        speed = factor(_total(other) / _total(leader))
        return "won", leader.variant, f"is fastest, {speed} the speed of {other.variant}"
    paces = listing(f"{line.variant} {factor(_total(base) / _total(line))}" for line in level if line is not base)
    lead = "tie:" if len(level) == len(peers) else f"tie of {listing(sorted(line.variant for line in level))}:"
    return "tie", lead, f"{paces} the speed of {base.variant}"


def _total(line: Line) -> Interval:
    if line.total is None:
        raise ValueError(f"{line.key} has no time")
    return line.total


def word(line: Line, other: Line) -> str:
    """What may be said of a line beside another: "faster" or "slower" only with intervals more than 1 % apart."""
    verdict = compare_times(_total(other), _total(line)).verdict
    return verdict if verdict in ("faster", "slower") else "tie"


def tally(found: Sequence[Race]) -> str:
    """How often each variant is fastest, in one sentence; empty without races."""
    outcomes = Counter(race.outcome for race in found)
    wins = Counter(race.winner for race in found if race.outcome == "won")
    ranked = sorted(wins.items(), key=lambda win: (-win[1], win[0]))
    first = [f"{name} {'' if place else 'is fastest '}in {number:,}" for place, (name, number) in enumerate(ranked)]
    words = {"tie": ("is a tie", "are ties"), "alone": ("had nothing to compare",), "none": ("got no time",)}
    rest = [f"{outcomes[key]:,} {words[key][0 if outcomes[key] == 1 else -1]}" for key in words if outcomes[key]]
    said = "; ".join(listing(parts) for parts in (first, rest) if parts)
    return f"Of {plural(len(found), 'case')}, {said}." if found else ""


def speeds(found: Sequence[Line]) -> dict[Key, Speed]:
    """Each right line's speed relative to torch, where torch is right too and was measured in the same modes."""
    right = {line.key: line for line in found if line.status == Status.OK and line.speed is not None}
    made = {}
    for line in right.values():
        torch_line = right.get((line.component, line.case, "torch"))
        if torch_line is not None and line.speed is not None:
            made[line.key] = Speed(line.speed, "torch" if line is torch_line else word(line, torch_line))
    return made


def trained(found: Sequence[TrainingLine]) -> tuple[str, ...]:
    """One sentence for the last epoch of each training that went well."""
    last: dict[tuple[str, str, str, int], TrainingLine] = {}
    for line in found:
        if line.status == Status.OK and math.isfinite(line.values.get("test_accuracy", math.nan)):
            last[line.component, line.variant, line.data, line.seed] = line
    return tuple(
        f"{line.component}@{line.variant} reached {share(line.values['test_accuracy'])} test accuracy on {line.data} "
        f"after {plural(line.epoch, 'epoch')}, with one seed ({line.seed})."
        for line in last.values()
    )
