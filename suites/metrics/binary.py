"""Precision, recall and F1 of a binary classifier."""

from __future__ import annotations

import numpy as np
import torch
from nnbench.suites.metrics.inputs import floating_dtype, refuse_other_shapes, share
from nnbench.suites.metrics.parts import SAMPLES, Inputs, drive_of, oracle_of, with_nan
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import case, rand, randint

suite = Suite("metrics")


def precision_recall_f1(predictions: Tensor, target: Tensor, *, threshold: float = 0.5) -> dict[str, Tensor]:
    """Precision, recall and their harmonic mean, of the class 1.

    ``precision = TP / (TP + FP)``, ``recall = TP / (TP + FN)``, ``f1 = 2 TP / (2 TP + FP + FN)``, each 0 where its
    denominator is 0; a prediction above ``threshold`` says 1, any other, NaN too, says 0. predictions and target of one
    shape, targets 0 or 1; three tensors without dimensions come out. ``ValueError`` for other shapes and other targets.
    Source: sklearn.metrics.precision_recall_fscore_support.
    """
    refuse_other_shapes(predictions, target)
    if not bool(((target == 0) | (target == 1)).all()):
        raise ValueError("targets are 0 or 1; there are others among them")
    said, true = predictions > threshold, target == 1
    dtype = floating_dtype(predictions, target)
    # Counts of more than 65504 are infinite in float16: only the shares are of the inputs' dtype.
    hits, claimed, there = (samples.sum().double() for samples in (said & true, said, true))
    found = {"precision": share(hits, claimed), "recall": share(hits, there), "f1": share(2 * hits, claimed + there)}
    return {name: value.to(dtype) for name, value in found.items()}


def precision_recall_f1_oracle(
    predictions: np.ndarray, target: np.ndarray, threshold: float = 0.5
) -> dict[str, np.floating]:
    from sklearn.metrics import precision_recall_fscore_support

    true, said = (target.ravel() > 0).astype(int), (predictions.ravel() > threshold).astype(int)
    precision, recall, f1, _ = precision_recall_fscore_support(true, said, average="binary", zero_division=0)
    return {"precision": precision, "recall": recall, "f1": f1}


def parts(predictions: Tensor, target: Tensor) -> dict[str, Inputs]:
    """As drawn; 1 never predicted, and never true; at the threshold or just above; NaN; targets of another dtype."""
    at_threshold = predictions.clone()
    at_threshold[::2], at_threshold[1::2] = 0.5, 0.501
    return {
        "drawn": (predictions, target),
        "none predicted": (torch.zeros_like(predictions), target),
        "none true": (predictions, torch.zeros_like(target)),
        "at the threshold": (at_threshold, target),
        "nan": (with_nan(predictions, every=2), target),
        "targets in float32": (predictions, target.float()),
    }


def scikit_learn_precision_recall_f1(
    predictions: Tensor, target: Tensor, *, threshold: float = 0.5
) -> dict[str, Tensor]:
    found = precision_recall_f1_oracle(predictions.numpy(), target.numpy(), threshold)
    return {name: torch.tensor(float(value), dtype=predictions.dtype) for name, value in found.items()}


suite.component(
    "precision_recall_f1",
    kind="metric",
    reference=precision_recall_f1,
    variants={
        "scikit_learn": scikit_learn_precision_recall_f1,
        "torchmetrics": "nnbench.suites._torchmetrics.metrics:precision_recall_f1",
    },
    oracle=oracle_of(parts, precision_recall_f1_oracle),
    drive=drive_of(parts),
    cases=[
        case(rand(samples, requires_grad=False), randint(2, (samples,)), threshold=threshold)
        for samples, threshold in ((32, 0.5), (32, 0.8), (SAMPLES, 0.5), (100_000, 0.5))
    ]
    + [case(rand(SAMPLES, requires_grad=False), randint(2, (SAMPLES,)), timed=False)],
    documented=["pytorch"],
)
