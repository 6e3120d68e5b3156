"""Losses of yes or no, with the probability of yes or its logit."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from nnbench.suites.losses.loss import Loss, in_wide_arithmetic, reduced
from scipy import special
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, rand, randn

suite = Suite("losses")

LEAST_LOGARITHM = -100
LEAST_VARIANCE = float(np.float32(1e-12))  # torch rounds it so whatever the dtype


class BinaryCrossEntropy(torch.autograd.Function):
    """-(t log p + (1 - t) log(1 - p)) elementwise, with torch's ends: finite at p = 0 and p = 1, as is its slope in p.

    The gradient is written out because that of a clamped logarithm would be 0 * inf = NaN at the ends. Towards the
    target it is torch's too: of the logarithms without the clamp.
    """

    @staticmethod
    def forward(context: Any, p: Tensor, target: Tensor) -> Tensor:
        context.save_for_backward(p, target)
        log_no, log_yes = log_probabilities(p)
        return -(target * log_yes + (1 - target) * log_no)

    @staticmethod
    def backward(context: Any, upstream: Tensor) -> tuple[Tensor, Tensor]:
        p, target = context.saved_tensors
        towards_target = torch.log1p(-p) - p.log()
        return upstream * (p - target) / (p * (1 - p)).clamp(min=LEAST_VARIANCE), upstream * towards_target


def log_probabilities(p: Tensor) -> tuple[Tensor, Tensor]:
    """Of no and of yes; neither is below -100."""
    return torch.log1p(-p).clamp(min=LEAST_LOGARITHM), p.log().clamp(min=LEAST_LOGARITHM)


class BCELoss(Loss):
    """Binary cross-entropy of probabilities.

    ``-w (t log p + (1 - t) log(1 - p))`` elementwise, logarithms below -100 taken as -100, then the mean over all
    elements, the sum, or as it is (``reduction``). Its gradient to p is ``w (p - t) / max(p (1 - p), 1e-12)``, to t
    ``w (log(1 - p) - log p)`` without the -100. Input p and target t of one shape and dtype, both within 0 to 1;
    ``weight`` w broadcasts to them. ``ValueError`` for shapes that differ; ``RuntimeError`` for other values, dtypes
    that differ and a weight that does not broadcast; ``size_average`` and ``reduce`` raise ``NotImplementedError``.
    Source: torch.nn.BCELoss.
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average=size_average, reduce=reduce, reduction=reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002  torch's name for it
        refuse_other_shape(input, target)
        if target.dtype != input.dtype:
            raise RuntimeError(f"the target has the input's dtype {input.dtype}, not {target.dtype}")
        for name, values in {"input": input, "target": target}.items():
            if not ((values >= 0) & (values <= 1)).all():
                raise RuntimeError(f"all elements of {name} are between 0 and 1")
        losses = BinaryCrossEntropy.apply(in_wide_arithmetic(input), in_wide_arithmetic(target))
        if self.weight is not None:
            losses = self.weight.expand(input.shape) * losses
        return self._reduced(losses).to(input.dtype)


def refuse_other_shape(input: Tensor, target: Tensor) -> None:  # noqa: A002  torch's name for it
    if target.shape != input.shape:
        raise ValueError(f"a target {tuple(target.shape)} does not fit an input {tuple(input.shape)}")


def bce_oracle(
    p: np.ndarray, target: np.ndarray, *, weight: np.ndarray | None = None, reduction: str = "mean"
) -> np.ndarray:
    """Products x log y, which are 0 for x = 0 even where y is 0."""
    no, yes = special.xlog1py(1 - target, -p), special.xlogy(target, p)
    losses = np.minimum(-no, 100 * (1 - target)) + np.minimum(-yes, 100 * target)
    return reduced(losses if weight is None else losses * weight, reduction)


class BCEWithLogitsLoss(Loss):
    """Binary cross-entropy of logits.

    ``-w (v t log s(x) + (1 - t) log(1 - s(x)))`` elementwise, s(x) = 1 / (1 + exp(-x)), then the mean over all
    elements, the sum, or as it is (``reduction``). Input x and target t of one shape, t floating-point; ``weight`` w
    and ``pos_weight`` v broadcast to them and are 1 where they are not given. The result has the target's dtype.
    ``ValueError`` for shapes that differ; ``RuntimeError`` for a target or weights that do not fit; ``size_average``
    and ``reduce`` raise ``NotImplementedError``. Source: torch.nn.BCEWithLogitsLoss.
    """

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(size_average=size_average, reduce=reduce, reduction=reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002  torch's name for it
        refuse_other_shape(input, target)
        if not target.is_floating_point():
            raise RuntimeError(f"a target holds floating-point probabilities, not {target.dtype}")
        cost_of_no, cost_of_yes = minus_log_sigmoids(in_wide_arithmetic(input))
        t = in_wide_arithmetic(target)
        if self.pos_weight is not None:
            cost_of_yes = self.pos_weight.expand(input.shape) * cost_of_yes
        losses = t * cost_of_yes + (1 - t) * cost_of_no
        if self.weight is not None:
            losses = self.weight.expand(input.shape) * losses
        return self._reduced(losses).to(target.dtype)


def minus_log_sigmoids(x: Tensor) -> tuple[Tensor, Tensor]:
    """-log s(-x) and -log s(x): log(1 + exp(x)) and log(1 + exp(-x)), by the exponential that does not overflow."""
    below = x < 0  # equivalent: near 0 either exponential gives the same
    rest = torch.log1p(torch.where(below, x, -x).exp())  # the gradient of -abs(x) would be 0 at 0
    return torch.where(below, 0, x) + rest, torch.where(below, -x, 0) + rest


def bce_with_logits_oracle(
    logits: np.ndarray,
    target: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    pos_weight: np.ndarray | None = None,
    reduction: str = "mean",
) -> np.ndarray:
    v, w = (np.ones(()) if given is None else given for given in (pos_weight, weight))
    return reduced(w * (v * target * np.logaddexp(0, -logits) + (1 - target) * np.logaddexp(0, logits)), reduction)


DECISIONS = rand(32, 10, requires_grad=False)
# A segmentation's. Some of so many probabilities are so near to 0 or 1 that finite differences would not judge them.
MASKS = rand(10, 1, 128, 128, requires_grad=False)
BOTH_WAYS = (rand(4, 3), rand(4, 3))  # gradients towards the target too

suite.component(
    "bce",
    kind="loss",
    reference=BCELoss,
    variants={"torch": nn.BCELoss, "keras": "nnbench.suites._keras.losses:BinaryCrossentropy"},
    oracle=bce_oracle,
    cases=[
        case(rand(32, 10), DECISIONS),
        case(rand(10, 1, 128, 128), MASKS),
        case(*BOTH_WAYS, reduction="none", weight=rand(3, requires_grad=False), timed=False),
        case(*BOTH_WAYS, reduction="sum", timed=False),
    ],
    documented=["deepdive", "fundamentals", "pytorch"],
)
suite.component(
    "bce_with_logits",
    kind="loss",
    reference=BCEWithLogitsLoss,
    variants={"torch": nn.BCEWithLogitsLoss},
    oracle=bce_with_logits_oracle,
    cases=[
        case(randn(32, 10), DECISIONS),
        case(randn(10, 1, 128, 128), MASKS),
        case(randn(4, 3), rand(4, 3), reduction="none", pos_weight=rand(3, requires_grad=False), timed=False),
        case(randn(4, 3), rand(4, 3), reduction="sum", weight=rand(4, 1, requires_grad=False), timed=False),
    ],
    documented=["pytorch"],
)
