"""From texts to a vocabulary, and from a text and a vocabulary to numbers."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nnbench.catalog import Suite
from nnbench.specs import case, randint

suite = Suite("data")

PAD, UNK = "<PAD>", "<UNK>"
RESERVED = (PAD, UNK)  # their ids are their places


def build_vocab(texts: Iterable[str], max_vocab: int = 10000) -> dict[str, int]:
    """The most frequent words of the texts, numbered from 2; 0 is <PAD>, 1 is <UNK>.

    Words are what white space separates, as they are written. The more frequent comes first, of equally frequent ones
    the one that is seen first. ``max_vocab`` entries in all, the reserved two among them; where these stand in a text
    they are no words. ``ValueError`` for a ``max_vocab`` below 2, ``TypeError`` for one text in place of several.
    Source: the classical bag of words.
    """
    if isinstance(texts, str):
        raise TypeError("texts are several texts, such as a list; one alone is given as [text]")
    if max_vocab < len(RESERVED):
        raise ValueError(f"max_vocab is {len(RESERVED)} or more, to hold {PAD} and {UNK}, not {max_vocab}")
    counts = Counter(word for text in texts for word in text.split())
    words = [word for word, _ in counts.most_common() if word not in RESERVED]  # equals in the order of their first
    entries = [*RESERVED, *words[: max_vocab - len(RESERVED)]]
    return {word: number for number, word in enumerate(entries)}


def encode_text(text: str, vocab: Mapping[str, int], max_len: int = 256) -> Tensor:
    """The numbers of a text's first ``max_len`` words, filled up with those of <PAD>; int64 of shape (max_len,).

    Words are what white space separates; one that is not in the vocabulary has the number of <UNK>. ``ValueError`` for
    a ``max_len`` below 1 and a vocabulary without the two, ``TypeError`` for a text that is none.
    """
    if not isinstance(text, str):
        raise TypeError(f"a text is a str, not {type(text).__name__}")
    if max_len < 1:
        raise ValueError(f"max_len is 1 or more words, not {max_len}")
    missing = [word for word in RESERVED if word not in vocab]
    if missing:
        raise ValueError(f"the vocabulary has no {' and no '.join(missing)}")
    numbers = [vocab.get(word, vocab[UNK]) for word in text.split()[:max_len]]
    return torch.tensor(numbers + [vocab[PAD]] * (max_len - len(numbers)), dtype=torch.int64)


# Words of cases are numbers. Four of them, such as 16 to 19, are spelled alike but for capitals and punctuation; two
# are the reserved words themselves.
SPELLINGS = ("w{}", "W{}", "w{},", "(w{})")
RESERVED_NUMBERS = {1: UNK, 2: PAD}
WHITE_SPACE = (" ", "\n", " \t")


def spelled(number: int) -> str:
    return RESERVED_NUMBERS.get(number) or SPELLINGS[number % 4].format(number // 4)


@functools.lru_cache(maxsize=100_000)
def number_of(word: str) -> int:
    """Which number a word is; <PAD> and <UNK> are -1 and -2, words that no text holds -3."""
    if word in RESERVED:
        return -1 - RESERVED.index(word)
    digits = "".join(re.findall(r"\d", word))
    spelling = word.replace(digits, "{}") if digits else ""
    return 4 * int(digits) + SPELLINGS.index(spelling) if spelling in SPELLINGS else -3


def texts_of(numbers: Tensor | np.ndarray) -> tuple[str, ...]:
    """Texts out of a case's numbers, one a row: the first says how many of the others are in it.

    Small words are frequent and many large ones are equally rare, as in a language.
    """
    rows = np.asarray(numbers)
    return _texts(rows.tobytes(), rows.dtype.str, rows.shape[1])


@functools.lru_cache(maxsize=8)  # the same texts are read again and again: making them is no part of the work
def _texts(content: bytes, dtype: str, width: int) -> tuple[str, ...]:
    rows = np.frombuffer(content, dtype).reshape(-1, width)
    lengths, words = rows[:, 0] % width, rows[:, 1:] ** 2 // 1000
    return tuple(
        WHITE_SPACE[n % 3].join(spelled(word) for word in row[:n])
        for row, n in zip(words.tolist(), lengths, strict=True)
    )


@functools.cache
def known_words(count: int = 500) -> Mapping[str, int]:
    """A vocabulary for the texts: every third word, in falling order; <UNK> and <PAD> have the last numbers."""
    words = [spelled(3 * number) for number in reversed(range(count))]
    return {word: number for number, word in enumerate([*words, UNK, PAD])}


def numbers_and_ids(make: Callable[..., Any], numbers: Tensor) -> dict[str, Tensor]:
    """The mapping as two columns. The texts can be gone through once."""
    vocab = make()(iter(texts_of(numbers)))
    return {"words": torch.tensor([number_of(word) for word in vocab]), "ids": torch.tensor(list(vocab.values()))}


def build_vocab_oracle(numbers: np.ndarray, max_vocab: int = 10000) -> dict[str, np.ndarray]:
    """Sorting all words tells how often, and where first, each of them stands."""
    words = [number_of(word) for text in texts_of(numbers) for word in text.split() if word not in RESERVED]
    distinct, first, counts = np.unique(np.array(words, dtype=np.int64), return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))[: max_vocab - 2]
    return {"words": np.concatenate([[-1, -2], distinct[order]]), "ids": np.arange(2 + len(order))}


def encoded(make: Callable[..., Any], numbers: Tensor) -> dict[str, Any]:
    encode, vocab = make(), known_words()
    ids = torch.stack([encode(text, vocab) for text in texts_of(numbers)])
    return {"ids": ids, "dtype": str(ids.dtype)}


def encode_text_oracle(numbers: np.ndarray, max_len: int = 256) -> dict[str, Any]:
    """Looked up by bisection in the sorted vocabulary."""
    vocab = known_words()
    words, ids = np.array(sorted(vocab)), np.array([vocab[word] for word in sorted(vocab)])
    filled = np.full((len(numbers), max_len), vocab[PAD])
    for row, text in zip(filled, texts_of(numbers), strict=True):
        wanted = np.array(text.split()[:max_len], dtype=words.dtype)
        places = np.minimum(np.searchsorted(words, wanted), len(words) - 1)
        row[: len(wanted)] = np.where(words[places] == wanted, ids[places], vocab[UNK])
    return {"ids": filled, "dtype": "torch.int64"}


suite.component(
    "build_vocab",
    kind="transform",
    reference=build_vocab,
    oracle=build_vocab_oracle,
    drive=numbers_and_ids,
    cases=[
        case(randint(1000, (32, 256)), max_vocab=10000),
        case(randint(1000, (32, 256)), max_vocab=100),
        case(randint(1_000_000, (56, 512))),  # more words than the default takes
    ],
    documented=["handout"],
)

suite.component(
    "encode_text",
    kind="transform",
    reference=encode_text,
    oracle=encode_text_oracle,
    drive=encoded,
    cases=[
        case(randint(1000, (32, 400)), max_len=256),
        case(randint(1000, (256, 64))),
        case(randint(1000, (32, 400)), max_len=32),
    ],
    documented=["handout"],
)
