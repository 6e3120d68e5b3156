"""Data sets in batches: taken out of memory at once, or collected sample by sample."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from nnbench.catalog import Suite
from nnbench.specs import case, randint, randn

suite = Suite("data")


class InMemoryBatches:
    """Batches of tensors, each cut out by one indexing; going through it again is another epoch, in another order."""

    def __init__(self, tensors: tuple[Tensor, ...], batch_size: int, shuffle: bool, drop_last: bool, pin: bool) -> None:
        self.tensors, self.batch_size = tensors, batch_size
        self.shuffle, self.drop_last, self.pin = shuffle, drop_last, pin
        self.samples = len(tensors[0])

    def __len__(self) -> int:
        return self.samples // self.batch_size if self.drop_last else math.ceil(self.samples / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        order = torch.randperm(self.samples) if self.shuffle else torch.arange(self.samples)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            chosen = order[start : start + self.batch_size]
            batch = tuple(tensor[chosen] for tensor in self.tensors)
            yield tuple(part.pin_memory() for part in batch) if self.pin else batch


def in_memory_batches(
    *tensors: Tensor,
    batch_size: int = 32,
    shuffle: bool = True,
    drop_last: bool = False,
    num_workers: int = 0,
    pin_memory: bool = False,  # equivalent: where there is no CUDA, nothing is pinned
) -> InMemoryBatches:
    """Batches of the rows of tensors that belong together, every sample once an epoch.

    Batch i holds rows ``order[i * batch_size : (i + 1) * batch_size]`` of every tensor; order is a permutation drawn
    by torch anew for every epoch with ``shuffle``, otherwise 0, 1, 2 and so on. The last batch may be smaller;
    ``drop_last`` leaves such a one out. tensors (samples, ...); a batch is a tuple of (batch_size, ...).
    ``pin_memory`` puts batches where CUDA copies them faster, and does nothing where there is no CUDA. ``ValueError``
    for no tensors, for tensors of different lengths, and for a ``batch_size`` below 1; ``NotImplementedError`` for
    ``num_workers``: nothing is left to be done beside. Source: torch.utils.data.DataLoader of a TensorDataset.
    """
    if num_workers:
        raise NotImplementedError(f"num_workers={num_workers} is not supported: batches are taken out of memory")
    if batch_size < 1:
        raise ValueError(f"batch_size is 1 or more, not {batch_size}")
    if not tensors or not all(tensor.dim() for tensor in tensors):
        raise ValueError("tensors (samples, ...) are needed, one at least")
    lengths = [len(tensor) for tensor in tensors]
    if len(set(lengths)) > 1:
        raise ValueError(f"tensors have one length, that of the samples, not {lengths}")
    return InMemoryBatches(tensors, batch_size, shuffle, drop_last, pin_memory and torch.cuda.is_available())


def torch_batches(
    *tensors: Tensor,
    batch_size: int = 32,
    shuffle: bool = True,
    drop_last: bool = False,
    num_workers: int = 0,
    pin_memory: bool = False,
) -> DataLoader[tuple[Tensor, ...]]:
    """A DataLoader, which fetches samples one by one and stacks them."""
    return DataLoader(
        TensorDataset(*tensors),
        batch_size=batch_size,
        shuffle=shuffle,
        drop_last=drop_last,
        num_workers=num_workers,
        pin_memory=pin_memory,
    )


# torch's seeds before each of several epochs: the third is in the order of the first, and no other one is.
SEEDS = (1, None, 1, 2)


def epochs(make: Callable[..., Any], features: Tensor, targets: Tensor, *more: Tensor) -> dict[str, Any]:
    """What epochs go through and in which order; a further input has as many rows as there are epochs."""
    samples = torch.arange(len(features))
    loader = make()(features, targets, samples)
    seeds = [None] if not more else SEEDS[: len(more[0])]
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[], enabled=bool(more)):
        warnings.filterwarnings("ignore", ".*pin_memory.*no accelerator")  # asked for all the same, as documented
        found = [epoch(loader, features, targets, seed) for seed in seeds]
    orders = [outcome.pop("order") for outcome in found]
    for outcome, order in zip(found, orders, strict=True):
        outcome["samples"] = order.sort().values
        outcome["as the data"] = torch.equal(order, samples[: len(order)])
        outcome["as the first epoch"] = torch.equal(order, orders[0])
        outcome["from all over the data"] = spread(order, outcome["sizes"], len(features)) > 0.7
    first = {int(order[0]) for order in orders if len(order)}
    alone = {"batches of one tensor": len(make()(features))} if more else {}
    return {"epochs": found, "one sample first": len(first) == 1} | alone


def spread(order: Tensor, sizes: Tensor, samples: int) -> float:
    """The share of eight equal parts of the data that a batch has samples of; mean of the whole batches."""
    parts = (order * 8 // samples).split(sizes.tolist())
    touched = [len(part.unique()) / 8 for part in parts if len(part) == len(parts[0])]
    return sum(touched) / len(touched)


def epoch(loader: Any, features: Tensor, targets: Tensor, seed: int | None) -> dict[str, Any]:
    """Each sample where it stands in the data; what the epoch leaves out is not a number, or -1."""
    rows, labels = torch.full_like(features, torch.nan), torch.full_like(targets, -1)
    sizes, order = [], []
    if seed is not None:
        torch.manual_seed(seed)
    for some, their_targets, places in loader:
        rows.index_copy_(0, places, some)
        labels.index_copy_(0, places, their_targets)
        sizes.append(len(some))
        order.append(places)
        some.zero_()  # a batch is a copy: the data is as it was
    return {
        "batches": len(loader),
        "pinned": torch.cuda.is_available() and some.is_pinned(),
        "sizes": torch.tensor(sizes),
        "features": rows,
        "targets": labels,
        "order": torch.cat(order),
    }


def epochs_oracle(
    features: np.ndarray,
    targets: np.ndarray,
    *more: np.ndarray,
    batch_size: int = 32,
    shuffle: bool = True,
    drop_last: bool = False,
    num_workers: int = 0,
    pin_memory: bool = False,
) -> dict[str, Any]:
    """An epoch goes once through the data; shuffled, it is in no order that was there before."""
    samples = np.arange(len(features) // batch_size * batch_size if drop_last else len(features))
    sizes = [len(part) for part in np.split(samples, range(batch_size, len(samples), batch_size))]
    visited = np.isin(np.arange(len(features)), samples)
    found = [
        {
            "batches": len(sizes),
            "pinned": pin_memory and torch.cuda.is_available(),
            "sizes": np.array(sizes),
            "features": np.where(visited[:, None], features, np.nan),
            "targets": np.where(visited, targets, -1),
            "samples": samples,
            "as the data": not shuffle,
            "as the first epoch": not shuffle or SEEDS[epoch] == SEEDS[0],
            "from all over the data": shuffle,
        }
        for epoch in range(len(more[0]) if more else 1)
    ]
    alone = {"batches of one tensor": len(sizes)} if more else {}
    return {"epochs": found, "one sample first": len(found) == 1 or not shuffle} | alone


SAMPLES = randn(330, 20, requires_grad=False)  # ten batches and a smaller one

NOTHING_LEFT = randn(12, 3, requires_grad=False), randint(3, (12,))
AT_ONCE: dict[str, Any] = {"num_workers": 0, "timed": False}  # a few batches are no work for others

suite.component(
    "loader",
    kind="transform",
    properties=["parallel"],
    reference=in_memory_batches,
    variants={"torch": torch_batches, "torch_workers": functools.partial(torch_batches, num_workers=2)},
    oracle=epochs_oracle,
    drive=epochs,
    cases=[
        case(SAMPLES, randint(3, (330,)), batch_size=32, shuffle=True, pin_memory=True),
        case(SAMPLES, randint(3, (330,)), batch_size=32, shuffle=False, drop_last=True),
        case(randn(70, 20, requires_grad=False), randint(3, (70,)), randint(1, (4,)), name="four_epochs"),
        case(randn(2000, 784, requires_grad=False), randint(10, (2000,)), batch_size=32, shuffle=True),
        case(*NOTHING_LEFT, batch_size=4, shuffle=False, **AT_ONCE),
        case(*NOTHING_LEFT, batch_size=4, shuffle=False, drop_last=True, **AT_ONCE),
    ],
    documented=["handout", "guide", "pytorch"],
)
