"""The two tiers of convergence: the same bits again, and only where they are not, the distributions over seeds."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nnbench import bands, machine, trainer
from nnbench.bands import Answer, Band
from nnbench.cli import output
from nnbench.cli.progress import Progress
from nnbench.errors import NnbenchError
from nnbench.model import ComponentInfo, Measurement
from nnbench.processes.session import Session
from nnbench.trajectories import WHERE, elsewhere, first_difference

SEEDS = 8  # fresh ones that are held against a band
WORSE = ("slower", "worse")
BEYOND = 1_000_000  # seeds are drawn below it, and none of them is a band's
COLUMNS = ("task", "data", "what", "verdict", "by", "band", "now", "99 % interval of the difference")
NAMES = {bands.SPEED: "mean log training loss", "test_loss": "test loss"}


def where(session: Session) -> dict[str, Any]:
    """The software and the machine that decide about the last bit."""
    facts = machine.fingerprint() | {"threads": session.threads}
    return {name: facts.get(name, "") for name in WHERE}


def drawn() -> int:
    """The first of some fresh seeds."""
    return 1000 + secrets.randbelow(BEYOND)


def trained(
    session: Session, trainings: Sequence[trainer.Training], device: str = "cpu"
) -> dict[int, list[Measurement]]:
    """The rows of each seed, with a bar while it goes on."""
    rows: dict[int, list[Measurement]] = {}
    with Progress(trainer.steps(trainings)) as progress:
        for event in trainer.run(session, trainings, device):
            progress.update(event.doing, event.steps)
            if event.row is not None:
                rows.setdefault(event.row.context["seed"], []).append(event.row)
    return rows


def band_of(rows: Mapping[int, Sequence[Measurement]], epochs: int, of: Mapping[str, Any]) -> Band:
    """What these trainings of one task reached in so many epochs, a seed each; ``NnbenchError`` where one failed."""
    for each in rows.values():
        if each[-1].status != "ok":
            raise NnbenchError(f"{each[-1].component}, seed {each[-1].context['seed']}: {each[-1].note}")
    found = [bands.summary(each) for each in rows.values()]
    first = next(iter(rows.values()))[-1]
    return Band(
        task=first.component,
        variant=first.variant,
        data=first.context["data"],
        checksum=first.context["checksum"],
        epochs=epochs,
        values={metric: tuple(one[metric] for one in found) for metric in found[0]},
        of={"split": first.context["split"], "seeds": list(rows)} | dict(of),
    )


def bits(session: Session, task: ComponentInfo, band: Band) -> tuple[Answer, ...]:
    """The first tier: the band's first training made again, where software and machine are those that it was made with.

    Empty where it is another now, which is told with the first step and tensor, or where it could not be the same.
    """
    if band.first is None or elsewhere(band.of, where(session)):
        return ()
    training = _training(task, band, band.first.seed)
    rows = trained(session, [training])[band.first.seed]
    refuse_other_data(band, rows)
    found = bands.same(band, rows)
    if not found:
        output.warn(f"{band.task} on {band.data}: {_parted(session, training, band)}")
    return found


def _parted(session: Session, training: trainer.Training, band: Band) -> str:
    """From where on a training is not the band's first one."""
    assert band.first is not None
    kept = band.first.steps
    now = trainer.trajectory(session, training, len(kept)).steps
    found = first_difference(kept, now)
    if found is None:
        return f"the same for {len(kept)} steps, and another after {band.epochs} epochs; so it is trained anew"
    return f"differs from step {found.step + 1} on, in {found.what}; so it is trained under other seeds"


def distributions(
    session: Session, task: ComponentInfo, band: Band, seeds: range, of: int, device: str = "cpu"
) -> tuple[Answer, ...]:
    """The second tier: fresh seeds beside the band's, in both directions; ``of`` bands are compared together."""
    rows = trained(session, [_training(task, band, seed) for seed in seeds], device)
    refuse_other_data(band, [row for each in rows.values() for row in each])
    found = [bands.summary(each) for each in rows.values()]
    together = of * len(bands.COMPARED)
    return tuple(bands.compare(band, metric, [one[metric] for one in found], together) for metric in bands.COMPARED)


def _training(task: ComponentInfo, band: Band, seed: int) -> trainer.Training:
    return trainer.Training(task, band.variant, data=band.data, seed=seed, epochs=band.epochs)


def refuse_other_data(band: Band, rows: Sequence[Measurement]) -> None:
    other = {row.context["checksum"] for row in rows if row.context.get("checksum")} - {band.checksum}
    if other:
        told = f"its band is of {band.data} with checksum {band.checksum}, and here is {other.pop()}"
        raise NnbenchError(f"{band.task}: {told}")


def print_answers(found: Sequence[tuple[Band, Sequence[Answer]]]) -> None:
    """A line for each metric of each band."""
    table = output.table(*COLUMNS, right=COLUMNS[5:7])
    for band, answers in found:
        for one in answers:
            numbers = f"{one.before:.4g}", f"{one.after:.4g}", f"{one.low:+.3g} to {one.high:+.3g}"
            by = f"{one.seeds} seeds" if one.seeds else "the same bits"
            output.add_row(table, band.task, band.data, NAMES[one.metric], one.verdict, by, *numbers)
    output.console().print(table)


def json_rows(band: Band, answers: Sequence[Answer]) -> Iterator[dict[str, object]]:
    for answer in answers:
        yield {
            "component": band.task,
            "variant": band.variant,
            "data": band.data,
            "epochs": band.epochs,
            "metric": answer.metric,
            "verdict": answer.verdict,
            "tier": 2 if answer.seeds else 1,
            "seeds": answer.seeds,
            "before": answer.before,
            "after": answer.after,
            "low": answer.low,
            "high": answer.high,
        }
