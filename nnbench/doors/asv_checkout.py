"""The one folder that an asv environment checks commits out into: a git worktree, moved from commit to commit."""

from __future__ import annotations

import shutil
from pathlib import Path

from asv import util

from nnbench.commits import worktrees


def check_out(repository: Path, commit: str, folder: Path) -> None:
    """Make ``folder`` hold the files of ``commit`` and nothing else, submodules included; no hook runs.

    ``repository`` is a working tree or a bare repository; its own files, index and branches stay as they are. Raises
    asv's ``ProcessError`` with what git said: asv marks the commit as failed then and goes on.
    """
    if not _is_worktree(folder):
        _discard(repository, folder)
        # Forced: the repository may remember a folder of this name that was deleted by hand.
        _git(repository, "worktree", "add", "--force", "--detach", "--no-checkout", str(folder), commit)
    _git(folder, "checkout", "--force", "--detach", commit)
    _git(folder, "clean", "-ffdxq")
    if (folder / ".gitmodules").is_file():
        _git(folder, "submodule", "sync", "--recursive", "--quiet")
        _git(folder, "submodule", "update", "--init", "--recursive", "--force")


def checked_out(folder: Path) -> str:
    """The commit whose files, and no others, lie in the folder; empty where that is not certain.

    What git ignores (bytecode, say) counts for nothing.
    """
    if not _is_worktree(folder) or worktrees.git(folder, "status", "--porcelain").stdout:
        return ""
    return worktrees.git(folder, "rev-parse", "HEAD").stdout.strip()


def _is_worktree(folder: Path) -> bool:
    """Whether git knows the folder as the top of a working tree: not one that lies inside another."""
    if not (folder / ".git").is_file():
        return False
    top = worktrees.git(folder, "rev-parse", "--show-toplevel").stdout.strip()
    return bool(top) and Path(top).resolve() == folder.resolve()


def _discard(repository: Path, folder: Path) -> None:
    worktrees.git(repository, "worktree", "remove", "--force", "--force", str(folder))
    shutil.rmtree(folder, ignore_errors=True)


def _git(folder: Path, *arguments: str) -> None:
    done = worktrees.git(folder, "-c", "core.hooksPath=/dev/null", *arguments)
    if done.returncode != 0:
        raise util.ProcessError(["git", *arguments], done.returncode, done.stdout, done.stderr)
