"""Printing: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nnbench import history, store
from nnbench.model import Problem

PIPE_WIDTH = 160  # columns for tables that go to a file or a pipe, where nothing says how wide the reader is

SOMETHING_WRONG = 1
USAGE = 2
NOT_MEASURED = 3
UNDECIDED = 4


def console() -> Console:
    """Where results go: as wide as the terminal, or wide enough for whole names in a pipe."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False, markup=False)


def table(*columns: str, right: Iterable[str] = ()) -> Table:
    """An empty table; the columns named in ``right`` hold numbers."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    numbers = set(right)
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return made


def add_row(table: Table, *cells: str) -> None:
    """A row of plain text: names and notes are other people's, and may look like markup."""
    table.add_row(*map(Text, cells))


def print_json(content: Any) -> None:
    """JSON that every reader takes: numbers that are not finite become null."""
    click.echo(json.dumps(_finite(content), indent=1, default=str))


def _finite(content: Any) -> Any:
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, dict):
        return {name: _finite(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return content


def warn(message: object) -> None:
    click.echo(f"nnbench: {message}", err=True)


def warn_of(problems: Iterable[Problem]) -> None:
    for problem in problems:
        warn(problem)


def seal_abandoned(results: Path) -> None:
    """What every command on results does first: seal what killed runs left, and say so."""
    for said in store.seal_abandoned(results):
        warn(said)


def open_results(results: Path) -> None:
    """What reading commands do first: seal what killed runs left, and name the files that will be passed over."""
    seal_abandoned(results)
    for said in history.open_history(results).problems:
        warn(said)
