"""What ``nnbench compare`` says on the terminal: a table of the contenders and the verdict, or all of it as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from statistics import median
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from nnbench.cli import output
from nnbench.comparison import letters
from nnbench.experiments.findings import Findings, findings, is_vague, values
from nnbench.experiments.records import Contender, Experiment, Outcome
from nnbench.experiments.verdicts import verdict
from nnbench.experiments.words import number, title
from nnbench.model import Status
from nnbench.report.comparison.seeds import is_usable
from nnbench.report.comparison.sensitivity import edges
from nnbench.report.comparison.tuned import metric_of_tuning, rate_of
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
    for sentence in (*said.sentences, *experiment.left_out, *edges(experiment)):
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
    times = [one.epochs[-1].seconds for one in done if one.epochs and is_usable(one, experiment.metric)]
    seeds = str(len(trials)) if len(done) == len(trials) else f"{len(done)} of {len(trials)}"
    mean = found.means.get(one.name)
    if mean is None:
        return "–", "", seeds, ""
    return (
        number(experiment.metric, mean.estimate),
        _ends(experiment, mean),
        seeds,
        seconds(median(times)) if times else "",
    )


def _ends(experiment: Experiment, mean: Interval) -> str:
    """The interval, as the page tells it; empty where there is none."""
    if math.isinf(mean.low):
        return ""
    if is_vague(experiment.metric, mean):
        return "too few seeds"
    return f"{number(experiment.metric, mean.low)} to {number(experiment.metric, mean.high)}"


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
        "warnings": edges(experiment),
        "tuning": [_tuning(experiment, one) for one in experiment.tuning],
        "beside": [_beside(experiment, one) for one in experiment.beside],
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


def _tuning(experiment: Experiment, one: Outcome) -> dict[str, Any]:
    """A trial of the tuning, judged on validation samples."""
    rate = {"learning_rate": rate_of(one.trial.changes)}
    return _of_whom(one) | rate | _ended(one, metric_of_tuning(experiment.metric))


def _beside(experiment: Experiment, one: Outcome) -> dict[str, Any]:
    """A trial on a share of the training samples."""
    return _of_whom(one) | {"train_share": one.trial.changes.get("train_share")} | _ended(one, experiment.metric)


def _of_whom(one: Outcome) -> dict[str, Any]:
    return {"contender": one.trial.contender, "seed": one.trial.seed}


def _ended(one: Outcome, metric: str) -> dict[str, Any]:
    value = one.last(metric) if is_usable(one, metric) else None
    return {"metric": metric, "value": value, "status": one.status, "note": one.note, "run": one.run}
