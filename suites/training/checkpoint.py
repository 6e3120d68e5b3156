"""Checkpoints put through their paces: training stopped, and gone on with by other objects."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnbench.suites.training.files import reason
from nnbench.suites.training.judge import Perceptron, judged_fit
from nnbench.suites.training.loop import Samples, TrainingState, one_epoch, seeded, start
from nnbench.suites.training.resuming import Checkpoint
from nnbench.suites.training.samples import drawn, parameters, perceptron, split
from torch import Tensor
from torch.nn import functional
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from nnbench.catalog import Evidence, Suite, Variant
from nnbench.specs import case

suite = Suite("training")


class WholeModel:
    """A checkpoint as the handout has it: ``torch.save`` of the model itself, ``torch.load`` of its path."""

    def __init__(
        self,
        path: str | Path = "model.pt",
        best_only: bool = False,
        monitor: str = "validation_loss",
        mode: str = "min",
    ) -> None:
        self.path = Path(path)

    def save(self, state: TrainingState) -> bool:
        torch.save(state.model, self.path)
        return True

    def load(self, state: TrainingState) -> None:
        state.model = torch.load(self.path)


STOPPED, EPOCHS, BATCH, SEED, DROPOUT = 3, 6, 20, 5, 0.2
RUNS: dict[str, dict[str, Any]] = {
    "momentum, steps": {
        "optimizer": torch.optim.SGD,
        "optimizer_arguments": {"lr": 0.3, "momentum": 0.9},
        "scheduler": StepLR,
        "scheduler_arguments": {"step_size": 2, "gamma": 0.5},
    },
    "adam, plateau": {
        "optimizer": torch.optim.Adam,
        "optimizer_arguments": {"lr": 0.05},
        "scheduler": ReduceLROnPlateau,
        "scheduler_arguments": {"factor": 0.5, "patience": 0},
    },
}


def drive(make: Callable[..., Any], features: Tensor, classes: Tensor, *weights: Tensor) -> dict[str, Any]:
    samples = split(features, classes)
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = {name: make(path=Path(folder) / f"{name}.pt") for name in RUNS}
        return {name: _stopped_once(checkpoints[name], samples, weights, RUNS[name]) for name in RUNS}


def _stopped_once(
    checkpoint: Any, samples: tuple[Samples, Samples], weights: tuple[Tensor, ...], run: dict[str, Any]
) -> dict[str, Any]:
    """Which epochs were written before the stop; then the history and the parameters of what went on from the file."""
    with seeded(SEED):
        first = start(perceptron(weights, DROPOUT), **run, seed=SEED)
        written = []
        for _ in range(STOPPED):
            one_epoch(first, *samples, functional.cross_entropy, BATCH)
            written.append(checkpoint.save(first))
    with seeded(SEED + 1):  # whatever a new process would start from
        second = start(perceptron([weight + 1 for weight in weights], DROPOUT), **run, seed=SEED + 1)
        checkpoint.load(second)
        while second.epoch < EPOCHS:
            one_epoch(second, *samples, functional.cross_entropy, BATCH)
    return {"written": written, "history": second.history, "parameters": parameters(second.model)}


def oracle(
    features: np.ndarray, classes: np.ndarray, *weights: np.ndarray, best_only: bool = False, **monitored: str
) -> dict[str, Any]:
    """The run that never stopped."""
    outcome = {}
    for name, run in RUNS.items():
        network = Perceptron(weights, DROPOUT)
        with seeded(SEED):
            history = judged_fit(network, *split(features, classes), **run, epochs=EPOCHS, batch_size=BATCH, seed=SEED)
        written = _records(history, **monitored) if best_only else [True] * STOPPED
        outcome[name] = {"written": written, "history": history, "parameters": network.parameters}
    return outcome


def _records(history: dict[str, list[float]], monitor: str = "validation_loss", mode: str = "min") -> list[bool]:
    """Whether each epoch before the stop is the first of its value and the best of all up to it."""
    best = {"min": np.argmin, "max": np.argmax}[mode]
    return [bool(best(history[monitor][: place + 1]) == place) for place in range(STOPPED)]


def whole_model_does_not_load(documented: Variant, reference: Variant) -> Evidence:
    """E11: save a network that was just trained, load it in the same process, and see what torch says."""
    raised = {}
    for variant in (documented, reference):
        with tempfile.TemporaryDirectory() as folder:
            raised[variant.name] = _raised_by_loading(variant.build(path=Path(folder) / "model.pt"))
    error = raised[documented.name]
    if error is None:
        return Evidence(False, "what was saved is loaded again by torch.load as it is by default")
    return Evidence(
        isinstance(error, pickle.UnpicklingError) and raised[reference.name] is None,
        "torch.save(model) writes the network as a pickled object; torch.load(path), which has weights_only=True by "
        f"default since torch 2.6, raises {type(error).__name__} ({reason(error)}). A checkpoint of state_dicts loads",
    )


def _raised_by_loading(checkpoint: Any) -> Exception | None:
    generator = torch.Generator().manual_seed(SEED)
    network = perceptron([torch.randn(3, 4, generator=generator)])
    state = start(network, torch.optim.SGD, {"lr": 0.1})
    state.history["validation_loss"] = [1.0]
    checkpoint.save(state)
    try:
        checkpoint.load(state)
    except (pickle.UnpicklingError, RuntimeError, ValueError) as error:
        return error
    return None


PERCEPTRON = drawn(96, 10, 16, 3)

suite.component(
    "checkpoint",
    kind="procedure",
    reference=Checkpoint,
    variants={
        "documented": Variant("documented", WholeModel, erratum="E11", evidence={"E11": whole_model_does_not_load})
    },
    drive=drive,
    oracle=oracle,
    cases=[
        case(*PERCEPTRON, name="96x10"),
        case(*PERCEPTRON, name="96x10,best_loss_only", best_only=True),
        case(
            *PERCEPTRON,
            name="96x10,best_accuracy_only",
            best_only=True,
            monitor="validation_accuracy",
            mode="max",
        ),
        case(*drawn(192, 64, 128, 10), name="192x64"),
    ],
    documented=["handout", "deepdive", "pytorch"],
)
