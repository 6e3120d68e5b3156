"""Two states of a repository as opponents: a session for each, what changed between them, what is to be measured."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nnbench.commits import worktrees
from nnbench.commits.changed_code import Changes, Code, changes_between
from nnbench.commits.trees import Tree, tree_sources
from nnbench.duels.contest import Side
from nnbench.duels.opponents import needed
from nnbench.duels.starting import Starters
from nnbench.errors import NnbenchError, listing
from nnbench.machine import THREADS
from nnbench.model import CaseInfo, ComponentInfo, Measurement, Problem
from nnbench.plan import Target, select, timed
from nnbench.processes.process import Limits
from nnbench.processes.session import LOAD_SECONDS, Session

WORKING_TREE = "working tree"
BEFORE = "before_"  # stands before the metrics of side A: the run's own are those of side B, of its commit


@dataclass(frozen=True)
class State:
    """One state of the repository, the session that imports its components, and what these are made of."""

    tree: Tree
    commit: str  # empty for the working tree
    session: Session
    components: tuple[ComponentInfo, ...]
    lacks: tuple[str, ...] = ()  # suite files that were asked for

    def side(self, components: Iterable[str]) -> Side:
        """Workers that import no more than these components need: each pair of processes pays for it."""
        wanted = {*components}
        there = [one for one in self.components if one.id in wanted]
        worker = replace(self.session.twin(), sources=needed(self.session.sources, there))
        return Side(self.tree.name, worker, {"revision": self.tree.name, "commit": self.commit})

    def code(self, components: Sequence[ComponentInfo]) -> tuple[Code, list[str]]:
        """What each variant is made of, and what to tell; raises ``NnbenchError`` where another state was imported."""
        request = {"do": "code", "components": [component.id for component in components]}
        (answer,) = self.session.ask(request, LOAD_SECONDS)
        if "failed" in answer:
            raise NnbenchError(f"what the components of {self.tree.name} are made of: {answer['failed']['note']}")
        if answer["strangers"]:
            raise NnbenchError(
                f"{answer['strangers'][0]} was imported in place of the file of {self.tree.name}, so the two sides "
                "would be the same code. Packages are found in the repository's folder and its src; "
                "for any other layout, put the folder on PYTHONPATH"
            )
        told = [
            f"{package} was imported from where it is installed, not from {place} of {self.tree.name}: "
            f"its changes are not seen; PYTHONPATH={place} makes the commit's own come first"
            for package, place in answer["installed"].items()
        ]
        return answer["code"], told


def of_the_run(row: Measurement) -> Measurement:
    """A row as it is stored: what side A took must not pass for the same variant's times of the run's own commit."""
    return replace(row, metric=f"{BEFORE}{row.metric}") if row.context.get("duel") == "a" else row


@contextlib.contextmanager
def state(
    root: Path, revision: worktrees.Revision, folder: Path, suites: Sequence[str], limits: Limits
) -> Iterator[State]:
    """One commit, ready to import from; raises ``NnbenchError`` where it cannot be checked out.

    ``components`` is empty, and the session's ``problems`` say why, where nothing of it can be imported.
    """
    with worktrees.checked_out(root, revision) as place:
        tree = Tree(revision.name, str(place), str(root), str(folder.resolve().relative_to(root)))
        with Session((), limits, tree=tree) as session:
            components: tuple[ComponentInfo, ...] = ()
            try:
                session.sources = tree_sources(tree, suites)
                components = session.components()
            except NnbenchError as error:
                session.problems.append(Problem(revision.name, str(place), 0, str(error)))
            yield State(tree, revision.commit, session, components, tuple(_lacking(tree, suites)))


@contextlib.contextmanager
def states(
    texts: Sequence[str], folder: Path, suites: Sequence[str], limits: Limits, threads: int = THREADS
) -> Iterator[tuple[State, State]]:
    """The two states that ``--rev`` names, each ready to import from; one alone stands against the working tree.

    ``folder`` is where the user stands, ``suites`` what ``--suite`` says. Raises ``NnbenchError``.
    """
    if len(texts) > 2:
        raise NnbenchError(f"a duel has two sides, but --rev is given {len(texts)} times")
    root = worktrees.repository(folder)
    revisions = [worktrees.resolve(root, text) for text in texts]
    with contextlib.ExitStack() as stack:
        places = [(one.name, one.commit, stack.enter_context(worktrees.checked_out(root, one))) for one in revisions]
        places += [(WORKING_TREE, "", root)] * (2 - len(places))
        inside = str(folder.resolve().relative_to(root))
        starters = stack.enter_context(Starters(2))
        trees = [Tree(name, str(place), str(root), inside) for name, _, place in places]
        lacks = [tuple(_lacking(tree, suites)) for tree in trees]
        _refuse_missing(trees, lacks)
        sessions = [
            stack.enter_context(Session(tree_sources(tree, suites), limits, threads, tree=tree)) for tree in trees
        ]
        starters.do([session.components for session in sessions])
        first, second = (
            State(tree, commit, session, session.components(), lacking)
            for tree, (_, commit, _), session, lacking in zip(trees, places, sessions, lacks, strict=True)
        )
        yield first, second


def _lacking(tree: Tree, suites: Sequence[str]) -> Iterator[str]:
    """The suite files, as typed, that the tree does not have."""
    for text in suites:
        path = tree.counterpart(Path(tree.root, tree.inside, text))
        if (text.endswith(".py") or "/" in text) and not path.is_file():
            yield text


def _refuse_missing(trees: Sequence[Tree], lacks: Sequence[Sequence[str]]) -> None:
    nowhere = [text for text in lacks[0] if text in lacks[1]]
    if nowhere:
        raise NnbenchError(f"--suite names {nowhere[0]}, which neither {trees[0].name} nor {trees[1].name} has")


@dataclass(frozen=True)
class Plan:
    """The targets to hold against themselves, what changed between the two sides, and what else there is to tell."""

    targets: tuple[Target, ...]
    changes: Changes
    told: tuple[str, ...]


def plan(pair: tuple[State, State], patterns: Sequence[str], expression: str, everything: bool) -> Plan:
    """Variants whose code changed, or all, in every case that both sides have; raises ``NnbenchError``."""
    before, after = ({one.id: one for one in state.components} for state in pair)
    if not before and not after:
        raise NnbenchError(nothing_there(pair))
    selected = timed(select(list({**before, **after}.values()), patterns, expression))
    identifiers = {target.component.id for target in selected}
    asked_of = [
        state.code([one for one in known.values() if one.id in identifiers])
        for state, known in zip(pair, (before, after), strict=True)
    ]
    sides = [code for code, _ in asked_of]
    copies = [said for _, told in asked_of for said in told]
    variants = dict.fromkeys(map(_key, selected))
    changes = changes_between(*({key: side[key] for key in variants if key in side} for side in sides))
    wanted = {*changes.changed, *(changes.same if everything else ())}
    asked = [target for target in selected if _key(target) in wanted]
    reasons = {target.key: _not_comparable(pair, before, after, target) for target in asked}
    missing = [f"{text} is not in {state.tree.name}" for state in pair for text in state.lacks]
    gone = _gone_cases(pair[0], before, after, dict.fromkeys(target.component.id for target in asked))
    told = [*copies, *missing, *_one_sided(pair, changes), *filter(None, reasons.values()), *gone]
    if changes.same and not everything:
        told.append(f"{_number(changes.same)} the same code on both sides; --all measures that too")
    return Plan(tuple(target for target in asked if not reasons[target.key]), changes, tuple(told))


def _key(target: Target) -> str:
    return f"{target.component.id}@{target.variant}"


def _number(variants: Sequence[str]) -> str:
    return "1 selected variant is" if len(variants) == 1 else f"{len(variants)} selected variants are"


def nothing_there(pair: tuple[State, State]) -> str:
    """Why there is nothing to measure, and what to type."""
    problems = [problem for state in pair for problem in state.session.problems]
    if problems:
        return f"neither side has a component: {problems[0]}"
    return (
        "neither side has a component of this repository; name its suite with --suite FILE, "
        "or in pyproject.toml: [tool.nnbench] suites = [...]"
    )


def _one_sided(pair: tuple[State, State], changes: Changes) -> Iterator[str]:
    for state, keys in zip(pair, (changes.only_before, changes.only_after), strict=True):
        if keys:
            yield f"only in {state.tree.name}, so there is nothing to compare: {listing(keys)}"


def _not_comparable(
    pair: tuple[State, State], before: Mapping[str, ComponentInfo], after: Mapping[str, ComponentInfo], target: Target
) -> str:
    """Why a target is not the same work on both sides; empty where it is."""
    old, new = _case(before, target), _case(after, target)
    if old is None or new is None:
        side = pair[0] if new is None else pair[1]
        return f"only in {side.tree.name}, so there is nothing to compare: {target.key}"
    kinds = {known[target.component.id].modes for known in (before, after)}
    if old.spec != new.spec or len(kinds) > 1:
        return f"{target.key} is other work on the two sides: its inputs, arguments or kind changed"
    return ""


def _gone_cases(
    first: State, before: Mapping[str, ComponentInfo], after: Mapping[str, ComponentInfo], identifiers: Iterable[str]
) -> Iterator[str]:
    """Cases that only the first side has: the selection is made from the second side's."""
    for identifier in (one for one in identifiers if one in before and one in after):
        there = {case.label for case in after[identifier].cases}
        for case in before[identifier].cases:
            if case.label not in there:
                yield f"only in {first.tree.name}, so there is nothing to compare: {identifier}[{case.label}]"


def _case(known: Mapping[str, ComponentInfo], target: Target) -> CaseInfo | None:
    component = known.get(target.component.id)
    cases = component.cases if component else ()
    return next((case for case in cases if case.label == target.case.label), None)


def reasons(changes: Changes, most: int = 3) -> Iterator[str]:
    """For each changed variant, which definitions changed."""
    for key, pieces in changes.changed.items():
        more = f" and {len(pieces) - most} more" if len(pieces) > most else ""
        yield f"{key} changed: {', '.join(pieces[:most])}{more}"
