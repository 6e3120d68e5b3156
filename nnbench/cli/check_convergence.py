"""``nnbench check --convergence``: does it still train as it did, by a few seeds against the reference bands."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from nnbench import bands, trainer
from nnbench.bands import Answer, Band
from nnbench.cli import output
from nnbench.cli.progress import Progress
from nnbench.data import DATASETS, is_available
from nnbench.errors import NnbenchError, listing
from nnbench.model import ComponentInfo, Measurement
from nnbench.plan import Target
from nnbench.processes.session import Session

SEEDS = 8
WORSE = ("slower", "worse")
BEYOND = 1_000_000  # seeds are drawn below it, and none of them is a band's
COLUMNS = ("task", "what", "verdict", "band", "now", "99 % interval of the difference")


def check_convergence(session: Session, targets: Sequence[Target], seed: int | None, seeds: int, as_json: bool) -> int:
    """Train each selected task that has a band under a few seeds; 1 where one learns worse than it did."""
    tasks = {target.component.id: target.component for target in targets}
    known = [band for band in bands.bands() if band.task in tasks]
    if not known:
        raise NnbenchError(f"none of what is selected has a reference band; these have: {_named(bands.bands())}")
    there = [band for band in known if _is_there(band.data)]
    for band in known:
        if band not in there:
            output.warn(f"{band.task} is left out: `nnbench data get {band.data}` gets its data")
    first = 1000 + secrets.randbelow(BEYOND) if seed is None else seed
    output.warn(f"seeds {first} to {first + seeds - 1}; `--seed {first}` repeats them")
    answers = {
        band.task: _answers(session, tasks[band.task], band, range(first, first + seeds), len(there)) for band in there
    }
    _tell(there, answers, as_json)
    return output.SOMETHING_WRONG if any(one.verdict in WORSE for each in answers.values() for one in each) else 0


def _is_there(data: str) -> bool:
    return data not in DATASETS or is_available(data)


def _named(known: Sequence[Band]) -> str:
    return listing(band.task for band in known)


def _answers(session: Session, task: ComponentInfo, band: Band, seeds: range, of: int) -> list[Answer]:
    """One band's comparisons; all bands' intervals hold together."""
    rows = trained(session, [trainer.Training(task, band.variant, seed=seed, epochs=band.epochs) for seed in seeds])
    _refuse_other_data(band, [row for each in rows.values() for row in each])
    found = [bands.summary(each) for each in rows.values()]
    together = of * len(bands.COMPARED)
    return [bands.compare(band, metric, [one[metric] for one in found], together) for metric in bands.COMPARED]


def trained(session: Session, trainings: Sequence[trainer.Training]) -> dict[int, list[Measurement]]:
    """The rows of each seed, with a bar while it goes on."""
    rows: dict[int, list[Measurement]] = {}
    with Progress(trainer.steps(trainings)) as progress:
        for event in trainer.run(session, trainings):
            progress.update(event.doing, event.steps)
            if event.row is not None:
                rows.setdefault(event.row.context["seed"], []).append(event.row)
    return rows


def _refuse_other_data(band: Band, rows: Sequence[Measurement]) -> None:
    other = {row.context["checksum"] for row in rows if row.context.get("checksum")} - {band.checksum}
    if other:
        told = f"its band is of {band.data} with checksum {band.checksum}, and here is {other.pop()}"
        raise NnbenchError(f"{band.task}: {told}")


def _tell(known: Sequence[Band], answers: dict[str, list[Answer]], as_json: bool) -> None:
    if as_json:
        output.print_json([_json_row(band, one) for band in known for one in answers[band.task]])
        return
    table = output.table(*COLUMNS, right=COLUMNS[3:5])
    for band in known:
        for one in answers[band.task]:
            numbers = f"{one.before:.4g}", f"{one.after:.4g}", f"{one.low:+.3g} to {one.high:+.3g}"
            output.add_row(table, band.task, NAMES[one.metric], one.verdict, *numbers)
    output.console().print(table)


NAMES = {bands.SPEED: "mean log training loss", "test_loss": "test loss"}


def _json_row(band: Band, answer: Answer) -> dict[str, object]:
    return {
        "component": band.task,
        "variant": band.variant,
        "data": band.data,
        "epochs": band.epochs,
        "metric": answer.metric,
        "verdict": answer.verdict,
        "before": answer.before,
        "after": answer.after,
        "low": answer.low,
        "high": answer.high,
    }
