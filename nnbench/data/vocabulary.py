"""Words as numbers: the most frequent ones have an id each, the others share one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

PADDING, UNKNOWN = 0, 1


def vocabulary(sentences: Sequence[str], size: int = 10_000) -> dict[str, int]:
    """The ids of the most frequent words, from 2 on: 0 is padding's, 1 that of every other word; ``size`` ids in all.

    Words are what spaces separate; of equally frequent ones the first seen comes first.

    >>> vocabulary(["a film of a film", "a joke"], size=4)
    {'a': 2, 'film': 3}
    """
    counts = Counter(word for sentence in sentences for word in sentence.split())
    return {word: number for number, (word, _) in enumerate(counts.most_common(max(size - 2, 0)), start=2)}


def encode(sentences: Sequence[str], words: Mapping[str, int], length: int) -> np.ndarray:
    """The ids of each sentence's words, int64 (n, length): cut at ``length``, padded with 0 behind its end.

    >>> encode(["a joke of a film"], {"a": 2, "film": 3}, length=6).tolist()
    [[2, 1, 1, 2, 3, 0]]
    """
    ids = np.full((len(sentences), length), PADDING, dtype=np.int64)
    for row, sentence in zip(ids, sentences, strict=True):
        found = [words.get(word, UNKNOWN) for word in sentence.split()[:length]]
        row[: len(found)] = found
    return ids
