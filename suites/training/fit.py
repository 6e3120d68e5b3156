"""The training loop."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnbench.suites.training.judge import Perceptron, judged_fit
from nnbench.suites.training.loop import History, Loss, Samples, TrainingState, one_epoch, refuse_unusable, start
from nnbench.suites.training.resuming import Checkpoint
from nnbench.suites.training.samples import drawn, drawn_numbers, parameters, perceptron, split
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from nnbench.catalog import Suite
from nnbench.specs import case

suite = Suite("training")


def fit(
    model: nn.Module,
    train: Samples,
    validation: Samples,
    *,
    epochs: int,
    loss: Loss = functional.cross_entropy,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.SGD,
    optimizer_arguments: Mapping[str, Any] | None = None,
    batch_size: int = 32,
    seed: int = 0,
    scheduler: Callable[..., Any] | None = None,
    scheduler_arguments: Mapping[str, Any] | None = None,
    patience: int | None = None,
    max_norm: float | None = None,
    checkpoint: Checkpoint | None = None,
    report: Callable[[int, dict[str, float]], Any] | None = None,
) -> History:
    """Train a network and return the history: under each name one number an epoch.

    ``train`` and ``validation`` are features (N, ...) and their targets (N, ...); ``loss`` is a mean over a batch. The
    names: ``train_loss`` and ``validation_loss``, means over samples; ``validation_accuracy``, a share of 1, where the
    targets are classes; ``learning_rate``, the one that the epoch was trained with. ``seed`` orders the samples; what
    the network draws (dropout) comes from torch's own generator. ``scheduler`` is stepped after each epoch,
    ReduceLROnPlateau with the validation loss. ``patience`` stops after so many epochs in a row without a validation
    loss below the lowest. ``max_norm`` clips the gradient's norm. ``checkpoint`` is saved after each epoch, and
    training goes on from it where its file is there. ``report(epoch, values)`` is called after each epoch, from 1.
    ``ValueError`` for no samples, unequally many targets, or numbers below their least.
    Source: Neural Networks - Intermediate Handout; Goodfellow et al. (2016), 7.8 and 10.11.1.
    """
    refuse_unusable(train, validation, epochs, batch_size)
    if patience is not None and patience < 1:
        raise ValueError(f"patience is 1 or more, or None, not {patience}")
    state = start(model, optimizer, optimizer_arguments, scheduler, scheduler_arguments, seed)
    if checkpoint is not None and checkpoint.path.exists():
        checkpoint.load(state)
    while state.epoch < epochs and not stalled(state.history, patience):
        values = one_epoch(state, train, validation, loss, batch_size, max_norm)
        if checkpoint is not None:
            checkpoint.save(state)
        if report is not None:
            report(state.epoch, values)
    return state.history


def stalled(history: History, patience: int | None) -> bool:
    """Whether the last ``patience`` epochs brought no lower validation loss; NaN is never lower."""
    lowest, since = float("inf"), 0
    for value in history.get("validation_loss", ()):
        lowest, since = (value, 0) if value < lowest else (lowest, since + 1)
    return patience is not None and since >= patience


class Watched(Checkpoint):
    """It notes the epochs that it is saved after."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.epochs: list[int] = []

    def save(self, state: TrainingState) -> bool:
        self.epochs.append(state.epoch)
        return super().save(state)


class Notes(list[tuple[int, dict[str, float]]]):
    """It notes what is reported, the values in the order of their names."""

    def __call__(self, epoch: int, values: Mapping[str, float]) -> None:
        self.append((epoch, {name: float(values[name]) for name in sorted(values)}))


class Script:
    """A loss that says the next of these numbers of each evaluation, whatever the scores; it moves no parameter."""

    def __init__(self, losses: list[float], held_out: int) -> None:
        self.losses = iter(losses)
        self.held_out = held_out

    def __call__(self, scores: Tensor, targets: Tensor) -> Tensor:
        return scores.sum() * 0 + (next(self.losses) if len(scores) == self.held_out else 1.0)


# A NaN, an equal loss and a fall to above the lowest are no progress: it ends after the sixth, whether resumed or not,
# and after the third where no loss is a number.
LOSSES, PATIENCE, LAST = [math.nan, 3.0, 2.0, 2.0, 2.5, 2.25, 1.0, 0.5], 3, 6
NO_NUMBERS = [math.nan] * 5
TRAINED, HELD_OUT = 8, 5  # samples: fewer than any batch has, so that each pass through the network tells its purpose


def drive(make: Callable[..., Any], features: Tensor, targets: Tensor, *weights: Tensor) -> dict[str, Any]:
    """Train without a stop, then stopped after two epochs and gone on with by new objects, then on a script."""
    samples, notes, whole, before = split(features, targets), Notes(), perceptron(weights), torch.get_rng_state()
    outcome = {
        "history": plain(make(report=notes)(whole, *samples)),
        "parameters": parameters(whole),
        "reported": notes,
        "draws nothing": torch.equal(torch.get_rng_state(), before),
    }
    with tempfile.TemporaryDirectory() as folder:
        outcome |= _stopped(make, Path(folder) / "stopped.pt", samples, weights)
        return outcome | _on_a_script(make, Path(folder) / "script.pt", (features, targets), weights)


def plain(history: History) -> History:
    """Python's own numbers, which are as exact as they say."""
    return {name: [float(value) for value in values] for name, values in history.items()}


