"""Wrong versions of a reference, made from its source, that the checks must catch.

Each mutant changes one place: an operator, a constant, a comparison, a term left out, two arguments swapped, a test of
the mode taken away. Refusals (an ``if`` that only raises), annotations, docstrings and the registration are left alone.
A line with a comment ``# equivalent: REASON`` says that mutants of it behave as the original does.
"""

from __future__ import annotations

import ast
import copy
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from nnbench.catalog import Component
from nnbench.checks.battery import check
from nnbench.checks.cheats_by_kind import cheats_of
from nnbench.checks.source_changes import changes_of
from nnbench.variants import Variant

MUTANT = "mutant"  # the name of the variant that stands for it
EQUIVALENT = "# equivalent:"

Definition = ast.FunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Mutant:
    """One change: where it is (line of the source file), what it was and what it became.

    A cheat, which is made around the whole reference, has no line: ``change`` says what it does.
    """

    file: str
    line: int
    change: str
    target: Callable[[], Any]  # makes the mutated class or function
    equivalent: str = ""  # the comment's reason


def wrong_versions(component: Component) -> list[Mutant]:
    """The cheats, then the mutants of a component's reference."""
    cheats = [Mutant("", 0, told, make) for told, make in cheats_of(component)]
    return cheats + mutants_of(component)


def mutants_of(component: Component) -> list[Mutant]:
    """Every mutant of a component's reference, in the order of its source; none where there is no source to change."""
    reference = component.reference.resolve()
    while hasattr(reference, "func"):
        reference = reference.func
    module = sys.modules.get(getattr(reference, "__module__", ""), None)
    name = getattr(reference, "__qualname__", "")
    if module is None or not name.isidentifier():
        return []
    try:
        source = inspect.getsource(module)
    except (OSError, TypeError):
        return []
    return list(_mutants(source, module.__dict__, name))


def _mutants(source: str, namespace: dict[str, Any], name: str) -> Iterator[Mutant]:
    tree, lines = ast.parse(source), source.splitlines()
    for definition in _reachable(tree, name):
        for node in _places(definition):
            for place, (told, _) in enumerate(changes_of(node)):
                line = getattr(node, "lineno", definition.lineno)
                _, _, reason = lines[line - 1].partition(EQUIVALENT)
                path = _path(tree, node)
                yield Mutant(
                    namespace.get("__file__", ""),
                    line,
                    told,
                    _maker(tree, path, place, namespace, name),
                    reason.strip(),
                )


def _reachable(tree: ast.Module, name: str) -> list[Definition]:
    """The definition of a name and those of the same module that it uses, in order."""
    known = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    wanted, found = [name], dict[str, Definition]()
    while wanted:
        one = wanted.pop()
        if one in known and one not in found:
            found[one] = known[one]
            wanted += [node.id for node in ast.walk(known[one]) if isinstance(node, ast.Name)]
    return sorted(found.values(), key=lambda node: node.lineno)


def _places(definition: Definition) -> Iterator[ast.AST]:
    """What may be changed, outermost first: neither annotations, docstrings nor what only refuses."""
    waiting: list[ast.AST] = [definition]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Raise | ast.Assert) or _only_refuses(node) or _is_text(node) or _is_strict(node):
            continue
        yield node
        waiting = [child for field, child in _children(node) if field not in ("annotation", "returns")] + waiting


def _children(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield field, child


def _only_refuses(node: ast.AST) -> bool:
    """An ``if`` that only raises, or a call of a function that is named for refusing or warning."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return "refuse" in ast.unparse(node.value.func) or "warn" in ast.unparse(node.value.func)
    return isinstance(node, ast.If) and not node.orelse and all(isinstance(one, ast.Raise) for one in node.body)


def _is_strict(node: ast.AST) -> bool:
    """``zip(..., strict=True)`` refuses what has another length, and does nothing else."""
    return isinstance(node, ast.keyword) and node.arg == "strict"


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _path(tree: ast.AST, wanted: ast.AST) -> tuple[tuple[str, int | None], ...]:
    """The fields that lead from a tree to one of its nodes."""
    waiting: list[tuple[ast.AST, tuple[tuple[str, int | None], ...]]] = [(tree, ())]
    while waiting:
        node, path = waiting.pop()
        if node is wanted:
            return path
        for field, value in ast.iter_fields(node):
            many = value if isinstance(value, list) else [value]
            for place, child in enumerate(many):
                if isinstance(child, ast.AST):
                    step = (field, place if isinstance(value, list) else None)
                    waiting.append((child, (*path, step)))
    raise LookupError("the node is not in the tree")


def _maker(
    tree: ast.Module, path: tuple[tuple[str, int | None], ...], place: int, namespace: dict[str, Any], name: str
) -> Callable[[], Any]:
    def make() -> Any:
        changed = copy.deepcopy(tree)
        _put(changed, path, place)
        scope = {"__name__": namespace["__name__"], "__file__": namespace.get("__file__", "")}
        exec(compile(changed, f"<mutant of {name}>", "exec"), scope)
        return scope[name]

    return make


def _put(tree: ast.AST, path: tuple[tuple[str, int | None], ...], place: int) -> None:
    node = tree
    for field, number in path[:-1]:
        value = getattr(node, field)
        node = value if number is None else value[number]
    field, number = path[-1]
    value = getattr(node, field)
    _, made = changes_of(value if number is None else value[number])[place]
    if number is None:
        setattr(node, field, made)
    else:
        value[number] = made


@dataclass(frozen=True)
class Verdict:
    """How a mutant fared: ``caught_by`` is a check in a case, or empty for one that survived."""

    caught_by: str
    case: str
    note: str


def tried(component: Component, mutant: Mutant, seed: int) -> Verdict:
    """Check a mutant beside the reference, the smallest case first, until a check catches it; then in its place."""
    try:
        target = mutant.target()
    except Exception as error:  # noqa: BLE001  a mutant may be anything
        return Verdict("import", "", f"{type(error).__name__}: {error}")
    beside = {**component.variants, MUTANT: Variant(MUTANT, target)}
    instead = {**component.variants, "reference": Variant("reference", target)}
    for name, variants in ((MUTANT, beside), ("reference", instead)):
        verdict = _caught(replace(component, variants=MappingProxyType(variants)), name, seed)
        if verdict is not None:
            return verdict
    return Verdict("", "", "every check passes")


def _caught(component: Component, variant: str, seed: int) -> Verdict | None:
    for case in sorted(component.cases, key=lambda one: sum(spec.elements for spec in one.inputs)):
        for row in check(component, variant, case, seed):
            if not row.is_right:
                return Verdict(row.check, case.label, row.note)
    return None
