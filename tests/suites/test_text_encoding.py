"""Vocabularies and encoded texts: order, ties, sizes, the reserved words, and refusals."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from nnbench.suites.data.vocabulary import RESERVED, build_vocab, encode_text, number_of, spelled, texts_of

import nnbench

VOCABULARY = nnbench.component("data.build_vocab")
ENCODING = nnbench.component("data.encode_text")
TEXTS = ["a rose is a rose", "is a daisy a rose", "no"]
VOCAB = {"<PAD>": 0, "<UNK>": 1, "a": 2, "rose": 3}


def drawn(component: Any, place: int, seed: int) -> torch.Tensor:
    (spec,) = component.cases[place].inputs
    return torch.randint(spec.low, spec.high, spec.shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("component", [VOCABULARY, ENCODING], ids=["vocabulary", "encoding"])
@pytest.mark.parametrize("place", range(3))
def test_the_outcome_is_the_oracles(component: Any, place: int) -> None:
    row = component.cases[place]
    for seed in range(2):
        numbers = drawn(component, place, seed)
        got = component.drive(lambda: component.reference.build(**row.arguments), numbers)
        said = component.oracle(numbers.numpy(), **row.arguments)
        assert got.keys() == said.keys()
        for name in got:
            assert np.asarray(got[name]).tolist() == np.asarray(said[name]).tolist()


def test_the_cases_hold_ties_and_texts_longer_shorter_and_of_no_words() -> None:
    texts = texts_of(drawn(ENCODING, 1, 0))
    assert min(len(text.split()) for text in texts) == 0
    lengths = [len(text.split()) for text in texts_of(drawn(ENCODING, 0, 0))]
    assert min(lengths) < 256 < max(lengths)
    counts = Counter(word for text in texts_of(drawn(VOCABULARY, 1, 0)) for word in text.split())
    in_order = sorted(counts.values(), reverse=True)
    assert in_order[97] == in_order[98]  # the last one in has an equal that is left out


def test_frequent_words_come_first_and_equally_frequent_ones_as_they_are_seen() -> None:
    assert list(build_vocab(TEXTS).items()) == [
        ("<PAD>", 0),
        ("<UNK>", 1),
        ("a", 2),
        ("rose", 3),
        ("is", 4),
        ("daisy", 5),
        ("no", 6),
    ]


@pytest.mark.parametrize("size", range(2, 9))
def test_max_vocab_counts_the_reserved_words(size: int) -> None:
    assert list(build_vocab(TEXTS, max_vocab=size)) == ["<PAD>", "<UNK>", "a", "rose", "is", "daisy", "no"][:size]


def test_the_order_is_that_of_counts_and_then_of_first_places() -> None:
    words = [word for text in texts_of(drawn(VOCABULARY, 0, 3)) for word in text.split() if word not in RESERVED]
    ordered = sorted(set(words), key=lambda word: (-words.count(word), words.index(word)))
    assert list(build_vocab([" ".join(words)]))[2:] == ordered


def test_reserved_words_in_a_text_keep_their_numbers_and_take_no_place() -> None:
    vocab = build_vocab(["<UNK> <UNK> <PAD> <PAD> b a b"], max_vocab=4)
    assert vocab == {"<PAD>": 0, "<UNK>": 1, "b": 2, "a": 3}
    assert encode_text("<UNK> b <PAD>", vocab, max_len=4).tolist() == [1, 2, 0, 0]


def test_words_are_as_they_are_written_between_any_white_space() -> None:
    assert list(build_vocab(["Rose\trose\n rose,", ""]))[2:] == ["Rose", "rose", "rose,"]


def test_texts_may_come_from_anything_that_gives_them() -> None:
    assert build_vocab(text for text in TEXTS) == build_vocab(TEXTS)
    assert build_vocab([]) == {"<PAD>": 0, "<UNK>": 1}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", [0, 0, 0]),
        ("a", [2, 0, 0]),
        ("a thorn rose", [2, 1, 3]),
        ("rose a rose a", [3, 2, 3]),
        ("A", [1, 0, 0]),
    ],
)
def test_texts_are_cut_and_filled_up(text: str, numbers: list[int]) -> None:
    got = encode_text(text, VOCAB, max_len=3)
    assert got.dtype == torch.int64
    assert got.tolist() == numbers


def test_256_words_are_the_default() -> None:
    assert encode_text("rose " * 300, VOCAB).tolist() == [3] * 256


def test_the_vocabularys_own_numbers_are_used() -> None:
    vocab = {"a": 0, "<UNK>": 7, "<PAD>": 9}
    assert encode_text("b a", vocab, max_len=3).tolist() == [7, 0, 9]


def test_a_vocabulary_of_texts_encodes_them_without_unknown_words() -> None:
    vocab = build_vocab(TEXTS)
    back = {number: word for word, number in vocab.items()}
    for text in TEXTS:
        assert [back[number] for number in encode_text(text, vocab, 6).tolist() if number] == text.split()


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: build_vocab("a rose"), TypeError, r"\[text\]"),
        (lambda: build_vocab(TEXTS, max_vocab=1), ValueError, "max_vocab is 2 or more.*not 1"),
        (lambda: encode_text(["a"], VOCAB), TypeError, "not list"),  # type: ignore[arg-type]
        (lambda: encode_text("a", VOCAB, max_len=0), ValueError, "max_len"),
        (lambda: encode_text("a", {"a": 2, "<PAD>": 0}), ValueError, "no <UNK>"),
        (lambda: encode_text("a", {"a": 2}), ValueError, "no <PAD> and no <UNK>"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()


def test_words_of_cases_are_spelled_with_capitals_and_punctuation_and_told_apart() -> None:
    numbers = [3, 16, 17, 18, 19]
    words = [spelled(number) for number in numbers]
    assert words == ["(w0)", "w4", "W4", "w4,", "(w4)"]
    assert [number_of(word) for word in words] == numbers
    assert [spelled(1), spelled(2)] == ["<UNK>", "<PAD>"]
    assert [number_of(word) for word in ("<PAD>", "<UNK>", "w4.", "<pad>")] == [-1, -2, -3, -3]
