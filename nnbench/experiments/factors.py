"""The factors of a task that can be compared, and the contenders of each. Nothing here imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nnbench.errors import NnbenchError, did_you_mean, listing
from nnbench.experiments.records import Contender
from nnbench.experiments.written import change, merged, varied, written
from nnbench.model import ComponentInfo
from nnbench.recipe_changes import CHANGES, refuse_unregistered, refuse_wrong

HOW = "VALUES a list such as 0.1,0.01 or FIRST:LAST:HOW_MANY such as 1e-4:1e-1:7"

DROPOUT_RATES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.8)
BATCH_SIZES = (32, 64, 128, 256, 512)
ACTIVATIONS = ("relu", "leaky_relu", "elu", "gelu", "silu", "mish", "tanh", "sigmoid")
# As documented: each with the settings that the documents compare it with.
OPTIMIZERS: Mapping[str, tuple[str, float, Mapping[str, Any]]] = {
    "Adam": ("optimizers.adam@torch", 0.001, {}),
    "AdamW": ("optimizers.adamw@torch", 0.001, {"weight_decay": 0.01}),
    "RMSprop": ("optimizers.rmsprop@torch", 0.001, {}),
    "Adagrad": ("optimizers.adagrad@torch", 0.01, {}),
    "SGD with momentum": ("optimizers.sgd@torch", 0.01, {"momentum": 0.9}),
    "SGD": ("optimizers.sgd@torch", 0.01, {}),
}


@dataclass(frozen=True)
class Settings:
    """What contenders depend on beside the task: how long a training is, the components there are, and changes to the
    recipe that all of them have.
    """

    epochs: int = 0  # the recipe's where 0
    components: Sequence[ComponentInfo] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)


DEFAULT = Settings()
Made = Callable[[ComponentInfo, Settings], Sequence[Contender]]


@dataclass(frozen=True)
class Factor:
    """What can be compared: ``variant`` is the implementation of the task that its contenders can be tried on.

    ``shares`` of the training samples are what they are trained on once more unless somebody says otherwise.
    """

    name: str
    summary: str
    contenders: Made
    task: str = "mnist_mlp"
    variant: str = "torch"
    shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class Measure:
    """What decides which contender is better, and which direction that is."""

    metric: str
    better: str
    unit: str = field(default="1")


def measure(task: ComponentInfo) -> Measure:
    """The accuracy on the test part; of a regression, the loss."""
    loss = str((task.recipe or {}).get("loss", ""))
    is_classifier = loss in ("CrossEntropyLoss", "NLLLoss", "BCELoss", "BCEWithLogitsLoss")
    return Measure("test_accuracy", "more") if is_classifier else Measure("test_loss", "less")


def factor(name: str, task: ComponentInfo, settings: Settings = DEFAULT) -> tuple[Contender, ...]:
    """The contenders of a factor (``FACTORS``), or of one that is written out: "lr=1e-4:1e-1:7", "clip_norm=0,1".

    Raises ``NnbenchError`` for an unknown factor, a value that it does not take, and where fewer than two are left.
    """
    refuse_unknown(name)
    found = written(name, task, settings.fixed) if "=" in name else FACTORS[name].contenders(task, settings)
    _refuse_overridden(settings.fixed, found)
    made = tuple(_complete(one, settings) for one in found)
    for one in made:
        refuse_wrong(one.changes)
        if settings.components:
            refuse_unregistered(one.changes, settings.components)
    if len(made) < 2:
        raise NnbenchError(f"{name}: there is only {listing(one.name for one in made)}, and nothing to compare it with")
    return made


def _refuse_overridden(fixed: Mapping[str, Any], contenders: Sequence[Contender]) -> None:
    for name, value in fixed.items():
        if not isinstance(value, Mapping) and all(name in one.changes for one in contenders):
            raise NnbenchError(f"--set {name}={value}: each contender has its own {name}")


def _complete(one: Contender, settings: Settings) -> Contender:
    """With the changes that all have, and the variant that is trained where its component names none."""
    known = {info.id: info for info in settings.components}.get(one.component)
    named = f"@{'torch' if 'torch' in known.variants else 'reference'}" if known else ""
    return replace(one, changes=merged(settings.fixed, one.changes), component=one.component + named)


def _optimizers(task: ComponentInfo, settings: Settings) -> Sequence[Contender]:
    return [
        Contender(name, {"optimizer": identifier, "lr": rate, "optimizer_arguments": dict(more)}, identifier)
        for name, (identifier, rate, more) in OPTIMIZERS.items()
    ]


def _dropout(task: ComponentInfo, settings: Settings) -> Sequence[Contender]:
    if not takes(task, "dropout"):
        others = [one.id.partition(".")[2] for one in settings.components if one.recipe and takes(one, "dropout")]
        known = f"; those that do are {listing(sorted(others))}" if others else ""
        raise NnbenchError(f"{task.id} takes no dropout{known}")
    return [
        Contender(f"dropout {rate:g}", {"arguments": {"dropout": rate}}, "layers.dropout@torch", rate)
        for rate in DROPOUT_RATES
    ]


def takes(task: ComponentInfo, argument: str) -> bool:
    """Whether the task's recipe or one of its cases gives this argument to the constructor."""
    given = dict((task.recipe or {}).get("arguments", {}))
    return argument in given or any(argument in case.arguments for case in task.cases)


