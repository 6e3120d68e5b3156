"""The training engine: a network, a data set made ready and a recipe in, epochs out; it can be stopped and resumed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from nnbench.specs import Recipe
from nnbench.train.augment import augmented
from nnbench.train.parts import Part, Parts

Told = Callable[..., None]  # batches done in this epoch, batches in all, and of what where not of the training itself
Scores = tuple[float | None, float | None]  # loss and accuracy, where there are such
DIVERGED = "the loss is no longer finite"


def told_nothing(done: int, of: int, before: str = "") -> None:
    """For a training that nobody watches."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave: mean losses over samples, accuracies as shares of 1, wall seconds spent in training.

    ``learning_rate`` is the one that it was trained with, ``gradient_norm`` that of its last batch before clipping.
    What there is none of (accuracy of a regression, a validation without samples, a test part that is not looked at) is
    None. ``stopped`` says why no epoch follows.
    """

    number: int
    train_loss: float
    test_loss: float | None
    test_accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    learning_rate: float
    gradient_norm: float
    seconds: float
    stopped: str = ""


@dataclass
class Training:
    """A training under way. ``state`` and ``restore`` hold all that decides how it goes on, to the last bit.

    ``epoch`` counts the epochs that are whole; of the one under way, ``batch`` counts the batches that are done,
    ``total`` is their loss summed over samples, and ``seconds`` is what they took. ``penalty`` is added to each batch's
    loss, and told in none. Unless ``tested`` the test part is never looked at.
    """

    model: nn.Module
    parts: Parts
    recipe: Recipe
    seed: int
    generator: torch.Generator = field(default_factory=torch.Generator)
    penalty: Callable[[], Tensor] | None = None
    tested: bool = True
    best: float = math.inf  # validation loss, or training loss where there is none
    without_gain: int = 0
    epoch: int = 0
    batch: int = 0
    total: Tensor | float = 0.0
    seconds: float = 0.0
    stopped: str = ""
    clipped: Tensor | None = None  # the norm of the last gradient that was clipped, before it was

    def __post_init__(self) -> None:
        self.loss = getattr(nn, self.recipe.loss)()
        settings = self.recipe.optimizer_arguments
        self.optimizer = getattr(torch.optim, self.recipe.optimizer)(self.model.parameters(), **settings)
        self.scheduler = _scheduler(self.recipe, self.optimizer)
        self.generator.manual_seed(self.seed)
        self.order = self.generator.get_state()  # that this epoch's order is drawn from

    def state(self) -> dict[str, Any]:
        """All that a checkpoint must hold, between epochs or within one; the random numbers of this process and of
        its GPU, which dropout draws, among it.
        """
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict() if self.scheduler is not None else None,
            "order": self.order if self.batch else self.generator.get_state(),
            "chance": torch.get_rng_state(),
            "chance_of_gpu": torch.cuda.get_rng_state() if self.is_on_gpu else None,
            "progress": (self.best, self.without_gain, self.epoch, self.stopped),
            "within": (self.batch, float(self.total), self.seconds),
        }

    @property
    def is_on_gpu(self) -> bool:
        return self.parts.test.targets.is_cuda

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` gave; raises ``RuntimeError`` for that of another network."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        self.generator.set_state(state["order"])
        torch.set_rng_state(state["chance"])
        if self.is_on_gpu and state["chance_of_gpu"] is not None:
            torch.cuda.set_rng_state(state["chance_of_gpu"])
        self.best, self.without_gain, self.epoch, self.stopped = state["progress"]
        self.batch, self.total, self.seconds = state["within"]

    def run(self, epochs: int, tell: Told = told_nothing) -> Iterator[Epoch]:
        """Epochs up to this number, until early stopping or a loss that is no longer finite ends them."""
        while self.goes_on(epochs):
            rate = float(self.optimizer.param_groups[0]["lr"])
            norm, seconds = self._one_epoch(tell)
            train_loss, validated = self.end_epoch()
            tested = self._evaluated(self.parts.test if self.tested else None)
            yield Epoch(self.epoch, train_loss, *tested, *validated, rate, norm, seconds, self.stopped)

    def goes_on(self, epochs: int) -> bool:
        """Whether there is one more epoch, of this number in all."""
        return self.epoch < epochs and not self.stopped

    def _one_epoch(self, tell: Told) -> tuple[float, float]:
        """Train on every sample once, in random order: the last gradient's norm, and the seconds that it took."""
        start = time.perf_counter() - self.seconds
        for _, batches in self.steps():
            tell(self.batch, batches)
        norm = float(self._norm())  # a GPU has done all of it then
        return norm, time.perf_counter() - start

    def steps(self) -> Iterator[tuple[Tensor, int]]:
        """Train on what is left of the epoch: the loss of each batch, and how many batches the epoch has."""
        self.model.train()
        places = self.drawn()
        self.total = torch.tensor(self.total, dtype=torch.float64, device=self.parts.test.targets.device)
        start = time.perf_counter() - self.seconds
        for batch in self.batches(places):
            loss = self.step(batch)
            self.total += len(batch) * loss
            self.batch += 1
            self.seconds = time.perf_counter() - start
            yield loss, len(places)

    def end_epoch(self) -> tuple[float, Scores]:
        """Once every batch is done: the mean training loss over samples, loss and accuracy of the validation; the rate
        of the next epoch follows from them, and whether there is one.
        """
        train_loss = float(self.total) / len(self.parts.train)
        self.batch, self.total, self.seconds = 0, 0.0, 0.0
        self.epoch += 1
        found = self._evaluated(self.parts.validation)
        self._look(train_loss, train_loss if found[0] is None else found[0])
        return train_loss, found

    def _evaluated(self, part: Part | None) -> Scores:
        return (None, None) if part is None else evaluate(self.model, part, self.loss)

    def _norm(self) -> Tensor:
        """That of the last gradient, before it was clipped."""
        if self.clipped is not None:
            return self.clipped
        gradients = [one.grad for one in self.model.parameters() if one.grad is not None]
        return nn.utils.get_total_norm(gradients)

    def drawn(self) -> Sequence[Tensor]:
        """The places of the samples of each batch of the epoch."""
        self.order = self.generator.get_state()
        order = torch.randperm(len(self.parts.train), generator=self.generator)
        return order.to(self.parts.train.targets.device).split(self.recipe.batch_size)

    def batches(self, places: Sequence[Tensor]) -> Iterator[Part]:
        """Those that are still to do: rows of the tensors, or augmented ones from a DataLoader."""
        train, left = self.parts.train, places[self.batch :]
        if not self.recipe.augment:
            yield from map(train.rows, left)
            return
        for batch in augmented(train, left, self.recipe, (self.seed, self.epoch, self.batch)):
            yield batch.to(self.parts.test.targets.device)

    def step(self, batch: Part) -> Tensor:
        """One batch: the loss before it, and the parameters moved."""
        self.optimizer.zero_grad()
        loss: Tensor = self.loss(self.model(*batch.inputs), batch.targets)
        (loss if self.penalty is None else loss + self.penalty()).backward()
        if self.recipe.clip_norm:
            self.clipped = nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        self.optimizer.step()
        return loss.detach()

    def _look(self, train_loss: float, watched: float) -> None:
        """What follows of an epoch: the next rate, and whether there is a next epoch."""
        if not math.isfinite(train_loss):
            self.stopped = DIVERGED
            return
        if isinstance(self.scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            self.scheduler.step(watched)
        elif self.scheduler is not None:
            self.scheduler.step()
        self.without_gain = 0 if watched < self.best else self.without_gain + 1
        self.best = min(self.best, watched)
        if self.recipe.patience and self.without_gain >= self.recipe.patience:
            self.stopped = f"no gain in {self.recipe.patience} epochs"


def _scheduler(recipe: Recipe, optimizer: torch.optim.Optimizer) -> Any:
    if not recipe.scheduler:
        return None
    return getattr(torch.optim.lr_scheduler, recipe.scheduler)(optimizer, **recipe.scheduler_arguments)


@torch.no_grad()
def evaluate(model: nn.Module, part: Part, loss: nn.Module, batch_size: int = 2048) -> tuple[float, float | None]:
    """Mean loss over samples, and accuracy where there are classes or probabilities, in evaluation mode."""
    model.eval()
    total, right = 0.0, 0
    for places in torch.arange(len(part), device=part.targets.device).split(batch_size):
        batch = part.rows(places)
        outputs = model(*batch.inputs)
        total += float(loss(outputs, batch.targets)) * len(batch)
        right += _right(outputs, batch.targets, loss)
    return total / len(part), right / len(part) if _has_accuracy(part, loss) else None


def _has_accuracy(part: Part, loss: nn.Module) -> bool:
    return part.targets.dtype == torch.int64 or isinstance(loss, nn.BCELoss)


def _right(outputs: Tensor, targets: Tensor, loss: nn.Module) -> int:
    """How many samples are put where they belong; none of a regression."""
    if targets.dtype == torch.int64:
        return int((outputs.argmax(1) == targets).sum())
    return int(((outputs > 0.5) == (targets > 0.5)).sum()) if isinstance(loss, nn.BCELoss) else 0
