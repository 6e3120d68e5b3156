"""What a run says in sentences: what is wrong, and what was measured where."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nnbench.errors import listing
from nnbench.metrics import EXPERIMENT
from nnbench.model import Check, CheckStatus, Run, Status
from nnbench.report import correctness
from nnbench.report.words import grouped, moment, plural
from nnbench.roofline import without_impossible
from nnbench.stats import UNUSABLE
from nnbench.tables import Key, Line, TrainingLine, lines, noise_floor, training_lines
from nnbench.units import share

WRONG, ERRATUM, DIFFERENT, SKIPPED = "wrong", "erratum", "different", "skipped"


@dataclass(frozen=True)
class Finding:
    """What is to be said of a variant.

    ``weight`` is "wrong", "erratum" (of the documents, as expected), "different" (as its own documentation says) or
    "skipped".
    """

    weight: str
    component: str
    variant: str
    case: str
    status: str
    reason: str

    @property
    def key(self) -> Key:
        return self.component, self.case, self.variant


def judged(run: Run) -> tuple[Line, ...]:
    """The run's lines; one whose check failed is wrong, whatever times it has, and is compared with nothing."""
    checks = _by_key(run.checks)
    bad = {key: _of_checks(key, rows) for key, rows in checks.items() if not all(check.is_right for check in rows)}
    return tuple(
        replace(line, status=Status.WRONG, note=finding.reason)
        if line.status == Status.OK and (finding := bad.get(line.key)) is not None
        else line
        for line in without_impossible(lines(run.measurements), run.machine)
    )


def findings(run: Run) -> tuple[Finding, ...]:
    """Everything that is not simply right, in the order in which it was measured."""
    checks = _by_key(run.checks)
    found = [_of_line(line, checks.pop(line.key, [])) for line in judged(run)]
    found += [_of_checks(key, rows) for key, rows in checks.items()]
    found += [of_training(line) for line in training_lines(run.measurements)]
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
    weight = SKIPPED if line.status == Status.SKIPPED else WRONG
    return _finding(weight, line.key, line.status, _reason(line.status, line.note))


def _of_checks(key: Key, checks: Sequence[Check]) -> Finding | None:
    bad = [check for check in checks if not check.is_right]
    if bad:
        worst = next((check for check in bad if check.status == CheckStatus.FAILED), bad[0])
        status = CheckStatus.MISTRUSTED if worst.status == CheckStatus.MISTRUSTED else Status.WRONG
        if worst.cause:
            return _finding(WRONG, key, worst.cause, _reason(worst.cause, f"{worst.check}: {worst.note}"))
        return _finding(WRONG, key, status, f"{worst.check}: {worst.note}")
    expected = sorted(
        (check for check in checks if check.status == CheckStatus.EXPECTED), key=lambda one: not one.erratum
    )
    if not expected:
        return None
    weight, said = (ERRATUM, "as documented") if expected[0].erratum else (DIFFERENT, "different")
    return _finding(weight, key, said, expected[0].note)


def _reason(status: str, note: str) -> str:
    """A note without what the status beside it says already."""
    return note.removeprefix("completed: ").removeprefix(f"{status}: ")


def of_training(line: TrainingLine) -> Finding | None:
    """What is to be said of an epoch that did not go well; None of one that did."""
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
    if is_comparison(run):
        return _trained_or_compared(run)
    return "Nothing is wrong" if run.ended == "complete" else "Nothing is wrong so far"


def is_comparison(run: Run) -> bool:
    """Whether the run holds the trials of an experiment and nothing else."""
    return any(row.metric == EXPERIMENT for row in run.measurements) and not lines(run.measurements)


def measured(run: Run) -> str:
    """How much was measured, where, of which commit and when."""
    keys = dict.fromkeys([line.key for line in lines(run.measurements)] + list(_by_key(run.checks)))
    where = f"on {machine(run.machine)}, at {commit(run)}, on {moment(run.started)}"
    components, cases = {key[0] for key in keys}, {key[:2] for key in keys}
    if is_comparison(run):
        return f"Made {where}."
    if not keys:
        return f"{_trained_or_compared(run)} {where}."
    verb = "was" if len(components) == 1 else "were"
    return (
        f"{plural(len(components), 'component')} {verb} measured in {plural(len(cases), 'case')}, "
        f"{plural(len(keys), 'variant')} in all, {where}."
    )


def _trained_or_compared(run: Run) -> str:
    """What happened in a run that measured no component."""
    compared = [row for row in run.measurements if row.metric == EXPERIMENT]
    if compared:
        told = listing(f"{row.context.get('factor')} on {row.component}" for row in compared)
        return f"A comparison of {told}"
    return "An architecture was trained" if training_lines(run.measurements) else "No component was measured"


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


def noise(run: Run) -> str:
    """What to know about a run on a machine that was too noisy; empty for any other."""
    floor = noise_floor(run.measurements)
    if floor is None or floor <= UNUSABLE:
        return ""
    return (
        f"The machine was noisy: the same code differed from itself by {share(floor)} (the noise floor), and above "
        f"{share(UNUSABLE)} times decide nothing. Exact counters and memory stand."
    )


def check_counts(run: Run) -> str:
    """How the checks ended, in one sentence."""
    counts = Counter(check.status for check in run.checks)
    if not counts:
        return "No check was made."
    return f"{plural(counts.total(), 'check')}: {listing(correctness.ended(counts))}."


def trained(found: Sequence[TrainingLine]) -> tuple[str, ...]:
    """One sentence for the last epoch of each training that went well; an experiment's have a page of their own."""
    last: dict[tuple[str, str, str, int], TrainingLine] = {}
    for line in found:
        if (
            line.status == Status.OK
            and not line.contender
            and math.isfinite(line.values.get("test_accuracy", math.nan))
        ):
            last[line.component, line.variant, line.data, line.seed] = line
    return tuple(
        f"{line.component}@{line.variant} reached {share(line.values['test_accuracy'])} test accuracy on {line.data} "
        f"after {plural(line.epoch, 'epoch')}, with one seed ({line.seed})."
        for line in last.values()
    )
