"""How far a long command is and how long it will still take, on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Column

from nnbench.units import duration

SECONDS_BETWEEN_LINES = 10.0
LEAST_SHARE = 0.02  # of the steps: before, what is told would be how long a start takes


class Progress:
    """A bar on a terminal; elsewhere (a log) a line every ten seconds. Use as a context manager."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self._started = self._said = time.monotonic()
        self._bar = _bar() if sys.stderr.isatty() else None
        self._task = self._bar.add_task("", total=total) if self._bar else None

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
        self.done += steps
        if self._bar and self._task is not None:
            self._bar.update(self._task, advance=steps, description=doing or None)
        elif doing and time.monotonic() - self._said > SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            click.echo(f"nnbench: {self.done} of {self.total}{self._left()}; {doing}", err=True)

    def expect(self, total: int) -> None:
        """There are so many steps in all, as is known by now."""
        self.total = total
        if self._bar and self._task is not None:
            self._bar.update(self._task, total=total)

    def _left(self) -> str:
        if self.done < LEAST_SHARE * self.total or not self.done:
            return ""
        spent = time.monotonic() - self._started
        return f", about {duration(spent / self.done * (self.total - self.done))} left"


def _bar() -> Bar:
    """Bar, count and time left at their full width; what goes on takes the rest of the line."""
    doing = TextColumn(
        "{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)
    )
    columns = [
        BarColumn(20, table_column=Column(min_width=20)),
        MofNCompleteColumn(table_column=Column(min_width=9, justify="right")),
        TimeRemainingColumn(table_column=Column(min_width=8)),
        doing,
    ]
    return Bar(*columns, console=Console(stderr=True), transient=True, expand=True)
