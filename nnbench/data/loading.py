"""A data set as a record of NumPy arrays."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnbench.data import cache
from nnbench.data.catalog import DataSet, find
from nnbench.data.formats import read_cifar, read_idx
from nnbench.data.sequences import SeriesData, TextData, read_reviews, read_series

DIGITS_SEED = 0
DIGITS_TEST_PER_CLASS = 36  # a fifth of the 1,797 images


@dataclass(frozen=True, eq=False)
class ImageData:
    """Images uint8 (n, height, width) or (n, height, width, channels), labels int64 (n,).

    Pixels divided by ``scale`` lie in [0, 1]. ``checksum`` is an md5 that two copies share exactly when their
    contents are the same: of the list of files and their md5s, or, for embedded data, of the arrays.
    """

    name: str
    checksum: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    classes: tuple[str, ...]
    scale: int


def load(name: str) -> ImageData | TextData | SeriesData:
    """A data set from the cache, its files verified; nothing is downloaded.

    Raises ``DataUnavailable`` when it is missing or damaged, saying what to type.
    """
    dataset = find(name)
    cache.verify(name)
    if dataset.embedded:
        arrays = digits()
        return _images(dataset, _md5(b"".join(array.tobytes() for array in arrays)), arrays)
    folder = cache.location(name)
    checksum = _md5("".join(f"{file.md5}  {file.name}\n" for file in dataset.files).encode())
    if dataset.format == "reviews":
        return read_reviews(dataset, folder, checksum)
    if dataset.format == "series":
        return read_series(dataset, folder, checksum)
    return _images(dataset, checksum, _read_idx(folder) if dataset.format == "idx" else _read_cifar(dataset, folder))


Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _images(dataset: DataSet, checksum: str, arrays: Arrays) -> ImageData:
    return ImageData(dataset.name, checksum, *arrays, classes=dataset.classes, scale=dataset.scale)


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _read_idx(folder: Path) -> Arrays:
    return (
        read_idx(folder / "train-images-idx3-ubyte"),
        read_idx(folder / "train-labels-idx1-ubyte").astype(np.int64),
        read_idx(folder / "t10k-images-idx3-ubyte"),
        read_idx(folder / "t10k-labels-idx1-ubyte").astype(np.int64),
    )


def _read_cifar(dataset: DataSet, folder: Path) -> Arrays:
    *train, test = [folder / file.name for file in dataset.files]
    return (*read_cifar(train), *read_cifar([test]))


def digits() -> Arrays:
    """scikit-learn's 1,797 digits, values 0 to 16 as they are, 36 of each class for the test.

    The test images are drawn by ``numpy.random.RandomState(0)``, whose stream NumPy promises not to change: for
    class 0, 1, ... 9 in turn the first 36 of a permutation of its images. Both parts keep the original order.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, labels = bunch.images.astype(np.uint8), bunch.target.astype(np.int64)
    random = np.random.RandomState(DIGITS_SEED)
    is_test = np.zeros(len(labels), dtype=bool)
    for label in range(10):
        is_test[random.permutation(np.flatnonzero(labels == label))[:DIGITS_TEST_PER_CLASS]] = True
    return images[~is_test], labels[~is_test], images[is_test], labels[is_test]


def best_available(preferred: str, fallback: str = "digits") -> str:
    """The preferred data set where it is in the cache, else the fallback."""
    find(fallback)
    return preferred if cache.is_available(preferred) else fallback
