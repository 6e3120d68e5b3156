"""The tables of what was measured, on the terminal: a line a variant, a line an epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import click

from nnbench.model import Status
from nnbench.roofline import Share
from nnbench.tables import Key, Line, TrainingLine, without_skipped
from nnbench.units import count, seconds, share, size, times

Shares = Mapping[Key, Share]


def _forward(line: Line, shares: Shares) -> str:
    time = line.times.get("forward") or line.times.get("step") or line.times.get("call")
    return seconds(time.estimate) if time else ""


def _backward(line: Line, shares: Shares) -> str:
    return seconds(line.times["backward"].estimate) if "backward" in line.times else ""


def _both(line: Line, shares: Shares) -> str:
    return seconds(line.times["forward_backward"].estimate) if "forward_backward" in line.times else ""


def _memory(line: Line, shares: Shares) -> str:
    return size(line.memory) if line.memory is not None else ""


def _throughput(line: Line, shares: Shares) -> str:
    return count(line.throughput.estimate) if line.throughput else ""


def _speed(line: Line, shares: Shares) -> str:
    if line.speed is None:
        return ""
    return "1" if line.variant == "torch" else times(line.speed)


def _instructions(line: Line, shares: Shares) -> str:
    return count(line.instructions) if line.instructions is not None else ""


def _of_the_limit(line: Line, shares: Shares) -> str:
    return share(shares[line.key].share) if line.key in shares else ""


# Heading, cell, and whether it is left out where nothing stands in it.
COLUMNS: tuple[tuple[str, Callable[[Line, Shares], str], bool], ...] = (
    ("variant", lambda line, shares: line.variant, False),
    ("forward, step or call", _forward, False),
    ("backward", _backward, False),
    ("both", _both, True),
    ("memory", _memory, False),
    ("instructions", _instructions, True),
    ("samples/s", _throughput, True),
    ("of the limit", _of_the_limit, True),
    ("speed (torch = 1)", _speed, False),
)


def print_lines(found: Sequence[Line], shares: Shares | None = None) -> None:
    """The table of a run: a heading for each component and case, below it one line a variant.

    What was skipped whole is counted below it, by its reason.
    """
    found, skipped = without_skipped(found)
    columns = _columns(found, shares or {})
    widths = [max(map(len, column)) for column in columns]
    head, *rows = zip(*columns, strict=True)
    click.secho(_row(head, widths), bold=True)
    for line, above, cells in zip(found, [None, *found], rows, strict=False):
        if above is None or (above.component, above.case) != (line.component, line.case):
            click.echo(f"{click.style(line.component, bold=True)}  {line.case}")
        click.echo(_row(cells, widths))
        if line.status != Status.OK:
            click.secho(f"    {line.status}: {line.note}", fg="yellow" if line.status == Status.SKIPPED else "red")
    for note, number in skipped.items():
        click.secho(f"\nskipped, {number} {'case' if number == 1 else 'cases'}: {note}", fg="yellow")


def _columns(found: Sequence[Line], shares: Shares) -> list[tuple[str, ...]]:
    """Each column with its heading, those left out that have nothing in them."""
    made = [(head, [cell(line, shares) for line in found], optional) for head, cell, optional in COLUMNS]
    return [(head, *cells) for head, cells, optional in made if any(cells) or not optional]


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """The first cell to the left, numbers to the right."""
    numbers = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
    return "  ".join(["  " + cells[0].ljust(widths[0]), *numbers]).rstrip()


def print_training(found: Sequence[TrainingLine]) -> None:
    for line in found:
        where = f"{line.component}@{line.variant} on {line.data}, epoch {line.epoch}, seed {line.seed}"
        if line.status != Status.OK:
            click.echo(f"\n{where}: {line.status}: {line.note}")
            continue
        accuracy, loss = share(line.values["test_accuracy"]), line.values["train_loss"]
        spent = seconds(line.values["training_time"])
        click.echo(f"\n{where}: test accuracy {accuracy}, training loss {loss:.4f}, {spent} of training")
