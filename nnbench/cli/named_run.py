"""A run by what a user calls it: by its id, its place or its file, or by the commit that it measured."""

from __future__ import annotations

from pathlib import Path

from nnbench import history
from nnbench.cli.stored import git_lines
from nnbench.errors import ResultsError
from nnbench.machine import fingerprint
from nnbench.model import Run

LEAST_DIGITS = 4  # of a commit, as git has it
# What holds commits against each other: its times have no calibration kernels beside them, so that it comes last.
BESIDE = ("nnbench duel", "nnbench history", "nnbench regressions")


def find(results: Path, text: str, folder: Path) -> Run:
    """The run that ``text`` names, or the newest run on this machine of the commit that it names.

    Raises ``ResultsError`` where it names neither, or one of each.
    """
    try:
        run = history.find_run(results, text)
    except ResultsError as error:
        no_run = str(error)
    else:
        of_commit = (
            [] if text.partition("~")[0] == "latest" or text.endswith(".parquet") else _commits(results, text, folder)
        )
        if not of_commit:
            return run
        raise ResultsError(
            f"{text!r} names the run {run.id} and the commit {of_commit[0][:10]}: write more digits of the one you mean"
        )
    commits = _commits(results, text, folder)
    if not commits:
        raise ResultsError(f"{no_run} Nor is it a commit: none here, and none that was measured, is called that.")
    if len(commits) > 1:
        raise ResultsError(f"{len(commits)} measured commits start with {text!r}: write more digits")
    return _newest(results, text, commits[0])


def _commits(results: Path, text: str, folder: Path) -> list[str]:
    """The commit that git knows by this name, or else the measured commits that begin with these digits."""
    if text.startswith("-"):
        return []
    known = git_lines(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{text}^{{commit}}")
    if known:
        return known[:1]
    measured = {run.commit for run in history.open_history(results).runs if run.commit}
    return sorted(one for one in measured if len(text) >= LEAST_DIGITS and one.startswith(text))


def _newest(results: Path, text: str, commit: str) -> Run:
    """The commit's newest run on this machine with nothing uncommitted; those with calibration kernels come first."""
    of_it = [run for run in history.open_history(results).runs if run.commit == commit and not run.dirty]
    here = fingerprint()["id"]
    on_this = [run for run in of_it if run.machine.get("id") == here]
    if not on_this:
        elsewhere = f"{len(of_it)} on other machines" if of_it else "none on any other"
        raise ResultsError(
            f"{text!r} is the commit {commit[:10]}, of which there is no run on this machine, and {elsewhere}. "
            "`nnbench run` in a clean checkout of it makes one; a run of another machine is named by its id"
        )
    by_itself = [run for run in on_this if not run.command.startswith(BESIDE)]
    return history.find_run(results, (by_itself or on_this)[-1].id)
