"""The protocol: what a reader needs to repeat the experiment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nnbench.experiments.records import Experiment
from nnbench.report.words import moment, plural
from nnbench.units import duration

PLUMBING = ("features_argument", "classes_argument", "every_run", "note")
FIRST = ("task", "data", "checksum", "split", "seeds", "epochs", "budget", "grid")  # the rest as it comes


def command(experiment: Experiment) -> str:
    """The command line that made it, empty where unknown."""
    return str(experiment.protocol.get("command", ""))


def protocol(experiment: Experiment) -> list[tuple[str, str]]:
    """Facts by name, in words; the settings of every contender are among them."""
    facts: dict[str, Any] = {"task": experiment.task, "data": experiment.data}
    facts |= {name: value for name, value in experiment.protocol.items() if name != "command"}
    facts |= {name: write(facts[name]) for name, write in WRITTEN.items() if isinstance(facts.get(name), Mapping)}
    if isinstance(started := facts.get("started"), str):
        facts["started"] = moment(started)
    if isinstance(budget := facts.get("budget"), int | float):
        facts["budget"] = duration(budget) if budget else "none"
    order = [*(name for name in FIRST if name in facts), *(name for name in facts if name not in FIRST)]
    reused = sum(one.reused for one in (*experiment.outcomes, *experiment.beside, *experiment.tuning))
    told = [(name.replace("_", " "), fact(facts[name])) for name in order if not _is_empty(facts[name])]
    told.append(("trials", _trials(experiment, reused)))
    settings = ((one.name, fact(one.changes) if one.changes else "the task's recipe") for one in experiment.contenders)
    return [*told, *((f"settings of {name}", value) for name, value in settings)]


def _machine(facts: Mapping[str, Any]) -> Any:
    """In the words that one would use; as it stands where something else is told."""
    if not {"cpu", "cores", "memory_gib", "threads", "id"} <= facts.keys():
        return facts
    cores, threads = plural(facts["cores"], "core"), plural(facts["threads"], "thread")
    return f"{facts['cpu']}, {cores}, {facts['memory_gib']:g} GiB, {threads} a training ({facts['id']})"


def _recipe(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Without what says nothing: what is not used, and which argument gets what."""
    return {name.replace("_", " "): value for name, value in facts.items() if value and name not in PLUMBING}


WRITTEN = {"machine": _machine, "recipe": _recipe}


def _trials(experiment: Experiment, reused: int) -> str:
    beside = f", {len(experiment.beside)} on a share of the samples" if experiment.beside else ""
    tuning = f", {len(experiment.tuning)} for tuning" if experiment.tuning else ""
    return f"{len(experiment.outcomes)} compared{beside}{tuning}, {reused} of them taken from earlier runs"


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | Mapping | list | tuple) and not value)


def fact(value: Any) -> str:
    """A plain value in words: mappings as names with values, lists with semicolons."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {fact(item)}" for key, item in value.items() if not _is_empty(item)) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(fact(item) for item in value) or "none"
    return value if isinstance(value, str) else json.dumps(value, default=str)
