"""The way that a training takes, step by step."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator

import torch
from torch import nn

from nnbench.train.fit import Training
from nnbench.trajectories import Step


def checksum(model: nn.Module) -> str:
    """One number of all parameters and buffers, as eight hexadecimal digits: equal weights give equal ones."""
    total = 0
    for tensor in model.state_dict().values():
        total = zlib.crc32(_bytes(tensor), total)
    return f"{total:08x}"


def record(training: Training, steps: int, epochs: int) -> Iterator[Step]:
    """So many first steps of a training of so many epochs, or as many as it has: those of ``Training.run``."""
    return itertools.islice(_every(training, epochs), steps)


def _every(training: Training, epochs: int) -> Iterator[Step]:
    while training.goes_on(epochs):
        for loss, _ in training.steps():
            state = training.model.state_dict()
            yield Step(float(loss).hex(), {name: zlib.crc32(_bytes(tensor)) for name, tensor in state.items()})
        training.end_epoch()


def _bytes(tensor: torch.Tensor) -> bytes:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return bytes(flat.view(torch.uint8).numpy().tobytes())
