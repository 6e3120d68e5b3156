"""The two tiers of convergence: the same bits again, and only where they are not, the distributions over seeds."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nnbench import bands, machine, trainer
from nnbench.bands import Answer, Band
from nnbench.errors import NnbenchError
from nnbench.model import ComponentInfo, Measurement
from nnbench.processes.session import Session
from nnbench.trainings import Group, Progress, steps, trained
from nnbench.trajectories import WHERE, elsewhere, first_difference

SEEDS = 8  # fresh ones that are held against a band
LOOKS = 5  # at most: a band that these leave undecided gets as many again
BEYOND = 1_000_000  # seeds are drawn below it, and none of them is a band's


@dataclass(frozen=True)
class Asked:
    """A band, the task that it is of, and the fresh seeds that are held against it where its own do not decide."""

    task: ComponentInfo
    band: Band
    seeds: range

    def training(self, seed: int) -> trainer.Training:
        """One that the band could hold."""
        band = self.band
        return trainer.Training(self.task, band.variant, data=band.data, seed=seed, epochs=band.epochs)

    @property
    def first(self) -> Group:
        """The band's first training, to be made again."""
        assert self.band.first is not None
        return Group([self.training(self.band.first.seed)], self.band.seconds)

    @property
    def again(self) -> Asked:
        """The same with the seeds that come next."""
        return replace(self, seeds=range(self.seeds.stop, self.seeds.stop + len(self.seeds)))

    @property
    def fresh(self) -> Group:
        return Group([self.training(seed) for seed in self.seeds], self.band.seconds)


@dataclass(frozen=True)
class Compared:
    """What is said of a band; ``parted`` tells from where on its first training was another one, where it was made."""

    band: Band
    answers: tuple[Answer, ...]
    parted: str = ""

    @property
    def is_open(self) -> bool:
        return any(one.verdict == "undecided" for one in self.answers)


def where(session: Session) -> dict[str, Any]:
    """The software and the machine that decide about the last bit."""
    facts = machine.fingerprint() | {"threads": session.threads}
    return {name: facts.get(name, "") for name in WHERE}


def drawn() -> int:
    """The first of some fresh seeds."""
    return 1000 + secrets.randbelow(BEYOND)


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
        of={"split": first.context["split"], "seeds": list(rows), "seconds": _seconds(rows)} | dict(of),
    )


def _seconds(rows: Mapping[int, Sequence[Measurement]]) -> float:
    """How long the steps of one training took, in the mean."""
    times = [row.values[0] for each in rows.values() for row in each if row.metric == "training_time"]
    return round(sum(times) / len(rows), 3)


def by_bits(session: Session, asked: Sequence[Asked], progress: Progress, processes: int) -> list[Compared]:
    """The first tier: the first training of each band that was made with this software on such a machine, made again.

    Those without answers are for ``by_seeds``: made elsewhere, or another now, which is told with the first step and
    tensor. Raises ``NnbenchError`` where the data is not the band's.
    """
    here = where(session)
    known = [one for one in asked if one.band.first is not None and not elsewhere(one.band.of, here)]
    progress.expect(steps([one.first for one in known]))
    found = trained(session, [one.first for one in known], progress, processes)
    by_band = {id(one): _again(session, one, rows) for one, rows in zip(known, found, strict=True)}
    return [by_band.get(id(one), Compared(one.band, ())) for one in asked]


def _again(session: Session, asked: Asked, by_seed: Mapping[int, Sequence[Measurement]]) -> Compared:
    (rows,) = by_seed.values()
    refuse_other_data(asked.band, rows)
    answers = bands.same(asked.band, rows)
    return Compared(asked.band, answers, "" if answers else _parted(session, asked))


def _parted(session: Session, asked: Asked) -> str:
    """From where on a training is not the band's first one."""
    assert asked.band.first is not None
    kept = asked.band.first.steps
    now = trainer.trajectory(session, asked.training(asked.band.first.seed), len(kept)).steps
    found = first_difference(kept, now)
    if found is None:
        return f"the same for {len(kept)} steps, and another after {asked.band.epochs} epochs; so it is trained anew"
    return f"differs from step {found.step + 1} on, in {found.what}; so it is trained under other seeds"


def by_seeds(
    session: Session,
    asked: Sequence[Asked],
    progress: Progress,
    processes: int,
    together: int,
    device: str = "cpu",
    more: bool = False,
) -> list[Compared]:
    """The second tier: fresh seeds beside each band's, in both directions; so many bands are compared ``together``.

    What they leave undecided gets as many seeds again, up to ``LOOKS`` times in all, where ``more`` may be trained;
    ``together`` then counts each band so many times. Raises ``NnbenchError`` where the data is not a band's.
    """
    of, total = together * len(bands.COMPARED), 0
    rows: list[dict[int, list[Measurement]]] = [{} for _ in asked]
    answers = [Compared(one.band, ()) for one in asked]
    waiting = dict(enumerate(asked))
    for _ in range(LOOKS if more else 1):
        groups = [one.fresh for one in waiting.values()]
        total += steps(groups)
        progress.expect(total)
        for place, found in zip(waiting, trained(session, groups, progress, processes, device), strict=True):
            rows[place] |= found
            answers[place] = _distributions(asked[place].band, rows[place], of)
        waiting = {place: one.again for place, one in waiting.items() if answers[place].is_open}
        if not waiting:
            break
    return answers


def _distributions(band: Band, by_seed: Mapping[int, Sequence[Measurement]], of: int) -> Compared:
    refuse_other_data(band, [row for each in by_seed.values() for row in each])
    found = [bands.summary(each) for each in by_seed.values()]
    answers = (bands.compare(band, metric, [one[metric] for one in found], of) for metric in bands.COMPARED)
    return Compared(band, tuple(answers))


def refuse_other_data(band: Band, rows: Sequence[Measurement]) -> None:
    """Numbers of other data are no reason for a verdict."""
    other = {row.context["checksum"] for row in rows if row.context.get("checksum")} - {band.checksum}
    if other:
        told = f"its band is of {band.data} with checksum {band.checksum}, and here is {other.pop()}"
        raise NnbenchError(f"{band.task}: {told}")
