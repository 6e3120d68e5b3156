"""Self-attention that classifies sentences."""

from __future__ import annotations

import math
from typing import Any

import torch
from nnbench.suites.architectures.dense import affine
from nnbench.suites.architectures.sequences import PADDING, embedded, trimmed, within
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import Recipe, case, randint

suite = Suite("architectures")


class AttentionClassifier(nn.Module):
    """Sentence classifier: embedding, sinusoidal positions, multi-head self-attention, mean over the words, Linear.

    ``x = E[ids] + pe``, ``pe[t, 2 i] = sin(t / 10000^(2 i / embed_dim))``, ``pe[t, 2 i + 1] = cos`` of the same;
    ``q, k, v = x W_in^T + b_in``, cut into heads of ``d = embed_dim / num_heads``; ``z = softmax(q k^T / sqrt(d)) v``
    over the sentence's words, the heads side by side; ``y = mean(z W_out^T + b_out) W^T + b`` over the same words. ids
    (N, T) with words from 1 up and 0 behind a sentence's end, y (N, output_dim) logits. ``lengths`` (N,) says where
    each sentence ends, else it ends with its last id other than 0; y does not depend on what stands behind. Parameters
    start as those of torch.nn.Embedding, MultiheadAttention and Linear do.
    ``ValueError`` for sizes and lengths that do not fit, for a sentence without words and for one of more than max_len,
    ``IndexError`` for an id outside the vocabulary. Sources: Deep Dive, exercise 3; Vaswani et al., arXiv:1706.03762.
    """

    pe: Tensor

    def __init__(
        self,
        vocab_size: int = 10_000,
        embed_dim: int = 128,
        num_heads: int = 4,
        output_dim: int = 2,
        max_len: int = 512,
    ) -> None:
        super().__init__()
        if embed_dim < 1 or num_heads < 1 or embed_dim % num_heads:
            raise ValueError(f"num_heads divides embed_dim, both above 0; {num_heads} and {embed_dim} do not fit")
        self.max_len = max_len
        self.embedding = nn.Embedding(vocab_size, embed_dim, padding_idx=PADDING)
        self.attention = nn.MultiheadAttention(
            embed_dim,
            num_heads,
            batch_first=True,  # equivalent: the reference's own forward reads the layer's parameters alone
        )
        self.fc = nn.Linear(embed_dim, output_dim)
        # Computed in float64: in float32 an angle of hundreds is known to five decimals only.
        self.register_buffer("pe", self._positions(max_len, embed_dim).to(torch.get_default_dtype()), persistent=False)

    @staticmethod
    def _positions(length: int, width: int) -> Tensor:
        """Sines and cosines (length, width) in turn, float64."""
        frequencies = 10_000 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
        angles = torch.arange(length, dtype=torch.float64).unsqueeze(1) * frequencies
        return torch.stack([torch.sin(angles), torch.cos(angles)], dim=-1).flatten(1)[:, :width]

    def forward(self, ids: Tensor, lengths: Tensor | None = None) -> Tensor:
        ids, lengths = self._sentences(ids, lengths)
        is_word = within(ids, lengths)
        z = self._attend(embedded(ids, self.embedding) + self.pe[: ids.shape[1]], is_word)
        return affine(mean_of_words(z, is_word, lengths), self.fc)

    def _sentences(self, ids: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        ids, lengths = trimmed(ids, lengths)
        if ids.shape[1] > self.max_len:
            raise ValueError(f"a sentence has up to {self.max_len} words (max_len), not {ids.shape[1]}")
        return ids, lengths

    def _attend(self, x: Tensor, is_word: Tensor) -> Tensor:
        split = (self.attention.num_heads, self.attention.head_dim)
        projected = x @ self.attention.in_proj_weight.T + self.attention.in_proj_bias
        q, k, v = (part.unflatten(-1, split).permute(0, 2, 1, 3) for part in projected.chunk(3, dim=-1))
        scores = q @ k.mT / math.sqrt(self.attention.head_dim)
        scores = torch.where(is_word[:, None, None], scores, -math.inf)
        largest = scores.detach().amax(-1, keepdim=True)  # equivalent: softmax has no gradient towards a shift
        e = torch.exp(scores - largest)
        heads = e / e.sum(-1, keepdim=True) @ v
        return affine(heads.permute(0, 2, 1, 3).flatten(2), self.attention.out_proj)


class TorchAttentionClassifier(AttentionClassifier):
    """The same network out of torch's layers."""

    @staticmethod
    def _positions(length: int, width: int) -> Tensor:
        """A cosine is a sine a quarter turn on."""
        numbers = torch.arange(width, dtype=torch.float64)
        wavelengths = 10_000 ** ((numbers - numbers % 2) / width)
        return torch.sin(torch.arange(length).unsqueeze(1) / wavelengths + math.pi / 2 * (numbers % 2))

    def forward(self, ids: Tensor, lengths: Tensor | None = None) -> Tensor:
        ids, lengths = self._sentences(ids, lengths)
        is_word = within(ids, lengths)
        x = self.embedding(ids) + self.pe[: ids.shape[1]]
        z, _ = self.attention(x, x, x, key_padding_mask=~is_word, need_weights=False)
        return self.fc(z.masked_fill(~is_word.unsqueeze(-1), 0).sum(1) / lengths.unsqueeze(1))


def mean_of_words(z: Tensor, is_word: Tensor, lengths: Tensor) -> Tensor:
    return torch.where(is_word.unsqueeze(-1), z, 0).sum(1) / lengths.unsqueeze(1)


SIZES: dict[str, Any] = {"vocab_size": 10_000, "embed_dim": 128, "num_heads": 4, "output_dim": 2}
suite.component(
    "attention_classifier",
    kind="architecture",
    reference=AttentionClassifier,
    variants={"torch": TorchAttentionClassifier},
    cases=[
        case(randint(1, 10_000, (8, 64)), randint(1, 65, (8,)), **SIZES),
        case(randint(1, 10_000, (4, 256)), **SIZES),
        # Small enough for finite differences.
        case(randint(1, 50, (4, 12)), randint(1, 13, (4,)), vocab_size=50, embed_dim=12, num_heads=3, output_dim=3),
        case(
            randint(1, 9, (3, 5)),
            randint(1, 6, (3,)),
            vocab_size=9,
            embed_dim=6,
            num_heads=2,
            output_dim=3,
            max_len=5,
            timed=False,
        ),
        case(randint(1, 10_000, (2, 3)), timed=False),
    ],
    documented=["deepdive"],
    properties=["batch_independent"],
    recipe=Recipe(
        data="movie_reviews",
        data_arguments={"length": 64, "vocabulary_size": SIZES["vocab_size"]},
        loss="CrossEntropyLoss",
        optimizer="Adam",
        optimizer_arguments={"lr": 0.001},
        batch_size=64,
        epochs=5,
        features_argument="",
        classes_argument="output_dim",
        arguments={name: size for name, size in SIZES.items() if name != "output_dim"},
        note="documented: the kinds of layers; chosen: their sizes, the sentences and the length to which they are "
        "cut and padded, cross-entropy, Adam at 0.001, batches of 64, 5 epochs",
    ),
)