def _batch_sizes(task: ComponentInfo, settings: Settings) -> Sequence[Contender]:
    return [Contender(f"batch {size}", {"batch_size": size}, level=float(size)) for size in BATCH_SIZES]


def _schedulers(task: ComponentInfo, settings: Settings) -> Sequence[Contender]:
    """Over the epochs of the trial: along a cosine to 0, in three steps, by a factor to a hundredth, on a plateau."""
    epochs = settings.epochs or int((task.recipe or {})["epochs"])
    rules: Mapping[str, tuple[str, Mapping[str, Any]]] = {
        "cosine": ("cosine_annealing_lr", {"T_max": epochs}),
        "steps": ("step_lr", {"step_size": max(1, math.ceil(epochs / 3)), "gamma": 0.1}),
        "exponential": ("exponential_lr", {"gamma": round(0.01 ** (1 / epochs), 6)}),
        "on a plateau": ("reduce_lr_on_plateau", {"factor": 0.5, "patience": 1}),
    }
    constant = Contender("constant", {"scheduler": "none"})
    return [constant, *(_scheduler(name, *rule) for name, rule in rules.items())]


def _scheduler(name: str, rule: str, arguments: Mapping[str, Any]) -> Contender:
    identifier = f"schedulers.{rule}@torch"
    return Contender(name, {"scheduler": identifier, "scheduler_arguments": dict(arguments)}, identifier)


def _initializers(task: ComponentInfo, settings: Settings) -> Sequence[Contender]:
    named = {
        "Xavier, uniform": "initializers.xavier_uniform@torch",
        "Kaiming, normal": "initializers.kaiming_normal@torch",
        "documented": "initializers.init_weights@torch",
    }
    own = Contender("torch's own", {})
    return [own, *(Contender(name, {"initializer": one}, one) for name, one in named.items())]


def _normalizations(task: ComponentInfo, settings: Settings) -> Sequence[Contender]:
    named = {"none": "", "batch": "layers.batch_norm1d@torch", "layer": "layers.layer_norm@torch"}
    known = {one.id for one in settings.components}
    return [
        Contender(kind, {"normalization": kind}, one if one.partition("@")[0] in known else "")
        for kind, one in named.items()
    ]


def _activations(task: ComponentInfo, settings: Settings) -> Sequence[Contender]:
    names = {name: f"activations.{name}@torch" for name in ACTIVATIONS}
    return [Contender(name, {"activation": one}, one) for name, one in names.items()]


