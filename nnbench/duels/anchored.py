"""A commit held against a pinned anchor: checked, counted, and timed in turn with it in fresh pairs of processes."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nnbench import runner
from nnbench.checking import Settings as Checking
from nnbench.duels import duel, opponents
from nnbench.duels.contest import Contest, Event, Outcome, Settings
from nnbench.duels.revisions import State, nothing_there, of_the_run
from nnbench.errors import NnbenchError
from nnbench.metrics import METRICS, anchored
from nnbench.model import CaseInfo, Check, ComponentInfo, Measurement, Status, check_to_measurement
from nnbench.plan import Target, select, timed
from nnbench.stats import UNUSABLE

PHASES = 2  # steps of a target before its contests: it is checked, then counted

Series = tuple[str, str, str, str]  # component, variant, case, metric


@dataclass(frozen=True)
class Task:
    """What is asked of every commit: targets as the anchor or the newest commit has them, and the contests of each."""

    targets: tuple[Target, ...]
    contests: tuple[Contest, ...]

    def without(self, done: Collection[Series]) -> Task:
        """What is left of it when some series are there already."""
        left = tuple(one for one in self.contests if series_of(one) not in done)
        keys = {(one.component, one.b_variant, one.case) for one in left}
        targets = tuple(one for one in self.targets if (one.component.id, one.variant, one.case.label) in keys)
        return Task(targets, left)


def task(anchor: State, newest: State, patterns: Sequence[str], expression: str, modes: Sequence[str]) -> Task:
    """What the patterns take of what the anchor and the newest commit have; raises ``NnbenchError``."""
    known = {one.id: one for one in anchor.components}
    for one in newest.components:
        known[one.id] = _both(known[one.id], one) if one.id in known else one
    if not known:
        raise NnbenchError(nothing_there((anchor, newest)))
    targets = timed(select(list(known.values()), patterns, expression))
    return Task(targets, tuple(opponents.contests([(target, target) for target in targets], modes)))


def _both(before: ComponentInfo, after: ComponentInfo) -> ComponentInfo:
    """The newer one, with the variants and cases of the older one that it lacks."""
    labels = {case.label for case in after.cases}
    return replace(
        after,
        variants=tuple(dict.fromkeys([*after.variants, *before.variants])),
        cases=(*after.cases, *(case for case in before.cases if case.label not in labels)),
    )


def steps(asked: Task, settings: Settings) -> int:
    """How many steps the events of ``measure`` will add up to."""
    return PHASES * len(asked.targets) + duel.steps(asked.contests, settings)


def series_of(contest: Contest) -> Series:
    return contest.component, contest.b_variant, contest.case, anchored(contest.mode)


@dataclass
class _Commit:
    """A commit under way: the contests whose end is known, those that are fought, and what they came to."""

    anchor: State
    state: State
    ended: dict[Contest, tuple[str, str]] = field(default_factory=dict)  # status and note
    targets: dict[str, Target] = field(default_factory=dict)  # by key, as the commit has them
    fought: dict[Contest, str] = field(default_factory=dict)  # to the target's key
    outcomes: list[Outcome] = field(default_factory=list)


def measure(anchor: State, state: State, asked: Task, duelling: Settings, checking: Checking) -> Iterator[Event]:
    """One commit's rows as they come: checks, exact counters, the samples of both sides, a ratio a contest and pair.

    A contest that cannot take place gives its row with the reason. What the anchor does not have as the commit has it
    is given times by themselves, beside the calibration kernels'. While the noise floor is above 5 % no ratio is given.
    """
    commit = _Commit(anchor, state)
    given = 0
    for event in _phases(commit, asked, duelling, checking):
        given += event.steps
        yield replace(event, rows=tuple(_without_folder(row, state) for row in event.rows))
    rows = [ratio_row(contest, (), anchor, status, note) for contest, (status, note) in commit.ended.items()]
    yield Event(rows=tuple(_without_folder(row, state) for row in rows), steps=steps(asked, duelling) - given)


def _phases(commit: _Commit, asked: Task, duelling: Settings, checking: Checking) -> Iterator[Event]:
    for contest in asked.contests:
        _place(commit, contest)
    _refuse_other_code(commit)
    if commit.targets:
        yield from _counted(commit, checking)
        commit.state.session.renew()
    if commit.fought:
        yield from _fought(commit, duelling)


def _place(commit: _Commit, contest: Contest) -> None:
    """Find a contest's target in the commit, and whether the anchor has the same work."""
    target = _find(commit.state, contest)
    if target is None:
        commit.ended[contest] = _absent(commit.state, contest)
        return
    commit.targets[target.key] = target
    other = _other_work(commit.anchor, contest, target)
    if other:
        commit.ended[contest] = (Status.SKIPPED, other)
    else:
        is_parallel = "parallel" in target.component.properties
        commit.fought[replace(contest, spec=target.case.spec, is_parallel=is_parallel)] = target.key


def _find(state: State, contest: Contest) -> Target | None:
    component = next((one for one in state.components if one.id == contest.component), None)
    if component is None or contest.b_variant not in (*component.variants, *component.on_request):
        return None
    case = _case(component, contest.case)
    return Target(component, contest.b_variant, case) if case else None


