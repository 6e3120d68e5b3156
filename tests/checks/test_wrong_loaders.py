"""Wrong ways of cutting data into batches: the battery catches every one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from nnbench.suites.data.loader import InMemoryBatches
from torch import Tensor
from wrong_targets import rows_of, what_is_wrong

import nnbench


class LastDropped(InMemoryBatches):
    def __len__(self) -> int:
        return self.samples // self.batch_size


class LastKept(InMemoryBatches):
    def __len__(self) -> int:
        return -(-self.samples // self.batch_size)


class LastEmpty(InMemoryBatches):
    """One more where nothing is left."""

    def __len__(self) -> int:
        return self.samples // self.batch_size + (not self.drop_last)


class LastWholeDropped(InMemoryBatches):
    def __len__(self) -> int:
        return (self.samples - 1) // self.batch_size + (not self.drop_last)


class Views(InMemoryBatches):
    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        if self.shuffle:
            yield from super().__iter__()
        else:
            stop = len(self) * self.batch_size
            yield from zip(*(tensor[:stop].split(self.batch_size) for tensor in self.tensors), strict=True)


class TargetsApart(InMemoryBatches):
    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        for first, *others in super().__iter__():
            yield first.roll(1, 0), *others


class InOrder(InMemoryBatches):
    """In another order where it is shuffled."""

    order: Callable[[InMemoryBatches], Tensor]

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        order = type(self).order(self) if self.shuffle else torch.arange(self.samples)
        for chosen in order[: len(self) * self.batch_size].split(self.batch_size):
            yield tuple(tensor[chosen] for tensor in self.tensors)


def kept(batches: Any) -> Tensor:
    batches.__dict__.setdefault("first", torch.randperm(batches.samples))
    return batches.first


def of_its_own(batches: Any) -> Tensor:
    batches.epoch = getattr(batches, "epoch", 0) + 1
    return torch.randperm(batches.samples, generator=torch.Generator().manual_seed(batches.epoch))


def whole_batches(batches: Any) -> Tensor:
    parts = torch.arange(batches.samples).split(batches.batch_size)
    return torch.cat([parts[place] for place in torch.randperm(len(parts) - 1)] + [parts[-1]])


def within_batches(batches: Any) -> Tensor:
    parts = torch.arange(batches.samples).split(batches.batch_size)
    return torch.cat([part[torch.randperm(len(part))] for part in parts])


def of_two_workers(batches: Any) -> Tensor:
    """Each of them draws its own batches, from the same seed."""
    parts = torch.randperm(batches.samples).split(batches.batch_size)
    return torch.cat([parts[place // 2] for place in range(len(parts))])[: batches.samples]


def of_halves(batches: Any) -> Tensor:
    """Each of two workers shuffles a half, from the same seed; their batches take turns."""
    half = torch.randperm(batches.samples // 2)
    parts = [part for start in (0, len(half)) for part in [(half + start).split(batches.batch_size)]]
    taken = torch.cat([torch.cat(pair) for pair in zip(*parts, strict=True)])
    return torch.cat([taken, torch.arange(2 * len(half), batches.samples)])


def loading(made: type[InMemoryBatches]) -> Callable[..., InMemoryBatches]:
    def batches(
        *tensors: Tensor,
        batch_size: int = 32,
        shuffle: bool = True,
        drop_last: bool = False,
        num_workers: int = 0,
        pin_memory: bool = False,
    ) -> InMemoryBatches:
        return made(tensors, batch_size, shuffle, drop_last, pin_memory and torch.cuda.is_available())

    return batches


def ordered(order: Callable[[Any], Tensor]) -> Callable[..., InMemoryBatches]:
    return loading(type("Ordered", (InOrder,), {"order": order}))


LOADING: dict[str, Any] = {
    "the last incomplete batch dropped": loading(LastDropped),
    "the last incomplete batch always kept": loading(LastKept),
    "an empty batch at the end": loading(LastEmpty),
    "the last whole batch dropped": loading(LastWholeDropped),
    "views of the data": loading(Views),
    "features of other samples": loading(TargetsApart),
    "not shuffled": ordered(lambda batches: torch.arange(batches.samples)),
    "every epoch in the same order": ordered(kept),
    "orders that follow no seed": ordered(of_its_own),
    "backwards": ordered(lambda batches: torch.arange(batches.samples).flip(0)),
    "from another place on": ordered(lambda batches: torch.arange(batches.samples).roll(int(torch.randint(1000, ())))),
    "batches shuffled, not samples": ordered(whole_batches),
    "shuffled within batches": ordered(within_batches),
    "drawn again and again": ordered(lambda batches: torch.randint(batches.samples, (batches.samples,))),
    "two workers with the same seed, each with all of the data": ordered(of_two_workers),
    "two workers with the same seed, each with a half": ordered(of_halves),
}

WRONG = {"data.loader": LOADING}


@pytest.mark.parametrize(("identifier", "name"), rows_of(WRONG))
def test_a_wrong_one_is_caught(identifier: str, name: str) -> None:
    assert what_is_wrong(identifier, WRONG[identifier][name])


@pytest.mark.parametrize("identifier", WRONG)
def test_a_right_one_is_not(identifier: str) -> None:
    assert not what_is_wrong(identifier, nnbench.component(identifier).reference.target)
