"""The names of torch's that a recipe gives: its loss, optimizer and scheduler."""

from __future__ import annotations

from types import ModuleType

import torch
from torch import nn
from torch.optim import lr_scheduler

from nnbench.errors import did_you_mean, listing
from nnbench.failures import NotMeasurable
from nnbench.specs import Recipe


def refuse_unknown(recipe: Recipe) -> None:
    """Raises ``NotMeasurable`` for a name that torch does not have, with those that are alike or all there are."""
    _refuse(nn, "torch.nn", nn.modules.loss._Loss, recipe.loss)
    _refuse(torch.optim, "torch.optim", torch.optim.Optimizer, recipe.optimizer)
    if recipe.scheduler:
        _refuse(lr_scheduler, "torch.optim.lr_scheduler", lr_scheduler.LRScheduler, recipe.scheduler)


def _refuse(module: ModuleType, called: str, kind: type, name: str) -> None:
    """What is there is taken, also where it is of no such kind: a loss may be any module."""
    if isinstance(getattr(module, name, None), type):
        return
    classes = {key: value for key, value in vars(module).items() if isinstance(value, type) and value is not kind}
    known = sorted(key for key, value in classes.items() if issubclass(value, kind) and not key.startswith("_"))
    hint = did_you_mean(name, known) or f"There are {listing(known)}."
    raise NotMeasurable(f"there is no {called}.{name}. {hint}")
