"""What a user asked to be compared, as a plan: what was left open is filled in so that an answer takes minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nnbench import trainer
from nnbench.cli import output
from nnbench.cli.compare_asked import Asked
from nnbench.data import DATASETS, is_available
from nnbench.data.fitting import misfit
from nnbench.data.subsets import SMALLER, needed
from nnbench.errors import DataUnavailable, NnbenchError, listing
from nnbench.experiments.factors import FACTORS, Factor, Settings, factor, measure
from nnbench.experiments.schedule import Plan
from nnbench.experiments.trials import definition
from nnbench.model import ComponentInfo
from nnbench.specs import Recipe
from nnbench.units import duration

TASK, EPOCHS, SEEDS = "mnist_mlp", 3, 5
BUDGET = 180.0  # seconds, of whoever says nothing of how much shall be spent
AT_LEAST = 2  # seeds even on a slow machine, for who did not ask for an end: one alone says nothing of chance
SHIPPED = "digits"  # images that come with scikit-learn, for who has none yet
IMAGES = ("mnist", "fashion_mnist")  # that those can stand in for


def plan(asked: Asked, components: Sequence[ComponentInfo]) -> Plan:
    """The experiment that was asked for; raises ``NnbenchError`` for what cannot be compared."""
    name = asked.factor
    known = FACTORS.get(name)
    task = trainer.find_task(components, asked.task or (known.task if known else TASK))
    epochs = asked.epochs or min(EPOCHS, int((task.recipe or {})["epochs"]))
    contenders = factor(name, task, Settings(epochs, components, asked.fixed))
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
    code = {one.name: definition(task, components, {**one.changes, "behind": one.component}) for one in contenders}
    return replace(made, definitions=code)


def in_words(made: Plan, width: int) -> str:
    """What is going to be trained, for who waits for it."""
    each = f"{_number(len(made.seeds), 'seed')}, {_number(made.epochs, 'epoch')} each"
    ends = f"; nothing is begun that would end after {duration(made.budget)}" if made.budget else ""
    hands = f"{width} at a time" if width else "and no worker there yet to do it"
    return f"{len(made.contenders)} contenders, {each}: {made.task.id} on {made.data}, {hands}{ends}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


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


def _refuse_misfit(task: ComponentInfo, asked: Asked) -> None:
    """Data that the recipe's network or loss cannot take; another loss that is asked for is left to the training."""
    other_loss = asked.written.startswith("loss=") or "loss" in asked.fixed
    reason = misfit(Recipe(**(task.recipe or {})), asked.data) if asked.data and not other_loss else ""
    if reason:
        raise NnbenchError(f"--data {asked.data}: {reason}")


def _data(task: ComponentInfo, asked: Asked) -> str:
    """The data set to train on, which must be here unless others train."""
    own = str((task.recipe or {})["data"])
    _refuse_misfit(task, asked)
    data = asked.data or (SMALLER.get(own, own) if asked.device == "cpu" else own)
    if data != own and not asked.data:
        output.warn(f"training on {data}, a part of {own} for machines without a GPU; --data {own} takes it all")
    source = needed(data)
    if asked.elsewhere or source not in DATASETS or is_available(source):
        return data
    if asked.data or asked.task or data not in IMAGES:
        raise DataUnavailable(f"{source} is not here. `nnbench data get {source}` gets it; --data names another.")
    output.warn(f"{data} is not here (`nnbench data get {data}` gets it): training on {SHIPPED} instead")
    return SHIPPED
