"""Which components changed between two trees: what each variant is made of, as hashes, and the two sides compared."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnbench.catalog import Component
from nnbench.commits.definitions import DEFINITION
from nnbench.commits.dependencies import Places, Start, Walk
from nnbench.commits.trees import HARNESS, Tree, built_in_suites, editable_packages, import_folders
from nnbench.discovery import BUILT_IN
from nnbench.variants import Variant

Pieces = Mapping[str, str]  # "src/mine/norm.py: RMSNorm" -> hash
Code = Mapping[str, Pieces]  # "mine.norm@fused" -> pieces


def code_of(components: Iterable[Component], tree: Tree) -> dict[str, dict[str, str]]:
    """What every variant of the components is made of in this tree: definitions of its files, each with its hash.

    Of what lies outside the tree only suite files are looked into. Called in a worker that has entered the tree.
    """
    walk = Walk(_places(tree))
    return {
        f"{component.id}@{name}": _pieces(walk, tree, component, variant)
        for component in components
        for name, variant in {**component.variants, **component.on_request}.items()
    }


def changed_pieces(before: Pieces, after: Pieces) -> tuple[str, ...]:
    """The pieces that are not the same, those of the second side first.

    >>> changed_pieces({"a.py: f": "1", "a.py: g": "2"}, {"a.py: f": "1", "a.py: g": "3"})
    ('a.py: g',)
    """
    return tuple(piece for piece in {**after, **before} if before.get(piece) != after.get(piece))


@dataclass(frozen=True)
class Changes:
    """Variants by what became of them between two sides; of those changed, the definitions that did."""

    changed: Mapping[str, tuple[str, ...]]
    same: tuple[str, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]


def changes_between(before: Code, after: Code) -> Changes:
    """What changed from one tree to another, in the order of the second."""
    moved = {key: changed_pieces(before[key], after[key]) for key in after if key in before}
    return Changes(
        changed={key: pieces for key, pieces in moved.items() if pieces},
        same=tuple(key for key, pieces in moved.items() if not pieces),
        only_before=tuple(key for key in before if key not in after),
        only_after=tuple(key for key in after if key not in before),
    )


def _places(tree: Tree) -> Places:
    """Where this process finds the tree's modules."""
    folders = tuple(
        path for entry in import_folders(tree, sys.path) if (path := Path(entry)).is_relative_to(tree.folder)
    )
    installed = {name: Path(place) for mapping in editable_packages() for name, place in mapping.items()}
    packages = {
        name: place for name, place in installed.items() if name != HARNESS.name and place.is_relative_to(tree.folder)
    }
    suites = built_in_suites(Path(tree.folder))
    own = {BUILT_IN: suites} if suites else {}
    return Places(folders, packages | own, foreign=(HARNESS.name,))


def _pieces(walk: Walk, tree: Tree, component: Component, variant: Variant) -> dict[str, str]:
    registered, _, line = component.location.rpartition(":")
    suite = Path(registered)
    targets = [variant.target, component.drive, *_callables(component)]
    starts = [start for target in targets for start in _starts(walk, target, suite)]
    if not all(_is_plain(target) for target in targets if target is not None):
        starts += _registration(walk, component, suite, int(line or 0))
    ours = [start for start in starts if start.file == suite or start.file.is_relative_to(tree.folder)]
    found = walk.pieces(ours, suite.parent)
    return {f"{_shown(path, tree)}: {name}": digest for (path, name), digest in sorted(found.items())}


def _registration(walk: Walk, component: Component, suite: Path, line: int) -> list[Start]:
    """The statement that registers a component; all of the suite's file where that is a function's, called from it."""
    text = walk.text(suite)
    statement = text.at(line)
    if statement is not None and not isinstance(statement, DEFINITION):
        return [Start(suite, f"registration of {component.id}", line)]
    lines = [one.lineno for one in text.registrations]
    return [Start(suite), *(Start(suite, f"registration {number}", one) for number, one in enumerate(lines, 1))]


def _callables(component: Component) -> Iterator[Callable[..., Any]]:
    """Classes and functions among the cases' arguments."""
    for case in component.cases:
        yield from (value for value in case.arguments.values() if callable(value))


def _shown(path: Path, tree: Tree) -> str:
    return str(path.relative_to(tree.folder) if path.is_relative_to(tree.folder) else path)


def _starts(walk: Walk, target: Any, suite: Path) -> Iterator[Start]:
    """Where a variant's code begins: the definitions of its class or function, and of what is bound to it."""
    if isinstance(target, str):
        module, _, attribute = target.partition(":")
        file = walk.within(suite.parent).find(module)
        yield from [Start(file, attribute.partition(".")[0])] if file else []
    elif isinstance(target, functools.partial):
        for part in (target.func, *target.args, *target.keywords.values()):
            yield from _starts(walk, part, suite) if callable(part) else ()
    elif callable(target):
        yield from _definition(target, suite)
        inner = getattr(target, "__wrapped__", None)
        yield from _starts(walk, inner, suite) if inner is not None else ()


def _definition(target: Callable[..., Any], suite: Path) -> Iterator[Start]:
    """The top-level definition of a function or class; an object's is its class's.

    A function without a name is part of a statement: in the suite that is the registration, elsewhere any.
    """
    code = getattr(target, "__code__", None)
    made = target if code is not None or isinstance(target, type) else type(target)
    file = code.co_filename if code is not None else getattr(sys.modules.get(made.__module__), "__file__", None)
    name = getattr(made, "__qualname__", "").partition(".")[0]
    is_named = not name.startswith("<")
    if file and (is_named or Path(file) != suite):
        yield Start(Path(file), name if is_named else "")


def _is_plain(target: Any) -> bool:
    """Whether its own definition tells all: a class or function of a module, rather than one made by a call."""
    if isinstance(target, str):
        return True
    name = getattr(target, "__qualname__", "")
    is_definition = isinstance(target, type) or inspect.isroutine(target)
    return is_definition and "<" not in name and not getattr(target, "__closure__", None)
