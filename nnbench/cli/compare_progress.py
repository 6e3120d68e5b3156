"""How far a comparison is, in trainings, and how long it will still take, on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

from nnbench.experiments.handing import Expected
from nnbench.units import duration

SECONDS_BETWEEN_LINES = 10.0
SHARE_BETWEEN_LINES = 1 / 30  # of the time that has passed: a night's log is no longer than can be read


class Trainings:
    """A bar on a terminal; elsewhere (a log) a line now and then. Use as a context manager.

    What is left is told as the trainings' own times give it: the bar's speed says little where one contender takes ten
    times as long as another, and nothing of what a budget cuts off.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, console: Console | None = None) -> None:
        self._clock = clock
        self._console = console or Console(stderr=True)
        self._bar = _bar(self._console) if self._console.is_terminal else None
        self._task = self._bar.add_task("", total=1, told="") if self._bar else None
        self._began = self._said = clock()
        self._doing, self._done = "", 0
        self._expected = Expected(0, 0, None)

    def __enter__(self) -> Trainings:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def update(self, doing: str, steps: int, trials: int = 0) -> None:
        """Tell what goes on (nothing new where empty), and how many steps and trainings were finished."""
        self._doing, self._done = doing or self._doing, self._done + trials
        if self._bar and self._task is not None:
            self._bar.update(self._task, advance=steps, description=self._doing, told=self._told())

    def expect(self, all_told: Expected) -> None:
        """There is so much in all, as is known by now."""
        self._expected = all_told
        if self._bar and self._task is not None:
            self._bar.update(self._task, total=all_told.steps, told=self._told())
        elif self._clock() - self._said >= max(SECONDS_BETWEEN_LINES, SHARE_BETWEEN_LINES * self._passed):
            self._said = self._clock()
            click.echo(f"nnbench: {self._told()}; {self._doing}", err=True)

    @property
    def _passed(self) -> float:
        return self._clock() - self._began

    def _told(self) -> str:
        seconds = self._expected.seconds
        left = "" if seconds is None else f", about {duration(max(seconds, 1.0))} left"
        return f"{self._done} of {self._expected.trials} trainings{left}"


def _bar(console: Console) -> Progress:
    """Bar, count and time left at their full width; what goes on takes the rest of the line."""
    told = TextColumn("{task.fields[told]}", markup=False, table_column=Column(no_wrap=True))
    doing = TextColumn(
        "{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)
    )
    columns = BarColumn(12, table_column=Column(min_width=12)), told, doing
    return Progress(*columns, console=console, transient=True, expand=True)
