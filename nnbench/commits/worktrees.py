"""Commits of a git repository, each checked out into a folder of its own for as long as it is needed.

The folders lie in the user's cache. Each has a lock beside it that dies with its process: a folder whose lock can be
had was left by a killed run, and the next call removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import platformdirs

from nnbench.errors import NnbenchError, did_you_mean

SHORT = 8  # hexadecimal digits of a commit that are shown
NEW = ".new"  # of a lock file that is not locked yet


@dataclass(frozen=True)
class Revision:
    """A commit, and the words that it was asked for with."""

    text: str
    commit: str

    @property
    def name(self) -> str:
        """``main (1a2b3c4d)``, or the digits alone where they were what was typed."""
        short = self.commit[:SHORT]
        return short if self.commit.startswith(self.text) else f"{self.text} ({short})"


def repository(folder: Path, asked: str = "--rev compares") -> Path:
    """The top folder of the working tree around ``folder``; raises ``NnbenchError`` where there is none.

    ``asked`` is what needs it, in words that "commits" follows.
    """
    if shutil.which("git") is None:
        raise NnbenchError(f"{asked} commits, but git is not installed; install it (on Debian: apt install git)")
    done = git(folder, "rev-parse", "--show-toplevel")
    if done.returncode != 0:
        said = f" (git says: {done.stderr.strip()})" if "not a git repository" not in done.stderr else ""
        raise NnbenchError(
            f"{asked} commits of a git repository, and {folder} lies in none{said}. "
            "Change to your repository's folder; two variants of one state are compared with `nnbench duel A B`"
        )
    return Path(done.stdout.strip()).resolve()


def resolve(root: Path, text: str, asked: str = "--rev") -> Revision:
    """The commit that ``text`` (a branch, a tag, a hash, ``HEAD~1`` ...) names; raises ``NnbenchError``.

    ``asked`` is the option that it was given to.
    """
    done = git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{text}^{{commit}}")
    if done.returncode != 0 or not done.stdout.strip():
        raise NnbenchError(f"{asked} {text}: there is no such commit here. {_hint(root, text)}")
    return Revision(text, done.stdout.strip())


def _hint(root: Path, text: str) -> str:
    """What to type next: a fetch in a shallow clone, a remote branch, a name that is close, or how to list them."""
    if git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        return (
            "This clone is shallow, so most commits are missing: `git fetch --unshallow`, "
            "or `fetch-depth: 0` for actions/checkout"
        )
    if git(root, "rev-parse", "--verify", "--quiet", "HEAD").returncode != 0:
        return "The repository has no commit yet"
    names = git(root, "for-each-ref", "--format=%(refname:short)").stdout.split()
    remote = [name for name in names if name.endswith(f"/{text}")]
    close = f"Did you mean {remote[0]}?" if remote else did_you_mean(text, names)
    return f"{close} `git branch --all` and `git tag` list names, `git log` shows hashes".strip()


@contextlib.contextmanager
def checked_out(root: Path, revision: Revision) -> Iterator[Path]:
    """The files of a commit in a folder that is removed at the end, after Ctrl-C too; raises ``NnbenchError``.

    The working tree, the index and the branches of the repository stay as they are, and no hook runs.
    """
    prune()
    with _locked_place(root, revision) as place:
        try:
            _add(root, revision, place)
            yield place
        finally:
            with _without_interruption():
                _remove(root, place)


def prune() -> None:
    """Remove what killed runs left: every folder whose lock no living process holds."""
    for path in folder().glob("*.lock"):
        with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(Path(lock.read()), path.with_suffix(""))
            path.unlink(missing_ok=True)


def folder() -> Path:
    """Where the folders of commits lie."""
    return platformdirs.user_cache_path("nnbench") / "worktrees"


@contextlib.contextmanager
def _locked_place(root: Path, revision: Revision) -> Iterator[Path]:
    """A path that does not exist yet, ours as long as we live."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        lock, path = _new_lock(root, f"{revision.commit[:SHORT]}-")
    except OSError as error:
        raise NnbenchError(
            f"commits are checked out below {folder()}, where nothing can be written ({error.strerror}); "
            "XDG_CACHE_HOME=FOLDER puts it elsewhere"
        ) from None
    with lock:
        try:
            yield path.with_suffix("")
        finally:
            path.unlink(missing_ok=True)


def _new_lock(root: Path, prefix: str) -> tuple[IO[str], Path]:
    """Lock the file under a name that nobody looks for, then give it its own: it is never seen without its lock."""
    number, name = tempfile.mkstemp(suffix=NEW, prefix=prefix, dir=folder())
    lock = os.fdopen(number, "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    lock.write(str(root))
    lock.flush()
    path = Path(name).with_suffix(".lock")
    Path(name).rename(path)
    return lock, path


def _add(root: Path, revision: Revision, place: Path) -> None:
    done = git(root, "-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", str(place), revision.commit)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise NnbenchError(f"git cannot check out {revision.name}; it says: {said[-1]}")


def _remove(root: Path, place: Path) -> None:
    """Twice forced: one that was being made when its run was killed is locked by git."""
    if root.is_dir():
        git(root, "worktree", "remove", "--force", "--force", str(place))
    shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def _without_interruption() -> Iterator[None]:
    """A second Ctrl-C waits until the folder is gone; only the main thread can say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git on the repository around ``folder``, whatever a hook that we may run in set, in English."""
    inherited = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    return subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True,
        encoding="utf-8",
        errors="replace",  # subjects and names are anybody's
        check=False,
        env=inherited | {"LC_ALL": "C.UTF-8"},
        start_new_session=True,  # Ctrl-C reaches us alone; we end what we started
    )


_LOCAL = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
