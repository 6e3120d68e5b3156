"""Commits checked out for a while: what they hold, that nothing stays behind, and what is said when there is none."""

import signal
import subprocess
import sys

import pytest

from nnbench.commits import worktrees
from nnbench.errors import NnbenchError


def git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=n@example.org"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A repository with two commits, the first tagged "first", and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch", "main")
    for text in ("old", "new"):
        (root / "file.txt").write_text(text)
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message", text)
    git(root, "tag", "first", "HEAD~1")
    return root.resolve()


def listed(root):
    done = subprocess.run(["git", "-C", str(root), "worktree", "list"], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def left_over():
    return sorted(path.name for path in worktrees.folder().glob("*"))


def test_commit_is_there_and_goes_again(root):
    (root / "file.txt").write_text("uncommitted")
    with worktrees.checked_out(root, worktrees.resolve(root, "first")) as place:
        assert (place / "file.txt").read_text() == "old"
        assert len(listed(root)) == 2
    assert not place.exists()
    assert len(listed(root)) == 1
    assert left_over() == []
    assert (root / "file.txt").read_text() == "uncommitted"


def test_two_of_one_commit_do_not_meet(root):
    head = worktrees.resolve(root, "HEAD")
    with worktrees.checked_out(root, head) as one, worktrees.checked_out(root, head) as other:
        assert one != other
        assert (one / "file.txt").read_text() == (other / "file.txt").read_text() == "new"


def test_interruption_leaves_nothing(root):
    with pytest.raises(KeyboardInterrupt), worktrees.checked_out(root, worktrees.resolve(root, "HEAD")):
        raise KeyboardInterrupt
    assert left_over() == []
    assert len(listed(root)) == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from nnbench.commits import worktrees
root = Path(sys.argv[1])
with worktrees.checked_out(root, worktrees.resolve(root, "HEAD")):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_next_call_removes_what_a_killed_run_left(root):
    done = subprocess.run([sys.executable, "-c", KILLED, str(root)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(listed(root)) == 2
    with worktrees.checked_out(root, worktrees.resolve(root, "first")) as place:
        assert left_over() == [place.name, f"{place.name}.lock"]
        assert len(listed(root)) == 2
    assert left_over() == []


def test_somebody_who_is_alive_keeps_his_folder(root):
    with worktrees.checked_out(root, worktrees.resolve(root, "HEAD")) as place:
        worktrees.prune()
        assert (place / "file.txt").exists()


def test_leftover_of_a_repository_that_is_gone_goes_too(root):
    place = worktrees.folder() / "abc"
    place.mkdir(parents=True)
    (worktrees.folder() / "abc.lock").write_text(str(root / "gone"))
    worktrees.prune()
    assert left_over() == []


def test_no_hook_runs(root):
    hook = root / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with worktrees.checked_out(root, worktrees.resolve(root, "HEAD")) as place:
        assert (place / "file.txt").exists()


def test_variables_of_a_hook_do_not_lead_astray(root, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert worktrees.repository(root) == root


def test_revision_is_told_by_its_words_and_its_commit(root):
    revision = worktrees.resolve(root, "first")
    assert revision.name == f"first ({revision.commit[:8]})"
    assert worktrees.resolve(root, revision.commit).name == revision.commit[:8]


@pytest.mark.parametrize(("text", "hint"), [("frist", "Did you mean first?"), ("xyzzy", "`git branch --all`")])
def test_unknown_revision_gets_a_suggestion(root, text, hint):
    with pytest.raises(NnbenchError, match=f"--rev {text}: there is no such commit") as error:
        worktrees.resolve(root, text)
    assert hint in str(error.value)


def test_branch_that_is_only_on_the_remote_is_suggested(root, tmp_path):
    git(root, "branch", "topic")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(root), str(clone))
    with pytest.raises(NnbenchError, match="Did you mean origin/topic"):
        worktrees.resolve(clone, "topic")


def test_shallow_clone_is_told_how_to_get_the_rest(root, tmp_path):
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{root}", str(clone))
    with pytest.raises(NnbenchError, match="fetch-depth: 0"):
        worktrees.resolve(clone, "HEAD~1")


def test_repository_without_a_commit_says_so(tmp_path):
    git(tmp_path, "init", "--quiet")
    with pytest.raises(NnbenchError, match="no commit yet"):
        worktrees.resolve(tmp_path, "HEAD")


def test_outside_git_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with pytest.raises(NnbenchError, match="lies in none"):
        worktrees.repository(tmp_path)


def test_without_git_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NnbenchError, match="git is not installed"):
        worktrees.repository(tmp_path)


def test_cache_that_cannot_be_written_is_an_error(root, tmp_path, monkeypatch):
    (tmp_path / "occupied").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "occupied"))
    checkout = worktrees.checked_out(root, worktrees.resolve(root, "HEAD"))
    with pytest.raises(NnbenchError, match="XDG_CACHE_HOME"), checkout:
        pass
