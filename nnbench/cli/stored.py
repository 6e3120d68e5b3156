"""Options of the commands that ask stored series, and the series that they choose."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import numpy as np

from nnbench.errors import NnbenchError
from nnbench.plan import compile_expression
from nnbench.trends.points import Texts, Truths
from nnbench.trends.series import Series, read
from nnbench.trends.trainings import Lost

Command = Callable[..., Any]
DATE = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?")


def choice(command: Command) -> Command:
    """[PATTERN]..., -k, --metric and --since."""
    command = click.option(
        "--since",
        default="",
        metavar="REV",
        help="Only from this commit, tag or branch on, or from a date (2026-11-20).",
    )(command)
    command = click.option(
        "--metric",
        "metrics",
        multiple=True,
        metavar="PATTERN",
        help="Only these, such as forward_time or '*_bytes'  [default: all that decide; wall times stand aside]",
    )(command)
    command = click.option(
        "-k", "expression", default="", metavar="EXPRESSION", help="Keep names as pytest does: 'conv and not torch'."
    )(command)
    return click.argument("patterns", nargs=-1, metavar="[PATTERN]...")(command)


@dataclass(frozen=True)
class Choice:
    """Which series a user asks for; ``folder`` is where the user stands, in a repository or not."""

    patterns: tuple[str, ...] = ()
    expression: str = ""
    metrics: tuple[str, ...] = ()
    folder: Path = Path()

    def series(self, results: Path) -> tuple[Series, ...]:
        """The series chosen, those of the calibration kernels at the end; raises ``NnbenchError`` where there is none.

        Points are in the order of the repository's commits where it knows all of them.
        """
        found = read(results, self.patterns, self.metrics, self.order)
        keep = compile_expression(self.expression) if self.expression else lambda name: True
        kept = tuple(one for one in found if one.is_kernel or keep(one.key.target))
        if (self.expression or self.metrics) and all(one.is_kernel for one in kept):
            given = [f"--metric {one}" for one in self.metrics] + ["-k " + self.expression] * bool(self.expression)
            raise NnbenchError(
                f"{' '.join(given)} keeps nothing of what is stored; `nnbench trend` shows what there is"
            )
        return kept

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The repository's commits, oldest first; none outside of a repository."""
        return tuple(git_lines(self.folder, "rev-list", "--topo-order", "--reverse", "--all", "HEAD"))


def git_lines(folder: Path, *arguments: str) -> list[str]:
    """The lines that git answers with; none where git, the repository or what was asked for is missing."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    return done.stdout.split("\n")[:-1] if done.returncode == 0 else []


@dataclass(frozen=True)
class Since:
    """From when on: a date, or a commit (then ``older`` holds it and all before it). Empty for all times."""

    date: np.datetime64 | None = None
    commit: str = ""
    older: frozenset[str] = frozenset()

    def takes_change(self, commit: str, dirty: bool, started: np.datetime64) -> bool:
        """Whether a change first seen there came after the commit, or on the date or later."""
        if self.date is not None:
            return bool(started >= self.date)
        return dirty or commit not in self.older

    def takes_lost(self, lost: Lost) -> bool:
        """Whether a training that gave no value is from the date or the commit on."""
        if self.date is not None:
            return bool(lost.started >= self.date)
        return lost.dirty or lost.commit not in self.older - {self.commit}

    def takes_points(self, series: Series) -> Truths:
        """The points from the date or the commit on, that commit's own included."""
        if self.date is not None:
            return series.started >= self.date
        return series.dirty | ~_among(series.commits, self.older - {self.commit})


def _among(commits: Texts, older: frozenset[str]) -> Truths:
    return np.array([bool(older) and commit in older for commit in commits], dtype=np.bool_)


def since(text: str, folder: Path) -> Since:
    """What --since says; raises ``NnbenchError`` for what is neither a commit here nor a date."""
    if not text:
        return Since()
    if DATE.fullmatch(text):
        return Since(date=_date(text))
    found = git_lines(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{text}^{{commit}}")
    if not found:
        raise NnbenchError(
            f"--since {text}: there is no such commit here, and it is no date such as 2026-11-20. "
            "`git log` shows commits; change to the repository's folder where they are of another one"
        )
    return Since(commit=found[0], older=frozenset(git_lines(folder, "rev-list", found[0])))


def _date(text: str) -> np.datetime64:
    try:
        return np.datetime64(text)
    except ValueError:
        raise NnbenchError(f"--since {text}: there is no such day") from None
