"""Weights alone in a file: saved, and loaded into another network of the same kind."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnbench.suites.training.files import read_safely, refuse_misfit, write_whole
from nnbench.suites.training.judge import Perceptron
from nnbench.suites.training.misfits import refuses, runs_code
from nnbench.suites.training.samples import parameters, perceptron
from torch import Tensor, nn
from torch.nn.utils import vector_to_parameters

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


def drive(make: Callable[..., Any], x: Tensor, vector: Tensor, *weights: Tensor) -> dict[str, Any]:
    """What a network has after the way through a file, and what becomes of files that ought to be refused."""
    saved, loaded = network(weights, vector, x), network([torch.zeros_like(weight) for weight in weights])
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pt"
        first, second = make(path=path), make(path=path)
        first.save(saved)
        before = saved(x)
        saved.load_state_dict({name: value + 1 for name, value in saved.state_dict().items()})
        second.load(loaded)
        refused = refuses(second.load, network(weights[:-1]))
        ran = runs_code(make(path=Path(folder) / "code.pt").load, loaded, Path(folder) / "code.pt")
        y = loaded(x)
    return {
        "output": y,
        "same to the bit": torch.equal(y, before),
        "parameters": parameters(loaded),
        "buffers": [buffer.clone() for buffer in loaded.buffers()],
        "refused": refused,
        "ran code": ran,
    }


def network(weights: Sequence[Tensor], vector: Tensor | None = None, seen: Tensor | None = None) -> nn.Sequential:
    """BatchNorm and a perceptron, in evaluation mode; with its parameters' numbers, and what BatchNorm was trained on.

    Where these are not given, biases and buffers are as they start.
    """
    model = nn.Sequential(nn.BatchNorm1d(weights[0].shape[1], affine=False), perceptron(list(weights)))
    model.to(weights[0].dtype)
    with torch.no_grad():
        if vector is not None:
            vector_to_parameters(vector.clone(), model.parameters())
        if seen is not None:
            model(seen)
    return model.eval()


def oracle(x: np.ndarray, vector: np.ndarray, *weights: np.ndarray) -> dict[str, Any]:
    judge = Perceptron(weights)
    sizes = [size for outputs, inputs in judge.sizes for size in (outputs * inputs, outputs)]
    parts = iter(np.split(vector, np.cumsum(sizes)[:-1]))  # of each layer the matrix, then the biases
    layers = [np.c_[next(parts).reshape(weight.shape), next(parts)] for weight in weights]
    judge.parameters = np.concatenate([layer.ravel() for layer in layers])
    mean, variance = 0.1 * x.mean(0), 0.9 + 0.1 * x.var(0, ddof=1)
    return {
        "output": judge.scores((x - mean) / np.sqrt(variance + 1e-5))[0],
        "same to the bit": True,
        "parameters": judge.parameters,
        "buffers": [mean, variance, 1],
        "refused": True,
        "ran code": False,
    }


def through_a_file(samples: int, *sizes: int) -> Case:
    weights = [randn(outputs, inputs, requires_grad=False) for inputs, outputs in pairwise(sizes)]
    numbers = randn(sum(outputs * (inputs + 1) for inputs, outputs in pairwise(sizes)), requires_grad=False)
    return case(randn(samples, sizes[0], requires_grad=False), numbers, *weights, name="-".join(map(str, sizes)))


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
