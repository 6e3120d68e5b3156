"""Losses of a difference: squared, absolute, and between the two."""

from __future__ import annotations

import numpy as np
import torch
from nnbench.suites.losses.loss import Loss, in_wide_arithmetic, reduced, warn_of_other_shape
from torch import Tensor, nn

from nnbench.catalog import Evidence, Suite, Variant
from nnbench.specs import case, randn

suite = Suite("losses")


class DifferenceLoss(Loss):
    """A loss of ``input - target``, element by element; ``_of_difference`` says which.

    Shapes that differ are broadcast with a warning. The result has the dtype that both promote to.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002  torch's name for it
        warn_of_other_shape(self, input, target)
        losses = self._of_difference(in_wide_arithmetic(input) - in_wide_arithmetic(target))
        return self._reduced(losses).to(self._result_dtype(input=input, target=target))

    def _of_difference(self, difference: Tensor) -> Tensor:
        raise NotImplementedError

    def _result_dtype(self, input: Tensor, target: Tensor) -> torch.dtype:  # noqa: A002  torch's name for it
        return torch.promote_types(input.dtype, target.dtype)  # equivalent: the same in either order


class MSELoss(DifferenceLoss):
    """Mean squared error.

    ``(input - target)^2`` elementwise, then its mean, its sum, or as it is (``reduction``). Two tensors of one shape;
    shapes that differ are broadcast with a warning. ``size_average`` and ``reduce`` raise ``NotImplementedError``.
    Source: torch.nn.MSELoss.
    """

    def _of_difference(self, difference: Tensor) -> Tensor:
        return difference**2


def mse_oracle(predicted: np.ndarray, target: np.ndarray, reduction: str = "mean") -> np.ndarray:
    return reduced(np.square(np.subtract(predicted, target)), reduction)


class L1Loss(DifferenceLoss):
    """Mean absolute error.

    ``|input - target|`` elementwise, with gradient 0 at 0, then its mean, its sum, or as it is (``reduction``). Two
    tensors of one shape, real or complex; shapes that differ are broadcast with a warning. ``size_average`` and
    ``reduce`` raise ``NotImplementedError``. Source: torch.nn.L1Loss.
    """

    def _of_difference(self, difference: Tensor) -> Tensor:
        return difference.abs()

    def _result_dtype(self, input: Tensor, target: Tensor) -> torch.dtype:  # noqa: A002  torch's name for it
        """The absolute value of a complex difference is real."""
        return super()._result_dtype(input=input, target=target).to_real()


def l1_oracle(predicted: np.ndarray, target: np.ndarray, reduction: str = "mean") -> np.ndarray:
    return reduced(np.maximum(predicted, target) - np.minimum(predicted, target), reduction)


def quadratic_then_linear(difference: Tensor, border: float) -> Tensor:
    """d^2 / 2 where |d| is below the border, else the straight line that continues it with the same slope."""
    near = difference.clamp(-border, border)
    return near * (difference - near / 2)


class SmoothL1Loss(DifferenceLoss):
    """Absolute error, rounded off below ``beta``.

    With d = input - target elementwise: ``d^2 / (2 beta)`` where ``|d| < beta``, else ``|d| - beta / 2``; then the
    mean, the sum, or as it is (``reduction``). It is Huber's loss divided by beta; with ``beta`` 0 it is ``|d|``. Two
    tensors of one shape; shapes that differ are broadcast with a warning. ``RuntimeError`` for a negative ``beta``;
    ``size_average`` and ``reduce`` raise ``NotImplementedError``.
    Source: torch.nn.SmoothL1Loss; Girshick, arXiv:1504.08083.
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average=size_average, reduce=reduce, reduction=reduction)
        if not beta >= 0:
            raise RuntimeError(f"beta is 0 or more, not {beta}")
        self.beta = beta

    def _of_difference(self, difference: Tensor) -> Tensor:
        if self.beta == 0:
            return difference.abs()
        return quadratic_then_linear(difference, self.beta) / self.beta


def smooth_l1_oracle(
    predicted: np.ndarray, target: np.ndarray, reduction: str = "mean", beta: float = 1.0
) -> np.ndarray:
    distance = np.abs(predicted - target)
    rounded_off = np.maximum(1 - distance / beta, 0) if beta else np.zeros_like(distance)
    return reduced(distance - beta / 2 * (1 - np.square(rounded_off)), reduction)


class SmoothL1CalledHuber(nn.SmoothL1Loss):
    """What the documents call Huber's loss: its ``delta`` is taken for ``beta``."""

    def __init__(self, delta: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction, beta=delta)


def differs_from_huber(documented: Variant, reference: Variant) -> Evidence:
    """E08: it is Huber's loss divided by delta."""
    difference, none = torch.tensor([3.0]), torch.zeros(1)
    try:
        called_huber = {delta: float(documented.build(delta=delta)(difference, none)) for delta in (1.0, 2.0)}
    except TypeError as error:
        return Evidence(False, f"it does not claim to be Huber's loss: {error}")
    huber = {delta: float(huber_oracle(np.array([3.0]), np.zeros(1), delta=delta)) for delta in called_huber}
    smooth = float(reference.build(beta=2.0)(difference, none))
    says = (
        f"for a difference of 3 it gives {called_huber[1.0]:g} with delta = 1, where Huber's loss is {huber[1.0]:g}; "
        f"with delta = 2 it gives {called_huber[2.0]:g}, as smooth L1 with beta = 2, where Huber's is {huber[2.0]:g}"
    )
    return Evidence(called_huber[1.0] == huber[1.0] and called_huber[2.0] == smooth != huber[2.0], says)


