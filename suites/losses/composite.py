"""A loss of several terms for classes that are not equally frequent."""

from __future__ import annotations

import numpy as np
import torch
from nnbench.suites.losses.classification import log_softmax
from nnbench.suites.losses.loss import in_wide_arithmetic
from scipy import special
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, rand, randint, randn

suite = Suite("losses")


class CompositeLoss(nn.Module):
    """Weighted cross-entropy, the error of the predicted label distribution, and a penalty of large logits.

    ``cross_entropy_factor * E + distribution_factor * D + penalty_factor * R`` of logits z (N, C) and int64 classes y
    (N,), with p = softmax(z) along C and w = ``weight``, one number a class (1 without it):

    - ``E = sum_n w[y_n] * -log p[n, y_n] / sum_n w[y_n]``, the cross-entropy that makes up for rare classes;
    - ``D = 1/C sum_c (1/N sum_n p[n, c] - 1/N sum_n [y_n = c])^2``, the mean squared difference between the
      classes' predicted and actual shares of the batch;
    - ``R = 1/(N C) sum_n sum_c z[n, c]^2``, the mean squared logit.

    ``ValueError`` for shapes that do not fit and a negative factor; ``RuntimeError`` for a weight that does not fit.
    Source: the weighted mean of torch.nn.CrossEntropyLoss, torch.nn.MSELoss between two distributions, and weight
    decay applied to the logits.
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        cross_entropy_factor: float = 1.0,
        distribution_factor: float = 1.0,
        penalty_factor: float = 0.01,
    ) -> None:
        super().__init__()
        factors = {
            "cross_entropy_factor": cross_entropy_factor,
            "distribution_factor": distribution_factor,
            "penalty_factor": penalty_factor,
        }
        for name, value in factors.items():
            if not value >= 0:
                raise ValueError(f"{name} is 0 or more, not {value}")
        self.register_buffer("weight", weight)
        self.cross_entropy_factor = cross_entropy_factor
        self.distribution_factor = distribution_factor
        self.penalty_factor = penalty_factor

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002  torch's name for it
        if input.dim() != 2 or target.shape != input.shape[:1]:
            raise ValueError(f"logits are (N, C) and classes (N,), not {tuple(input.shape)} and {tuple(target.shape)}")
        logits = in_wide_arithmetic(input)
        log_p = log_softmax(logits, 1)
        loss = self.cross_entropy_factor * self._cross_entropy(log_p, target)
        loss = loss + self.distribution_factor * distribution_error(log_p, target)
        return (loss + self.penalty_factor * (logits**2).mean()).to(input.dtype)

    def _cross_entropy(self, log_p: Tensor, target: Tensor) -> Tensor:
        classes = log_p.shape[1]
        weight = log_p.new_ones(classes) if self.weight is None else self.weight
        if weight.shape != (classes,):
            raise RuntimeError(f"weight holds one number for each of {classes} classes, not {tuple(weight.shape)}")
        of_target = weight[target]
        losses = -log_p.gather(1, target.unsqueeze(1)).squeeze(1)
        return (of_target * losses).sum() / of_target.sum()


def distribution_error(log_p: Tensor, target: Tensor) -> Tensor:
    """Between the mean predicted probability of each class and its share of the targets."""
    is_class = target.unsqueeze(1) == torch.arange(log_p.shape[1], device=target.device)
    return ((log_p.exp().mean(0) - is_class.to(log_p.dtype).mean(0)) ** 2).mean()


def composite_oracle(
    logits: np.ndarray,
    target: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    cross_entropy_factor: float = 1.0,
    distribution_factor: float = 1.0,
    penalty_factor: float = 0.01,
) -> np.ndarray:
    """Class by class: the samples of a class have one weight and one share."""
    samples, classes = logits.shape
    w = np.ones(classes) if weight is None else weight
    counts = np.bincount(target, minlength=classes)
    surprise = np.bincount(target, special.logsumexp(logits, axis=1) - logits[np.arange(samples), target], classes)
    gaps = special.softmax(logits, axis=1).sum(0) - counts
    return np.asarray(
        cross_entropy_factor * np.dot(w, surprise) / np.dot(w, counts)
        + distribution_factor * np.dot(gaps, gaps) / (classes * samples**2)
        + penalty_factor * np.linalg.norm(logits) ** 2 / logits.size
    )


suite.component(
    "composite",
    kind="loss",
    reference=CompositeLoss,
    oracle=composite_oracle,
    cases=[
        case(randn(10, 5), randint(5, (10,)), weight=rand(5, requires_grad=False)),
        case(randn(128, 1000), randint(1000, (128,)), weight=rand(1000, requires_grad=False)),  # ImageNet's classes
        case(
            randn(9, 5),
            randint(5, (9,)),
            cross_entropy_factor=0.7,
            distribution_factor=3.0,
            penalty_factor=0.2,
            timed=False,
        ),
    ],
    documented=["deepdive"],
)
