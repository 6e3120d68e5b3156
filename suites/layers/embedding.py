"""The lookup table."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randint, randn

suite = Suite("layers")


class Embedding(nn.Module):
    """A table of vectors, looked up by number.

    ``y[...] = W[x[...]]``: x (...) int32 or int64 from 0 to num_embeddings - 1, weight (num_embeddings,
    embedding_dim), y (..., embedding_dim). Starts from N(0, 1). The row ``padding_idx`` (negative: from the end) starts
    at 0 and gets no gradient. ``max_norm`` shortens looked-up rows, in the table, to that p-norm, p = ``norm_type``;
    ``scale_grad_by_freq`` divides a row's gradient by how often x names it. ``_weight`` is the table to start from,
    ``_freeze`` one that is not trained; ``from_pretrained`` takes a table, and freezes it unless told otherwise.
    ``AssertionError`` for a ``padding_idx`` or ``_weight`` that does not fit, ``IndexError`` for a number without a
    row, ``RuntimeError`` for other dtypes, ``NotImplementedError`` for ``sparse``. Source: torch.nn.Embedding.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if sparse:
            raise NotImplementedError(f"sparse={sparse!r} is not supported: gradients are dense")
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise AssertionError(f"padding_idx is one of {num_embeddings} rows, not {padding_idx}")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        if _weight is None:
            self.weight = nn.Parameter(torch.empty(num_embeddings, embedding_dim, device=device, dtype=dtype))
            self.reset_parameters()
        elif _weight.shape != (num_embeddings, embedding_dim):
            raise AssertionError(f"_weight is {(num_embeddings, embedding_dim)}, not {tuple(_weight.shape)}")
        else:
            self.weight = nn.Parameter(_weight)
        self.weight.requires_grad_(not _freeze)

    from_pretrained: Any = classmethod(nn.Embedding.from_pretrained.__func__)  # type: ignore[attr-defined]
    extra_repr = nn.Embedding.extra_repr

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the table; the padding's row is zero."""
        self.weight.normal_()
        if self.padding_idx is not None:
            self.weight[self.padding_idx] = 0

    def forward(self, x: Tensor) -> Tensor:
        if self.max_norm is not None:
            self._shorten(x, self.max_norm)
        # Not self.weight[x]: that takes -1 for the last row.
        rows = self.weight.index_select(0, x.reshape(-1)).reshape(*x.shape, self.embedding_dim)
        if self.padding_idx is not None:
            rows = torch.where((x == self.padding_idx).unsqueeze(-1), rows.detach(), rows)
        if self.scale_grad_by_freq and rows.requires_grad:
            times = torch.bincount(x.reshape(-1))[x].unsqueeze(-1)
            rows.register_hook(lambda gradient: gradient / times)
        return rows

    @torch.no_grad()
    def _shorten(self, x: Tensor, max_norm: float) -> None:
        """Scale each row that is looked up and longer than ``max_norm`` to just below it."""
        named = x.unique()
        rows = self.weight.index_select(0, named)
        lengths = torch.linalg.vector_norm(rows, self.norm_type, dim=1, keepdim=True)
        shortened = rows * (max_norm / (lengths + 1e-7))  # torch's guard against a length of 0
        self.weight[named] = torch.where(lengths > max_norm, shortened, rows)


def embedding_oracle(
    x: np.ndarray,
    *,
    weight: np.ndarray,
    num_embeddings: int,
    embedding_dim: int,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    **about_gradients_or_the_start: Any,
) -> np.ndarray:
    """One row at a time, by NumPy's own indexing."""
    table = np.array(weight, dtype=np.float64)
    if max_norm is not None:
        for number in set(x.ravel().tolist()):
            length = np.linalg.norm(table[number], norm_type)
            table[number] *= max_norm / (length + 1e-7) if length > max_norm else 1
    return np.take(table, x.astype(np.int64), axis=0)


# Too large for finite differences, which a padding, a frequency or a norm makes differ from the gradient, as it should.
LARGE: dict[str, Any] = {"num_embeddings": 100_001, "embedding_dim": 3}

suite.component(
    "embedding",
    reference=Embedding,
    variants={"torch": nn.Embedding, "keras": "nnbench.suites._keras.layers:Embedding"},
    oracle=embedding_oracle,
    cases=[
        case(randint(10000, (32, 256)), num_embeddings=10000, embedding_dim=128, padding_idx=0),
        case(randint(32000, (16, 1024)), num_embeddings=32000, embedding_dim=64),  # a small language model's
        case(randint(99_995, 100_000, (4, 6)), **LARGE, padding_idx=-3, timed=False),
        case(randint(5, (4, 6)), **LARGE, padding_idx=2, scale_grad_by_freq=True, timed=False),
        # In float32 a row that was just shortened may round to a length above 1 and be shortened once more.
        case(randint(5, ()), **LARGE, padding_idx=7, scale_grad_by_freq=True, timed=False),
        case(randint(9, (4, 6)), **LARGE, max_norm=1.0, dtype="float64", timed=False),
        case(randint(9, (4, 6)), **LARGE, max_norm=1.0, norm_type=1.0, dtype="float64", timed=False),
        case(
            randint(40, (80,)), num_embeddings=300_001, embedding_dim=1, max_norm=1.0, dtype="float64", timed=False
        ),  # some of length 1
        case(randint(7, (4, 6)), num_embeddings=7, embedding_dim=3, _weight=randn(7, 3), timed=False),
        case(randint(7, (4, 6)), num_embeddings=7, embedding_dim=3, _weight=randn(7, 3), _freeze=True, timed=False),
    ],
    documented=["handout"],
    properties=["batch_independent"],
)
