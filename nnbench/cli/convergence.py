"""What is said of trainings beside what they once reached: a table, rows for machines, and what counts as worse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table

from nnbench import bands
from nnbench.bands import Answer
from nnbench.cli import output
from nnbench.convergence import Compared
from nnbench.report.words import plural

WORSE = ("slower", "worse")
COLUMNS = ("task", "data", "epochs", "what", "verdict", "by", "band", "now", "99 % interval of the difference")
NAMES = {bands.SPEED: "mean log training loss", "test_loss": "test loss"}
SHORT = {bands.SPEED: "log train loss", "test_loss": "test loss"}
LINE = "  {:<14}  {:<9}  {:>8}  {:>8}  {}"  # of a narrow terminal: 74 characters at most
ALL_THE_SAME = "architectures."  # said of a task only where others are of another suite


def print_answers(found: Sequence[Compared]) -> None:
    """A line for each metric of each band; where these are too long, the band has a line to itself."""
    console = output.console()
    table = _wide(found)
    if console.measure(table, options=console.options.update(width=output.PIPE_WIDTH)).maximum <= console.width:
        console.print(table)
        return
    console.print(LINE.format("", "", "band", "now", "99 % interval").rstrip(), soft_wrap=True)
    for line in _narrow(found):
        console.print(line, soft_wrap=True)


def _wide(found: Sequence[Compared]) -> Table:
    table = output.table(*COLUMNS, right=("epochs", "band", "now"))
    for compared in found:
        for one in compared.answers:
            named = compared.band.task, compared.band.data, str(compared.band.epochs), NAMES[one.metric]
            output.add_row(table, *named, one.verdict, _by(one), *_numbers(one))
    return table


def _narrow(found: Sequence[Compared]) -> Iterator[str]:
    """A line a band, and below it one a metric."""
    is_plain = all(compared.band.task.startswith(ALL_THE_SAME) for compared in found)
    for compared in (one for one in found if one.answers):
        task = compared.band.task.removeprefix(ALL_THE_SAME) if is_plain else compared.band.task
        epochs, by = plural(compared.band.epochs, "epoch"), _by(compared.answers[0])
        yield f"{task} on {compared.band.data}, {epochs}, by {by}"
        for one in compared.answers:
            yield LINE.format(SHORT[one.metric], one.verdict, *_numbers(one)).rstrip()


def _by(one: Answer) -> str:
    return plural(one.seeds, "seed") if one.seeds else "the same bits"


def _numbers(one: Answer) -> tuple[str, str, str]:
    """Before, now, and the interval of the difference."""
    return f"{one.before:.4g}", f"{one.after:.4g}", f"{one.low:+.3g} to {one.high:+.3g}" if one.seeds else ""


def json_rows(compared: Compared) -> Iterator[dict[str, object]]:
    for answer in compared.answers:
        yield {
            "component": compared.band.task,
            "variant": compared.band.variant,
            "data": compared.band.data,
            "epochs": compared.band.epochs,
            "metric": answer.metric,
            "verdict": answer.verdict,
            "tier": 2 if answer.seeds else 1,
            "seeds": answer.seeds,
            "before": answer.before,
            "after": answer.after,
            "low": answer.low,
            "high": answer.high,
        }
