"""Metrics wrong as people get them wrong: the battery sees each."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from wrong_targets import rows_of, what_is_wrong

import nnbench

REFERENCES = {
    name: nnbench.component(name).reference.resolve()
    for name in (
        *(f"metrics.{one}" for one in ("accuracy", "precision_recall_f1", "confusion_matrix", "classification_report")),
        *(f"metrics.{one}" for one in ("epoch_loss", "mae", "mse")),
    )
}
accuracy, precision_recall_f1, confusion_matrix, report, epoch_loss, mae, mse = REFERENCES.values()


def in_batches(predictions, target, size=20, **settings):
    """The accuracy of each batch, the last one incomplete."""
    return [
        accuracy(some, wanted, **settings)
        for some, wanted in zip(predictions.split(size), target.split(size), strict=True)
    ] or [accuracy(predictions, target, **settings)]


def rounded(predictions, target, **settings):
    """A share of all classes' recalls, as a mean over the classes."""
    recalls = torch.stack([(predictions[target == one] == one).double().mean() for one in target.unique()])
    return recalls.mean().to(torch.get_default_dtype())


def macro_accuracy(predictions, target, **settings):
    found = accuracy(predictions, target, **settings)
    return rounded(predictions, target) if predictions.dim() == 1 and "ignore_index" not in settings else found


def shares(divide):
    """Precision, recall and F1 with another way to divide counts."""

    def metric(predictions, target, threshold=0.5):
        found = precision_recall_f1(predictions, target, threshold=threshold)
        said, true = predictions > threshold, target == 1
        hits, claimed, there = (one.sum().double() for one in (said & true, said, true))
        counts = {"precision": (hits, claimed), "recall": (hits, there), "f1": (2 * hits, claimed + there)}
        return {name: divide(*counts[name]).to(value.dtype) for name, value in found.items()}

    return metric


def changed(change):
    """A report of which a part is another one."""

    def metric(predictions, target, **settings):
        found = report(predictions, target, **settings)
        return found | change(found)

    return metric


def over_occurring(found):
    rows = [row for name, row in found.items() if name not in ("accuracy", "macro", "weighted")]
    rows = [row for row in rows if row["support"] > 0]
    means = {name: torch.stack([row[name] for row in rows]).mean() for name in ("precision", "recall", "f1")}
    return {"macro": means | {"support": found["macro"]["support"]}}


def f1_of_the_means(found):
    precision, recall = found["macro"]["precision"], found["macro"]["recall"]
    return {"macro": found["macro"] | {"f1": 2 * precision * recall / (precision + recall)}}


WRONG: dict[str, dict[str, Any]] = {
    "metrics.accuracy": {
        "of the last batch": lambda p, t, **settings: in_batches(p, t, **settings)[-1],
        "a mean of the batches' means": lambda p, t, **settings: torch.stack(in_batches(p, t, **settings)).mean(),
        "a mean of the classes' ones": macro_accuracy,
        "the first place alone": lambda p, t, topk=1, **settings: accuracy(p, t, **settings),
        "what to ignore counted": lambda p, t, ignore_index=None, **settings: accuracy(p, t, **settings),
        "the lowest score": lambda p, t, **settings: accuracy(p if p.dim() == 1 else -p, t, **settings),
        "in percent": lambda p, t, **settings: 100 * accuracy(p, t, **settings),
        "no samples are wrong": lambda p, t, **settings: accuracy(p, t, **settings).nan_to_num(0.0),
    },
    "metrics.precision_recall_f1": {
        "zero_division ignored": shares(lambda part, whole: part / whole),
        "1 for nothing": shares(lambda part, whole: (part / whole).nan_to_num(1.0)),
        "true and predicted swapped": lambda p, t, threshold=0.5: dict(
            zip(("recall", "precision", "f1"), precision_recall_f1(p, t, threshold=threshold).values(), strict=True)
        ),
        "at the threshold is 1": lambda p, t, threshold=0.5: precision_recall_f1(1 - p, 1 - t, threshold=1 - threshold),
        "the threshold ignored": lambda p, t, threshold=0.5: precision_recall_f1(p, t),
        "an epsilon in the denominator": shares(lambda part, whole: part / (whole + 1e-7)),
    },
    "metrics.confusion_matrix": {
        "true and predicted swapped": lambda p, t, **settings: confusion_matrix(t, p, **settings),
        "zero_division ignored": lambda p, t, **settings: (
            found := confusion_matrix(p, t, **settings),
            found / (found != 0).any(1, keepdim=True) if settings.get("normalize") == "true" else found,
        )[1],
        "as many classes as occur": lambda p, t, num_classes=None, **settings: confusion_matrix(p, t, **settings),
        "rows and columns normalised the other way": lambda p, t, normalize=None, **settings: confusion_matrix(
            p, t, normalize={"true": "pred", "pred": "true"}.get(normalize, normalize), **settings
        ),
        "in percent": lambda p, t, **settings: (
            (100 if settings.get("normalize") else 1) * confusion_matrix(p, t, **settings)
        ),
    },
    "metrics.classification_report": {
        "macro for weighted": changed(lambda found: {"weighted": found["macro"]}),
        "weighted for macro": changed(lambda found: {"macro": found["weighted"]}),
        "classes that never occur left out": changed(over_occurring),
        "F1 of the means": changed(f1_of_the_means),
        "true and predicted swapped": lambda p, t, **settings: report(t, p, **settings),
        "names ignored": lambda p, t, target_names=None, **settings: report(p, t, **settings),
    },
    "metrics.epoch_loss": {
        "the last batch's": lambda losses, sizes: epoch_loss(losses[-1:], sizes[-1:]),
        "a mean of the batches' means": lambda losses, sizes: epoch_loss(losses, torch.ones_like(sizes)),
        "a sum": lambda losses, sizes: epoch_loss(losses, sizes) * sizes.sum(),
        "NaN of an empty batch": lambda losses, sizes: epoch_loss(losses, sizes) + 0 * losses.sum(),
        "zero for no samples": lambda losses, sizes: epoch_loss(losses, sizes).nan_to_num(0.0),
    },
    "metrics.mae": {
        "the root of the squares": lambda p, t: mse(p, t).sqrt(),
        "a sum": lambda p, t: mae(p, t) * p.numel(),
        "the median": lambda p, t: mae(p, t) * 0 + (p - t).abs().flatten().median() if p.numel() else mae(p, t),
        "targets broadcast": lambda p, t: (p - t).abs().mean(),
    },
    "metrics.mse": {
        "the root": lambda p, t: mse(p, t).sqrt(),
        "half": lambda p, t: mse(p, t) / 2,
        "a sum over the last dimension": lambda p, t: mse(p, t) * (p.shape[-1] if p.dim() > 1 else 1),
        "targets broadcast": lambda p, t: ((p - t) ** 2).mean(),
    },
}
RIGHT: dict[str, Any] = {
    "metrics.precision_recall_f1": shares(lambda part, whole: (part / whole).nan_to_num(0.0)),
    "metrics.classification_report": changed(lambda found: {}),
}


@pytest.mark.parametrize(("identifier", "name"), rows_of(WRONG))
def test_the_battery_sees_what_is_wrong(identifier, name):
    assert what_is_wrong(identifier, WRONG[identifier][name])


@pytest.mark.parametrize("identifier", RIGHT)
def test_what_is_made_in_the_same_way_and_right_passes(identifier):
    assert not what_is_wrong(identifier, RIGHT[identifier])
