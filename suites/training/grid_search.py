"""Grid search over settings."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from nnbench.suites.training.fit import fit
from nnbench.suites.training.judge import Perceptron, judged_fit
from nnbench.suites.training.loop import seeded
from nnbench.suites.training.samples import perceptron, split
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import InputSpec, case, rand, randint, randn

suite = Suite("training")

Grid = Mapping[str, Sequence[Any]]


def grid_search(
    score: Callable[..., float], *, grid: Grid, seed: int = 0, lower_is_better: bool = True
) -> dict[str, Any]:
    """Score every combination of settings; returns ``results``, all of them in the grid's order, and the ``best``.

    ``score(**settings)`` gets one value of each name. Torch's random numbers start from the same ``seed`` for every
    combination, so none of them is lucky. A result has its ``settings``, its ``score`` and its ``error``: where
    ``score`` raises, the score is NaN and the error says what; otherwise it is empty. ``best`` is the result with the
    lowest score (or the highest), the first of equals; NaN is never the best, and None is where there is nothing else.
    ``ValueError`` for a name without values. Source: Neural Networks Guide; sklearn.model_selection.ParameterGrid.
    """
    empty = [name for name, values in grid.items() if not len(values)]
    if empty:
        raise ValueError(f"the grid has no values for {', '.join(empty)}")
    choices = [[(name, value) for value in values] for name, values in grid.items()]
    results = [_scored(score, dict(chosen), seed) for chosen in itertools.product(*choices)]
    scored = [result for result in results if not math.isnan(result["score"])]
    best_of = min if lower_is_better else max
    return {"results": results, "best": best_of(scored, key=lambda result: result["score"], default=None)}


def _scored(score: Callable[..., float], settings: dict[str, Any], seed: int) -> dict[str, Any]:
    try:
        with seeded(seed):
            return {"settings": settings, "score": float(score(**settings)), "error": ""}
    except Exception as error:  # noqa: BLE001  one combination that fails shall not cost the others
        return {"settings": settings, "score": math.nan, "error": f"{type(error).__name__}: {error}"}


TRAINING: dict[str, Any] = {"optimizer": torch.optim.Adam, "epochs": 1, "batch_size": 16, "seed": 3}


TIES = (math.nan, 0.5, -1.0, math.inf, -1.0, math.inf, 2.0)  # over and over
ERRORS = (ValueError("no"), ZeroDivisionError("none"), MemoryError(), AssertionError("never"))


def drive(make: Callable[..., Any], *inputs: Tensor) -> dict[str, Any]:
    """Over scores that are given, one a combination, and others that tie or fail; or over networks that are trained."""
    if len(inputs) == 1:
        script, ties, errors = iter(inputs[0].tolist()), itertools.cycle(TIES), itertools.cycle(ERRORS)
        return {
            "drawn": make()(lambda **settings: scripted(next(script))),
            "ties": make()(lambda **settings: next(ties)),
            "failing": make()(lambda **settings: fails(next(errors))),
        }
    features, classes, *weights = inputs

    def validation_loss(hidden_layers: Sequence[int], dropout_rate: float, lr: float) -> float:
        model = perceptron(cut(weights, hidden_layers), dropout_rate)
        history = fit(model, *split(features, classes), optimizer_arguments={"lr": lr}, **TRAINING)
        return history["validation_loss"][-1]

    return make()(validation_loss)


def scripted(value: float) -> float:
    """A tenth of the numbers raises an error, another gives NaN, the others are the scores."""
    if value < 0.1:
        raise RuntimeError(f"{value:.3f} is too small")
    return math.nan if value < 0.2 else value


def fails(error: Exception) -> float:
    raise error


def cut(weights: Sequence[Any], hidden_layers: Sequence[int]) -> list[Any]:
    """The network's matrices, cut from larger ones."""
    inputs, outputs = weights[0].shape[1], weights[-1].shape[0]
    sizes = [inputs, *hidden_layers, outputs]
    between = [matrix[:after, :before] for matrix, before, after in zip(weights, sizes, sizes[1:-1], strict=False)]
    return [*between, weights[-1][:, : sizes[-2]]]


