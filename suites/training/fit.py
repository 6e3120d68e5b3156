"""The training loop."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnbench.suites.training.judge import Perceptron, judged_fit
from nnbench.suites.training.loop import History, Loss, Samples, one_epoch, refuse_unusable, start
from nnbench.suites.training.resuming import Checkpoint
from nnbench.suites.training.samples import drawn, parameters, perceptron, split
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


def drive(make: Callable[..., Any], features: Tensor, classes: Tensor, *weights: Tensor) -> dict[str, Any]:
    """Train once without a stop, and once stopped after two epochs and gone on with by new objects."""
    samples = split(features, classes)
    whole, resumed = perceptron(weights), perceptron(weights)
    outcome = {"history": make()(whole, *samples), "parameters": parameters(whole)}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(Path(folder) / "training.pt")
        make(epochs=2, checkpoint=checkpoint)(perceptron(weights), *samples)
        outcome["history, stopped"] = make(checkpoint=checkpoint)(resumed, *samples)
    return outcome | {"parameters, stopped": parameters(resumed)}


def oracle(features: np.ndarray, classes: np.ndarray, *weights: np.ndarray, **arguments: Any) -> dict[str, Any]:
    network = Perceptron(weights)
    history = judged_fit(network, *split(features, classes), **arguments)
    return {
        "history": history,
        "parameters": network.parameters,
        "history, stopped": history,
        "parameters, stopped": network.parameters,
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
            *drawn(1536, 64, 128, 10),
            name="1024_samples",
            optimizer=torch.optim.SGD,
            optimizer_arguments=MOMENTUM,
            epochs=3,
            batch_size=128,
        ),
    ],
    documented=["handout", "guide", "deepdive", "fundamentals", "pytorch"],
)
