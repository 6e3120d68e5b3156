"""``nnbench check --convergence``: does it still train as it did, by the bits of a training or by many seeds."""

from __future__ import annotations

from collections.abc import Sequence

import click

from nnbench import bands
from nnbench.bands import Band
from nnbench.cli import output
from nnbench.cli.convergence import WORSE, json_rows, print_answers
from nnbench.cli.known_told import beside_known
from nnbench.cli.progress import Progress
from nnbench.convergence import LOOKS, SEEDS, Asked, Compared, by_bits, by_seeds, drawn
from nnbench.data import DATASETS, is_available
from nnbench.data.subsets import needed
from nnbench.errors import NnbenchError, listing
from nnbench.plan import Target
from nnbench.processes.session import Session
from nnbench.report.words import plural
from nnbench.trainings import steps


def check_convergence(
    session: Session,
    targets: Sequence[Target],
    seed: int | None,
    seeds: int | None,
    as_json: bool,
    named: bool,
    processes: int,
) -> int:
    """Train each selected task that has a band: 1 where one learns worse than it did, 4 where seeds cannot tell, 3
    where nothing, or not all that is ``named``, could be trained.

    Where software and machine are the band's, its first training is made again, and if it is the same to the last bit,
    that is the answer. Otherwise, and always where ``seed`` or ``seeds`` ask for it, a few seeds are trained, and as
    many more where these leave it open, unless ``seeds`` says how many. Bands that take minutes are left out where no
    task is ``named``.
    """
    tasks = {target.component.id: target.component for target in targets}
    there, without_data = _chosen(list(tasks), named)
    asked = seed is not None or seeds is not None
    first = drawn() if seed is None else seed
    fresh = range(first, first + (seeds or SEEDS))
    wanted = [Asked(tasks[band.task], band, fresh) for band in there]
    found = [Compared(band, ()) for band in there] if asked else _by_bits(session, wanted, processes)
    found = _by_seeds(session, wanted, found, processes, more=seeds is None)
    if any(one.seeds for compared in found for one in compared.answers):
        most = max(one.seeds for compared in found for one in compared.answers)
        output.warn(f"seeds from {first} on; `--seed {first} --seeds {most}` repeats them")
    if as_json:
        output.print_json([row for compared in found for row in json_rows(compared)])
    elif found:
        print_answers(found)
        for told in beside_known(there):
            click.echo(told)
    said = {one.verdict for compared in found for one in compared.answers}
    if said & set(WORSE):
        return output.SOMETHING_WRONG
    if not found or (named and without_data):
        return output.NOT_MEASURED
    return output.UNDECIDED if "undecided" in said else 0


def _by_bits(session: Session, wanted: Sequence[Asked], processes: int) -> list[Compared]:
    """The first tier, and in a line each where a band's first training is another now."""
    with Progress(1) as progress:
        found = by_bits(session, wanted, progress, processes)
    for compared in found:
        if compared.parted:
            output.warn(f"{compared.band.task} on {compared.band.data}: {compared.parted}")
    return found


def _by_seeds(
    session: Session, wanted: Sequence[Asked], found: Sequence[Compared], processes: int, more: bool
) -> list[Compared]:
    """What is found, and the second tier for each band that has no answer yet; where that leaves it open and ``more``
    may be trained, with as many seeds again.
    """
    open_ones = [one for one, compared in zip(wanted, found, strict=True) if not compared.answers]
    if not open_ones:
        return list(found)
    with Progress(steps([one.fresh for one in open_ones])) as progress:
        answers = iter(by_seeds(session, open_ones, progress, processes, LOOKS * len(wanted), more=more))
    return [one if one.answers else next(answers) for one in found]


def _chosen(tasks: Sequence[str], named: bool) -> tuple[list[Band], list[Band]]:
    """The bands of these tasks whose data is here, and those whose data is not; what is left out is told."""
    known = [band for band in bands.bands() if band.task in tasks]
    if not known:
        have = listing(dict.fromkeys(band.task for band in bands.bands()))
        raise NnbenchError(f"none of what is selected has a reference band; these have: {have}")
    slow = [] if named else [band for band in known if band.by_name]
    if slow:
        told = listing(f"{band.task} ({plural(band.epochs, 'epoch')})" for band in slow)
        output.warn(f"left out unless it is named, for it takes minutes: {told}")
    wanted = [band for band in known if band not in slow]
    missing = [band for band in wanted if not _is_there(band.data)]
    for band in missing:
        output.warn(f"{band.task} is left out: `nnbench data get {needed(band.data)}` gets its data")
    return [band for band in wanted if band not in missing], missing


def _is_there(data: str) -> bool:
    return needed(data) not in DATASETS or is_available(needed(data))
