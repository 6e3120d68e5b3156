"""What the size of a batch costs and saves."""

from __future__ import annotations

from nnbench.experiments.records import Experiment, Outcome
from nnbench.report.comparison.others_table import Quantity, final, table
from nnbench.report.comparison.section import Section
from nnbench.units import seconds, size

SAMPLES = 1000


def batches_section(experiment: Experiment) -> Section | None:
    """None unless the contenders differ in their batches."""
    sizes = {one.changes.get("batch_size") for one in experiment.contenders} - {None}
    if len(sizes) < 2:
        return None
    quantities = (
        Quantity("CPU time a step", final("step_time"), seconds),
        Quantity(f"CPU time for {SAMPLES:,} samples", _for_samples, seconds),
        Quantity("Time an epoch", _epoch, seconds),
        Quantity("Peak memory", final("peak_memory"), size),
    )
    grid = table(experiment, "batches", "Batches: means over the seeds that came to their end", quantities)
    if grid is None:
        return None
    told = (
        "A large batch takes fewer steps through the same samples, and each sample less time as long as the machine is "
        "not filled; but fewer steps at one learning rate move the weights less. What a batch reaches with its own "
        "best rate is answered by --tune."
    )
    return Section("batches", "What a batch costs", "Batches", (told, grid))


def _for_samples(outcome: Outcome) -> float | None:
    step, batch = outcome.final.get("step_time"), outcome.trial.changes.get("batch_size")
    return step[0] * SAMPLES / float(batch) if step and batch else None


def _epoch(outcome: Outcome) -> float | None:
    return outcome.epochs[-1].seconds / len(outcome.epochs) if outcome.epochs else None
