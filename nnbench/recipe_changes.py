"""What a trial may do other than the task's recipe: the names, what each takes, and refusal of anything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nnbench.errors import NnbenchError, did_you_mean, listing
from nnbench.model import ComponentInfo

FINAL, TUNING = "final", "tuning"  # what a trial is for: to be reported, or to choose settings by its validation
NORMALIZATIONS = ("none", "batch", "layer")
NO_SCHEDULER = "none"
HELD_OUT = 1 / 12  # of the training samples, for the validation of what is tuned: 5,000 of MNIST's


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_not_negative(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _is_count(value: Any) -> bool:
    return _is_number(value) and value == int(value) and value >= 0


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 < value <= 1


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


# Of each change: what it takes, in words and as a test.
CHANGES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "optimizer": ("a registered optimizer (optimizers.adam, optimizers.adam@torch) or a name of torch.optim", _is_text),
    "optimizer_arguments": ("the optimizer's settings by name, in place of the recipe's but its lr", _is_mapping),
    "lr": ("a learning rate above 0", _is_positive),
    "weight_decay": ("a number from 0 up", _is_not_negative),
    "batch_size": ("a whole number from 1 up", lambda value: _is_count(value) and value >= 1),
    "loss": ("a loss of torch.nn", _is_text),
    "scheduler": ("a registered scheduler, a name of torch.optim.lr_scheduler, or none", _is_text),
    "scheduler_arguments": ("the scheduler's settings by name", _is_mapping),
    "architecture": ("a registered architecture, built as in its own recipe and trained as in the task's", _is_text),
    "arguments": ("constructor arguments of the network by name", _is_mapping),
    "initializer": ("a registered initializer", _is_text),
    "normalization": (listing(NORMALIZATIONS), lambda value: value in NORMALIZATIONS),
    "activation": ("a registered activation function, in place of every ReLU", _is_text),
    "regularizer": ("a registered penalty on the weights", _is_text),
    "regularizer_arguments": ("the penalty's settings by name", _is_mapping),
    "train_share": ("the share of the training samples that is trained on, above 0 and at most 1", _is_share),
    "validation_share": (
        "the share of the training samples that is held out where the data has no validation part, above 0 and below 1",
        lambda value: _is_share(value) and value < 1,
    ),
    "clip_norm": ("the largest norm of the gradient, 0 for any", _is_not_negative),
    "patience": ("epochs without gain before it stops, 0 for never", _is_count),
}
# Changes that name a component, an id with or without a variant, and the suite that these are looked for in.
NAMED = {
    "optimizer": "optimizers",
    "scheduler": "schedulers",
    "architecture": "architectures",
    "initializer": "initializers",
    "activation": "activations",
    "regularizer": "regularizers",
}
TORCHS_TOO = ("optimizer", "scheduler")  # they take names of torch's as well


def none_such(name: str, use: str) -> str:
    """What to say of a change that there is none of."""
    told = [f"a recipe has no {name!r} to {use}.", did_you_mean(name, CHANGES), f"There are {listing(CHANGES)}."]
    return " ".join(filter(None, told))


def refuse_wrong(changes: Mapping[str, Any]) -> None:
    """Raises ``NnbenchError`` for a change that there is none of, or a value that it does not take."""
    for name, value in changes.items():
        if name not in CHANGES:
            raise NnbenchError(none_such(name, "change"))
        says, takes = CHANGES[name]
        if not takes(value):
            raise NnbenchError(f"{name} is {says}, not {value!r}")


def components_of(changes: Mapping[str, Any]) -> tuple[str, ...]:
    """The registered ids that a change names, without their variants.

    >>> components_of({"optimizer": "optimizers.adam@torch", "scheduler": "StepLR", "lr": 0.1})
    ('optimizers.adam',)
    """
    named = (str(changes[name]) for name in NAMED if name in changes)
    return tuple(one.partition("@")[0] for one in named if "." in one)


def refuse_unregistered(changes: Mapping[str, Any], components: Sequence[ComponentInfo]) -> None:
    """Raises ``NnbenchError`` for a component or variant that is not registered, with those that are."""
    known = {one.id: one for one in components}
    for change, suite in NAMED.items():
        name = str(changes.get(change, "")).partition("@")[0]
        if name and name not in known and ("." in name or change not in TORCHS_TOO):
            alike = [one for one in known if one.startswith(f"{suite}.")] or list(known)
            hint = did_you_mean(f"{suite}.{name.rpartition('.')[2].lower()}", alike)
            told = [f"{change}: nothing is registered as {name!r}.", hint, f"There are {listing(alike)}."]
            raise NnbenchError(" ".join(filter(None, told)))
    for text in (str(changes[one]) for one in NAMED if one in changes):
        name, _, variant = text.partition("@")
        if variant and name in known and variant not in known[name].variants:
            raise NnbenchError(f"{name} has no variant {variant!r}; it has {listing(known[name].variants)}")
