"""Checkpoints put through their paces: training stopped, and gone on with by other objects."""

from __future__ import annotations

import math
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
from nnbench.suites.training.misfits import refuses, runs_code
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
    "momentum alone": {
        "optimizer": torch.optim.SGD,
        "optimizer_arguments": {"lr": 0.1, "momentum": 0.9},
    },
}
SCRIPT = [math.nan, 3.0, 1.0, 2.0, 1.5, 1.0, math.nan, 0.5]
RECORDS = [False, True, True, False, False, False, False, True]  # no NaN, and nothing that is as good as before


def drive(make: Callable[..., Any], features: Tensor, classes: Tensor, *weights: Tensor) -> dict[str, Any]:
    samples = split(features, classes)
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.pt" for name in RUNS}
        runs = {
            name: _stopped_once((make(path=path), make(path=path)), samples, weights, RUNS[name])
            for name, path in paths.items()
        }
        scripts = {mode: _scripted(make, Path(folder) / f"{mode}.pt", sign) for mode, sign in (("min", 1), ("max", -1))}
        refused = {name: _refused(make(path=paths["momentum, steps"]), weights, name) for name in MISFITS}
        code = Path(folder) / "code.pt"
        ran = runs_code(make(path=code).load, start(perceptron(weights), torch.optim.SGD), code)
    return {"runs": runs, "scripts": scripts, "refused": refused, "ran code": ran}


def _stopped_once(
    checkpoints: tuple[Any, Any], samples: tuple[Samples, Samples], weights: tuple[Tensor, ...], run: dict[str, Any]
) -> dict[str, Any]:
    """Which epochs were written before the stop; then the history and the parameters of what went on from the file."""
    before, after = checkpoints
    with seeded(SEED):
        first = start(perceptron(weights, DROPOUT), **run, seed=SEED)
        written = []
        for _ in range(STOPPED):
            one_epoch(first, *samples, functional.cross_entropy, BATCH)
            written.append(before.save(first))
    with seeded(SEED + 1):  # whatever a new process would start from
        second = start(perceptron([weight + 1 for weight in weights], DROPOUT), **run, seed=SEED + 1)
        second.history["of another run"] = [0.0] * (EPOCHS + 1)
        after.load(second)
        while second.epoch < EPOCHS:
            one_epoch(second, *samples, functional.cross_entropy, BATCH)
    return {"written": written, "history": second.history, "parameters": parameters(second.model)}


def _scripted(make: Callable[..., Any], path: Path, sign: int) -> dict[str, list[Any]]:
    """Which of the scripted values are written as the best so far, with the epoch and the loss that the file names."""
    checkpoint = make(path=path, best_only=True, monitor="score", mode="min" if sign > 0 else "max")
    state = start(perceptron([torch.ones(1, 1)]), torch.optim.SGD)
    found: dict[str, list[Any]] = {"written": [], "epoch and loss": []}
    for value in SCRIPT:
        state.history.setdefault("score", []).append(sign * value)
        found["written"].append(checkpoint.save(state))
        if found["written"][-1]:
            content = torch.load(path, weights_only=True)
            found["epoch and loss"].append((content["epoch"], content["loss"]))
    return found


MISFITS: dict[str, Callable[[tuple[Tensor, ...]], TrainingState]] = {
    "another network": lambda weights: start(
        perceptron([*weights[:-1], torch.cat([weights[-1], weights[-1]])]), **RUNS["momentum, steps"]
    ),
    "another optimizer": lambda weights: start(perceptron(weights), **RUNS["adam, plateau"]),
    "no scheduler": lambda weights: start(perceptron(weights), **RUNS["momentum alone"]),
}


def _refused(checkpoint: Any, weights: tuple[Tensor, ...], misfit: str) -> tuple[bool, bool]:
    """Whether a run that the file does not fit refuses it, and stays as it was."""
    state = MISFITS[misfit](tuple(weight + 1 for weight in weights))
    before, generator = parameters(state.model), state.generator.get_state()
    refused = refuses(checkpoint.load, state)
    kept = torch.equal(parameters(state.model), before) and torch.equal(state.generator.get_state(), generator)
    return refused, kept and not state.history and not state.optimizer.state_dict()["state"]


def oracle(
    features: np.ndarray, classes: np.ndarray, *weights: np.ndarray, best_only: bool = False, **monitored: str
) -> dict[str, Any]:
    """The runs that never stopped."""
    runs = {}
    for name, run in RUNS.items():
        network = Perceptron(weights, DROPOUT)
        with seeded(SEED):
            history = judged_fit(network, *split(features, classes), **run, epochs=EPOCHS, batch_size=BATCH, seed=SEED)
        written = _records(history, **monitored) if best_only else [True] * STOPPED
        runs[name] = {"written": written, "history": history, "parameters": network.parameters}
    scripts = {mode: {"written": RECORDS, "epoch and loss": _named(sign)} for mode, sign in (("min", 1), ("max", -1))}
    return {"runs": runs, "scripts": scripts, "refused": dict.fromkeys(MISFITS, (True, True)), "ran code": False}


def _named(sign: int) -> list[tuple[int, float]]:
    """The epoch and the value of each record."""
    return [(place + 1, sign * value) for place, (value, best) in enumerate(zip(SCRIPT, RECORDS, strict=True)) if best]


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
