"""A tree of files that a worker imports components from, in place of the user's working tree.

The harness stays the installed one: it is imported before the worker enters a tree, and never looked for again.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import sysconfig
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from nnbench.discovery import BUILT_IN, Source, sources_of_tree

HARNESS = Path(__file__).resolve().parents[1]
SOURCES = "src"  # where many projects keep their packages


@dataclass(frozen=True)
class Tree:
    """``folder`` holds the files of a commit of the repository at ``root``; the same for the working tree itself.

    ``inside`` is where in the repository the user stands. All are absolute but ``inside``.
    """

    name: str
    folder: str
    root: str
    inside: str = "."

    def counterpart(self, path: Path) -> Path:
        """The tree's own file or folder for one of the repository's; what lies elsewhere is itself."""
        spellings = (Path(os.path.normpath(path.absolute())), path.resolve())  # as written first: it may be a link
        inside = [one.relative_to(self.root) for one in spellings if one.is_relative_to(self.root)]
        return Path(self.folder, inside[0]) if inside else spellings[0]

    @property
    def directory(self) -> Path:
        """Where its workers stand: in the folder that the user stands in, if the tree has it."""
        place = Path(self.folder, self.inside)
        return place if place.is_dir() else Path(self.folder)


def built_in_suites(folder: Path) -> Path | None:
    """The folder of a tree that is imported as ``nnbench.suites``: there is one in nnbench's own repository."""
    try:
        settings: Any = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return None
    for name in ("tool", "setuptools", "package-dir", BUILT_IN):
        settings = settings.get(name) if isinstance(settings, dict) else None
    found = folder / settings if isinstance(settings, str) else None
    return found if found is not None and (found / "__init__.py").is_file() else None


def tree_sources(tree: Tree, suites: Sequence[str]) -> tuple[Source, ...]:
    """The suites of a tree: its built-in ones, its project's, of entry points, then ``suites`` as typed.

    A suite file of the repository is taken from the tree; one that the tree lacks is left out. What lies outside the
    repository is measured as it is, with what it imports from the tree. Nothing is imported.
    """
    above = [place for place in (tree.directory, *tree.directory.parents) if place.is_relative_to(tree.folder)]
    own = built_in_suites(Path(tree.folder))
    return sources_of_tree(above, [_in_tree(tree, text) for text in suites], own)


def _in_tree(tree: Tree, text: str) -> str:
    is_file = text.endswith(".py") or "/" in text
    return str(tree.counterpart(Path(tree.root, tree.inside, text))) if is_file else text


def enter(tree: Tree) -> None:
    """Make this process import the tree's modules: its folders come first, and editable installs point into it."""
    os.chdir(tree.directory)
    sys.path[:] = import_folders(tree, sys.path)
    _point_editable_installs_at(tree)
    importlib.invalidate_caches()
    suites = built_in_suites(Path(tree.folder))
    if suites is not None:
        _import_built_in(suites)


def import_folders(tree: Tree, present: Sequence[str]) -> list[str]:
    """The search path for a tree: ``src`` and its top, then what was there, the repository's folders by the tree's.

    A folder of the repository that the tree lacks (an environment, a build) stays as it is.
    """
    own = [str(place) for place in (Path(tree.folder, SOURCES), Path(tree.folder)) if place.is_dir()]
    others = [_moved(tree, entry) for entry in present]
    return list(dict.fromkeys([*own, *others]))


def _moved(tree: Tree, entry: str) -> str:
    place = Path(entry).absolute() if entry else Path(tree.root, tree.inside)
    if place.is_relative_to(tree.folder):
        return entry
    moved = tree.counterpart(place)
    return str(moved) if moved.exists() else entry


def editable_packages() -> list[dict[str, str]]:
    """The tables of setuptools' import hooks for editable installs: package -> folder."""
    names = {str(getattr(finder, "__module__", "")) for finder in sys.meta_path}
    hooks = [sys.modules[name] for name in sorted(names) if name.startswith("__editable__")]
    return [mapping for hook in hooks if isinstance(mapping := getattr(hook, "MAPPING", None), dict)]


def _point_editable_installs_at(tree: Tree) -> None:
    for mapping in editable_packages():
        for package, place in mapping.items():
            if package != HARNESS.name:
                mapping[package] = str(tree.counterpart(Path(place)))


def _import_built_in(folder: Path) -> None:
    """Import ``nnbench.suites`` from a folder; its modules follow, as they are looked for along its path."""
    for name in [name for name in sys.modules if f"{name}.".startswith(f"{BUILT_IN}.")]:
        del sys.modules[name]
    spec = importlib.util.spec_from_file_location(
        BUILT_IN, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[BUILT_IN] = module
    spec.loader.exec_module(module)


def strangers(tree: Tree) -> list[str]:
    """Files of the repository that were imported though the tree has its own: then it was not the tree that ran."""
    if Path(tree.folder) == Path(tree.root):
        return []
    files = sorted({file for module in list(sys.modules.values()) if (file := _file(module))})
    return [file for file in files if _is_stranger(tree, Path(file))]


def installed_copies(tree: Tree) -> dict[str, str]:
    """Packages that were imported from site-packages though the tree has one of that name: its folder, by name."""
    folder = Path(tree.folder)
    places = [path.parent for depth in ("*", "*/*") for path in folder.glob(f"{depth}/*/__init__.py")]
    tops = {place.name: place for place in places if not (place.parent / "__init__.py").is_file()}
    site = [Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")]
    files = {name: Path(_file(sys.modules[name])) for name in tops if name in sys.modules and name != HARNESS.name}
    copies = [name for name, file in files.items() if any(file.is_relative_to(place) for place in site)]
    return {name: str(tops[name].parent.relative_to(folder)) for name in sorted(copies)}


def _file(module: ModuleType) -> str:
    file = getattr(module, "__file__", None)
    return file if isinstance(file, str) else ""


def _is_stranger(tree: Tree, file: Path) -> bool:
    installed = [Path(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib")]
    elsewhere = [Path(tree.folder), HARNESS, *installed]
    return (
        file.is_relative_to(tree.root)
        and not any(file.is_relative_to(place) for place in elsewhere)
        and tree.counterpart(file).exists()
    )
