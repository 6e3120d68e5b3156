"""What metrics ask of their inputs."""

from __future__ import annotations

import torch
from torch import Tensor


def refuse_other_shapes(predictions: Tensor, target: Tensor) -> None:
    """Broadcasting would compare every prediction with every target, (N,) against (N, 1), and say nothing."""
    if predictions.shape != target.shape:
        raise ValueError(
            f"predictions and targets have one shape, not {tuple(predictions.shape)} and {tuple(target.shape)}"
        )


def refuse_non_classes(classes: Tensor, num_classes: int, what: str) -> None:
    """A class outside the range would be counted in another one's place."""
    if classes.dim() != 1 or classes.is_floating_point():
        raise ValueError(f"{what} are whole numbers of shape (N,), not {classes.dtype} of {tuple(classes.shape)}")
    if bool(((classes < 0) | (classes >= num_classes)).any()):
        raise ValueError(f"{what} are classes from 0 to {num_classes - 1}; there are others among them")


def floating_dtype(*tensors: Tensor) -> torch.dtype:
    """The dtype of the first floating-point tensor, torch's default where there is none."""
    return next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), torch.get_default_dtype())


def share(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, 0 where the whole is 0."""
    return torch.where(whole == 0, 0, part / torch.where(whole == 0, 1, whole))
