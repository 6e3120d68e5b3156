"""How far a long command is and how long it will still take, on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Column

from nnbench.units import duration

SECONDS_BETWEEN_LINES = 10.0
LEAST_SHARE = 0.02  # of the steps: before, what is told would be how long a start takes


class Progress:
    """A bar on a terminal; elsewhere (a log) a line every ten seconds. Use as a context manager.

    The time left follows from the steps since the first one: what comes before it, starting and loading, is no step.
    """

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic, console: Console | None = None) -> None:
        self.total = total
        self.done = 0
        self._clock, self._said = clock, clock()
        self._began: float | None = None  # when the first step was done
        self._uncounted = 0  # steps up to then, and those that took no time
        is_watched = console.is_terminal if console else sys.stderr.isatty()
        self._bar = _bar(console or Console(stderr=True)) if is_watched else None
        self._task = self._bar.add_task("", total=total, left="") if self._bar else None

    def __enter__(self) -> Progress:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def update(self, doing: str, steps: int) -> None:
        """Tell what goes on (nothing new where empty) and how many steps were finished."""
        if steps and self._began is None:
            self._began = self._clock()
            self._uncounted += steps
        self._advance(doing, steps)
        if not self._bar and doing and self._clock() - self._said > SECONDS_BETWEEN_LINES:
            self._said = self._clock()
            left = self._left()
            told = f", about {left} left" if left else ""
            click.echo(f"nnbench: {self.done} of {self.total}{told}; {doing}", err=True)

    def skip(self, steps: int) -> None:
        """So many steps were done before: they say nothing of how long others take."""
        self._uncounted += steps
        self._advance("", steps)

    def expect(self, total: int) -> None:
        """There are so many steps in all, as is known by now."""
        self.total = total
        if self._bar and self._task is not None:
            self._bar.update(self._task, total=total)

    def _advance(self, doing: str, steps: int) -> None:
        self.done += steps
        if self._bar and self._task is not None:
            self._bar.update(self._task, advance=steps, description=doing or None, left=self._left())

    def _left(self) -> str:
        counted = self.done - self._uncounted
        if self._began is None or counted <= 0 or counted < LEAST_SHARE * (self.total - self._uncounted):
            return ""
        return duration((self._clock() - self._began) / counted * (self.total - self.done))


def _bar(console: Console) -> Bar:
    """Bar, count and time left at their full width; what goes on takes the rest of the line."""
    doing = TextColumn(
        "{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)
    )
    columns = [
        BarColumn(12, table_column=Column(min_width=12)),
        MofNCompleteColumn(table_column=Column(min_width=9, justify="right")),
        TextColumn("{task.fields[left]}", table_column=Column(min_width=6, no_wrap=True)),
        doing,
    ]
    return Bar(*columns, console=console, transient=True, expand=True)
