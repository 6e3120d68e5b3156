"""Sentences and series as records, read from the files of the cache, each with a fixed split."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnbench.data.catalog import DataSet
from nnbench.errors import NnbenchError, did_you_mean, listing

SPLITS = ("train", "validation", "test")
SENTENCES_SEED = 0
SHORT_REVIEWS = "rotten_tomatoes"  # where the package's sentences come from; its others are whole reviews


@dataclass(frozen=True, eq=False)
class TextData:
    """Sentences and their labels int64 (n,); ``split`` (n,) says "train", "validation" or "test" of each.

    ``checksum`` is an md5 that two copies share exactly when their contents are the same.
    """

    name: str
    checksum: str
    sentences: tuple[str, ...]
    labels: np.ndarray
    split: np.ndarray
    classes: tuple[str, ...]

    def part(self, split: str) -> tuple[tuple[str, ...], np.ndarray]:
        """The sentences and labels of one split, in the file's order."""
        rows = _rows(self.split, split)
        return tuple(self.sentences[row] for row in rows), self.labels[rows]


@dataclass(frozen=True, eq=False)
class SeriesData:
    """Values float64 (n,) in order of time, evenly spaced; ``times`` (n,) datetime64 says when each was taken.

    ``measured`` (n,) is False where the file has no value: there stands one on the line between its neighbours.
    ``split`` (n,) says "train" of the earliest, then "validation", then "test". ``checksum`` as TextData's.
    """

    name: str
    checksum: str
    values: np.ndarray
    times: np.ndarray
    measured: np.ndarray
    split: np.ndarray
    unit: str

    def part(self, split: str) -> np.ndarray:
        """The values of one split."""
        return self.values[_rows(self.split, split)]

    def windows(self, split: str, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Each value of one split (m,) and the ``length`` values before it (m, length).

        The values before may lie in an earlier split: they are known when the next one is predicted. The series' first
        ``length`` values have too few before them and are left out.
        """
        if not 0 < length < len(self.values):
            raise NnbenchError(f"a window has 1 to {len(self.values) - 1} values of {self.name}, not {length}")
        rows = _rows(self.split, split)
        rows = rows[rows >= length]
        return np.lib.stride_tricks.sliding_window_view(self.values, length)[rows - length].copy(), self.values[rows]


def _rows(splits: np.ndarray, wanted: str) -> np.ndarray:
    if wanted not in SPLITS:
        hint = did_you_mean(wanted, SPLITS)
        raise NnbenchError(
            " ".join(filter(None, [f"no split named {wanted!r}.", hint, f"There are {listing(SPLITS)}."]))
        )
    return np.flatnonzero(splits == wanted)


def read_reviews(dataset: DataSet, folder: Path, checksum: str) -> TextData:
    """The package's sentences; its whole reviews are left out."""
    with (folder / dataset.files[0].name).open(encoding="utf-8", newline="") as opened:
        rows = [row for row in csv.DictReader(opened) if row["source"] == SHORT_REVIEWS]
    labels = np.array([int(row["label"]) for row in rows], dtype=np.int64)
    split = balanced(labels, dataset)
    return TextData(dataset.name, checksum, tuple(row["text"] for row in rows), labels, split, dataset.classes)


def balanced(labels: np.ndarray, dataset: DataSet) -> np.ndarray:
    """Which split each sample belongs to, as many of each class in the test part, and in the validation part.

    Drawn by ``numpy.random.RandomState(0)``, whose stream NumPy promises not to change: for each class in turn the
    first of a permutation of its samples are for the test, the next for the validation.
    """
    random = np.random.RandomState(SENTENCES_SEED)
    split = np.full(len(labels), "train", dtype="<U10")
    test, validation = (n // len(dataset.classes) for n in (dataset.test_samples, dataset.validation_samples))
    for label in range(len(dataset.classes)):
        shuffled = random.permutation(np.flatnonzero(labels == label))
        split[shuffled[:test]] = "test"
        split[shuffled[test : test + validation]] = "validation"
    return split


def read_series(dataset: DataSet, folder: Path, checksum: str) -> SeriesData:
    """A table of two columns, the year or the day (19580329) and the value, which may be missing."""
    with (folder / dataset.files[0].name).open(encoding="utf-8", newline="") as opened:
        _, *rows = csv.reader(opened)
    times = np.array([_time(row[0]) for row in rows])
    given = np.array([float(row[1] or "nan") for row in rows])
    measured, places = ~np.isnan(given), np.arange(len(given))
    values = np.interp(places, places[measured], given[measured])
    sizes = (len(values) - dataset.validation_samples - dataset.test_samples, dataset.validation_samples)
    split = np.repeat(SPLITS, [*sizes, dataset.test_samples])
    return SeriesData(dataset.name, checksum, values, times, measured, split, dataset.unit)


def _time(text: str) -> np.datetime64:
    return np.datetime64(text if len(text) == 4 else f"{text[:4]}-{text[4:6]}-{text[6:]}")
