"""What the doors (asv, pytest-benchmark) are given: keys of cases, and a function to call for each."""

from __future__ import annotations

import fnmatch
import functools
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nnbench.catalog import Component
from nnbench.commits.trees import Tree, tree_sources
from nnbench.discovery import Catalog, Source, default_catalog, load, sources, unknown
from nnbench.errors import RegistrationError, UnknownComponent
from nnbench.failures import NotMeasurable
from nnbench.metrics import modes
from nnbench.plan import parse
from nnbench.specs import Case

if TYPE_CHECKING:
    from nnbench.workload import Workload

FROZEN_SEED = 0  # the doors time fixed inputs: their tools compare runs with each other
TREE = "NNBENCH_ASV_TREE"  # the environment variable that holds the tree whose components are measured, as JSON
DEVICE = os.environ.get("NNBENCH_ASV_DEVICE", "cpu")
PROCESS = os.getpid()  # the one that imported this: asv's forkserver, or the benchmark's own


def tree() -> Tree | None:
    """The commit's files that a worktree environment of asv measures; None where it is the working tree."""
    told = os.environ.get(TREE)
    return Tree(**json.loads(told)) if told else None


@functools.cache
def catalog() -> Catalog:
    """The components that this process can see; of a commit, those that the commit registers and no others."""
    return load(_sources()) if tree() else default_catalog()


def _sources() -> tuple[Source, ...]:
    commits = tree()
    return tree_sources(commits, ()) if commits else sources()


def component(identifier: str) -> Component:
    """The component of this id.

    Raises ``UnknownComponent``, a ``LookupError``, where there is none, and ``RegistrationError`` where its suite could
    not be loaded: that is a failure, not an absence.
    """
    known = catalog()
    if identifier in known.components:
        return known.components[identifier]
    others = {one.name for one in _sources() if one.kind == "built-in"}  # what those make has their names
    suite = identifier.partition(".")[0]
    for problem in known.problems:
        if problem.source.partition(".")[0] == suite or problem.source not in others:
            raise RegistrationError(f"{identifier} is not there, perhaps for this reason: {problem}")
    raise UnknownComponent(unknown(identifier, known.components))


def keys() -> dict[str, list[str]]:
    """Mode -> the keys ``component@variant[case]`` of every timed case that has it, in order of registration.

    What shows an erratum of the documents is wrong, and given no time.
    """
    found: dict[str, list[str]] = {}
    for one in catalog().components.values():
        right = [name for name, variant in one.variants.items() if not variant.errata]
        for mode in modes(one.kind, one.drive is not None):
            found.setdefault(mode, []).extend(
                f"{one.id}@{variant}[{case.label}]" for case in one.cases if case.timed for variant in right
            )
    return found


@functools.lru_cache(maxsize=2)  # a case may hold much memory, and both tools take one after the other
def ready(key: str, mode: str) -> Callable[[], object]:
    """The call behind a key, built and warmed up by calling it once, with torch on one thread.

    Raises ``LookupError`` for a component, variant, case or mode that this checkout does not have, and for a variant
    whose package is not installed here.
    """
    calls = workload(key).calls
    if mode not in calls:
        raise LookupError(f"{key} has no {mode}")
    run = calls[mode].run if DEVICE == "cpu" else _awaited(calls[mode].run)
    try:
        run()
    except NotMeasurable as reason:
        raise LookupError(f"{key}: {reason}") from None
    return run


@functools.lru_cache(maxsize=1)
def workload(key: str) -> Workload:
    """All that can be called of a key's case; raises ``LookupError`` as ``ready`` does."""
    import torch

    from nnbench.workload import prepare

    _refuse_forked_cuda()
    torch.set_num_threads(1)
    wanted = parse(key)
    one = component(wanted.component)
    cases = {case.label: case for case in one.cases}
    if wanted.variant not in one.variants or wanted.case not in cases:
        raise LookupError(f"{key} is not registered here")
    try:
        return prepare(one, wanted.variant, _placed(one, cases[wanted.case]), FROZEN_SEED)
    except NotMeasurable as reason:
        raise LookupError(f"{key}: {reason}") from None


def _placed(one: Component, case: Case) -> Case:
    if DEVICE == "cpu":
        return case
    from nnbench.measure.device import refuse_host_work

    refuse_host_work(one)
    return case.on(DEVICE)


def _refuse_forked_cuda() -> None:
    if DEVICE != "cpu" and os.getpid() != PROCESS:
        raise RuntimeError(f"NNBENCH_ASV_DEVICE={DEVICE}: CUDA does not outlive a fork; add --launch-method spawn")


def _awaited(run: Callable[[], object]) -> Callable[[], object]:
    """The call and the GPU's work behind it, which goes on when the call has returned."""
    import torch

    def both() -> object:
        result = run()
        torch.cuda.synchronize()
        return result

    return both


def counts(key: str) -> Mapping[str, int]:
    """Metric -> exact count of one whole call of a key's case (forward and backward, or a step).

    Raises ``LookupError`` as ``ready`` does.
    """
    from nnbench.measure.counters import count

    made = workload(key)
    try:
        return {
            one.metric: one.value
            for one in count(made, is_parallel="parallel" in component(parse(key).component).properties)
        }
    except NotMeasurable as reason:
        raise LookupError(f"{key}: {reason}") from None


def peak_memory(key: str) -> int:
    """Bytes by which the process grows during one whole call of a key's case.

    Raises ``LookupError`` as ``ready`` does, and where the system cannot tell.
    """
    from nnbench.measure.memory import peak_growth

    if DEVICE != "cpu":
        raise LookupError(f"{key}: a GPU's memory is not the process's; `nnbench run --device {DEVICE}` tells it")
    made = workload(key)
    try:
        made.whole()  # what only a first call takes is not the case's
        return peak_growth(made.whole)
    except NotMeasurable as reason:
        raise LookupError(f"{key}: {reason}") from None


def main() -> None:
    """``python -m nnbench.doors.registry FILE [PATTERN ...]``: freeze the keys of all components, or of those named."""
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(
            "usage: python -m nnbench.doors.registry FILE [PATTERN ...]\nfor example: benchmarks/cases.json 'mine.*'"
        )
    path, patterns = Path(sys.argv[1]), sys.argv[2:] or ["*"]
    chosen = {mode: [key for key in found if _is_of(key, patterns)] for mode, found in keys().items()}
    if not any(chosen.values()):
        sys.exit(f"no timed case of a component like {' or '.join(patterns)}; `nnbench list` shows the components")
    path.write_text(json.dumps(chosen, indent=1) + "\n", encoding="utf-8")


def _is_of(key: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(key.partition("@")[0], pattern) for pattern in patterns)


if __name__ == "__main__":
    main()
