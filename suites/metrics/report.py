"""Precision, recall, F1 and support of every class, with their averages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from nnbench.suites.metrics.confusion import FIVE, LARGE, SMALL, UNLIKE, classes_of, count
from nnbench.suites.metrics.inputs import share
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import case

suite = Suite("metrics")
Report = dict[str, Any]  # by class and average: each a dictionary of its scores and "support"; and the accuracy


def classification_report(
    predictions: Tensor,
    target: Tensor,
    *,
    num_classes: int | None = None,
    target_names: Sequence[str] | None = None,
) -> Report:
    """Precision, recall, F1 and support of every class, the accuracy, and macro and weighted averages.

    Of each class ``precision = TP / (TP + FP)``, ``recall = TP / (TP + FN)``, ``f1 = 2 TP / (2 TP + FP + FN)``, 0 where
    the denominator is 0, and ``support = TP + FN``. "macro" is the mean over the classes, those that never occur
    included; "weighted" is the mean with the supports as weights. predictions and target (N,) classes; a dictionary by
    class ("0", "1" and so on, or target_names), "accuracy", "macro" and "weighted", of tensors without dimensions; no
    samples give zeros. ``ValueError`` as in ``confusion_matrix`` and for another number of names.
    Source: sklearn.metrics.classification_report with zero_division=0.
    """
    number = classes_of((predictions, target), num_classes)
    names = names_of(number, target_names)
    matrix = count(predictions, target, number)
    hits, said, support = matrix.diagonal(), matrix.sum(0), matrix.sum(1)
    shares = torch.stack([share(hits, said), share(hits, support), share(2 * hits, said + support)], dim=1)
    report: Report = {name: row(shares[place], support[place]) for place, name in enumerate(names)}
    weighted = share((shares * support[:, None]).sum(0), support.sum())
    return report | {
        "accuracy": share(hits.sum(), support.sum()),
        "macro": row(shares.mean(0), support.sum()),
        "weighted": row(weighted, support.sum()),
    }


def row(shares: Tensor, support: Tensor) -> dict[str, Tensor]:
    precision, recall, f1 = shares
    return {"precision": precision, "recall": recall, "f1": f1, "support": support}


def names_of(number: int, target_names: Sequence[str] | None) -> list[str]:
    if target_names is None:
        return [str(place) for place in range(number)]
    if len(target_names) != number:
        raise ValueError(f"target_names are {number}, one a class, not {len(target_names)}")
    return list(target_names)


def classification_report_oracle(
    predictions: np.ndarray,
    target: np.ndarray,
    num_classes: int | None = None,
    target_names: Sequence[str] | None = None,
) -> Report:
    from sklearn import metrics

    number = max(predictions.max(), target.max()) + 1 if num_classes is None else num_classes
    found = metrics.classification_report(
        target,
        predictions,
        labels=np.arange(number),
        target_names=target_names,
        output_dict=True,
        zero_division=0,
    )
    names = {"macro avg": "macro", "weighted avg": "weighted"}
    return {names.get(name, name): _renamed(entry) for name, entry in found.items()}


SCORES = {"precision": "precision", "recall": "recall", "f1": "f1-score"}


def _renamed(entry: Any) -> Any:
    """One class's row under our names; scikit-learn's supports come as floats."""
    if not isinstance(entry, dict):
        return entry
    scores = {name: entry[theirs] for name, theirs in SCORES.items()}
    return scores | {"support": int(entry["support"])}


suite.component(
    "classification_report",
    kind="metric",
    reference=classification_report,
    oracle=classification_report_oracle,
    cases=[
        case(*SMALL, num_classes=10),
        case(*SMALL, num_classes=12),
        case(*FIVE, num_classes=5, target_names=["T-shirt", "trouser", "pullover", "dress", "coat"]),
        case(*UNLIKE),
        case(*LARGE, num_classes=10),
    ],
    documented=["handout", "guide"],
)
