"""A bidirectional LSTM that classifies sentences, and the documented one, which reads their padding too."""

from __future__ import annotations

from typing import Any

import torch
from nnbench.suites.architectures.dense import affine, refuse_probability
from nnbench.suites.architectures.sequences import PADDING, embedded, lstm, trimmed
from torch import Tensor, nn

from nnbench.catalog import Evidence, Suite, Variant
from nnbench.specs import Recipe, case, randint

suite = Suite("architectures")


class LSTMClassifier(nn.Module):
    """Sentence classifier: embedding, bidirectional LSTM in layers, last states of both directions, Linear.

    ``x = E[ids]``, ``f, b = LSTM(x)``, ``y = (f[last word], b[first word]) W^T + b``: ids (N, T) with words from 1 up
    and 0 behind a sentence's end, y (N, output_dim) logits. ``lengths`` (N,) says where each sentence ends, else it
    ends with its last id other than 0; what stands behind is not read, so y does not depend on how far a sentence was
    padded. ``dropout`` acts in training, between the layers. Parameters start as those of torch.nn.Embedding, LSTM and
    Linear do.
    ``ValueError`` for a dropout outside 0 to 1, for lengths that do not fit and for a sentence without words,
    ``IndexError`` for an id outside the vocabulary. Source: Neural Networks - Intermediate Handout.
    """

    def __init__(
        self,
        vocab_size: int = 10_000,
        embed_dim: int = 128,
        hidden_dim: int = 256,
        output_dim: int = 2,
        n_layers: int = 2,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        refuse_probability(dropout)
        self.embedding = nn.Embedding(vocab_size, embed_dim, padding_idx=PADDING)
        self.lstm = nn.LSTM(
            embed_dim,
            hidden_dim,
            n_layers,
            batch_first=True,  # equivalent: the reference's own forward reads the layer's parameters alone
            dropout=dropout if n_layers > 1 else 0.0,  # equivalent: in one layer nothing drops out; torch would warn
            bidirectional=True,
        )
        self.fc = nn.Linear(2 * hidden_dim, output_dim)

    def forward(self, ids: Tensor, lengths: Tensor | None = None) -> Tensor:
        ids, lengths = trimmed(ids, lengths)
        outputs = lstm(embedded(ids, self.embedding), self.lstm, lengths)
        forward, backward = outputs.chunk(2, dim=-1)
        sentence = torch.arange(len(ids), device=ids.device)
        return affine(torch.cat([forward[sentence, lengths - 1], backward[:, 0]], dim=1), self.fc)


class TorchLSTMClassifier(LSTMClassifier):
    """The same network out of torch's layers, on packed sequences."""

    def forward(self, ids: Tensor, lengths: Tensor | None = None) -> Tensor:
        ids, lengths = trimmed(ids, lengths)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(ids), lengths.long().cpu(), batch_first=True, enforce_sorted=False
        )
        _, (hidden, _) = self.lstm(packed)
        return self.fc(torch.cat([hidden[-2], hidden[-1]], dim=-1))


class DocumentedLSTMClassifier(LSTMClassifier):
    """As documented: the LSTM runs over the padding as over words (E19)."""

    def forward(self, ids: Tensor, lengths: Tensor | None = None) -> Tensor:
        _, (hidden, _) = self.lstm(self.embedding(ids))
        return self.fc(torch.cat([hidden[-2], hidden[-1]], dim=-1))


PADDED_TO = (8, 32)


def padding_shows(documented: Variant, reference: Variant) -> Evidence:
    """One sentence of six words, padded to 8 and to 32 places, through the documented network and the reference."""
    sizes = {"vocab_size": 50, "embed_dim": 16, "hidden_dim": 16, "output_dim": 2, "n_layers": 2}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        networks = [variant.build(**sizes).double().eval() for variant in (documented, reference)]
    networks[0].load_state_dict(networks[1].state_dict())
    words = torch.tensor([[7, 3, 41, 12, 5, 28]])
    with torch.no_grad():
        theirs, ours = (
            [network(nn.functional.pad(words, (0, size - words.shape[1])))[0] for size in PADDED_TO]
            for network in networks
        )
    moved, kept = (float((one - other).abs().max()) for one, other in (theirs, ours))
    return Evidence(
        shown=moved > 1e-6 and kept < 1e-12,
        says=f"one sentence of six words, weights alike: padded to 8 places its logits are {_told(theirs[0])}, padded "
        f"to 32 {_told(theirs[1])}, {moved:.2g} apart; the reference gives {_told(ours[0])} and {_told(ours[1])}",
    )


def _told(logits: Tensor) -> str:
    return "(" + ", ".join(f"{value:.4f}" for value in logits.tolist()) + ")"


DOCUMENTED_SIZES: dict[str, Any] = {
    "vocab_size": 10_000,
    "embed_dim": 128,
    "hidden_dim": 256,
    "output_dim": 2,
    "n_layers": 2,
    "dropout": 0.3,
}
suite.component(
    "lstm_classifier",
    not_compiled="torch.compile unrolls the reference's loop over time: compiling would take minutes",
    kind="architecture",
    reference=LSTMClassifier,
    variants={
        "torch": TorchLSTMClassifier,
        "documented": Variant("documented", DocumentedLSTMClassifier, erratum="E19", evidence={"E19": padding_shows}),
    },
    cases=[
        case(randint(1, 10_000, (4, 256)), **DOCUMENTED_SIZES),
        case(randint(1, 10_000, (4, 64)), randint(1, 65, (4,)), **DOCUMENTED_SIZES),
        # Small enough for finite differences.
        case(
            randint(1, 50, (4, 12)),
            randint(1, 13, (4,)),
            vocab_size=50,
            embed_dim=12,
            hidden_dim=10,
            output_dim=3,
            n_layers=2,
            dropout=0.3,
        ),
        case(
            randint(1, 9, (3, 5)), randint(1, 6, (3,)), vocab_size=9, embed_dim=3, hidden_dim=2, n_layers=1, timed=False
        ),
        case(randint(1, 10_000, (2, 3)), timed=False),
    ],
    documented=["handout"],
    properties=["mode", "stochastic", "batch_independent"],
    recipe=Recipe(
        data="movie_reviews",
        data_arguments={"length": 64, "vocabulary_size": DOCUMENTED_SIZES["vocab_size"]},
        loss="CrossEntropyLoss",
        optimizer="Adam",
        optimizer_arguments={"lr": 0.001},
        batch_size=64,
        epochs=5,
        features_argument="",
        classes_argument="output_dim",
        arguments={name: size for name, size in DOCUMENTED_SIZES.items() if name != "output_dim"},
        note="documented: the network; chosen: the sentences and the length to which they are cut and padded, "
        "cross-entropy, Adam at 0.001, batches of 64, 5 epochs",
    ),
)
