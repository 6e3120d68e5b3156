"""``nnbench run``: checks, measures and stores; the main job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from nnbench import checking, roofline, runner, store
from nnbench.cli import options, output
from nnbench.cli.check_told import failure, repeater
from nnbench.cli.progress import Progress
from nnbench.cli.run_table import print_lines, print_training
from nnbench.cli.started import new_run
from nnbench.data import best_available
from nnbench.discovery import sources
from nnbench.machine import THREADS
from nnbench.metrics import COMPILE, COUNTERS_ON_REQUEST, MODES_ON_REQUEST
from nnbench.model import Check, Measurement, Status, check_to_measurement, plain
from nnbench.plan import select, timed
from nnbench.processes.session import Session, processes
from nnbench.report.failures import Repeat
from nnbench.stats import UNUSABLE
from nnbench.tables import lines, training_lines
from nnbench.units import share

EXAMPLE = """\b
Example:
  nnbench run                          everything, about five minutes
  nnbench run 'layers.*' --quick       a first look
  nnbench run --suite mine.py mine     your own
"""

DEFAULT_ROUNDS, DEFAULT_BUDGET = 3, 0.025
QUICK_ROUNDS, QUICK_BUDGET = 1, 0.01


@click.command("run", epilog=EXAMPLE)
@options.selection
@options.as_json
@options.results
@options.worker
@options.device
@click.option("--rounds", type=click.IntRange(min=1), help="Fresh processes a case  [default: 3, quick 1]")
@click.option(
    "--budget", type=click.FloatRange(min=0.001), help="Seconds a round and mode  [default: 0.025, quick 0.01]"
)
@click.option(
    "--quick",
    is_flag=True,
    help="A first look: one round of 0.01 s, only outputs, gradients and steps checked, networks in one case.",
)
@click.option(
    "--counters", multiple=True, type=click.Choice(COUNTERS_ON_REQUEST), help="Count this too; it takes seconds a case."
)
@click.option("--mode", "modes", multiple=True, type=click.Choice([*MODES_ON_REQUEST, COMPILE]), help="Time this too.")
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=THREADS,
    show_default=True,
    help="Of torch; never compared with another.",
)
@click.option("--train/--no-train", default=True, show_default=True, help="Train one epoch what has a recipe.")
def command(
    patterns: tuple[str, ...],
    expression: str,
    suites: tuple[str, ...],
    as_json: bool,
    results: Path,
    timeout: float,
    memory_limit: int,
    seed: int | None,
    jobs: int | None,
    device: str,
    dtype: str | None,
    rounds: int | None,
    budget: float | None,
    quick: bool,
    counters: tuple[str, ...],
    modes: tuple[str, ...],
    threads: int,
    train: bool,
) -> int:
    """Check the selected components, measure what is right, and store it all.

    Exits with 1 when something is wrong, 3 when something could not be measured, 4 when the machine was too noisy.
    """
    output.seal_abandoned(results)
    settings = checking.Settings(
        rounds=rounds or (QUICK_ROUNDS if quick else DEFAULT_ROUNDS),
        budget=budget or (QUICK_BUDGET if quick else DEFAULT_BUDGET),
        seed=seed,
        processes=jobs or processes(),
        data=best_available("mnist") if train and device == "cpu" else "",
        only=checking.CORE_CHECKS if quick else (),
        modes=modes,
        counters=counters,
    )
    rows: list[checking.Row] = []
    limits = options.limits(timeout, memory_limit)
    repeat = repeater(suites, limits, placed=options.placed(device, dtype))
    with Session(sources(suites), limits, threads, device=device, dtype=dtype or "") as session:
        everything = session.components()
        output.warn_of(session.problems)
        targets = timed(select(everything, patterns, expression))
        journal = store.Journal(results, new_run(results, threads))
        try:
            with journal, Progress(runner.measure_steps(targets, settings)) as progress:
                for event in runner.measure(session, targets, settings):
                    progress.update(event.doing, event.steps)
                    if event.row is not None:
                        journal.add(_stored(event.row))
                        rows.append(event.row)
        finally:
            _print(rows, journal, as_json, repeat, quick)
    return _exit_code(rows, bool(session.problems))


def _stored(row: checking.Row) -> Measurement:
    return check_to_measurement(row) if isinstance(row, Check) else row


def _exit_code(rows: Sequence[checking.Row], problems: bool) -> int:
    checks = [row for row in rows if isinstance(row, Check)]
    measured = [row for row in rows if isinstance(row, Measurement)]
    if any(not row.is_right and row.cause in ("", Status.FAILED, Status.WRONG) for row in checks):
        return output.SOMETHING_WRONG
    if any(row.status not in (Status.OK, Status.SKIPPED, Status.WRONG) for row in measured) or problems:
        return output.NOT_MEASURED
    return output.UNDECIDED if _is_unusable(measured) else 0


def _is_unusable(measured: Sequence[Measurement]) -> bool:
    """Whether the noise floor is too high, or none could be had."""
    floors = [row.values[0] for row in measured if row.metric == "noise_floor" and row.values]
    return any(not floor <= UNUSABLE for floor in floors)


def _print(rows: Sequence[checking.Row], journal: store.Journal, as_json: bool, repeat: Repeat, is_quick: bool) -> None:
    measured = [row for row in rows if isinstance(row, Measurement)]
    if as_json:
        output.print_json([plain(row) for row in measured if runner.is_component(row)])
    else:
        found = roofline.without_impossible(lines(_stored(row) for row in rows), journal.run.machine)
        print_lines(found, roofline.shares(found, journal.run.machine))
        print_training(training_lines(measured))
        _print_failures([row for row in rows if isinstance(row, Check) and not row.is_right], repeat)
    _print_noise(measured)
    if is_quick:
        output.warn(
            "checked: outputs, gradients and steps, networks in their smallest case; `nnbench check` checks all"
        )
    if journal.sealed:
        output.warn(f"stored as {journal.sealed}; `nnbench report {journal.run.id}` makes a page of it")


def _print_noise(measured: Sequence[Measurement]) -> None:
    """The run's own account of itself, on stderr: noise floor, load, and where the time went."""
    for row in measured:
        if row.metric == "noise_floor" and row.values:
            floor, load = row.values[0], row.context
            word = "unusable: " if _is_unusable([row]) else ""
            ends = f"load {load['load_before'][0]} before, {load['load_after'][0]} after"
            output.warn(f"{word}the same code differs from itself by {share(floor)} (noise floor; {ends})")
            if word:
                output.warn(
                    f"its times decide nothing above {share(UNUSABLE)}; measure again when the machine is quieter"
                )
        if row.metric == "measured_share":
            output.warn(f"{share(row.values[0])} of the time of measuring went into measured or warming-up code")


def _print_failures(failures: Sequence[Check], repeat: Repeat) -> None:
    for row in failures:
        click.echo(f"\n{failure(row, repeat)}")