def _architectures(task: ComponentInfo, settings: Settings) -> Sequence[Contender]:
    """The task's own, and every other whose recipe trains on the same data with the same loss."""
    alike = [one for one in settings.components if one.recipe and _same_data(one, task)]
    return [_architecture(one) for one in alike] or [_architecture(task)]


def _same_data(one: ComponentInfo, task: ComponentInfo) -> bool:
    ours, theirs = dict(task.recipe or {}), dict(one.recipe or {})
    return all(ours.get(key) == theirs.get(key) for key in ("data", "loss"))


def _architecture(one: ComponentInfo) -> Contender:
    identifier = f"{one.id}@{'torch' if 'torch' in one.variants else 'reference'}"
    return Contender(one.id.partition(".")[2], {"architecture": identifier}, identifier)


def _regularizers(task: ComponentInfo, settings: Settings) -> Sequence[Contender]:
    """Each alone: the network without dropout where it has any, and one thing against overfitting."""
    has_dropout = takes(task, "dropout")
    bare = {"arguments": {"dropout": 0.0}} if has_dropout else {}
    decay = {"rule": "adam", "decoupled": True, "weight_decay": 0.01}
    named = {
        "L1": _penalty("l1", l1=1e-5),
        "L2": _penalty("l2", l2=1e-4),
        "L1 and L2": _penalty("l1_l2", l1=1e-5, l2=1e-4),
        "decoupled decay": {"optimizer": "regularizers.weight_decay@torch", "optimizer_arguments": decay},
        "batch normalization": {"normalization": "batch"},
        "clipped gradient": {"clip_norm": 1.0},
    }
    rates = [Contender(f"dropout {rate:g}", {"arguments": {"dropout": rate}}) for rate in (0.2, 0.5)]
    return [
        Contender("none", bare),
        *(rates if has_dropout else ()),
        *(Contender(name, bare | changes, _component(changes)) for name, changes in named.items()),
    ]


def _penalty(name: str, **arguments: float) -> dict[str, Any]:
    return {"regularizer": f"regularizers.{name}@torch", "regularizer_arguments": arguments}


def _component(changes: Mapping[str, Any]) -> str:
    return str(changes.get("regularizer") or changes.get("optimizer") or "")


FACTORS: Mapping[str, Factor] = {
    one.name: one
    for one in (
        Factor("optimizers", "optimizers as the documents compare them", _optimizers),
        Factor("dropout", "dropout rates from 0 to 0.8", _dropout, shares=(0.1,)),
        Factor("batch-size", "samples in a batch, at one learning rate", _batch_sizes),
        Factor("schedulers", "how the learning rate falls", _schedulers),
        Factor("initializers", "initial weights", _initializers),
        Factor("normalization", "none, batch or layer normalization behind each hidden layer", _normalizations),
        Factor("activations", "activation functions in place of ReLU", _activations),
        Factor("architectures", "networks for the task's data, trained by its recipe", _architectures),
        Factor("regularizers", "one thing against overfitting at a time", _regularizers),
    )
}


def refuse_unknown(name: str) -> None:
    """Raises ``NnbenchError`` for what no task can vary: no such factor, no such setting, a value it does not take."""
    if "=" in name:
        for setting, one in varied(name):
            refuse_wrong(change(setting, one.value, {}))
    elif name in CHANGES and name not in FACTORS:
        raise NnbenchError(f"--factor {name}: write {name}=VALUES, {HOW}")
    elif name not in FACTORS:
        told = [
            f"no factor is called {name!r}.",
            did_you_mean(name, FACTORS),
            f"There are {listing(FACTORS)}; any other is written out, as --factor lr=1e-4:1e-1:7 or --factor "
            "batch_size=32,64",
        ]
        raise NnbenchError(" ".join(filter(None, told)))
