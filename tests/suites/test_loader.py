"""Batches: every sample once, in the sizes and the order asked for, from memory as from torch's loader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

import nnbench

LOADER = nnbench.component("data.loader")
VARIANTS = ("reference", "torch")
FEATURES = torch.arange(70.0).reshape(35, 2)
TARGETS = torch.arange(35)


def loader(variant: str, **arguments: Any) -> Any:
    return LOADER.variant(variant).build(**arguments)(FEATURES, TARGETS)


def places(batches: Any) -> list[int]:
    """The samples of an epoch in their order, by their targets."""
    return [place for _, targets in batches for place in targets.tolist()]


OPTIONS: list[tuple[int, bool, list[int]]] = [
    (32, False, [32, 3]),
    (32, True, [32]),
    (35, False, [35]),
    (35, True, [35]),
    (5, True, [5] * 7),
    (100, False, [35]),
    (100, True, []),
    (1, False, [1] * 35),
]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(("batch_size", "drop_last", "sizes"), OPTIONS)
def test_batches_have_their_sizes_and_every_sample_comes_once(
    variant: str, shuffle: bool, batch_size: int, drop_last: bool, sizes: list[int]
) -> None:
    made = loader(variant, batch_size=batch_size, shuffle=shuffle, drop_last=drop_last)
    batches = list(made)
    assert len(made) == len(sizes)
    assert [len(features) for features, _ in batches] == sizes
    found = places(batches)
    assert len(set(found)) == len(found) == sum(sizes)
    if not shuffle:
        assert found == list(range(len(found)))
    for features, targets in batches:
        assert torch.equal(features, FEATURES[targets])


@pytest.mark.parametrize("variant", LOADER.variants)
def test_shuffled_epochs_differ_and_each_is_a_permutation(variant: str) -> None:
    torch.manual_seed(0)
    made = loader(variant, batch_size=8)
    epochs = [places(made) for _ in range(2)]
    assert epochs[0] != epochs[1]
    assert all(sorted(epoch) == list(range(35)) for epoch in epochs)
    assert list(range(35)) not in epochs


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_seed_gives_the_same_epochs_and_another_one_others(variant: str) -> None:
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        made = loader(variant)
        found.append([places(made) for _ in range(2)])
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("variant", VARIANTS)
def test_shuffling_puts_every_sample_first_in_its_turn(variant: str) -> None:
    torch.manual_seed(0)
    made = loader(variant, batch_size=35)
    first = [int(next(iter(made))[1][0]) for _ in range(700)]
    counts = torch.bincount(torch.tensor(first), minlength=35)
    assert float(((counts - 20.0) ** 2 / 20).sum()) < 75  # chi-squared, 34 degrees of freedom: 1 in 10,000 is above 73


@pytest.mark.parametrize("variant", VARIANTS)
def test_batches_are_copies(variant: str) -> None:
    kept = FEATURES.clone()
    for features, _ in loader(variant, shuffle=False, batch_size=35):
        features.zero_()
    assert torch.equal(FEATURES, kept)


@pytest.mark.parametrize("variant", VARIANTS)
def test_tensors_of_any_number_and_shape_are_cut_alike(variant: str) -> None:
    images, numbers = torch.randn(5, 2, 3, 4), torch.arange(5)
    made = LOADER.variant(variant).build(batch_size=2, shuffle=False)
    for tensors in [(images,), (images, numbers), (images, numbers, numbers)]:
        batches = list(made(*tensors))
        assert all(len(batch) == len(tensors) for batch in batches)
        for place, tensor in enumerate(tensors):
            parts = [batch[place] for batch in batches]
            assert torch.equal(torch.cat(parts), tensor)


def test_pinned_memory_is_used_where_there_is_cuda() -> None:
    (features, targets) = next(iter(loader("reference", pin_memory=True)))
    assert features.is_pinned() == targets.is_pinned() == torch.cuda.is_available()


def test_the_default_is_shuffled_batches_of_32() -> None:
    torch.manual_seed(0)
    assert [len(targets) for _, targets in loader("reference")] == [32, 3]
    assert places(loader("reference")) != list(range(35))


class Faulty:
    """The reference's batches with something done to them."""

    def __init__(self, change: Any, *tensors: Tensor, **arguments: Any) -> None:
        self.made = LOADER.reference.build(**arguments)(*tensors)
        self.change = change

    def __len__(self) -> int:
        return len(self.made)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        yield from self.change(list(self.made))


FAULTS: dict[str, Any] = {
    "a batch missing": lambda batches: batches[1:],
    "a batch twice": lambda batches: [*batches[:-2], batches[0], batches[-1]],
    "features of others": lambda batches: [(features.flip(0), *rest) for features, *rest in batches],
    "targets of others": lambda batches: [(features, targets.flip(0), last) for features, targets, last in batches],
}


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_the_outcome_tells_what_is_wrong_with_an_epoch(fault: str | None) -> None:
    assert LOADER.drive is not None
    assert LOADER.oracle is not None
    change = FAULTS[fault] if fault else list
    features, targets = torch.randn(70, 3), torch.arange(70)
    made = LOADER.drive(lambda: lambda *tensors: Faulty(change, *tensors, batch_size=32), features, targets)
    said = LOADER.oracle(features.numpy(), targets.numpy(), batch_size=32)
    (got, right) = made["epochs"][0], said["epochs"][0]
    assert got.keys() == right.keys()
    same = [torch.equal(torch.as_tensor(got[name]), torch.as_tensor(right[name])) for name in right]
    assert all(same) == (fault is None)


def test_two_epochs_in_the_same_order_are_told() -> None:
    assert LOADER.drive is not None
    fixed = LOADER.reference.build(shuffle=False, batch_size=7)
    made = LOADER.drive(lambda: fixed, FEATURES.clone(), TARGETS, torch.zeros(2))
    assert made["one sample first"]
    _, second = made["epochs"]
    assert second["as the data"]
    assert second["as the first epoch"]
    assert not second["from all over the data"]


@pytest.mark.parametrize(
    ("tensors", "arguments", "error", "says"),
    [
        ((), {}, ValueError, "one at least"),
        ((torch.tensor(1.0),), {}, ValueError, "samples"),
        ((FEATURES, TARGETS[1:]), {}, ValueError, r"\[35, 34\]"),
        ((FEATURES,), {"batch_size": 0}, ValueError, "batch_size"),
        ((FEATURES,), {"num_workers": 2}, NotImplementedError, "num_workers=2"),
    ],
)
def test_what_cannot_be_cut_into_batches_is_refused(
    tensors: tuple[Tensor, ...], arguments: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        LOADER.reference.build(**arguments)(*tensors)
