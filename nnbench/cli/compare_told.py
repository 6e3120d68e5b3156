"""What ``nnbench compare`` says on the terminal: a table of the contenders and the verdict, or all of it as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from nnbench.cli import output
from nnbench.comparison import letters
from nnbench.experiments.findings import Findings, findings, values
from nnbench.experiments.records import Contender, Experiment
from nnbench.experiments.verdicts import verdict
from nnbench.experiments.words import is_share, number, title
from nnbench.model import Status
from nnbench.stats import Interval
from nnbench.units import seconds


def tell(experiment: Experiment, as_json: bool) -> None:
    """The answer on stdout."""
    if as_json:
        output.print_json(content(experiment))
        return
    console = output.console()
    _print_table(experiment, findings(experiment), console)
    said = verdict(experiment)
    console.print()
    _say(console, said.headline, style="bold")
    for sentence in (*said.sentences, *experiment.left_out):
        _say(console, sentence, indent=2)


def _say(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    """A paragraph: broken between words on a terminal, one line in a file or a pipe."""
    if console.is_terminal:
        console.print(Padding(Text(text, style=style), (0, 0, 0, indent)))
    else:
        console.print(Text(" " * indent + text, style=style), soft_wrap=True)


def _print_table(experiment: Experiment, found: Findings, console: Console) -> None:
    """A line a contender: those that share a letter are not told apart."""
    numbers = (title(experiment.metric), "99 % interval", "seeds", "training")
    table = output.table("contender", *numbers, "group", right=numbers)
    for column in table.columns[1:]:
        column.no_wrap = True  # where the terminal is narrow, names are broken
    shared = letters(found.groups)
    for one in _in_order(experiment, found):
        group = _remark(found, one) or shared.get(one.name, "")
        output.add_row(table, one.name, *_cells(experiment, found, one), group)
    console.print(table)


def _in_order(experiment: Experiment, found: Findings) -> list[Contender]:
    """By level where all have one, otherwise the best first and at the end those that do not count."""
    if all(one.level is not None for one in experiment.contenders):
        return sorted(experiment.contenders, key=lambda one: one.level or 0.0)
    places = {name: place for place, name in enumerate(found.order)}
    return sorted(experiment.contenders, key=lambda one: places.get(one.name, len(places)))


def _cells(experiment: Experiment, found: Findings, one: Contender) -> tuple[str, str, str, str]:
    trials = [outcome for outcome in experiment.of(one.name) if outcome.status != Status.SKIPPED]
    done = [outcome for outcome in trials if outcome.status == Status.OK]
    times = [outcome.epochs[-1].seconds for outcome in done if outcome.epochs]
    seeds = str(len(trials)) if len(done) == len(trials) else f"{len(done)} of {len(trials)}"
    mean = found.means.get(one.name)
    if mean is None:
        return "–", "", seeds, ""
    return (
        number(experiment.metric, mean.estimate),
        _ends(experiment, mean),
        seeds,
        seconds(fmean(times)) if times else "",
    )


def _ends(experiment: Experiment, mean: Interval) -> str:
    """The interval, of a share no further than a share goes; empty where there is none."""
    low, high = (max(mean.low, 0.0), min(mean.high, 1.0)) if is_share(experiment.metric) else (mean.low, mean.high)
    return "" if math.isinf(mean.low) else f"{number(experiment.metric, low)} to {number(experiment.metric, high)}"


def _remark(found: Findings, one: Contender) -> str:
    if one.name in found.struck:
        return "checks fail"
    return "no trial" if one.name in found.untried else ""


def reused(experiment: Experiment) -> str:
    """How many trainings were in the store already, if any were."""
    every = (*experiment.outcomes, *experiment.tuning, *experiment.beside)
    there = sum(one.reused for one in every)
    number = "all" if there == len(every) else f"{there} of"
    return f", {number} its {len(every)} trainings from earlier runs" if there else ""


def content(experiment: Experiment) -> dict[str, Any]:
    """The verdict, the pairs behind it, and each trial's last number, for programs."""
    said, found = verdict(experiment), findings(experiment)
    return {
        "factor": experiment.factor,
        "task": experiment.task,
        "data": experiment.data,
        "metric": experiment.metric,
        "better": experiment.better,
        "headline": said.headline,
        "sentences": said.sentences,
        "groups": said.groups,
        "best": found.best,
        "margin": found.margin,
        "contenders": [_contender(experiment, found, one) for one in experiment.contenders],
        "pairs": [asdict(pair) for pair in found.pairs],
        "left_out": experiment.left_out,
        "protocol": dict(experiment.protocol),
    }


def _contender(experiment: Experiment, found: Findings, one: Contender) -> dict[str, Any]:
    mean = found.means.get(one.name)
    checked = experiment.checks.get(one.name)
    return {
        "name": one.name,
        "level": one.level,
        "component": one.component,
        "changes": dict(one.changes),
        "mean": None if mean is None else mean.estimate,
        "low": None if mean is None else mean.low,
        "high": None if mean is None else mean.high,
        "values": values(experiment)[one.name],
        "checks_failed": list(checked.failed) if checked else [],
        "trials": [
            {"seed": trial.trial.seed, "status": trial.status, "note": trial.note, "run": trial.run}
            for trial in experiment.of(one.name)
        ],
    }