def oracle(*inputs: np.ndarray, grid: Grid, seed: int = 0, lower_is_better: bool = True) -> dict[str, Any]:
    """Each combination from its number in the grid, the best by NumPy."""
    if len(inputs) > 1:
        return judged_search(grid, lambda number, settings: (_judged(*inputs, **settings, seed=seed), ""))
    scripts: dict[str, Callable[..., tuple[float, str]]] = {
        "drawn": lambda number, settings: _script(float(inputs[0][number])),
        "ties": lambda number, settings: (TIES[number % len(TIES)], ""),
        "failing": lambda number, settings: (math.nan, _said(ERRORS[number % len(ERRORS)])),
    }
    return {name: judged_search(grid, script, lower_is_better) for name, script in scripts.items()}


def judged_search(grid: Grid, score: Callable[..., tuple[float, str]], lower_is_better: bool = True) -> dict[str, Any]:
    sizes = [len(values) for values in grid.values()]
    results: list[dict[str, Any]] = []
    for number in range(math.prod(sizes)):
        places = map(int, np.unravel_index(number, sizes))
        settings = {name: values[place] for (name, values), place in zip(grid.items(), places, strict=True)}
        value, error = score(number, settings)
        results.append({"settings": settings, "score": value, "error": error})
    scores = np.array([result["score"] for result in results])
    best = None if np.isnan(scores).all() else results[int(np.nanargmin(scores if lower_is_better else -scores))]
    return {"results": results, "best": best}


def _said(error: Exception) -> str:
    return ": ".join([type(error).__name__, "".join(error.args)])


def _script(value: float) -> tuple[float, str]:
    score = float(np.where(value < 0.2, np.nan, value))
    return score, f"RuntimeError: {value:.3f} is too small" if value < 0.1 else ""


def _judged(
    features: np.ndarray,
    classes: np.ndarray,
    *weights: np.ndarray,
    hidden_layers: Sequence[int],
    dropout_rate: float,
    lr: float,
    seed: int,
) -> float:
    network = Perceptron(cut(weights, hidden_layers), dropout_rate)
    with seeded(seed):
        history = judged_fit(network, *split(features, classes), optimizer_arguments={"lr": lr}, **TRAINING)
    return history["validation_loss"][-1]


DOCUMENTED = {
    "hidden_layers": [[64, 32], [128, 64, 32], [64, 32, 16]],
    "dropout_rate": [0.2, 0.3, 0.4],
    "lr": [0.001, 0.01],
}


def networks(samples: int, features: int, *hidden: int, classes: int) -> tuple[InputSpec, ...]:
    """Samples, and matrices as large as the grid's largest layers."""
    sizes = pairwise([features, *hidden, classes])
    weights = [randn(outputs, inputs, requires_grad=False) for inputs, outputs in sizes]
    return (randn(samples, features, requires_grad=False), randint(classes, (samples,)), *weights)


suite.component(
    "grid_search",
    kind="procedure",
    reference=grid_search,
    drive=drive,
    oracle=oracle,
    cases=[
        case(*networks(48, 10, 128, 64, 32, classes=3), name="18_trained", grid=DOCUMENTED, seed=5),
        case(rand(18, requires_grad=False), name="18_scripted", grid=DOCUMENTED),
        case(rand(18, requires_grad=False), name="18_scripted,highest", grid=DOCUMENTED, lower_is_better=False),
        case(
            rand(125, requires_grad=False),
            name="125_scripted",
            grid={name: [1, 2, 3, 4, 5] for name in ("first", "second", "third")},
        ),
        case(
            *networks(12, 2, 4, classes=2),
            name="2_trained,seed_by_default",
            grid={"hidden_layers": [[4]], "dropout_rate": [0.5], "lr": [0.01, 0.1]},
            timed=False,
        ),
    ],
    documented=["guide"],
)
