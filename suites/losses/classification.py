"""Losses over classes: logits or log-probabilities against the class that is right."""

from __future__ import annotations

import numpy as np
import torch
from nnbench.suites.losses.loss import Loss, in_wide_arithmetic, reduced
from scipy import special
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, rand, randint, randn

suite = Suite("losses")


class CrossEntropyLoss(Loss):
    """Cross-entropy of logits against classes or class probabilities.

    ``l = -sum_c w_c q_c log p_c``, p = softmax(logits), w the class weights (1 without ``weight``), and q the target:
    1 at the class and 0 elsewhere, or the given probabilities; with ``label_smoothing`` e, ``(1 - e) q + e / C``.
    ``reduction="mean"`` divides the sum by the sum of the targets' weights, or for probabilities by the number of
    losses. input (C,), (N, C) or (N, C, d1, ...); target int64 classes of that shape without C, or probabilities of
    that shape. Targets equal to ``ignore_index`` count for nothing. ``ValueError`` or ``RuntimeError`` for a target, a
    weight or a setting that does not fit; ``size_average`` and ``reduce`` raise ``NotImplementedError``.
    Source: torch.nn.CrossEntropyLoss.
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(size_average=size_average, reduce=reduce, reduction=reduction)
        if not 0 <= label_smoothing <= 1:
            raise RuntimeError(f"label_smoothing is between 0 and 1, not {label_smoothing}")
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002  torch's name for it
        log_p = log_softmax(in_wide_arithmetic(input), class_dimension(input))
        weight = self._class_weights(log_p)
        if target.shape == input.shape:
            losses, mass = self._of_probabilities(log_p, target, weight)
        else:
            losses, mass = self._of_classes(log_p, target, weight)
        if self.reduction != "none":
            losses = losses.sum() / mass if self.reduction == "mean" else losses.sum()
        return losses.to(input.dtype)

    def _class_weights(self, log_p: Tensor) -> Tensor:
        """One weight a class, shaped to be multiplied with the log-probabilities."""
        dim = class_dimension(log_p)
        classes = log_p.shape[dim]
        weight = log_p.new_ones(classes) if self.weight is None else self.weight
        if weight.shape != (classes,):
            raise RuntimeError(f"weight holds one number for each of {classes} classes, not {tuple(weight.shape)}")
        return weight.reshape(classes, *[1] * (log_p.dim() - dim - 1))

    def _of_probabilities(self, log_p: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The losses, and what their mean divides by."""
        if not target.is_floating_point():
            raise RuntimeError(f"a target of the input's shape holds floating-point probabilities, not {target.dtype}")
        if self.ignore_index >= 0:
            raise RuntimeError("ignore_index does not apply to class probabilities")
        dim = class_dimension(log_p)
        q = (1 - self.label_smoothing) * target + self.label_smoothing / log_p.shape[dim]
        losses = -(weight * q * log_p).sum(dim)
        return losses, torch.tensor(losses.numel())

    def _of_classes(self, log_p: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The losses, and what their mean divides by."""
        dim = class_dimension(log_p)
        refuse_misfit(log_p, target)
        ignored = target == self.ignore_index
        classes = (target * ~ignored).unsqueeze(dim)
        of_target = weight.expand_as(log_p).gather(dim, classes).squeeze(dim)
        # Picked rather than multiplied by q: the logarithm of another class may be -inf, and 0 * -inf is NaN.
        losses = -of_target * log_p.gather(dim, classes).squeeze(dim)
        if self.label_smoothing:
            everywhere = -(weight * log_p).sum(dim) / log_p.shape[dim]
            losses = (1 - self.label_smoothing) * losses + self.label_smoothing * everywhere
        return losses.masked_fill(ignored, 0), of_target.masked_fill(ignored, 0).sum()


def class_dimension(logits: Tensor) -> int:
    return 0 if logits.dim() == 1 else 1


def refuse_misfit(logits: Tensor, target: Tensor) -> None:
    """Classes have the shape of the logits without the dimension of the classes."""
    dim = class_dimension(logits)
    if target.shape != logits.shape[:dim] + logits.shape[dim + 1 :]:
        raise ValueError(f"a target {tuple(target.shape)} does not fit an input {tuple(logits.shape)}")


def log_softmax(logits: Tensor, dim: int) -> Tensor:
    """Logarithms of the softmax: the maximum is subtracted first, so that no exponential overflows."""
    largest = logits.amax(dim, keepdim=True)
    shifted = logits - largest.detach()  # equivalent: the maximum cancels out, so it needs no gradient
    return shifted - shifted.exp().sum(dim, keepdim=True).log()


def cross_entropy_oracle(
    logits: np.ndarray,
    target: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> np.ndarray:
    """Every target as a distribution over classes, the classes last."""
    scores = np.moveaxis(logits, 0 if logits.ndim == 1 else 1, -1)
    classes = scores.shape[-1]
    w = np.ones(classes) if weight is None else weight
    if target.shape == logits.shape:
        q = np.moveaxis(target, 0 if logits.ndim == 1 else 1, -1)
        counts = np.ones(scores.shape[:-1])
    else:
        q = (target[..., None] == np.arange(classes)).astype(float)
        counts = np.where(target == ignore_index, 0, q @ w)
    q = (1 - label_smoothing) * q + label_smoothing / classes
    losses = -np.einsum("...c,...c,c->...", q, special.log_softmax(scores, axis=-1), w)
    if target.shape != logits.shape:
        losses = np.where(target == ignore_index, 0, losses)
    if reduction == "none":
        return losses
    return np.asarray(losses.sum() / (counts.sum() if reduction == "mean" else 1))


class FocalLoss(Loss):
    """Cross-entropy that counts less where the right class is already likely.

    ``alpha * (1 - p)^gamma * -log p``, p the softmax's probability of the right class: with ce = -log p it is
    ``alpha * (1 - exp(-ce))^gamma * ce``; then the mean over all targets, the sum, or as it is (``reduction``). input
    logits (C,), (N, C) or (N, C, d1, ...); target int64 classes of that shape without C. ``ValueError`` for a target
    that does not fit and for a negative ``alpha`` or ``gamma``.
    Source: Lin, Goyal, Girshick, He and Dollar, arXiv:1708.02002, with one ``alpha`` for all classes.
    """

    def __init__(self, alpha: float = 1, gamma: float = 2, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        for name, value in {"alpha": alpha, "gamma": gamma}.items():
            if not value >= 0:
                raise ValueError(f"{name} is 0 or more, not {value}")
        self.alpha = alpha
        self.gamma = gamma

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002  torch's name for it
        dim = class_dimension(input)
        refuse_misfit(input, target)
        log_p = log_softmax(in_wide_arithmetic(input), dim)
        cross_entropy = -log_p.gather(dim, target.unsqueeze(dim)).squeeze(dim)
        # 1 - p without cancellation. It is kept above 0, where its power has an infinite slope for a gamma below 1.
        doubt = (-torch.expm1(-cross_entropy)).clamp(min=torch.finfo(log_p.dtype).tiny)
        return self._reduced(self.alpha * doubt**self.gamma * cross_entropy).to(input.dtype)


def focal_oracle(
    logits: np.ndarray, target: np.ndarray, *, alpha: float = 1, gamma: float = 2, reduction: str = "mean"
) -> np.ndarray:
    """The doubt as the sum of the other classes' probabilities."""
    scores = np.moveaxis(logits, 0 if logits.ndim == 1 else 1, -1)
    right = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(right, target[..., None], True, axis=-1)
    doubt = np.sum(special.softmax(scores, axis=-1), axis=-1, where=~right)
    log_p = np.sum(special.log_softmax(scores, axis=-1), axis=-1, where=right)
    return reduced(-alpha * np.power(doubt, gamma) * log_p, reduction)


CLASS_WEIGHTS = rand(5, requires_grad=False)

suite.component(
    "cross_entropy",
    kind="loss",
    reference=CrossEntropyLoss,
    variants={"torch": nn.CrossEntropyLoss, "keras": "nnbench.suites._keras.losses:SparseCategoricalCrossentropy"},
    oracle=cross_entropy_oracle,
    cases=[
        case(randn(10, 5), randint(5, (10,))),
        case(randn(16, 32768), randint(32768, (16,))),  # a language model's: positions, words
        case(randn(9, 5), randint(6, (9,)), ignore_index=5, reduction="none", timed=False),
        case(randn(3, 5, 4), randint(5, (3, 4)), ignore_index=2, weight=CLASS_WEIGHTS, timed=False),
        case(randn(3, 5, 4, 2), randint(5, (3, 4, 2)), label_smoothing=0.3, weight=CLASS_WEIGHTS, timed=False),
        case(randn(9, 5), randint(5, (9,)), label_smoothing=0.3, ignore_index=2, reduction="none", timed=False),
        case(randn(9, 5), rand(9, 5), label_smoothing=0.3, weight=CLASS_WEIGHTS, timed=False),
        case(randn(3, 5, 4), rand(3, 5, 4), reduction="sum", timed=False),
        case(randn(5), randint(5, ()), reduction="sum", weight=CLASS_WEIGHTS, timed=False),
        case(randn(16, 5), randint(3, 6, (16,)), ignore_index=5, timed=False),
        case(randn(6, 5, 4), randint(5, (6, 4)), ignore_index=2, timed=False),
    ],
    documented=["handout", "guide", "deepdive", "fundamentals", "pytorch"],
)
suite.component(
    "focal",
    kind="loss",
    reference=FocalLoss,
    oracle=focal_oracle,
    cases=[
        case(randn(10, 5), randint(5, (10,)), alpha=1, gamma=2),
        case(randn(4096, 21), randint(21, (4096,)), alpha=1, gamma=2),  # a detector's: places, kinds of objects
        case(randn(9, 5), randint(5, (9,)), reduction="none", timed=False),
        case(randn(3, 5, 4), randint(5, (3, 4)), alpha=0.25, gamma=0.5, reduction="sum", timed=False),
        # Uniform: one loss alone is nothing but rounding where the wide inputs of some checks make its class certain.
        case(rand(5), randint(5, ()), alpha=0.25, gamma=1.5, timed=False),
    ],
    documented=["deepdive"],
)