def only_later(asked: Task, anchor: State) -> list[str]:
    """The ids of the components of which the anchor has no target that is asked for."""
    there = {contest.component for contest in asked.contests if _find(anchor, contest) is not None}
    return [one for one in dict.fromkeys(contest.component for contest in asked.contests) if one not in there]


def _case(component: ComponentInfo, label: str) -> CaseInfo | None:
    return next((case for case in component.cases if case.label == label), None)


def _absent(state: State, contest: Contest) -> tuple[str, str]:
    """Why a commit does not have it: a suite that cannot be imported is a fault, one that never had it is none."""
    problems = state.session.problems
    if problems and all(one.id != contest.component for one in state.components):
        return Status.FAILED, f"this commit cannot be imported whole: {problems[0]}"
    return Status.SKIPPED, "not in this commit"


def _other_work(anchor: State, contest: Contest, target: Target) -> str:
    """Why the anchor cannot be held against it; empty where it can."""
    there = _find(anchor, contest)
    if there is None:
        return f"{anchor.tree.name}, the anchor, does not have it"
    if there.case.spec != target.case.spec or there.component.modes != target.component.modes:
        return f"other work than in {anchor.tree.name}, the anchor: its inputs, arguments or kind changed"
    return ""


def _refuse_other_code(commit: _Commit) -> None:
    """Where files of the working tree were imported in place of the commit's, nothing of it is measured."""
    components = {target.component.id: target.component for target in commit.targets.values()}
    try:
        if components:
            commit.state.code(list(components.values()))
    except NnbenchError as error:
        for contest in [*commit.fought, *commit.ended]:
            commit.ended[contest] = (Status.FAILED, str(error))
        commit.targets.clear()
        commit.fought.clear()


def _counted(commit: _Commit, settings: Checking) -> Iterator[Event]:
    """Check what the commit has and count it; contests of what is wrong or fails end here."""
    keys = set(commit.fought.values())
    failures: dict[str, tuple[str, str]] = {}
    for event in runner.measure(commit.state.session, list(commit.targets.values()), settings):
        row = check_to_measurement(event.row) if isinstance(event.row, Check) else event.row
        if isinstance(event.row, Measurement) and _is_failure(event.row):
            failures.setdefault(_key(event.row), (event.row.status, event.row.note))
            row = None
        yield Event(event.doing, (row,) if row is not None and _is_kept(row, keys) else (), steps=event.steps)
    for contest, key in list(commit.fought.items()):
        if key in failures:
            del commit.fought[contest]
            commit.ended[contest] = failures[key]


def _is_failure(row: Measurement) -> bool:
    return row.status != Status.OK and runner.is_component(row) and not METRICS[row.metric].beside


def _key(row: Measurement) -> str:
    return f"{row.component}@{row.variant}[{row.case}]"


def _is_kept(row: Measurement, timed_in_turn: Collection[str]) -> bool:
    """Whether a row is stored: times of what takes turns with the anchor come from there, and so does the floor."""
    if not runner.is_component(row):
        return row.metric == "calibration_time"
    is_time = row.metric in METRICS and METRICS[row.metric].unit == "s"
    return not (is_time and _key(row) in timed_in_turn)


def _fought(commit: _Commit, settings: Settings) -> Iterator[Event]:
    """The anchor, A, and the commit, B, take turns, pair after pair; what ends without an outcome has no such mode."""
    identifiers = {contest.component for contest in commit.fought}
    a, b = (state.side(identifiers) for state in (commit.anchor, commit.state))
    for event in duel.run(a, b, list(commit.fought), settings):
        rows = [of_the_run(row) for row in event.rows]
        if event.outcome is not None:
            commit.outcomes.append(event.outcome)
            rows += _ratio(event.outcome, commit.anchor)
        yield replace(event, rows=tuple(rows))
    for contest in commit.fought:
        if all(outcome.contest != contest for outcome in commit.outcomes):
            commit.ended[contest] = (Status.SKIPPED, f"this case has no {contest.mode}")
    yield Event(rows=(duel.floor_row(commit.outcomes),))


def _ratio(outcome: Outcome, anchor: State) -> list[Measurement]:
    """The row of a contest that was fought; none where the machine was too noisy, so that it is measured again."""
    if outcome.status == Status.OK and is_unusable(outcome):
        return []
    return [ratio_row(outcome.contest, outcome.values, anchor, outcome.status, outcome.note, outcome.floor)]


def is_unusable(outcome: Outcome) -> bool:
    return outcome.floor > UNUSABLE


def ratio_row(
    contest: Contest, logarithms: Sequence[float], anchor: State, status: str, note: str, floor: float | None = None
) -> Measurement:
    """The commit's time over the anchor's, one value a process pair; or the status and the note of why not."""
    context: Mapping[str, object] = {"anchor": anchor.commit} | ({} if floor is None else {"floor": floor})
    return Measurement(
        component=contest.component,
        variant=contest.b_variant,
        case=contest.case,
        metric=anchored(contest.mode),
        unit="1",
        values=tuple(math.exp(value) for value in logarithms),
        status=status,
        note=note if status != Status.OK else "",
        spec=contest.spec,
        context=context,
    )


def _without_folder(row: Measurement, state: State) -> Measurement:
    """A row whose note names files by their place in the commit: the folder is gone when it is read."""
    return replace(row, note=row.note.replace(f"{state.tree.folder}/", ""))
