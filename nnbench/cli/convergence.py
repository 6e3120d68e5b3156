"""What is said of trainings beside what they once reached: a table, rows for machines, and what counts as worse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nnbench import bands
from nnbench.cli import output
from nnbench.convergence import Compared

WORSE = ("slower", "worse")
COLUMNS = ("task", "data", "epochs", "what", "verdict", "by", "band", "now", "99 % interval of the difference")
NAMES = {bands.SPEED: "mean log training loss", "test_loss": "test loss"}


def print_answers(found: Sequence[Compared]) -> None:
    """A line for each metric of each band."""
    table = output.table(*COLUMNS, right=("epochs", "band", "now"))
    for compared in found:
        for one in compared.answers:
            interval = f"{one.low:+.3g} to {one.high:+.3g}" if one.seeds else ""
            numbers = f"{one.before:.4g}", f"{one.after:.4g}", interval
            by = f"{one.seeds} seeds" if one.seeds else "the same bits"
            named = compared.band.task, compared.band.data, str(compared.band.epochs), NAMES[one.metric]
            output.add_row(table, *named, one.verdict, by, *numbers)
    output.console().print(table)


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
