"""A range of commits under way: opened one after the other, measured, and each stored when it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from nnbench import store
from nnbench.checking import Settings as Checking
from nnbench.cli import output
from nnbench.cli.progress import Progress
from nnbench.cli.started import new_run
from nnbench.commits.log import Commit
from nnbench.commits.worktrees import Revision
from nnbench.duels import anchored
from nnbench.duels.anchored import Task
from nnbench.duels.contest import Settings
from nnbench.duels.kept import Book
from nnbench.duels.revisions import State
from nnbench.errors import NnbenchError, listing
from nnbench.metrics import ANCHORED
from nnbench.model import Measurement, Status
from nnbench.stats import UNUSABLE
from nnbench.tables import noise_floor
from nnbench.units import share

Open = Callable[[Revision], AbstractContextManager[State]]
MakeTask = Callable[[State, State], Task]  # of the anchor and the newest commit


@dataclass
class Crossing:
    """What is known of the commits, how to open one and how to measure it; ``task`` is there once it is known."""

    book: Book
    open: Open
    results: Path
    duelling: Settings
    checking: Checking
    task: Task | None = None
    stored: list[str] = field(default_factory=list)  # runs of this call
    exit_code: int = 0
    _told: set[str] = field(default_factory=set)

    def go(self, anchor: Revision, make_task: MakeTask, limit: int | None) -> None:
        """Measure what is missing, at most so many commits; each is stored when it is done, or not at all."""
        with ExitStack() as stack:
            against = stack.enter_context(self.open(anchor))
            self._refuse_empty(against)
            with ExitStack() as first:
                newest = self.book.commits[-1]
                opened = first.enter_context(self.open(_revision(newest)))
                self.task = make_task(against, opened)
                self._tell_copies(against, self.task)
                _tell_later(against, self.task)
                missing = self.book.missing(self.task)
                number = min(len(missing), limit or len(missing))
                output.warn(_announced(len(self.book.commits), len(missing), number, self.task))
                progress = stack.enter_context(Progress(number * anchored.steps(self.task, self.duelling)))
                if newest in missing:
                    self._one(against, opened, newest, f"1 of {number}", progress)
            while len(self.book.tried) < number and (commit := self.book.next(self.task)) is not None:
                with self.open(_revision(commit)) as opened:
                    self._one(against, opened, commit, f"{len(self.book.tried) + 1} of {number}", progress)

    def _refuse_empty(self, against: State) -> None:
        if not against.components:
            problems = against.session.problems
            raise NnbenchError(
                f"the anchor {against.tree.name} has no components"
                + (f": {problems[0]}" if problems else "; name a suite that it has with --suite FILE")
                + ". Another commit is named with --anchor COMMIT"
            )

    def _tell_copies(self, against: State, task: Task) -> None:
        """What is imported from where it is installed; raises ``NnbenchError`` where it is not the anchor's own."""
        identifiers = {target.component.id for target in task.targets}
        _, told = against.code([one for one in against.components if one.id in identifiers])
        for said in told:
            output.warn(said)
        against.session.renew()

    def _one(self, against: State, opened: State, commit: Commit, place: str, progress: Progress) -> None:
        """Measure a commit, and store it."""
        assert self.task is not None
        run = replace(new_run(self.results), commit=commit.id, dirty=False)
        task, rows = self.book.left(self.task, commit), list[Measurement]()
        self._tell_problems(opened, commit)
        for event in anchored.measure(against, opened, task, self.duelling, self.checking):
            progress.update(f"{commit.short}, {place}: {event.doing}" if event.doing else "", event.steps)
            rows += [_with_time(row, commit) for row in event.rows]
        progress.update("", anchored.steps(self.task, self.duelling) - anchored.steps(task, self.duelling))
        journal = store.Journal(self.results, run)
        with journal:
            for row in rows:
                journal.add(row)
        self.book.note(commit, run.id, rows)
        self.stored.append(run.id)
        self._judge(commit, rows)

    def _tell_problems(self, opened: State, commit: Commit) -> None:
        said = [str(problem) for problem in opened.session.problems]
        for one in said[:1]:
            output.warn(f"{commit.short}: {one.replace(f'{opened.tree.folder}/', '')}")

    def _judge(self, commit: Commit, rows: Sequence[Measurement]) -> None:
        """The exit code, by what could not be measured and by how noisy it was."""
        floor = noise_floor(rows) or 0.0
        statuses = {row.status for row in rows if row.metric.startswith(ANCHORED)}
        if floor > UNUSABLE:
            output.warn(
                f"{commit.short}: unusable: the same code differs by {share(floor)} from itself on this machine now; "
                "the next call measures it again"
            )
            self.exit_code = self.exit_code or output.UNDECIDED
        if statuses - {Status.OK, Status.SKIPPED, Status.WRONG}:
            self.exit_code = output.NOT_MEASURED


def _tell_later(against: State, task: Task) -> None:
    """What the anchor lacks; raises ``NnbenchError`` where that is all."""
    later = anchored.only_later(task, against)
    if len(later) == len({contest.component for contest in task.contests}):
        raise NnbenchError(
            f"the anchor {against.tree.name} has nothing of what is selected; --anchor COMMIT names one that has it"
        )
    if later:
        output.warn(f"not in the anchor, so timed by themselves: {listing(later)}")


def _revision(commit: Commit) -> Revision:
    return Revision(commit.id, commit.id)


def _announced(commits: int, missing: int, number: int, task: Task) -> str:
    found = "1 commit" if commits == 1 else f"{commits} commits"
    if not missing:
        return f"{found}, all with results for what is selected; --retry measures again what failed"
    now = "" if number == missing else f", {number} of them now"
    ratios = "1 ratio" if len(task.contests) == 1 else f"{len(task.contests)} ratios"
    return f"{found}, {missing} without results{now}; {ratios} to take of each"


def _with_time(row: Measurement, commit: Commit) -> Measurement:
    """A row that says when its commit was made: runs are not made in the order of commits."""
    return replace(row, context={**row.context, "committed": commit.committed})
