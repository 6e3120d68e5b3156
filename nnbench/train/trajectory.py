"""The way that a training takes, step by step."""

from __future__ import annotations

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


def record(training: Training, steps: int) -> Iterator[Step]:
    """The first steps of a training, in batches of its recipe and in the order that its seed draws."""
    training.model.train()
    done = 0
    while done < steps:
        for batch in training.batches(training.drawn()[: steps - done]):
            loss = training.step(batch)
            state = training.model.state_dict()
            yield Step(float(loss).hex(), {name: zlib.crc32(_bytes(tensor)) for name, tensor in state.items()})
            done += 1
        training.epoch += 1


def _bytes(tensor: torch.Tensor) -> bytes:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return bytes(flat.view(torch.uint8).numpy().tobytes())
