"""What a definition is made of: the definitions that it uses, in its own file and in those of the tree that it imports.

Read from the text alone; nothing is imported. Where the text does not tell (a module handed on as a value, a star
import, ``globals()``), the whole file is taken: rather too much than too little.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nnbench.commits.definitions import EVERYTHING, Text, Use, digest, digest_of, imports

DYNAMIC = {"globals", "vars", "locals", "eval", "exec", "__import__"}  # what follows from them, no text shows
EFFECTS = "what it does when it is imported"


@dataclass(frozen=True)
class Places:
    """Where modules are looked for: ``folders`` in order, and ``packages`` that have a folder of their own.

    Names that start with one of ``foreign`` are never looked for.
    """

    folders: tuple[Path, ...]
    packages: Mapping[str, Path] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()

    def find(self, name: str) -> Path | None:
        """The file of a module, found without importing anything; None where it is not in these places."""
        own = [package for package in self.packages if f"{name}.".startswith(f"{package}.")]
        if own:
            package = max(own, key=len)
            return _file(self.packages[package], name[len(package) + 1 :])
        if any(f"{name}.".startswith(f"{package}.") for package in self.foreign):
            return None
        return next(filter(None, (_file(folder, name) for folder in self.folders)), None)


def _file(folder: Path, name: str) -> Path | None:
    place = folder.joinpath(*name.split(".")) if name else folder
    candidates = (place / "__init__.py", place.with_name(f"{place.name}.py"))
    return next((path for path in candidates if path.is_file()), None)


@dataclass(frozen=True)
class Start:
    """Where to begin: a name of a file, the statement at a line of it (told as ``name``), or the whole file."""

    file: Path
    name: str = ""
    line: int = 0


Place = tuple[Path, str]  # a file, and what of it


class Walk:
    """Collects the pieces that starting points are made of; files are parsed once for all of them."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self._texts: dict[Path, Text] = {}
        self._graphs: dict[Path, _Graph] = {}

    def text(self, path: Path) -> Text:
        if path not in self._texts:
            self._texts[path] = Text(path)
        return self._texts[path]

    def within(self, folder: Path) -> Places:
        """Where a suite of this folder finds modules: its neighbours come first."""
        return Places((folder, *self.places.folders), self.places.packages, self.places.foreign)

    def pieces(self, starts: Sequence[Start], folder: Path) -> dict[Place, str]:
        """Every (file, definition) that the starts of a suite in ``folder`` are made of, with its hash."""
        if folder not in self._graphs:
            self._graphs[folder] = _Graph(self.text, self.within(folder))
        return self._graphs[folder].pieces(starts)


@dataclass
class _Node:
    digest: str = ""  # empty for what has no text of its own
    uses: list[Place] = field(default_factory=list)


class _Graph:
    """Which piece uses which, found out as far as it is asked for."""

    def __init__(self, text: Callable[[Path], Text], places: Places) -> None:
        self.text = text
        self.find = functools.cache(places.find)
        self.nodes: dict[Place, _Node] = {}

    def pieces(self, starts: Sequence[Start]) -> dict[Place, str]:
        found: dict[Place, str] = {}
        waiting = [place for start in starts for place in self._begin(start)]
        while waiting:
            place = waiting.pop()
            if place in found:
                continue
            if place not in self.nodes:
                self.nodes[place] = self._node(*place)
            found[place] = self.nodes[place].digest
            waiting += self.nodes[place].uses
        return {place: digest for place, digest in found.items() if digest}

    def _begin(self, start: Start) -> list[Place]:
        statement = self.text(start.file).at(start.line)
        if statement is None:
            return [*self._modules(start.file), (start.file, start.name or EVERYTHING)]
        self.nodes[start.file, start.name] = self._made_of(start.file, [statement])
        return [*self._modules(start.file), (start.file, start.name)]

    def _node(self, path: Path, name: str) -> _Node:
        text = self.text(path)
        if not text.is_readable:
            return _Node(text.digest)
        if name == EVERYTHING:  # its definitions are told one by one
            return _Node(uses=[(path, one) for one in {**text.bound, **text.imported}])
        if name == EFFECTS:
            made = self._made_of(path, text.always)
            return _Node(made.digest, made.uses + [place for use in text.uses for place in self._reach(path, use)])
        if text.defines(name):
            return self._made_of(path, text.bound.get(name, []), text.imported.get(name, []))
        return _Node(uses=[(path, EVERYTHING)])  # made in a way that the text does not show

    def _made_of(self, path: Path, statements: Sequence[ast.stmt], imported: Sequence[Use] = ()) -> _Node:
        parts = [digest_of(one) for one in statements] + [use.described for use in imported]
        uses = [place for use in imported for place in self._reach(path, use)]
        for statement in statements:
            uses += self._used(path, statement)
        return _Node(digest("\n".join(parts).encode()) if parts else "", list(dict.fromkeys(uses)))

    def _used(self, path: Path, node: ast.AST) -> Iterator[Place]:
        """What the names in a statement stand for, functions inside it included."""
        for _, use in imports(node):
            yield from self._reach(path, use)
        if isinstance(node, ast.Attribute):
            module = self._module_behind(path, node.value)
            if module is not None:
                yield from self._reach(path, Use(module.module, node.attr, module.level))
                return
        elif isinstance(node, ast.Name) and node.id in DYNAMIC:
            yield path, EVERYTHING
        elif isinstance(node, ast.Name) and self.text(path).defines(node.id):
            yield path, node.id
        for child in ast.iter_child_nodes(node):
            yield from self._used(path, child)

    def _module_behind(self, path: Path, node: ast.AST) -> Use | None:
        """The tree's module that a name stands for, where the text leaves no doubt: then one name of it is used."""
        if not isinstance(node, ast.Name):
            return None
        text = self.text(path)
        uses = text.imported.get(node.id, [])
        if len(uses) != 1 or node.id in text.bound:
            return None
        (use,) = uses
        if use.name == EVERYTHING:
            return Use(use.module) if self._found(path, use.module, 0) else None
        package = self._found(path, use.module, use.level)
        if package is not None and self.text(package).defines(use.name):
            return None
        name = f"{use.module}.{use.name}".strip(".")
        return Use(name, level=use.level) if self._found(path, name, use.level) else None

    def _modules(self, path: Path) -> list[Place]:
        """A module runs when it is imported, and so do the packages around it."""
        found = [(path, EFFECTS)]
        folder = path.parent.parent if path.name == "__init__.py" else path.parent
        while (folder / "__init__.py").is_file():
            found.append((folder / "__init__.py", EFFECTS))
            folder = folder.parent
        return found

    def _reach(self, importer: Path, use: Use) -> list[Place]:
        """Follow an import: to the name in the module, to the submodule of that name, or to the whole module."""
        module = self._found(importer, use.module, use.level)
        found = self._modules(module) if module is not None else []
        if not use.name:
            return found
        if module is not None and self.text(module).defines(use.name):
            return [*found, (module, use.name)]
        target = self._found(importer, f"{use.module}.{use.name}".strip("."), use.level) or module
        return [*found, *self._modules(target), (target, EVERYTHING)] if target is not None else found

    def _found(self, importer: Path, module: str, level: int) -> Path | None:
        if not level:
            return self.find(module) if module else None
        folder = importer.parent
        for _ in range(level - 1):
            folder = folder.parent
        return _file(folder, module)
