"""Short convergence for asv: which components are trained, and with what."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nnbench.catalog import Component
from nnbench.doors import registry
from nnbench.failures import NotMeasurable

if TYPE_CHECKING:
    from nnbench.train.short import Outcome

STEPS, SEED = 100, 0
PIXELS, SIDE, CLASSES = 64, 8, 10
HIDDEN = 32  # units of the network that optimizers are tried on


@dataclass(frozen=True)
class Task:
    """The arguments of a component to train, or to train with; ``are_images`` where it wants 1 x 8 x 8."""

    arguments: Mapping[str, Any]
    are_images: bool = False
    batch: int = 64
    variants: tuple[str, ...] = ("reference", "torch")


# By component. Few, and each within a second: whether learning changed, not how well an architecture can be trained.
TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "architectures.mlp": Task({"input_size": PIXELS, "hidden_sizes": [64, 32], "output_size": CLASSES}),
        "architectures.neural_net": Task({"input_size": PIXELS, "num_classes": CLASSES}),
        "architectures.mlp_batch_norm": Task({"input_size": PIXELS, "num_classes": CLASSES, "form": "pytorch"}),
        "architectures.cnn": Task({"in_channels": 1, "num_classes": CLASSES}, are_images=True, batch=16),
        "optimizers.sgd": Task({"lr": 0.1, "momentum": 0.9}),
        "optimizers.ema_momentum": Task({"lr": 0.1}, variants=("reference",)),
        "optimizers.adagrad": Task({"lr": 0.05}),
        "optimizers.rmsprop": Task({"lr": 0.003}),
        "optimizers.adam": Task({"lr": 0.01}),
        "optimizers.adamw": Task({"lr": 0.01}),
    }
)


def tasks() -> list[str]:
    """``component@variant``; asv looks parameters up by position, and the table is the harness's, not a commit's."""
    return [f"{name}@{variant}" for name, task in TASKS.items() for variant in task.variants]


@functools.lru_cache(maxsize=1)
def outcome(key: str) -> Outcome:
    """Train what the key names; the same code gives the same outcome in every process of a machine.

    Raises ``LookupError`` for a component or a variant that this checkout does not have.
    """
    import torch

    from nnbench.train import short

    torch.set_num_threads(1)
    name, _, variant = key.partition("@")
    task = TASKS[name]
    one = registry.component(name)
    if variant not in one.variants:
        raise LookupError(f"{key} is not registered here")
    torch.manual_seed(SEED)
    try:
        network, optimizer = _made(one, variant, task)
        parts = short.digits((1, SIDE, SIDE) if task.are_images else (PIXELS,))
        return short.train(network, optimizer, parts, STEPS, task.batch, SEED)
    except NotMeasurable as reason:
        raise LookupError(f"{key}: {reason}") from None


def _made(one: Component, variant: str, task: Task) -> tuple[Any, Any]:
    """The network and its optimizer, of which one is the component's and the other torch's."""
    import torch
    from torch import nn

    made_by = one.variant(variant).build
    if one.kind == "optimizer":
        network: Any = nn.Sequential(nn.Linear(PIXELS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))
        return network, made_by(params=list(network.parameters()), **task.arguments)
    network = made_by(**task.arguments)
    return network, torch.optim.Adam(network.parameters(), lr=0.003)
