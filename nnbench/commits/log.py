"""The commits of a range such as ``v1.0..HEAD``, and which of them others are held against."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nnbench.commits.worktrees import SHORT, Revision, git, resolve
from nnbench.errors import NnbenchError

END = "the range's end"
FIELDS = "%H%x00%cI%x00%s"


@dataclass(frozen=True)
class Commit:
    """A commit, when it was made (ISO 8601, the committer's) and its message's first line."""

    id: str
    committed: str
    subject: str

    @property
    def short(self) -> str:
        return self.id[:SHORT]


@dataclass(frozen=True)
class Span:
    """A range ``A..B``: its older and its newer end."""

    older: Revision
    newer: Revision


def span(root: Path, text: str) -> Span:
    """The range that ``text`` names, ``A..`` for ``A..HEAD``; raises ``NnbenchError``."""
    older, dots, newer = text.partition("..")
    if not dots or not older or newer.startswith("."):
        raise NnbenchError(
            f"{text!r} is no range of commits. A range is A..B: `nnbench history v1.0..HEAD`, "
            "`nnbench history HEAD~20..`"
        )
    return Span(resolve(root, older, END), resolve(root, newer or "HEAD", END))


def commits(root: Path, asked: Span, every_parent: bool = False) -> tuple[Commit, ...]:
    """The commits of a range, oldest first, and before them A where B was made from it: the state that they changed.

    Of a merge the first parent alone, unless ``every_parent``. Raises ``NnbenchError`` where there is none.
    """
    older, newer = asked.older.commit, asked.newer.commit
    parents = [] if every_parent else ["--first-parent"]
    found = _log(root, "--topo-order", "--reverse", *parents, f"{older}..{newer}")
    if not found:
        raise NnbenchError(
            f"{asked.older.text}..{asked.newer.text} holds no commit: {asked.newer.text} has nothing that "
            f"{asked.older.text} lacks. The older end comes first: A..B"
        )
    is_ancestor = git(root, "merge-base", "--is-ancestor", older, newer).returncode == 0
    return (*(_log(root, "--max-count=1", older) if is_ancestor else ()), *found)


def newest_tag(root: Path, commit: str) -> Revision | None:
    """The nearest tag among the commits that led to this one, itself included."""
    return _described(root, "--abbrev=0", commit)


def tagged(root: Path, commit: str) -> Revision:
    """A commit by its tag, or by its id where it has none; raises ``NnbenchError`` where it is not in this clone."""
    return _described(root, "--exact-match", commit) or resolve(root, commit, "commit")


def _described(root: Path, how: str, commit: str) -> Revision | None:
    done = git(root, "describe", "--tags", how, commit)
    return resolve(root, done.stdout.strip(), "tag") if done.returncode == 0 else None


def thinned(found: tuple[Commit, ...], every: int) -> tuple[Commit, ...]:
    """Each Nth commit for N = ``every``, counted from the newest, and the oldest.

    >>> [one.id for one in thinned(tuple(Commit(name, "", "") for name in "abcdef"), 2)]
    ['a', 'b', 'd', 'f']
    """
    return tuple(one for place, one in enumerate(found) if place == 0 or (len(found) - 1 - place) % every == 0)


def _log(root: Path, *arguments: str) -> tuple[Commit, ...]:
    done = git(root, "log", "--no-show-signature", f"--format={FIELDS}", *arguments, "--")
    if done.returncode != 0:
        raise NnbenchError(f"git cannot list the commits; it says: {done.stderr.strip()}")
    return tuple(Commit(*line.split("\0", 2)) for line in done.stdout.split("\n") if line)