def _stopped(
    make: Callable[..., Any], path: Path, samples: tuple[Samples, Samples], weights: tuple[Tensor, ...]
) -> dict[str, Any]:
    first, notes = Watched(path), Notes()
    make(epochs=2, checkpoint=first)(perceptron(weights), *samples)
    resumed = perceptron([weight + 1 for weight in weights])  # nothing of it may count
    history = plain(make(checkpoint=Watched(path), report=notes)(resumed, *samples))
    return {
        "stopped": {"history": history, "parameters": parameters(resumed)},
        "saved before the stop": first.epochs,
        "reported after it": [epoch for epoch, _ in notes],
    }


def _on_a_script(
    make: Callable[..., Any], path: Path, samples: Samples, weights: tuple[Tensor, ...]
) -> dict[str, list[Any]]:
    """The losses of runs that stop early, of one taken up again, and how their networks were passed through."""
    features, targets = samples
    rows = TRAINED + HELD_OUT
    few = (features[:TRAINED], targets[:TRAINED]), (features[TRAINED:rows], targets[TRAINED:rows])
    passes: list[tuple[int, bool]] = []
    found: dict[str, list[Any]] = {}
    kept = Checkpoint(path)
    runs = {"scripted": (LOSSES, kept), "taken up again": (LOSSES, kept), "no numbers": (NO_NUMBERS, None)}
    for name, (losses, checkpoint) in runs.items():
        model = perceptron(weights)
        model.register_forward_pre_hook(lambda module, inputs: passes.append((len(inputs[0]), module.training)))
        settings = {"loss": Script(losses, HELD_OUT), "epochs": len(losses), "patience": PATIENCE}
        found[name] = plain(make(checkpoint=checkpoint, **settings)(model, *few))["validation_loss"]
    return found | {"samples and mode of each pass": passes}


def oracle(features: np.ndarray, targets: np.ndarray, *weights: np.ndarray, **arguments: Any) -> dict[str, Any]:
    network = Perceptron(weights)
    history = judged_fit(network, *split(features, targets), **arguments)
    epochs = range(1, len(history["train_loss"]) + 1)
    return {
        "history": history,
        "parameters": network.parameters,
        "reported": [(epoch, {name: history[name][epoch - 1] for name in sorted(history)}) for epoch in epochs],
        "draws nothing": True,
        "stopped": {"history": history, "parameters": network.parameters},
        "saved before the stop": [1, 2],
        "reported after it": [*epochs][2:],
        "scripted": LOSSES[:LAST],
        "taken up again": LOSSES[:LAST],
        "no numbers": NO_NUMBERS[:PATIENCE],
        "samples and mode of each pass": [(TRAINED, True), (HELD_OUT, False)] * (LAST + PATIENCE),
    }


SGD, MOMENTUM = {"lr": 0.1}, {"lr": 0.1, "momentum": 0.9}
ADAM: dict[str, Any] = {"optimizer": torch.optim.Adam, "optimizer_arguments": {"lr": 0.01}}
PERCEPTRON = drawn(96, 10, 16, 3)  # 64 to train with: in batches of 20 the last has 4

suite.component(
    "fit",
    kind="procedure",
    reference=fit,
    drive=drive,
    oracle=oracle,
    cases=[
        case(
            *drawn(96, 10, 3),
            name="softmax_regression",
            optimizer=torch.optim.SGD,
            optimizer_arguments=SGD,
            epochs=5,
            batch_size=32,
        ),
        case(
            *PERCEPTRON,
            name="momentum,smaller_last_batch",
            optimizer=torch.optim.SGD,
            optimizer_arguments=MOMENTUM,
            epochs=5,
            batch_size=20,
            seed=1,
        ),
        case(*PERCEPTRON, name="adam", **ADAM, epochs=5, batch_size=20),
        case(
            *PERCEPTRON,
            name="adam,step_lr,clipping",
            **ADAM,
            epochs=6,
            batch_size=32,
            scheduler=StepLR,
            scheduler_arguments={"step_size": 2, "gamma": 0.5},
            max_norm=0.5,
        ),
        case(
            *PERCEPTRON,
            name="momentum,plateau,early_stopping",
            optimizer=torch.optim.SGD,
            optimizer_arguments={"lr": 0.5, "momentum": 0.9},
            epochs=12,
            batch_size=32,
            scheduler=ReduceLROnPlateau,
            scheduler_arguments={"factor": 0.5, "patience": 0},
            patience=3,
        ),
        case(
            *drawn_numbers(96, 10, 16, 2),
            name="regression",
            loss=functional.mse_loss,
            optimizer=torch.optim.SGD,
            optimizer_arguments=SGD,
            epochs=4,
            batch_size=20,
        ),
        case(
            *drawn(3303, 5, 3),  # 3 * 367 to validate with: whole batches of no usual size
            name="1101_validated",
            optimizer=torch.optim.SGD,
            optimizer_arguments=SGD,
            epochs=3,
            batch_size=300,
        ),
        case(
            *drawn(1536, 64, 128, 10),
            name="1024_samples",
            optimizer=torch.optim.SGD,
            optimizer_arguments=MOMENTUM,
            epochs=3,
            batch_size=128,
        ),
        # 34 to train with: more than one batch of 32.
        case(*drawn(51, 2, 2), name="defaults", optimizer_arguments=SGD, epochs=3, timed=False),
        case(
            *drawn(30, 3, 4, 2),
            name="plateau,early_stopping,clipping",
            optimizer_arguments={"lr": 0.5, "momentum": 0.9},
            epochs=5,
            batch_size=8,
            scheduler=ReduceLROnPlateau,
            scheduler_arguments={"factor": 0.5, "patience": 0},
            patience=2,
            max_norm=0.2,
            timed=False,
        ),
    ],
    documented=["handout", "guide", "deepdive", "fundamentals", "pytorch"],
)
