"""Short training on scikit-learn's digits: what is wrong after a fixed number of steps, the seed fixed too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nnbench.data import ImageData, load

Samples = tuple[Tensor, Tensor]  # inputs float32, classes int64


@dataclass(frozen=True)
class Outcome:
    """Of the test part, after the last step: the share that is classified wrongly, and the mean cross-entropy."""

    error: float
    loss: float


def digits(shape: tuple[int, ...]) -> tuple[Samples, Samples]:
    """Training and test part, the pixels in [0, 1] and each sample in this shape, of 64 elements."""
    data = load("digits")
    assert isinstance(data, ImageData)
    parts = (data.train_images, data.train_labels), (data.test_images, data.test_labels)
    training, test = (
        (torch.as_tensor(images).reshape(-1, *shape).float() / data.scale, torch.as_tensor(labels).long())
        for images, labels in parts
    )
    return training, test


def train(
    network: nn.Module, optimizer: Any, parts: tuple[Samples, Samples], steps: int, batch: int, seed: int
) -> Outcome:
    """Steps on batches drawn with replacement from the training part, then the test part in evaluation mode."""
    training, test = parts
    order = torch.Generator().manual_seed(seed)
    network.train()
    for _ in range(steps):
        rows = torch.randint(len(training[0]), (batch,), generator=order)
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(training[0][rows]), training[1][rows]).backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        scores = network(test[0])
    wrong = (scores.argmax(1) != test[1]).double().mean()
    return Outcome(float(wrong), float(nn.functional.cross_entropy(scores, test[1])))
