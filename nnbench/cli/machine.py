"""``nnbench machine``: the fingerprint that every run stores, and the most that this machine can do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from nnbench import ceilings, machine
from nnbench.ceilings import ARITHMETIC, Point, Rate
from nnbench.cli import options, output
from nnbench.cli.progress import Progress
from nnbench.processes import probe
from nnbench.processes.session import Session
from nnbench.units import count, size

EXAMPLE = """\b
Example:
  nnbench machine --json
  nnbench machine --measure      its ceilings once more, the better ones are kept
"""


@click.command("machine", epilog=EXAMPLE)
@click.option(
    "--measure/--no-measure",
    default=None,
    help="Measure the ceilings again, or not at all  [default: what was not measured yet]",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    default=probe.SECONDS,
    show_default=True,
    help="Seconds to measure all of them in; more find more undisturbed moments on a busy machine.",
)
@options.as_json
@options.results
def command(measure: bool | None, seconds: float, as_json: bool, results: Path) -> int:
    """Show this computer, its software and the commit: what decides whether two runs may be compared.

    Below stand its ceilings, the best rates of arithmetic and of moving bytes: every run after this shows how near to
    them each component comes. They are measured once, in about 15 seconds, and kept for this machine and torch.
    """
    commit, dirty = machine.commit(Path.cwd(), results)
    facts = machine.fingerprint() | {"commit": commit, "dirty": dirty}
    rates = _rates(facts["id"], facts["torch"], measure, seconds)
    facts["ceilings"] = ceilings.summary(rates)
    if as_json:
        output.print_json(facts | {"rates": [_plain(rate) for rate in rates]})
        return 0
    _print_facts({name: value for name, value in facts.items() if name != "ceilings"})
    _print_ceilings(rates)
    return 0


def _rates(identifier: str, torch: str, measure: bool | None, seconds: float) -> tuple[Rate, ...]:
    """What is kept, once what was to be measured is."""
    points = ceilings.plan_here()
    wanted = points if measure else ceilings.missing(points, ceilings.kept(identifier, torch))
    if wanted and measure is not False:
        output.warn(f"ceilings kept in {_measure(wanted, seconds, identifier, torch)}")
    return ceilings.kept(identifier, torch)


def _measure(points: Sequence[Point], seconds: float, identifier: str, torch: str) -> Path:
    """Measure and keep; what was measured before Ctrl-C is kept too, and not asked for again."""
    rates: list[Rate] = []
    try:
        with Session(()) as session, Progress(len(points)) as progress:
            for point, rate in probe.measured(session, points, seconds):
                progress.update(_named(point), int(rate is not None))
                rates += [rate] if rate is not None else []
    finally:
        path = ceilings.keep(identifier, torch, rates)
    return path


def _named(point: Point) -> str:
    what = point.dtype if point.kind in ARITHMETIC else size(point.size)
    return f"{point.kind}, {what}, {_threads(point.threads)}"


def _threads(number: int) -> str:
    return f"{number} thread" if number == 1 else f"{number} threads"


def _plain(rate: Rate) -> dict[str, Any]:
    point = rate.point
    told = {"kind": point.kind, "threads": point.threads, "dtype": point.dtype, "size": point.size}
    return told | {"cpu": rate.cpu, "wall": rate.wall, "note": rate.note}


def _print_facts(facts: dict[str, Any]) -> None:
    gpus = [f"{gpu['name']}, {gpu['memory_gib']} GiB, driver {gpu['driver']}" for gpu in facts.pop("gpus")]
    table = output.table("fact", "value")
    for name, value in {**facts, "gpus": "; ".join(gpus) or "none"}.items():
        output.add_row(
            table, name.replace("_", " "), ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        )
    output.console().print(table)


def _print_ceilings(rates: Sequence[Rate]) -> None:
    """A line a dtype and a size of pass, a column a number of threads."""
    found = ceilings.of_run({"ceilings": ceilings.summary(rates)})
    if found is None or not found.threads:
        click.echo("\nceilings: not measured yet; `nnbench machine --measure` does it in about 15 seconds")
        return
    heads = [_threads(number) for number in found.threads]
    table = output.table("at most, each second", *heads, right=heads)
    for dtype in ceilings.DTYPES:
        rates_of = [found.arithmetic[number].get(dtype) for number in found.threads]
        output.add_row(table, f"arithmetic, {dtype}", *(_number(one, "FLOP") for one in rates_of))
    moving = {number: dict(found.moving[number]) for number in found.threads}
    for moved in sorted({moved for points in moving.values() for moved in points}):
        rates_of = [moving[number].get(moved) for number in found.threads]
        output.add_row(table, f"bytes, {size(moved)} at once", *(_number(one, "B") for one in rates_of))
    click.echo()
    output.console().print(table)
    _print_doubts(rates)


def _number(value: float | None, unit: str) -> str:
    return f"{count(value)}{unit}" if value else "–"


def _print_doubts(rates: Sequence[Rate]) -> None:
    """What is still to be measured, what could not be, and what was disturbed so much that it is left out."""
    rest = ceilings.missing(ceilings.plan_here(), rates)
    if rest:
        click.echo(f"not measured yet: {len(rest)} more; `nnbench machine` does, and runs show shares from then on")
    for note in dict.fromkeys(f"{_named(rate.point)}: {rate.note}" for rate in rates if rate.note):
        click.echo(f"not measured: {note}")
    for number in ceilings.disturbed(rates):
        click.echo(
            f"{_threads(number)}: left out, far slower than fewer: other programs had the cores. `nnbench machine "
            "--measure`, when they are free, keeps what is better."
        )
