"""The loss of an epoch, from those of its batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from nnbench.suites.metrics.inputs import floating_dtype, refuse_other_shapes
from nnbench.suites.metrics.parts import REFUSED, SAMPLES, Inputs, drive_of, oracle_of, with_nan
from torch import Tensor

from nnbench.catalog import Evidence, Suite, Variant
from nnbench.specs import case, rand, randint

suite = Suite("metrics")


def epoch_loss(batch_losses: Tensor, batch_sizes: Tensor) -> Tensor:
    """Mean loss over an epoch's samples.

    ``sum(size_b * loss_b) / sum(size_b)``: batch_losses (B,) each a mean over its batch, batch_sizes (B,) samples; a
    tensor without dimensions comes out. A batch without samples has no part in it, whatever its loss; NaN for no
    samples at all and where a batch's loss is NaN. ``ValueError`` for negative sizes and where the shapes differ.
    Source: the definition of a mean over samples.
    """
    refuse_other_shapes(batch_losses, batch_sizes)
    if bool((batch_sizes < 0).any()):
        raise ValueError("a batch has 0 samples or more; there are negative sizes")
    # In float16 a sum over an epoch would be infinite from 65504 on.
    total = torch.where(batch_sizes == 0, 0, batch_losses.double() * batch_sizes).sum()
    return (total / batch_sizes.sum()).to(floating_dtype(batch_losses))


def mean_of_batch_means(batch_losses: Tensor, batch_sizes: Tensor) -> Tensor:
    """As the documents have it: the running sum of the batches' losses over their number."""
    return batch_losses.sum() / len(batch_losses)


def epoch_loss_oracle(batch_losses: np.ndarray, batch_sizes: np.ndarray) -> Any:
    """Every sample's loss written out, and their mean."""
    if batch_losses.shape != batch_sizes.shape:
        return REFUSED
    losses = np.repeat(batch_losses, batch_sizes)
    return np.mean(losses) if losses.size else float("nan")


def parts(batch_losses: Tensor, batch_sizes: Tensor) -> dict[str, Inputs]:
    """As drawn; batches without samples, whose loss is NaN; a NaN that counts; no samples; losses of shape (B, 1)."""
    sizes = batch_sizes.clone()
    sizes[::3] = 0
    return {
        "drawn": (batch_losses, batch_sizes),
        "empty batches": (with_nan(batch_losses, every=3), sizes),
        "nan": (with_nan(batch_losses, every=3), batch_sizes),
        "none": (batch_losses, torch.zeros_like(batch_sizes)),
        "column": (batch_losses[:, None], batch_sizes),
    }


# 65 samples in batches of 64: the last sample is alone, and its loss is 3 where the others' mean is 0.5.
LOSSES, SIZES = [0.5, 3.0], [64, 1]


def weight_of_the_last_batch(documented: Variant, reference: Variant) -> Evidence:
    """E17: one sample in a small last batch counts as much as all of a full one."""
    losses, sizes = torch.tensor(LOSSES, dtype=torch.float64), torch.tensor(SIZES)
    told, right = (float(variant.build()(losses, sizes)) for variant in (documented, reference))
    by_hand = sum(loss * size for loss, size in zip(LOSSES, SIZES, strict=True)) / sum(SIZES)
    says = (
        f"65 samples in batches of 64 and 1, with mean losses 0.5 and 3: their mean is (64 * 0.5 + 3) / 65 = "
        f"{by_hand:.4f}, the reference gives {right:.4f}, the documents' mean of the batches' means {told:.4f}, "
        f"{told / by_hand:.2f} times as much."
    )
    return Evidence(abs(told - by_hand) > 0.01 * by_hand, says)


suite.component(
    "epoch_loss",
    kind="metric",
    reference=epoch_loss,
    variants={
        "documented": Variant(
            "documented", mean_of_batch_means, erratum="E17", evidence={"E17": weight_of_the_last_batch}
        )
    },
    oracle=oracle_of(parts, epoch_loss_oracle),
    drive=drive_of(parts),
    cases=[
        case(rand(batches, requires_grad=False), randint(1, 65, (batches,))) for batches in (32, 1_875, SAMPLES, 10_000)
    ],
    documented=["handout", "guide", "deepdive", "fundamentals", "pytorch"],
)