class HuberLoss(DifferenceLoss):
    """Half the squared error up to ``delta``, and linear beyond.

    With d = input - target elementwise: ``d^2 / 2`` where ``|d| < delta``, else ``delta * (|d| - delta / 2)``; then the
    mean, the sum, or as it is (``reduction``). Two tensors of one shape; shapes that differ are broadcast with a
    warning; the result has the input's dtype. ``TypeError`` for a ``delta`` that is no number, ``RuntimeError`` unless
    it is above 0. Source: torch.nn.HuberLoss; Huber (1964).
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        if not isinstance(delta, float | int):
            raise TypeError(f"delta is a float or an int, not {type(delta).__name__}")
        if not delta > 0:
            raise RuntimeError(f"delta is above 0, not {delta}")
        self.delta = delta

    def _of_difference(self, difference: Tensor) -> Tensor:
        return quadratic_then_linear(difference, self.delta)

    def _result_dtype(self, input: Tensor, target: Tensor) -> torch.dtype:  # noqa: A002  torch's name for it
        return input.dtype


def huber_oracle(predicted: np.ndarray, target: np.ndarray, reduction: str = "mean", delta: float = 1.0) -> np.ndarray:
    """The work of a force that grows with the distance, but not beyond delta."""
    distance = np.abs(predicted - target)
    capped = np.minimum(distance, delta)
    return reduced(capped * (distance - capped / 2), reduction)


class MSEMAELoss(DifferenceLoss):
    """Squared and absolute error in given shares.

    ``alpha * d^2 + (1 - alpha) * |d|`` with d = input - target elementwise, then its mean, its sum, or as it is
    (``reduction``): with "mean", ``alpha * MSE + (1 - alpha) * MAE``. The gradient at d = 0 is 0. Two tensors of one
    shape; shapes that differ are broadcast with a warning. ``ValueError`` for an ``alpha`` outside 0 to 1.
    Source: the sum of torch.nn.MSELoss and torch.nn.L1Loss.
    """

    def __init__(self, alpha: float = 0.5, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha is between 0 and 1, not {alpha}")
        self.alpha = alpha

    def _of_difference(self, difference: Tensor) -> Tensor:
        return self.alpha * difference**2 + (1 - self.alpha) * difference.abs()


def mse_mae_oracle(
    predicted: np.ndarray, target: np.ndarray, alpha: float = 0.5, reduction: str = "mean"
) -> np.ndarray:
    distance = np.maximum(predicted, target) - np.minimum(predicted, target)
    return reduced(distance * (1 + alpha * (distance - 1)), reduction)


PREDICTIONS = (randn(32, 10), randn(32, 10, requires_grad=False))
SMALL_IMAGES = (randn(16, 3, 64, 64), randn(16, 3, 64, 64, requires_grad=False))  # to be reconstructed
BOXES = (randn(8192, 4), randn(8192, 4, requires_grad=False))  # a detector's proposals to be moved into place
BOTH_WAYS = (randn(8, 3), randn(8, 3))  # gradients towards the target too

suite.component(
    "mse",
    kind="loss",
    reference=MSELoss,
    variants={"torch": nn.MSELoss, "keras": "nnbench.suites._keras.losses:MeanSquaredError"},
    oracle=mse_oracle,
    cases=[
        case(*PREDICTIONS),
        case(randn(64, 3, 64, 64), randn(64, 3, 64, 64, requires_grad=False)),  # images to reconstruct
        case(*BOTH_WAYS, reduction="none", timed=False),
        case(*BOTH_WAYS, reduction="sum", timed=False),
    ],
    documented=["deepdive", "fundamentals", "guide", "pytorch"],
)
suite.component(
    "l1",
    kind="loss",
    reference=L1Loss,
    variants={"torch": nn.L1Loss, "keras": "nnbench.suites._keras.losses:MeanAbsoluteError"},
    oracle=l1_oracle,
    cases=[
        case(*PREDICTIONS),
        case(*SMALL_IMAGES),
        case(*BOTH_WAYS, reduction="none", timed=False),
        case(*BOTH_WAYS, reduction="sum", timed=False),
    ],
    documented=["deepdive", "fundamentals", "guide", "pytorch"],
)
suite.component(
    "smooth_l1",
    kind="loss",
    reference=SmoothL1Loss,
    variants={
        "torch": nn.SmoothL1Loss,
        "documented": Variant("documented", SmoothL1CalledHuber, erratum="E08", evidence={"E08": differs_from_huber}),
    },
    oracle=smooth_l1_oracle,
    cases=[
        case(*PREDICTIONS),
        case(*BOXES),
        case(*BOTH_WAYS, reduction="none", beta=0.5, timed=False),
        case(*BOTH_WAYS, reduction="sum", beta=2, timed=False),
        case(*BOTH_WAYS, beta=0, timed=False),
    ],
    documented=["deepdive", "pytorch"],
)
suite.component(
    "huber",
    kind="loss",
    reference=HuberLoss,
    variants={"torch": nn.HuberLoss, "keras": "nnbench.suites._keras.losses:Huber"},
    oracle=huber_oracle,
    cases=[
        case(*PREDICTIONS),
        case(*BOXES),
        case(*BOTH_WAYS, reduction="none", delta=0.5, timed=False),
        case(*BOTH_WAYS, reduction="sum", delta=2, timed=False),
    ],
    documented=["deepdive", "pytorch"],
)
suite.component(
    "mse_mae",
    kind="loss",
    reference=MSEMAELoss,
    oracle=mse_mae_oracle,
    cases=[
        case(*PREDICTIONS, alpha=0.7),
        case(*PREDICTIONS, alpha=0.5),
        case(*SMALL_IMAGES, alpha=0.7),
        case(*BOTH_WAYS, reduction="none", timed=False),
        case(*BOTH_WAYS, reduction="sum", alpha=0.2, timed=False),
    ],
    documented=["deepdive", "pytorch"],
)
