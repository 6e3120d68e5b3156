"""The share of samples that are classified right."""

from __future__ import annotations

import numpy as np
import torch
from nnbench.suites.metrics.inputs import floating_dtype
from nnbench.suites.metrics.parts import SAMPLES, Inputs, drive_of, oracle_of
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import InputSpec, case, randint, randn

suite = Suite("metrics")


def accuracy(predictions: Tensor, target: Tensor, *, topk: int = 1, ignore_index: int | None = None) -> Tensor:
    """Share of the samples whose class is predicted, or is among the ``topk`` that score highest.

    ``accuracy = |{i : rank(y_i) <= topk}| / N`` over the samples whose target is not ``ignore_index``; of equal scores
    the lower class ranks first. predictions (N, K) scores or (N,) classes, target (N,) classes; a tensor without
    dimensions comes out. A sample with NaN among its scores counts as wrong; no sample to count gives NaN.
    ``ValueError`` for other shapes, for topk outside 1 to K and, given classes, for any other than 1;
    ``RuntimeError`` for a target outside 0 to K - 1. Source: sklearn.metrics.accuracy_score, top_k_accuracy_score.
    """
    refuse_misfits(predictions, target, topk)
    if ignore_index is not None:
        predictions, target = predictions[target != ignore_index], target[target != ignore_index]
    right = predictions == target if predictions.dim() == 1 else rank(predictions, target) <= topk
    return right.to(floating_dtype(predictions)).mean()


def rank(scores: Tensor, target: Tensor) -> Tensor:
    """Place of each sample's class among its scores, 1 for the highest; past the last where a score is NaN."""
    classes = torch.arange(scores.shape[1], device=scores.device)
    own = scores.gather(1, target[:, None])
    before = (scores > own) | ((scores == own) & (classes < target[:, None]))
    return torch.where(scores.isnan().any(1), scores.shape[1], before.sum(1)) + 1


def refuse_misfits(predictions: Tensor, target: Tensor, topk: int) -> None:
    if predictions.dim() not in (1, 2) or predictions.shape[:1] != target.shape:
        raise ValueError(
            f"accuracy takes predictions (N, K) or (N,) and targets (N,), "
            f"not {tuple(predictions.shape)} and {tuple(target.shape)}"
        )
    if predictions.dim() == 1 and topk != 1:
        raise ValueError(f"of classes without scores only the first place is known: topk is 1, not {topk}")
    if predictions.dim() == 2 and not 1 <= topk <= predictions.shape[1]:
        raise ValueError(f"topk is from 1 to {predictions.shape[1]}, the number of classes, not {topk}")


def torch_accuracy(predictions: Tensor, target: Tensor, *, topk: int = 1, ignore_index: int | None = None) -> Tensor:
    """As training loops have it: ``argmax`` or ``topk``, compared with the target."""
    counted = slice(None) if ignore_index is None else target != ignore_index
    predictions, target = predictions[counted], target[counted]
    if predictions.dim() == 1:
        return (predictions == target).to(floating_dtype(predictions)).mean()
    if topk == 1:
        return (predictions.argmax(1) == target).to(predictions.dtype).mean()
    return (predictions.topk(topk, dim=1).indices == target[:, None]).any(1).to(predictions.dtype).mean()


def accuracy_oracle(
    predictions: np.ndarray, target: np.ndarray, topk: int = 1, ignore_index: int | None = None
) -> float:
    from sklearn.metrics import accuracy_score, top_k_accuracy_score

    counted = np.full(target.shape, True) if ignore_index is None else target != ignore_index
    predictions, target = predictions[counted], target[counted]
    if predictions.ndim == 1:
        return float(accuracy_score(target, predictions))
    if topk == 1:
        return float(accuracy_score(target, predictions.argmax(1)))
    return float(top_k_accuracy_score(target, predictions, k=topk, labels=np.arange(predictions.shape[1])))


def parts(predictions: Tensor, target: Tensor) -> dict[str, Inputs]:
    """As drawn; equal scores; the right class's the highest, with a NaN beside it in every other sample; no sample."""
    broken, every_other = predictions.clone(), torch.arange(0, len(target), 2)
    broken[every_other, target[every_other]] = 9
    broken[every_other, (target[every_other] + 1) % predictions.shape[1]] = torch.nan
    return {
        "drawn": (predictions, target),
        "ties": (predictions.round(), target),
        "nan": (broken, target),
        "none": (predictions[:0], target[:0]),
    }


def first_of_the_highest(predictions: np.ndarray, target: np.ndarray) -> float:
    """The class that comes first when a sample's scores are sorted and equal ones keep their order."""
    if not target.size:
        return float("nan")
    said = np.argsort(-predictions, axis=1, kind="stable")[:, 0]
    return float(np.mean((said == target) & ~np.isnan(predictions).any(axis=1)))


def scored(samples: int) -> tuple[InputSpec, InputSpec]:
    return randn(samples, 10, requires_grad=False), randint(10, (samples,))


suite.component(
    "accuracy",
    kind="metric",
    reference=accuracy,
    variants={"torch": torch_accuracy, "torchmetrics": "nnbench.suites._torchmetrics.metrics:accuracy"},
    oracle=oracle_of(parts, accuracy_oracle, first_of_the_highest),
    drive=drive_of(parts),
    cases=[
        case(*scored(32)),
        case(randint(10, (32,)), randint(10, (32,))),
        case(randint(10, (32,)), randint(10, (32,)), ignore_index=0),
        case(*scored(32), topk=5),
        case(*scored(32), ignore_index=0),
        case(*scored(32), topk=5, ignore_index=0),
        case(*scored(SAMPLES)),
        case(*scored(100_000)),
    ],
    documented=["handout", "guide", "deepdive", "fundamentals", "pytorch"],
)
