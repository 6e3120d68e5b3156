"""What must not be measured in a commit's name: files of the working tree, and the project as it is installed."""

from __future__ import annotations

import importlib.metadata
import sys
import sysconfig
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from nnbench.commits.trees import HARNESS, Tree


@dataclass
class Guard:
    """A finder that asks the others, and refuses a module found outside of the commit that the commit has itself.

    It goes first on ``sys.meta_path``. What lies in ``exempt`` (the harness, the benchmarks) is not the commit's to
    bring; ``own`` are the packages that the commit's project installs.
    """

    tree: Tree
    exempt: tuple[Path, ...]
    own: frozenset[str] = frozenset()
    _is_asking: bool = False

    @classmethod
    def of(cls, tree: Tree, benchmarks: Iterable[str] = ()) -> Guard:
        stdlib = Path(sysconfig.get_path("stdlib"))
        exempt = (Path(tree.folder), HARNESS, stdlib, *site_folders(), *(Path(one).resolve() for one in benchmarks))
        return cls(tree, exempt, own_packages(tree) - {HARNESS.name})

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the other finders give; raises ``ImportError`` for what must not be measured."""
        if self._is_asking:
            return None
        self._is_asking = True
        try:
            found = _first(name, path, target)
        finally:
            self._is_asking = False
        if found is not None and found.has_location and found.origin:
            self._refuse(name, Path(found.origin))
        return found

    def _refuse(self, name: str, file: Path) -> None:
        if self._is_stranger(file):
            raise ImportError(
                f"{name} was found in the working tree ({file}), though commit {self.tree.name} has that file: the "
                'working tree would be measured in its name. A project below the top is named by "repo_subdir"'
            )
        if name in self.own and any(file.is_relative_to(site) for site in site_folders()):
            raise ImportError(
                f"{name} was found where it is installed ({file}), not in commit {self.tree.name}: the same code would "
                'be measured for every commit. Its folder is named by "repo_subdir"; what has to be built wants '
                '"environment_type": "virtualenv"'
            )

    def _is_stranger(self, file: Path) -> bool:
        if not file.is_relative_to(self.tree.root) or any(file.is_relative_to(place) for place in self.exempt):
            return False
        return self.tree.folder != self.tree.root and self.tree.counterpart(file).exists()


def _first(name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
    finders = (getattr(finder, "find_spec", None) for finder in list(sys.meta_path))
    return next((spec for find in finders if find is not None and (spec := find(name, path, target))), None)


def site_folders() -> tuple[Path, ...]:
    return tuple(dict.fromkeys(Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")))


def own_packages(tree: Tree) -> frozenset[str]:
    """Names of the top packages and modules that the installed copy of the tree's project has; none where it is not
    installed, or installed to be edited.
    """
    try:
        installed = importlib.metadata.distribution(_project(Path(tree.folder, tree.inside)))
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return frozenset()
    tops = {file.parts[0].removesuffix(".py") for file in installed.files or () if file.suffix == ".py"}
    return frozenset(top for top in tops if top.isidentifier())


def _project(folder: Path) -> str:
    """The name in a folder's pyproject.toml; empty where it has none."""
    try:
        settings: Any = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return ""
    project = settings.get("project")
    name = project.get("name") if isinstance(project, dict) else None
    return name if isinstance(name, str) else ""
