"""What a user asked to be compared, as a plan: what was left open is filled in so that an answer takes minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import click

from nnbench import trainer
from nnbench.cli import output
from nnbench.data import DATASETS, is_available
from nnbench.errors import DataUnavailable, NnbenchError, listing
from nnbench.experiments.factors import FACTORS, Factor, Settings, factor, measure
from nnbench.experiments.schedule import Plan
from nnbench.experiments.trials import definition
from nnbench.model import ComponentInfo

TASK, EPOCHS, SEEDS = "mnist_mlp", 3, 5
BUDGET = 180.0  # seconds, of whoever says nothing of how much shall be spent
AT_LEAST = 2  # seeds even on a slow machine, for who did not ask for an end: one alone says nothing of chance
SMALLER = {"cifar10": "cifar10_subset"}  # what a CPU trains on in place of what would take it hours
SHIPPED = "digits"  # images that come with scikit-learn, for who has none yet
IMAGES = ("mnist", "fashion_mnist")  # that those can stand in for


@dataclass(frozen=True)
class Asked:
    """The command line; what is None or empty was left open. ``elsewhere`` says that others train, with their data."""

    name: str = ""
    written: str = ""
    task: str = ""
    variant: str = ""
    data: str = ""
    seeds: int | None = None
    seed: int = 0
    epochs: int | None = None
    budget: float | None = None
    tune: int | None = None
    device: str = "cpu"
    elsewhere: bool = False
    shares: tuple[float, ...] | None = None


def plan(asked: Asked, components: Sequence[ComponentInfo]) -> Plan:
    """The experiment that was asked for; raises ``NnbenchError`` for what cannot be compared."""
    name = _named(asked)
    known = FACTORS.get(name)
    task = trainer.find_task(components, asked.task or (known.task if known else TASK))
    epochs = asked.epochs or min(EPOCHS, int((task.recipe or {})["epochs"]))
    contenders = factor(name, task, Settings(epochs, components))
    decides = measure(task)
    made = Plan(
        factor=name,
        task=task,
        contenders=contenders,
        metric=decides.metric,
        better=decides.better,
        data=_data(task, asked),
        seeds=tuple(range(asked.seed, asked.seed + (asked.seeds or SEEDS))),
        epochs=epochs,
        variant=_variant(task, asked.variant, known),
        tune=asked.tune or 0,
        budget=_budget(asked),
        at_least=AT_LEAST if asked.budget is None else 0,
        device=asked.device,
        shares=asked.shares if asked.shares is not None else known.shares if known else (),
    )
    _refuse_tuned_rate(made)
    code = {one.name: definition(task, components, {**one.changes, "behind": one.component}) for one in contenders}
    return replace(made, definitions=code)


def _named(asked: Asked) -> str:
    if bool(asked.name) == bool(asked.written):
        said = "either FACTOR or --factor NAME=VALUES, not both" if asked.name else f"what: {listing(FACTORS)}"
        raise click.UsageError(f"say {said}")
    return asked.name or asked.written


def _budget(asked: Asked) -> float:
    """Who names the size of the experiment gets all of it."""
    if asked.budget is not None:
        return asked.budget
    return 0.0 if asked.seeds or asked.epochs or asked.tune else BUDGET


def _variant(task: ComponentInfo, named: str, known: Factor | None) -> str:
    if named and named not in task.variants:
        raise NnbenchError(f"--variant {named}: {task.id} has {listing(task.variants)}")
    wanted = named or (known.variant if known else "torch")
    return wanted if wanted in task.variants else "reference"


def _data(task: ComponentInfo, asked: Asked) -> str:
    """The data set to train on, which must be here unless others train."""
    own = str((task.recipe or {})["data"])
    data = asked.data or (SMALLER.get(own, own) if asked.device == "cpu" else own)
    if data != own and not asked.data:
        output.warn(f"training on {data}, a part of {own} for machines without a GPU; --data {own} takes it all")
    if asked.elsewhere or data not in DATASETS or is_available(data):
        return data
    if asked.data or asked.task or data not in IMAGES:
        raise DataUnavailable(f"{data} is not here. `nnbench data get {data}` gets it; --data names another.")
    output.warn(f"{data} is not here (`nnbench data get {data}` gets it): training on {SHIPPED} instead")
    return SHIPPED


def _refuse_tuned_rate(made: Plan) -> None:
    """What is compared cannot be tuned, too."""
    rates = {one.name: one.changes["lr"] for one in made.contenders if "lr" in one.changes}
    settings = [{key: value for key, value in one.changes.items() if key != "lr"} for one in made.contenders]
    if made.tune and rates and all(one == settings[0] for one in settings):
        raise NnbenchError("--tune tries learning rates, and these are what is compared; leave --tune out")
