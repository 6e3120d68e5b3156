"""Parts of data sets that have names of their own: smaller ones for machines without a GPU, and some of the classes."""

from __future__ import annotations

from dataclasses import dataclass

from nnbench.data.catalog import find


@dataclass(frozen=True)
class Subset:
    """A part of a data set: so many training and test images, as many of each class, drawn by the seed.

    ``classes`` are those that it has, numbered anew from 0 in this order; all where empty. 0 images are all there are.
    """

    of: str
    train: int
    test: int
    seed: int = 0
    classes: tuple[int, ...] = ()


SUBSETS = {
    "cifar10_subset": Subset("cifar10", 10_000, 2_000),
    "cifar10_first": Subset("cifar10", 0, 0, classes=(0, 1, 2, 3, 4)),
    "cifar10_rest": Subset("cifar10", 0, 0, classes=(5, 6, 7, 8, 9)),
    "cifar10_first_subset": Subset("cifar10", 5_000, 1_000, classes=(0, 1, 2, 3, 4)),
    "cifar10_rest_subset": Subset("cifar10", 5_000, 1_000, classes=(5, 6, 7, 8, 9)),
}
# What a CPU trains on in place of what would take it hours.
SMALLER = {whole: f"{whole}_subset" for whole in ("cifar10", "cifar10_first", "cifar10_rest")}


def sizes(name: str) -> tuple[int, int]:
    """How many training and test images a subset has; those that it is made of have as many of each class."""
    subset, whole = SUBSETS[name], find(SUBSETS[name].of)
    kept, every = len(subset.classes) or len(whole.classes), len(whole.classes)
    return subset.train or whole.train_samples * kept // every, subset.test or whole.test_samples * kept // every


def needed(name: str) -> str:
    """The data set that must be there for this one."""
    return SUBSETS[name].of if name in SUBSETS else name
