"""torchmetrics' functions behind the references' arguments.

Where it counts it divides in float32, whatever the inputs. For inputs of float64 its counts are divided here, so that
they can be judged to the last place.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics.functional import classification, regression

from nnbench.failures import NotMeasurable

FEWEST = 2  # of what torchmetrics calls a multiclass problem


def accuracy(predictions: Tensor, target: Tensor, *, topk: int = 1, ignore_index: int | None = None) -> Tensor:
    """Over all samples, not the mean of the classes' ones; 0 where ``ignore_index`` leaves no sample, not NaN.

    ``NotMeasurable`` for scores of a single class and for no samples.
    """
    if not target.numel():
        raise NotMeasurable("torchmetrics gives no accuracy of no samples")
    classes = predictions.shape[1] if predictions.dim() == 2 else max(classes_of(predictions, target), FEWEST)
    refuse_one_class(classes)
    settings = {"num_classes": classes, "average": "micro", "top_k": topk, "ignore_index": ignore_index}
    if predictions.dtype != torch.float64:
        return classification.multiclass_accuracy(predictions, target, **settings).to(dtype_of(predictions))
    hits, _, _, missed, _ = classification.multiclass_stat_scores(predictions, target, **settings).double()
    return share(hits, hits + missed)


def precision_recall_f1(predictions: Tensor, target: Tensor, *, threshold: float = 0.5) -> dict[str, Tensor]:
    """``NotMeasurable`` for predictions outside 0 to 1: torchmetrics takes them for logits."""
    if predictions.is_floating_point() and not bool(((predictions >= 0) & (predictions <= 1)).all()):
        raise NotMeasurable("torchmetrics takes predictions outside 0 to 1 for logits, not for probabilities")
    dtype, whole = dtype_of(predictions, target), target.long()  # it refuses targets 0.0 and 1.0
    if dtype == torch.float64:
        hits, wrong, _, missed, _ = classification.binary_stat_scores(predictions, whole, threshold=threshold).double()
        precision, recall = share(hits, hits + wrong), share(hits, hits + missed)
        return {"precision": precision, "recall": recall, "f1": share(2 * hits, 2 * hits + wrong + missed)}
    found = {
        "precision": classification.binary_precision(predictions, whole, threshold=threshold),
        "recall": classification.binary_recall(predictions, whole, threshold=threshold),
        "f1": classification.binary_f1_score(predictions, whole, threshold=threshold),
    }
    return {name: value.to(dtype) for name, value in found.items()}


def confusion_matrix(
    predictions: Tensor, target: Tensor, *, num_classes: int | None = None, normalize: str | None = None
) -> Tensor:
    """``NotMeasurable`` for a single class."""
    classes = classes_of(predictions, target) if num_classes is None else num_classes
    refuse_one_class(classes)
    return classification.multiclass_confusion_matrix(predictions, target, num_classes=classes, normalize=normalize)


def mae(predictions: Tensor, target: Tensor) -> Tensor:
    """Of contiguous copies: torchmetrics flattens by ``view``, which refuses a transposed tensor."""
    return regression.mean_absolute_error(predictions.contiguous(), target.contiguous())


def mse(predictions: Tensor, target: Tensor) -> Tensor:
    """Of contiguous copies, as above."""
    return regression.mean_squared_error(predictions.contiguous(), target.contiguous())


def classes_of(predictions: Tensor, target: Tensor) -> int:
    """How many classes there are if the largest that occurs is the last."""
    return 1 + max((int(classes.max()) for classes in (predictions, target) if classes.numel()), default=0)


def dtype_of(*tensors: Tensor) -> torch.dtype:
    """That of the first floating-point tensor, torch's default where there is none: what the references give."""
    return next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), torch.get_default_dtype())


def share(part: Tensor, whole: Tensor) -> Tensor:
    """Of counts; 0 where the whole is 0."""
    return part / whole.clamp(min=1)


def refuse_one_class(classes: int) -> None:
    if classes < FEWEST:
        raise NotMeasurable("torchmetrics counts two classes or more, not one")
