"""How often each class is taken for each other one, and what follows for each class."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from nnbench.suites.metrics.inputs import refuse_non_classes, refuse_other_shapes, share
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import case, randint

suite = Suite("metrics")
NORMALIZATIONS: dict[str | None, tuple[int, ...]] = {"true": (1,), "pred": (0,), "all": (0, 1)}


def confusion_matrix(
    predictions: Tensor, target: Tensor, *, num_classes: int | None = None, normalize: str | None = None
) -> Tensor:
    """How many samples of each class (row) are taken for each class (column).

    ``matrix[t, p] = |{i : target_i = t, predictions_i = p}|``; with ``normalize`` "true" divided by its row's sum, with
    "pred" by its column's, with "all" by the sum of all, and 0 where that is 0. predictions and target (N,) classes,
    matrix (num_classes, num_classes), int64 without ``normalize``; without ``num_classes`` there are as many as the
    largest class says. ``ValueError`` for other shapes, classes outside the range, another ``normalize`` and, without
    num_classes, for no samples. Source: sklearn.metrics.confusion_matrix.
    """
    counts = count(predictions, target, classes_of((predictions, target), num_classes))
    return normalized(counts, normalize)


def classes_of(samples: tuple[Tensor, Tensor], num_classes: int | None) -> int:
    """How many classes there are; predictions and targets are refused if they are not among them."""
    predictions, target = samples
    refuse_other_shapes(predictions, target)
    if num_classes is None and not target.numel():
        raise ValueError("without samples, num_classes says how many classes there are")
    number = max(int(classes.max()) for classes in samples) + 1 if num_classes is None else num_classes
    refuse_non_classes(predictions, number, "predictions")
    refuse_non_classes(target, number, "targets")
    return number


def count(predictions: Tensor, target: Tensor, num_classes: int) -> Tensor:
    empty = torch.zeros((num_classes, num_classes), dtype=torch.int64, device=target.device)
    return empty.index_put_((target, predictions), torch.ones_like(target, dtype=torch.int64), accumulate=True)


def normalized(counts: Tensor, normalize: str | None) -> Tensor:
    if normalize is None:
        return counts
    if normalize not in NORMALIZATIONS:
        raise ValueError(f"normalize is 'true', 'pred', 'all' or None, not {normalize!r}")
    return share(counts, counts.sum(NORMALIZATIONS[normalize], keepdim=True))


def torch_confusion_matrix(
    predictions: Tensor, target: Tensor, *, num_classes: int | None = None, normalize: str | None = None
) -> Tensor:
    """A histogram of the pairs, by ``torch.bincount``."""
    number = classes_of((predictions, target), num_classes)
    pairs = torch.bincount(target * number + predictions, minlength=number * number)
    return normalized(pairs.view(number, number), normalize)


def confusion_matrix_oracle(
    predictions: np.ndarray, target: np.ndarray, num_classes: int | None = None, normalize: str | None = None
) -> np.ndarray:
    from sklearn import metrics

    number = max(predictions.max(), target.max()) + 1 if num_classes is None else num_classes
    matrix = metrics.confusion_matrix(target, predictions, labels=np.arange(number), normalize=normalize)
    return np.asarray(matrix)


def scikit_learn_confusion_matrix(predictions: Tensor, target: Tensor, **arguments: Any) -> Tensor:
    found = torch.from_numpy(confusion_matrix_oracle(predictions.numpy(), target.numpy(), **arguments))
    return found.to(torch.get_default_dtype()) if found.is_floating_point() else found


SMALL, LARGE = ((randint(10, (samples,)), randint(10, (samples,))) for samples in (32, 100_000))
FIVE = (randint(5, (32,)), randint(5, (32,)))  # of ten classes: the others never occur
UNLIKE = (randint(10, (32,)), randint(5, (32,)))  # the largest class is a prediction

suite.component(
    "confusion_matrix",
    kind="metric",
    reference=confusion_matrix,
    variants={
        "torch": torch_confusion_matrix,
        "scikit_learn": scikit_learn_confusion_matrix,
        "torchmetrics": "nnbench.suites._torchmetrics.metrics:confusion_matrix",
    },
    oracle=confusion_matrix_oracle,
    cases=[
        case(*SMALL, num_classes=10),
        *(case(*SMALL, num_classes=10, normalize=by) for by in ("true", "pred", "all")),
        *(case(*FIVE, num_classes=10, normalize=by) for by in (None, "true", "pred")),
        case(*SMALL, num_classes=12),
        case(*UNLIKE),
        case(*LARGE, num_classes=10),
    ],
    documented=["handout", "guide", "pytorch"],
)
