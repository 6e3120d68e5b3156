"""Wrong ways of preparing tables and texts: the battery catches every one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
import torch
from nnbench.suites.data.standard_scaler import StandardScaler
from nnbench.suites.data.to_unit_range import to_unit_range
from nnbench.suites.data.vocabulary import PAD, RESERVED, UNK, build_vocab, encode_text
from torch import Tensor
from wrong_targets import rows_of, what_is_wrong

import nnbench


class OfASample(StandardScaler):
    """The variance of a sample, counted with n - 1."""

    def fit(self, features: Tensor) -> StandardScaler:
        super().fit(features)
        if self.var_ is not None and self.scale_ is not None:
            share = len(features) / (len(features) - 1)
            self.var_, self.scale_ = self.var_ * share, self.scale_ * share**0.5
        return self


class FirstFit(StandardScaler):
    def fit(self, features: Tensor) -> StandardScaler:
        return super().fit(features) if self.n_features_in_ is None else self


class FittedToOthers(StandardScaler):
    """Scaled by what is to be scaled, not by what was learned from."""

    def transform(self, features: Tensor) -> Tensor:
        return self.fit(features) and super().transform(features)


class DeviationFirst(StandardScaler):
    def transform(self, features: Tensor) -> Tensor:
        return super().transform(features) + (0 if self.scale_ is None else self._moved())

    def _moved(self) -> Tensor:
        assert self.scale_ is not None
        return self.mean_ / self.scale_ - self.mean_ if self.with_mean else torch.zeros(1)


class ByVariance(StandardScaler):
    def fit(self, features: Tensor) -> StandardScaler:
        super().fit(features)
        if self.scale_ is not None and self.var_ is not None:
            self.scale_ = torch.where(self.scale_ == 1, 1, self.var_)
        return self


class NothingForConstants(StandardScaler):
    def fit(self, features: Tensor) -> StandardScaler:
        super().fit(features)
        self.scale_ = None if self.var_ is None else self.var_.sqrt()
        return self


class WithEpsilon(StandardScaler):
    def fit(self, features: Tensor) -> StandardScaler:
        super().fit(features)
        self.scale_ = None if self.scale_ is None else self.scale_ + 1e-8
        return self


class InFloat32(StandardScaler):
    def fit(self, features: Tensor) -> StandardScaler:
        return super().fit(features.float())


class RestoredInOrder(StandardScaler):
    def inverse_transform(self, features: Tensor) -> Tensor:
        back = features if self.mean_ is None else features + self.mean_
        return (back if self.scale_ is None else back * self.scale_).to(features.dtype)


SCALING: dict[str, Any] = {
    "the variance of a sample": OfASample,
    "fitted once for all": FirstFit,
    "fitted to what is scaled": FittedToOthers,
    "divided before the mean is taken away": DeviationFirst,
    "divided by the variance": ByVariance,
    "constant columns divided by what rounding left": NothingForConstants,
    "an epsilon": WithEpsilon,
    "learned in float32": InFloat32,
    "restored in the order in which it was scaled": RestoredInOrder,
}

UNIT: dict[str, Any] = {
    "divided by 256": lambda images, flat=False: to_unit_range(images, flat) * (255 / 256),
    "from -1 to 1": lambda images, flat=False: to_unit_range(images, flat) * 2 - 1,
    "divided by the brightest": lambda images, flat=False: to_unit_range(images, flat) * (255 / images.max()),
    "columns before rows": lambda images, flat=False: to_unit_range(images.transpose(1, 2), flat),
    "always flat": lambda images, flat=False: to_unit_range(images, flat=True),
    "in float64": lambda images, flat=False: to_unit_range(images, flat).double(),
}


def numbered(words: Sequence[str], max_vocab: int) -> dict[str, int]:
    return {word: number for number, word in enumerate([*RESERVED, *words][:max_vocab])}


def counted(texts: Iterable[str]) -> Counter[str]:
    return Counter(word for text in texts for word in text.split() if word not in RESERVED)


def ties_by_letters(texts: Iterable[str], max_vocab: int = 10000) -> dict[str, int]:
    counts = counted(texts)
    return numbered(sorted(counts, key=lambda word: (-counts[word], word)), max_vocab)


def ties_backwards(texts: Iterable[str], max_vocab: int = 10000) -> dict[str, int]:
    counts = counted(texts)
    places = {word: place for place, word in enumerate(counts)}
    return numbered(sorted(counts, key=lambda word: (-counts[word], -places[word])), max_vocab)


def rare_first(texts: Iterable[str], max_vocab: int = 10000) -> dict[str, int]:
    counts = counted(texts)
    return numbered(sorted(counts, key=lambda word: counts[word]), max_vocab)


VOCABULARY: dict[str, Any] = {
    "equals in the order of letters": ties_by_letters,
    "equals in the order of the last seen": ties_backwards,
    "rare words first": rare_first,
    "as they are seen": lambda texts, max_vocab=10000: numbered(list(counted(texts)), max_vocab),
    "reserved words are beside the limit": lambda texts, max_vocab=10000: build_vocab(texts, max_vocab + 2),
    "in small letters": lambda texts, max_vocab=10000: build_vocab((text.lower() for text in texts), max_vocab),
    "<UNK> before <PAD>": lambda texts, max_vocab=10000: build_vocab(texts, max_vocab) | {UNK: 0, PAD: 1},
    "words from 1": lambda texts, max_vocab=10000: {
        word: max(number - 1, 0) for word, number in build_vocab(texts, max_vocab).items()
    },
}


def filled_in_front(text: str, vocab: Mapping[str, int], max_len: int = 256) -> Tensor:
    return encode_text(text, vocab, max_len).roll(max_len - len(text.split()[:max_len]))


def filled_with_zeros(text: str, vocab: Mapping[str, int], max_len: int = 256) -> Tensor:
    numbers = encode_text(text, vocab, max_len)
    numbers[len(text.split()) :] = 0
    return numbers


def never_filled(text: str, vocab: Mapping[str, int], max_len: int = 256) -> Tensor:
    return encode_text(text, vocab, max_len)[: max(len(text.split()), 1)]


ENCODING: dict[str, Any] = {
    "filled up in front": filled_in_front,
    "filled up with 0": filled_with_zeros,
    "never filled up": never_filled,
    "filled up with <UNK>": lambda text, vocab, max_len=256: encode_text(text, {**vocab, PAD: vocab[UNK]}, max_len),
    "the last words kept": lambda text, vocab, max_len=256: encode_text(
        " ".join(text.split()[-max_len:]), vocab, max_len
    ),
    "unknown words left out": lambda text, vocab, max_len=256: encode_text(
        " ".join(word for word in text.split() if word in vocab), vocab, max_len
    ),
    "in small letters": lambda text, vocab, max_len=256: encode_text(text.lower(), vocab, max_len),
    "as int32": lambda text, vocab, max_len=256: encode_text(text, vocab, max_len).int(),
}

WRONG = {
    "data.standard_scaler": SCALING,
    "data.to_unit_range": UNIT,
    "data.build_vocab": VOCABULARY,
    "data.encode_text": ENCODING,
}


@pytest.mark.parametrize(("identifier", "name"), rows_of(WRONG))
def test_a_wrong_one_is_caught(identifier: str, name: str) -> None:
    assert what_is_wrong(identifier, WRONG[identifier][name])


@pytest.mark.parametrize("identifier", WRONG)
def test_a_right_one_is_not(identifier: str) -> None:
    assert not what_is_wrong(identifier, nnbench.component(identifier).reference.target)
