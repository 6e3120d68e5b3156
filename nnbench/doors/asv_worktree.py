"""An environment for asv: each commit in a git worktree, run by asv's own interpreter; nothing is built or installed.

In asv.conf.json, the leading dot included: ``"plugins": [".nnbench.doors.asv_worktree"]`` and
``"environment_type": "worktree"``.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from asv import util
from asv.console import log
from asv.environment import Environment

from nnbench.commits.trees import SOURCES, Tree
from nnbench.doors import asv_checkout
from nnbench.doors.registry import TREE

INSIDE = Path(__file__).resolve().with_name("asv_inside.py")
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"

_locks: dict[str, IO[str]] = {}  # held until this process ends; environments themselves are sent between processes


class Worktree(Environment):
    """The modules of a commit under the interpreter, packages and harness that asv itself runs with."""

    tool_name = "worktree"

    def __init__(self, conf: Any, python: str, requirements: dict[str, str], tagged_env_vars: dict[Any, str]) -> None:
        if python not in ("same", VERSION):
            raise util.UserError(
                f'a worktree environment runs under asv\'s own Python {VERSION}, not {python}: leave out "pythons", or '
                'run asv under that Python. Other versions want "environment_type": "virtualenv"'
            )
        self._python, self._requirements = VERSION, requirements  # asv's own constructor reads them
        super().__init__(conf, VERSION, requirements, tagged_env_vars)
        if self._requirements:
            raise util.UserError(
                f"a worktree environment installs nothing, so it cannot bring {', '.join(sorted(self._requirements))}: "
                'leave out "req" in "matrix" and install them beside asv, or use "environment_type": "virtualenv"'
            )
        self._repository = conf.repo

    @classmethod
    def matches(cls, python: str) -> bool:
        return python in ("same", VERSION)

    def check_presence(self) -> bool:
        """Whether its folder is there; one process at a time may use it, as another would change commits under it."""
        if not Path(self._path).is_dir():
            return False
        self._lock()
        return True

    def _setup(self) -> None:
        Path(self._path).mkdir(parents=True)
        self._lock()

    def _lock(self) -> None:
        if self._path in _locks:
            return
        lock = Path(self._path, "lock").open("w")  # noqa: SIM115  held until this process ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise util.UserError(
                f"another asv is using {self._path}; wait for it, or give this one another env_dir"
            ) from None
        _locks[self._path] = lock

    @property
    def installed_commit_hash(self) -> str | None:
        """The commit that is checked out: asked of git, not of what asv wrote down about it."""
        noted = self._get_installed_commit_hash()
        return noted if noted and noted == asv_checkout.checked_out(Path(self._build_root)) else None

    def install_project(self, conf: Any, repo: Any, commit_hash: str) -> None:
        """Check the commit out; raises asv's ``ProcessError`` where git cannot."""
        self._set_commit_hash(commit_hash)
        if self.installed_commit_hash == commit_hash:
            return
        self._set_installed_commit_hash(None)
        try:
            asv_checkout.check_out(Path(repo._path), commit_hash, Path(self._build_root))
        except util.ProcessError as error:
            log.error(f"{commit_hash[:8]} cannot be checked out; git says: {error.stderr.strip()}")
            raise
        self._set_installed_commit_hash(commit_hash)

    @property
    def tree(self) -> Tree:
        """The checkout in place of the working tree; a mirror has none, and nothing to mix the checkout up with."""
        has_files = Path(self._repository, ".git").exists()
        root = Path(self._repository if has_files else self._build_root)
        commit = self._get_installed_commit_hash() or "the commit"
        return Tree(commit[:8], str(Path(self._build_root).resolve()), str(root.resolve()), self._repo_subdir or ".")

    def run(self, args: Sequence[str], **kwargs: Any) -> Any:
        """Run a script of asv's under our interpreter, the checkout's modules first; as ``asv.util.check_output``."""
        given = kwargs.pop("env", None) or os.environ
        own = {**self._global_env_vars, TREE: json.dumps(asdict(self.tree)), "ASV_PYTHONPATH": self._search_path(given)}
        # Bytecode lies in the checkout, which is cleaned: a cache elsewhere would take one commit's file for another's.
        inherited = {name: value for name, value in given.items() if name != "PYTHONPYCACHEPREFIX"}
        # -P: neither asv's folder nor the one we stand in, the working tree perhaps, is searched for modules.
        return util.check_output([sys.executable, "-P", str(INSIDE), *args], env={**inherited, **own}, **kwargs)

    def _search_path(self, given: Any) -> str:
        places = dict.fromkeys((Path(self._build_root, self._repo_subdir or ""), Path(self._build_root)))
        folders = [str(folder) for place in places for folder in (place / SOURCES, place) if folder.is_dir()]
        return os.pathsep.join([*folders, *filter(None, [given.get("ASV_PYTHONPATH")])])
