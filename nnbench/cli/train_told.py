"""What ``nnbench train`` says: a line an epoch as it comes, and at the end what each training reached."""

from __future__ import annotations

from collections.abc import Sequence

import click

from nnbench.known_figures import known
from nnbench.model import Measurement, Status
from nnbench.report.words import plural
from nnbench.tables import TrainingLine, training_lines
from nnbench.units import seconds, share


class Teller:
    """Takes rows as they come; an epoch is told when the first row of the next one, or the end, is there."""

    def __init__(self) -> None:
        self._waiting: list[Measurement] = []
        self._all: list[Measurement] = []

    def note(self, row: Measurement) -> None:
        if self._waiting and _epoch(self._waiting[0]) != _epoch(row):
            self._flush()
        self._waiting.append(row)
        self._all.append(row)

    def end(self) -> None:
        """Tell the last epoch, and below it what each training reached."""
        self._flush()
        for said in reached(training_lines(self._all)):
            click.echo(said)
        for told in dict.fromkeys(row.context.get("backbone", "") for row in self._all):
            if told:
                click.echo(f"its backbone: {told}")

    def _flush(self) -> None:
        for line in training_lines(self._waiting):
            if "train_loss" in line.values:  # what else there is, the end tells
                click.echo(told(line))
        self._waiting = []


def _epoch(row: Measurement) -> tuple[object, ...]:
    return row.component, row.variant, row.context["seed"], row.context["epoch"]


def told(line: TrainingLine) -> str:
    """One epoch in one line."""
    parts = [f"{line.component}@{line.variant} seed {line.seed} epoch {line.epoch:3}"]
    for metric, name in (("train_loss", "train"), ("validation_loss", "validation"), ("test_loss", "test")):
        if metric in line.values:
            parts.append(f"{name} loss {line.values[metric]:.4f}")
    if "test_accuracy" in line.values:
        parts.append(f"test accuracy {share(line.values['test_accuracy'])}")
    if "training_time" in line.values:
        parts.append(seconds(line.values["training_time"]))
    return "  ".join(parts)


def reached(lines: Sequence[TrainingLine]) -> list[str]:
    """A sentence a training: where it stood after its last epoch."""
    last = {(line.component, line.variant, line.data, line.seed): line for line in lines}
    return [_sentence(line) for line in last.values()]


def _sentence(line: TrainingLine) -> str:
    who = f"{line.component}@{line.variant} on {line.data}, seed {line.seed}"
    if line.status != Status.OK:
        return f"{who}: {line.status}{_where(line)}: {line.note}"
    if line.interval is not None:
        accuracy = f"{share(line.values['test_accuracy'])} test accuracy"
        ends = f"{100 * line.interval.low:.2f} to {100 * line.interval.high:.2f}"
        found = f"{accuracy} (99 % interval with {line.test_samples} samples: {ends})"
    elif "test_loss" in line.values:
        found = f"a test loss of {line.values['test_loss']:.4g}"
    else:
        return f"{who}: nothing was left to train, its checkpoint is of epoch {line.epoch}"
    figure = known(line.component, line.data, line.epoch)
    return f"{who}: {found} after {plural(line.epoch, 'epoch')}{f'; known: {figure.told}' if figure else ''}"


def _where(line: TrainingLine) -> str:
    """In which epoch it ended badly; one without a number stands after the last that has some."""
    if line.values:
        return f" in epoch {line.epoch}"
    return f" after {plural(line.epoch, 'epoch')}" if line.epoch else ""
