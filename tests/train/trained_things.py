"""Small data and recipes that several tests of training use."""

import torch
from torch import nn

from nnbench.specs import Recipe
from nnbench.train.fit import Training
from nnbench.train.parts import Part, Parts


def part(samples, seed, classes=2):
    """Points (samples, 3) whose class is the sign of their first number."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(samples, 3, generator=generator)
    return Part((points,), (points[:, 0] > 0).long() % classes)


def parts(validation=True):
    return Parts("points", "abc", "made", part(40, 1), part(20, 2) if validation else None, part(30, 3), 3, 2)


def recipe(**more):
    settings = {"optimizer": "Adam", "optimizer_arguments": {"lr": 0.05}, "batch_size": 16, "epochs": 3}
    return Recipe("points", **({"loss": "CrossEntropyLoss"} | settings | more))


class Net(nn.Sequential):
    """Small, and with dropout, so that chance is part of its state."""

    def __init__(self, in_features=3, classes=2):
        super().__init__(nn.Linear(in_features, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, classes))


def training(seed=0, data=None, **more):
    torch.manual_seed(seed)
    return Training(Net(), data or parts(), recipe(**more), seed)
