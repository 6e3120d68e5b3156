"""Weights alone in a file: saved, and loaded into another network of the same kind."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnbench.suites.training.files import read_safely, refuse_misfit, write_whole
from nnbench.suites.training.judge import Perceptron
from nnbench.suites.training.samples import parameters, perceptron
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import Case, case, randn

suite = Suite("training")


class WeightsFile:
    """A network's state_dict in a file: ``save(model)`` writes it, ``load(model)`` puts it into a network.

    The loaded network's outputs equal the saved one's to the bit. The file is written whole or not at all, and nothing
    in it is run. ``ValueError`` for a file of something else and for one whose names, shapes or dtypes are not the
    network's: it says which, and changes nothing. Source: Neural Networks - Intermediate Handout; torch.save.
    """

    def __init__(self, path: str | Path = "weights.pt") -> None:
        self.path = Path(path)

    def save(self, model: nn.Module) -> None:
        write_whole(model.state_dict(), self.path)

    def load(self, model: nn.Module) -> None:
        weights = read_safely(self.path)
        refuse_misfit(model, weights, self.path)
        model.load_state_dict(weights)


class TorchWeightsFile:
    """The same with torch's own functions, which write in place and change what fits before they refuse."""

    def __init__(self, path: str | Path = "weights.pt") -> None:
        self.path = Path(path)

    def save(self, model: nn.Module) -> None:
        torch.save(model.state_dict(), self.path)

    def load(self, model: nn.Module) -> None:
        model.load_state_dict(torch.load(self.path))


def drive(make: Callable[..., Any], x: Tensor, *weights: Tensor) -> dict[str, Any]:
    """Outputs and parameters after the way through a file, and whether a network of other sizes was refused."""
    saved, loaded = perceptron(weights), perceptron([torch.zeros_like(weight) for weight in weights])
    with tempfile.TemporaryDirectory() as folder:
        file = make(path=Path(folder) / "weights.pt")
        file.save(saved)
        file.load(loaded)
        refused = _refuses(file, perceptron(weights[:-1]))
    with torch.no_grad():
        y = loaded(x.detach())
        same = bool(torch.equal(y, saved(x.detach())))
    return {"output": y, "same to the bit": same, "parameters": parameters(loaded), "refused": refused}


def _refuses(file: Any, model: nn.Module) -> bool:
    try:
        file.load(model)
    except (ValueError, RuntimeError):
        return True
    return False


def oracle(x: np.ndarray, *weights: np.ndarray) -> dict[str, Any]:
    network = Perceptron(weights)
    return {
        "output": network.scores(x)[0],
        "same to the bit": True,
        "parameters": network.parameters,
        "refused": True,
    }


def through_a_file(samples: int, *sizes: int) -> Case:
    weights = [randn(outputs, inputs, requires_grad=False) for inputs, outputs in pairwise(sizes)]
    return case(randn(samples, sizes[0], requires_grad=False), *weights, name="-".join(map(str, sizes)))


suite.component(
    "save_weights",
    kind="procedure",
    reference=WeightsFile,
    variants={"torch": TorchWeightsFile},
    drive=drive,
    oracle=oracle,
    cases=[through_a_file(32, 10, 16, 3), through_a_file(32, 784, 256, 128, 10)],
    documented=["handout"],
)
