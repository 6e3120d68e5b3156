"""The way that a training takes, step by step: recorded, and compared to the last bit with another."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from nnbench.train.fit import Training


@dataclass(frozen=True)
class Step:
    """One step: the batch's loss, exactly, as hexadecimal text, and a CRC-32 of each tensor of the state."""

    loss: str
    tensors: Mapping[str, int]


@dataclass(frozen=True)
class Difference:
    """Where two trajectories part: at which step (from 0), and in what."""

    step: int
    what: str


def checksum(model: nn.Module) -> str:
    """One number of all parameters and buffers, as eight hexadecimal digits: equal weights give equal ones."""
    total = 0
    for tensor in model.state_dict().values():
        total = zlib.crc32(_bytes(tensor), total)
    return f"{total:08x}"


def record(training: Training, steps: int) -> Iterator[Step]:
    """The first steps of a training, in batches of its recipe and in the order that its seed draws."""
    train = training.parts.train
    training.model.train()
    done = 0
    while done < steps:
        order = torch.randperm(len(train), generator=training.generator)
        for places in order.split(training.recipe.batch_size)[: steps - done]:
            loss = training.step(train.rows(places))
            state = training.model.state_dict()
            yield Step(float(loss).hex(), {name: zlib.crc32(_bytes(tensor)) for name, tensor in state.items()})
            done += 1


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes() if tensor.dim() else _scalar(tensor)


def _scalar(tensor: torch.Tensor) -> bytes:
    return tensor.detach().cpu().reshape(1).view(torch.uint8).numpy().tobytes()


def first_difference(before: Sequence[Step], after: Sequence[Step]) -> Difference | None:
    """The first step, and in it the first tensor or else the loss, in which they differ; None where they agree.

    Where one is shorter, only what both have is compared.
    """
    for number, (old, new) in enumerate(zip(before, after, strict=False)):
        if old.tensors.keys() != new.tensors.keys():
            return Difference(number, f"tensors: {', '.join(sorted(old.tensors.keys() ^ new.tensors.keys()))}")
        if old.loss != new.loss:
            return Difference(number, f"the loss, {float.fromhex(old.loss):.9g} and {float.fromhex(new.loss):.9g}")
        changed = [name for name in old.tensors if old.tensors[name] != new.tensors[name]]
        if changed:
            return Difference(number, f"{changed[0]} ({len(changed)} of {len(old.tensors)} tensors)")
    return None
