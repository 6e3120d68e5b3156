"""What training consists of: all that changes in its course, one epoch of it, and its evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

Samples = tuple[Tensor, Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]
History = dict[str, list[float]]


@dataclass
class TrainingState:
    """All that changes while a network is trained; ``generator`` orders the samples.

    ``history`` has one value an epoch under each of its names.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: Any = None
    generator: torch.Generator = field(default_factory=torch.Generator)
    history: History = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """How many epochs are behind it."""
        return max(map(len, self.history.values()), default=0)


def start(
    model: nn.Module,
    optimizer: Callable[..., torch.optim.Optimizer],
    optimizer_arguments: Mapping[str, Any] | None = None,
    scheduler: Callable[..., Any] | None = None,
    scheduler_arguments: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> TrainingState:
    """Training of ``model`` before its first epoch."""
    stepper = optimizer(model.parameters(), **(optimizer_arguments or {}))
    plan = None if scheduler is None else scheduler(stepper, **(scheduler_arguments or {}))
    return TrainingState(model, stepper, plan, torch.Generator().manual_seed(seed))


def one_epoch(
    state: TrainingState,
    train: Samples,
    validation: Samples,
    loss: Loss,
    batch_size: int,
    max_norm: float | None = None,
) -> dict[str, float]:
    """Train on every sample once, evaluate, adjust the learning rate and append to the history what is returned.

    ``learning_rate`` is the one that the epoch was trained with; ``validation_accuracy`` is there for classes only.
    """
    rate = float(state.optimizer.param_groups[0]["lr"])
    values = {"train_loss": train_epoch(state, train, loss, batch_size, max_norm)}
    values |= {f"validation_{name}": value for name, value in evaluate(state.model, validation, loss).items()}
    values["learning_rate"] = rate
    if isinstance(state.scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
        state.scheduler.step(values["validation_loss"])
    elif state.scheduler is not None:
        state.scheduler.step()
    for name, value in values.items():
        state.history.setdefault(name, []).append(value)
    return values


def train_epoch(
    state: TrainingState, samples: Samples, loss: Loss, batch_size: int, max_norm: float | None = None
) -> float:
    """Train on every sample once, in random order; the mean loss over samples, as each was before its step."""
    features, targets = samples
    state.model.train()
    total = 0.0
    for rows in torch.randperm(len(features), generator=state.generator).split(batch_size):
        state.optimizer.zero_grad()
        batch_loss = loss(state.model(features[rows]), targets[rows])
        batch_loss.backward()
        if max_norm is not None:
            nn.utils.clip_grad_norm_(state.model.parameters(), max_norm)
        state.optimizer.step()
        total += batch_loss.item() * len(rows)  # a last batch that is smaller weighs less
    return total / len(features)


@torch.no_grad()
def evaluate(model: nn.Module, samples: Samples, loss: Loss, batch_size: int = 1024) -> dict[str, float]:
    """Mean loss over samples in evaluation mode and, where the targets are classes, the accuracy as a share of 1."""
    features, targets = samples
    model.eval()
    total, right = 0.0, 0
    for some, wanted in zip(features.split(batch_size), targets.split(batch_size), strict=True):
        scores = model(some)
        total += loss(scores, wanted).item() * len(some)
        if not wanted.is_floating_point():
            right += int((scores.argmax(1) == wanted).sum())
    accuracy = {} if targets.is_floating_point() else {"accuracy": right / len(features)}
    return {"loss": total / len(features), **accuracy}


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's random numbers start from ``seed`` inside and go on afterwards as if nothing had been drawn."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def refuse_unusable(train: Samples, validation: Samples, epochs: int, batch_size: int) -> None:
    for name, (features, targets) in {"train": train, "validation": validation}.items():
        if len(features) != len(targets) or not len(features):
            raise ValueError(f"{name} has {len(features)} samples and {len(targets)} targets: as many of each, above 0")
    for setting, value, least in (("epochs", epochs, 0), ("batch_size", batch_size, 1)):
        if value < least:
            raise ValueError(f"{setting} is {least} or more, not {value}")
