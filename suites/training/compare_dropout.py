"""Dropout rates compared on the same data, initial weights and order of samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from nnbench.suites.training.fit import fit
from nnbench.suites.training.judge import Perceptron, judged_fit
from nnbench.suites.training.loop import History, Loss, Samples, seeded
from nnbench.suites.training.samples import drawn, drawn_numbers, perceptron, split
from torch import Tensor, nn
from torch.nn import functional

from nnbench.catalog import Suite
from nnbench.specs import case

suite = Suite("training")


def compare_dropout(
    network: Callable[[float], nn.Module],
    train: Samples,
    validation: Samples,
    *,
    epochs: int,
    rates: Sequence[float] = (0.0, 0.1, 0.3, 0.5),
    loss: Loss = functional.cross_entropy,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
    optimizer_arguments: Mapping[str, Any] | None = None,
    batch_size: int = 32,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Build ``network(rate)`` for each dropout rate, train it, and return what each gave, epoch by epoch.

    Random numbers start from the same ``seed`` for each rate: the initial weights are the same as long as the rate
    changes none of their draws, and so is the order of the samples. One dictionary a rate: ``rate``, and the
    ``history`` of ``fit`` with validation loss and accuracy (and train loss, under dropout, and learning rate), one
    number an epoch. ``ValueError`` for a rate outside 0 to 1, and as in ``fit``. Source: Neural Networks Guide;
    Srivastava et al. (2014).
    """
    for rate in rates:
        if not 0 <= rate <= 1:
            raise ValueError(f"dropout rates lie between 0 and 1, not {rate}")
    results = []
    for rate in rates:
        with seeded(seed):
            history: History = fit(
                network(rate),
                train,
                validation,
                epochs=epochs,
                loss=loss,
                optimizer=optimizer,
                optimizer_arguments=optimizer_arguments,
                batch_size=batch_size,
                seed=seed,
            )
        results.append({"rate": rate, "history": history})
    return results


def drive(make: Callable[..., Any], features: Tensor, targets: Tensor, *weights: Tensor) -> list[dict[str, Any]]:
    """With a network that draws a random number when it is built."""
    results: list[dict[str, Any]] = make()(
        lambda rate: perceptron([scale() * weight for weight in weights], rate), *split(features, targets)
    )
    return results


def scale() -> float:
    return 0.5 + torch.rand((), dtype=torch.float64).item()


def oracle(
    features: np.ndarray,
    targets: np.ndarray,
    *weights: np.ndarray,
    rates: Sequence[float] = (0.0, 0.1, 0.3, 0.5),
    seed: int = 0,
    **settings: Any,
) -> list[dict[str, Any]]:
    """Each rate's network in NumPy, with the units dropped that torch draws from this seed."""
    results, run = [], {"optimizer": torch.optim.Adam, "seed": seed} | settings
    for rate in rates:
        with seeded(seed):
            network = Perceptron([scale() * weight for weight in weights], rate)
            history = judged_fit(network, *split(features, targets), **run)
        results.append({"rate": rate, "history": history})
    return results


RATES: dict[str, Any] = {
    "rates": [0.0, 0.1, 0.3, 0.5],
    "optimizer": torch.optim.Adam,
    "optimizer_arguments": {"lr": 0.001},
}

suite.component(
    "compare_dropout",
    kind="procedure",
    reference=compare_dropout,
    drive=drive,
    oracle=oracle,
    cases=[
        case(*drawn(96, 10, 64, 32, 16, 3), name="96x10,four_rates", **RATES, epochs=5, batch_size=20, seed=4),
        case(
            *drawn_numbers(96, 10, 16, 2),
            name="96x10,regression",
            **RATES,
            loss=functional.mse_loss,
            epochs=3,
            batch_size=20,
        ),
        case(*drawn(768, 64, 64, 32, 16, 10), name="768x64,four_rates", **RATES, epochs=3, batch_size=128),
        # 34 to train with: more than one batch of 32.
        case(*drawn(51, 2, 6, 2), name="51x2,defaults", optimizer_arguments={"lr": 0.01}, epochs=1, timed=False),
    ],
    documented=["guide"],
)
