"""The top-level definitions of a Python file, read from its text: what binds which name, and what runs at import."""

from __future__ import annotations

import ast
import copy
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

EVERYTHING = "*"
DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPORT = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class Use:
    """What an import statement reaches for: one name of a module, or all of it, or just that it runs (no name)."""

    module: str
    name: str = ""
    level: int = 0  # leading dots

    @property
    def described(self) -> str:
        return f"import {'.' * self.level}{self.module} {self.name}"


class Text:
    """One parsed file: its top-level statements by the names that they bind.

    ``always`` are those that run for their effect; ``registrations`` those that hand components to a suite.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bound: dict[str, list[ast.stmt]] = {}
        self.imported: dict[str, list[Use]] = {}
        self.always: list[ast.stmt] = []
        self.registrations: list[ast.stmt] = []
        self.uses: list[Use] = []  # what importing it makes run, and what its star imports bind
        content = path.read_bytes()
        self.digest = digest(content)
        self.statements: list[ast.stmt] = []
        self.is_readable = True
        try:
            self.statements = ast.parse(content).body
        except (SyntaxError, ValueError):
            self.is_readable = False
        for statement in self.statements:
            self._sort(statement)

    def defines(self, name: str) -> bool:
        return name in self.bound or name in self.imported

    def _sort(self, statement: ast.stmt) -> None:
        if _is_docstring(statement) or _is_main(statement):
            return
        for name, use in (found for node in _here(statement) for found in imports(node)):
            if name == EVERYTHING:
                self.uses.append(use)
                continue
            self.imported.setdefault(name, []).append(use)
            self.uses.append(Use(use.module, level=use.level))
        if isinstance(statement, IMPORT):
            return
        for name in set(_bound(statement)):
            self.bound.setdefault(name, []).append(statement)
        if _has_effect(statement):
            (self.registrations if self._registers(statement) else self.always).append(statement)

    def _registers(self, statement: ast.stmt) -> bool:
        """Whether it calls a suite's ``component``, itself or through a name of this file."""
        waiting = [statement]
        seen: set[str] = set()
        while waiting:
            one = waiting.pop()
            if any(isinstance(node, ast.Attribute) and node.attr == "component" for node in ast.walk(one)):
                return True
            called = {node.func.id for node in ast.walk(one) if _calls_a_name(node)}  # type: ignore[attr-defined]
            for name in called - seen:
                seen.add(name)
                waiting += self.bound.get(name, [])
        return False

    def at(self, line: int) -> ast.stmt | None:
        """The top-level statement that holds a line, its decorators included."""
        return next((one for one in self.statements if _first_line(one) <= line <= (one.end_lineno or 0)), None)


def _calls_a_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def _first_line(statement: ast.stmt) -> int:
    return min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", ()))])


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_main(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.If):
        return False
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(statement.test))


def _here(statement: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the statement does: not those inside functions."""
    yield statement
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        for child in ast.iter_child_nodes(statement):
            yield from _here(child)


def _bound(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, DEFINITION):
        yield statement.name
        return
    for node in _here(statement):
        if isinstance(node, DEFINITION):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        else:
            yield from (name for name, _ in imports(node) if name != EVERYTHING)


def _has_effect(statement: ast.stmt) -> bool:
    """Whether running it changes more than the names that it binds, as far as its form tells."""
    if isinstance(statement, DEFINITION):
        return bool(statement.decorator_list)  # a decorator may enter it into a register
    return any(
        isinstance(node, ast.Expr | ast.Delete)
        or (isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store))
        for node in _here(statement)
    ) or not any(True for _ in _bound(statement))


def imports(node: ast.AST) -> Iterator[tuple[str, Use]]:
    """The names that an import statement binds, and what each of them is; nothing for another node."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.partition(".")[0]
            yield alias.asname or top, Use(alias.name, EVERYTHING)
            if not alias.asname and top != alias.name:
                yield top, Use(top, EVERYTHING)
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name, Use(node.module or "", alias.name, node.level)


def digest_of(statement: ast.stmt) -> str:
    """A hash of what the statement does: layout, comments and docstrings do not count."""
    return digest(ast.dump(_WithoutDocstrings().visit(copy.deepcopy(statement))).encode())


class _WithoutDocstrings(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(node, DEFINITION) and body and _is_docstring(body[0]):
            node.body = body[1:]
        return node


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
