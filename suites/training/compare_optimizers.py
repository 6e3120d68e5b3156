"""Optimizers compared on the same network, data, initial weights and order of samples."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from nnbench.suites.training.fit import fit
from nnbench.suites.training.judge import Perceptron, judged_fit
from nnbench.suites.training.loop import History, Loss, Samples, seeded
from nnbench.suites.training.samples import drawn, drawn_numbers, parameters, perceptron, split
from torch import Tensor, nn
from torch.nn import functional

from nnbench.catalog import Suite
from nnbench.specs import case

suite = Suite("training")

Choice = tuple[Callable[..., torch.optim.Optimizer], Mapping[str, Any]]

DOCUMENTED: dict[str, Choice] = {
    "SGD": (torch.optim.SGD, {"lr": 0.01}),
    "SGD with momentum": (torch.optim.SGD, {"lr": 0.01, "momentum": 0.9}),
    "Adam": (torch.optim.Adam, {"lr": 0.001}),
    "AdamW": (torch.optim.AdamW, {"lr": 0.001, "weight_decay": 0.01}),
    "RMSprop": (torch.optim.RMSprop, {"lr": 0.001}),
    "Adagrad": (torch.optim.Adagrad, {"lr": 0.01}),
}


def compare_optimizers(
    model: nn.Module,
    train: Samples,
    validation: Samples,
    *,
    epochs: int,
    optimizers: Mapping[str, Choice] | None = None,
    loss: Loss = functional.cross_entropy,
    batch_size: int = 32,
    seed: int = 0,
) -> dict[str, History]:
    """Train a copy of ``model`` with each optimizer and return what each gave, epoch by epoch.

    ``optimizers`` gives each name an optimizer's class and its settings; without it they are the six that the documents
    compare. All begin with the model's weights, see the samples in one order and draw the same random numbers, so that
    nothing differs but the optimizer. Under each name is the history of ``fit``: validation loss and accuracy (and
    train loss and learning rate), one number an epoch; a run that diverges stays, with its infinities and NaN. The
    model itself is left as it was. ``ValueError`` as in ``fit``. Source: Neural Networks Guide; Neural Networks -
    Intermediate Handout.
    """
    histories = {}
    for name, (optimizer, settings) in (optimizers or DOCUMENTED).items():
        with seeded(seed):
            histories[name] = fit(
                copy.deepcopy(model),
                train,
                validation,
                epochs=epochs,
                loss=loss,
                optimizer=optimizer,
                optimizer_arguments=settings,
                batch_size=batch_size,
                seed=seed,
            )
    return histories


DROPOUT = 0.2


def drive(make: Callable[..., Any], features: Tensor, targets: Tensor, *weights: Tensor) -> dict[str, Any]:
    model = perceptron(weights, DROPOUT)
    histories = make()(model, *split(features, targets))
    return {"histories": histories, "the model itself": parameters(model), "in training mode": model.training}


def oracle(
    features: np.ndarray,
    targets: np.ndarray,
    *weights: np.ndarray,
    optimizers: Mapping[str, Choice] | None = None,
    seed: int = 0,
    **settings: Any,
) -> dict[str, Any]:
    histories, samples = {}, split(features, targets)
    for name, (optimizer, arguments) in (optimizers or DOCUMENTED).items():
        run = settings | {"optimizer": optimizer, "optimizer_arguments": arguments, "seed": seed}
        with seeded(seed):
            histories[name] = judged_fit(Perceptron(weights, DROPOUT), *samples, **run)
    return {"histories": histories, "the model itself": Perceptron(weights).parameters, "in training mode": True}


OTHERS: dict[str, Choice] = {
    "AdamW": (torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1}),
    "diverging": (torch.optim.SGD, {"lr": 1e30}),
    "SGD": (torch.optim.SGD, {"lr": 0.3}),
}


suite.component(
    "compare_optimizers",
    kind="procedure",
    reference=compare_optimizers,
    drive=drive,
    oracle=oracle,
    cases=[
        case(*drawn(96, 10, 16, 3), name="96x10,six_optimizers", optimizers=DOCUMENTED, epochs=5, batch_size=20),
        case(*drawn(96, 10, 16, 3), name="96x10,three_others", optimizers=OTHERS, epochs=3, batch_size=20, seed=4),
        case(
            *drawn_numbers(96, 10, 16, 2),
            name="96x10,regression",
            optimizers=OTHERS,
            loss=functional.mse_loss,
            epochs=3,
            batch_size=20,
        ),
        case(
            *drawn(768, 64, 64, 32, 10), name="768x64,six_optimizers", optimizers=DOCUMENTED, epochs=2, batch_size=128
        ),
        case(*drawn(51, 2, 3, 2), name="51x2,defaults", epochs=1, timed=False),  # 34 to train with, in two batches
    ],
    documented=["guide", "handout"],
)
