"""What a user asked to be compared, and refusal of what is wrong with it whatever suites there are: no worker yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import click

from nnbench.data.fitting import names
from nnbench.errors import NnbenchError, did_you_mean, listing
from nnbench.experiments.factors import FACTORS, refuse_unknown
from nnbench.experiments.schedule import TUNING_SEED
from nnbench.experiments.written import varied


@dataclass(frozen=True)
class Asked:
    """The command line; what is None or empty was left open. ``elsewhere`` says that others train, with their data.

    ``fixed`` are changes to the recipe that all contenders have.
    """

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
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def factor(self) -> str:
        """The name of a factor, or one that is written out."""
        return self.name or self.written


def refuse(asked: Asked) -> None:
    """Raises ``click.UsageError`` or ``NnbenchError`` for what can never be compared, with what can."""
    if bool(asked.name) == bool(asked.written):
        said = "either FACTOR or --factor NAME=VALUES, not both" if asked.name else f"what: {listing(FACTORS)}"
        raise click.UsageError(f"say {said}")
    refuse_unknown(asked.factor)
    if asked.data:
        _refuse_unknown_data(asked.data)
    settings = {name for name, _ in varied(asked.factor)} if "=" in asked.factor else set()
    _refuse_twice(asked, settings)


def _refuse_unknown_data(name: str) -> None:
    known = names()
    if name not in known:
        told = [f"--data {name}: no data set is called so.", did_you_mean(name, known), f"There are {listing(known)}."]
        raise NnbenchError(" ".join(filter(None, told)))


def _refuse_twice(asked: Asked, settings: set[str]) -> None:
    """What is compared cannot be set otherwise, too."""
    if asked.tune and settings & {"lr", "optimizer_arguments.lr"}:
        raise NnbenchError("--tune tries learning rates, and these are what is compared; leave --tune out")
    if asked.tune and "lr" in asked.fixed:
        raise NnbenchError("--tune tries learning rates around each contender's own; leave --set lr out")
    if asked.tune and asked.seed + (asked.seeds or 1) > TUNING_SEED:
        raise NnbenchError(f"--tune has seed {TUNING_SEED} to itself; take seeds below it")
    if asked.shares and "train_share" in settings:
        raise NnbenchError("--train-shares and --factor train_share=... set the same; leave one of them out")
    both = sorted(settings & asked.fixed.keys())
    if both:
        raise NnbenchError(f"--set {both[0]} and --factor {both[0]}=... set the same; leave one of them out")
