"""Attention from matrix products, with one small projection that all heads share."""

from __future__ import annotations

import math

import numpy as np
import torch
from nnbench.suites.layers.linear import Linear
from torch import Tensor, nn

from nnbench.catalog import Evidence, Suite, Variant
from nnbench.specs import case, randint, randn

suite = Suite("layers")


def attention_weights(scores: Tensor) -> Tensor:
    """Softmax of the last dimension; where all scores are -inf, so that nothing may be attended to, NaN."""
    highest = scores.detach().amax(-1, keepdim=True)  # equivalent: the weights do not depend on what is subtracted
    e = torch.exp(scores - highest)
    return e / e.sum(-1, keepdim=True)


def weights_or_zeros(scores: Tensor) -> Tensor:
    """The same, but zeros where nothing may be attended to."""
    nothing = (scores == -math.inf).all(-1, keepdim=True)
    # Replaced before the softmax too: of a NaN there the gradient would be NaN.
    defined = torch.where(nothing, 0, scores)  # equivalent: any number will do, its weights are replaced
    return torch.where(nothing, 0, attention_weights(defined))


class SelfAttention(nn.Module):
    """Attention whose heads share one projection each for values, keys and queries.

    Each input is cut into heads of ``d = embed_size / heads`` numbers; ``v = V_h Wv^T``, ``k = K_h Wk^T``,
    ``q = Q_h Wq^T`` with the same three (d, d) weights for every head h; ``softmax(q k^T / sqrt(embed_size)) v``, the
    heads side by side, then ``fc_out``. Keys where ``mask == 0`` are excluded; a query whose keys are all excluded
    gets zeros from the heads. values and keys (N, S, embed_size), query (N, T, embed_size), mask of any shape that
    broadcasts to (N, heads, T, S), y (N, T, embed_size).
    ``ValueError`` where heads do not divide embed_size, ``RuntimeError`` for inputs that do not fit.
    Source: PyTorch Neural Networks: A Comprehensive Guide; after Vaswani et al., arXiv:1706.03762, which scales by
    sqrt(d) and gives each head projections of its own.
    """

    def __init__(self, embed_size: int, heads: int) -> None:
        super().__init__()
        if embed_size <= 0 or heads <= 0 or embed_size % heads:
            raise ValueError(f"heads divides embed_size, both above 0; {heads} and {embed_size} do not fit")
        self.embed_size = embed_size
        self.heads = heads
        self.head_dim = embed_size // heads
        size = self.head_dim
        self.values, self.keys, self.queries = (Linear(size, out_features=size, bias=False) for _ in range(3))
        self.fc_out = Linear(embed_size, out_features=embed_size)

    def forward(self, values: Tensor, keys: Tensor, query: Tensor, mask: Tensor | None = None) -> Tensor:
        refuse_what_does_not_fit(values, keys, query, self.embed_size)
        v, k, q = (
            layer(tensor.unflatten(-1, (self.heads, self.head_dim)))
            for layer, tensor in ((self.values, values), (self.keys, keys), (self.queries, query))
        )
        return self.fc_out(self._attend(q, k, v, mask).flatten(2))

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        """Each head's mean of the values, weighted; all of it (N, positions, heads, d)."""
        scores = torch.einsum("nthd,nshd->nhts", q, k) / math.sqrt(self.embed_size)
        if mask is None:
            weights = attention_weights(scores)
        else:
            weights = weights_or_zeros(torch.where(mask == 0, -math.inf, scores))
        return torch.einsum("nhts,nshd->nthd", weights, v)


def refuse_what_does_not_fit(values: Tensor, keys: Tensor, query: Tensor, size: int) -> None:
    shapes = [tuple(tensor.shape) for tensor in (values, keys, query)]
    if any(len(shape) != 3 or shape[-1] != size for shape in shapes) or values.shape != keys.shape:
        raise RuntimeError(f"values, keys and query are (N, positions, {size}), not {shapes}")
    if len(keys) != len(query):
        raise RuntimeError(f"keys and query have as many samples, not {len(keys)} and {len(query)}")


class FusedSelfAttention(SelfAttention):
    """The same with torch's scaled_dot_product_attention on the projected heads."""

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        kept = None if mask is None else mask != 0
        scale = self.embed_size**-0.5
        q, k, v = (tensor.transpose(1, 2) for tensor in (q, k, v))
        return nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=kept, scale=scale).transpose(1, 2)


class MismatchedSelfAttention(SelfAttention):
    """The same as the documents sum it up: weights and values over two different indices."""

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        energy = torch.einsum("nqhd,nkhd->nhqk", q, k)
        if mask is not None:
            energy = energy.masked_fill(mask == 0, -1e20)
        attention = torch.softmax(energy / self.embed_size**0.5, dim=3)
        return torch.einsum("nhqk,nlhd->nqhd", attention, v)  # k and l are both positions of keys and values


@torch.no_grad()
def ignores_queries_and_keys(documented: Variant, reference: Variant) -> Evidence:
    """E01: over its own index a softmax sums to 1, and the values stay a plain sum."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        wrong, right = (variant.build(embed_size=16, heads=2).double() for variant in (documented, reference))
        values, keys, query, *others = torch.randn(5, 2, 5, 16, dtype=torch.float64)
    right.load_state_dict(wrong.state_dict())
    moved, rightly = (float((m(values, keys, query) - m(values, *others)).abs().max()) for m in (wrong, right))
    summed = wrong.values(values.sum(1, keepdim=True).unflatten(-1, (2, 8))).flatten(2)
    apart = float((wrong(values, keys, query) - wrong.fc_out(summed)).abs().max())
    says = (
        f"other queries and keys change its output by at most {moved:.0e} (the reference's by {rightly:.2f}); "
        f"it lies within {apart:.0e} of the plain sum of the values, sent through the output projection"
    )
    return Evidence(max(moved, apart) < 1e-12 < 1e-3 < rightly, says)


def self_attention_oracle(
    values: np.ndarray,
    keys: np.ndarray,
    query: np.ndarray,
    mask: np.ndarray | None = None,
    *,
    embed_size: int,
    heads: int,
    **parameters: np.ndarray,
) -> np.ndarray:
    """Head by head, each adding its own share of the output: its part of fc_out times what it attends to."""
    size = embed_size // heads
    shape = (len(query), heads, query.shape[1], keys.shape[1])
    kept = np.broadcast_to(True if mask is None else mask != 0, shape)
    y = np.zeros_like(query) + parameters["fc_out.bias"]
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        v, k, q = (
            np.inner(array[..., part], parameters[f"{name}.weight"])
            for array, name in ((values, "values"), (keys, "keys"), (query, "queries"))
        )
        scores = np.where(kept[:, head], np.einsum("ntd,nsd->nts", q, k) / embed_size**0.5, -np.inf)
        shares = np.exp(scores - scores.max(-1, keepdims=True, initial=np.finfo(float).min))
        total = shares.sum(-1, keepdims=True)
        seen = np.einsum("nts,nsd->ntd", shares, v) / np.where(total == 0, 1, total)
        y += np.inner(seen, parameters["fc_out.weight"][:, part])
    return y


suite.component(
    "self_attention",
    reference=SelfAttention,
    variants={
        "fused": FusedSelfAttention,
        "documented": Variant(
            "documented", MismatchedSelfAttention, erratum="E01", evidence={"E01": ignores_queries_and_keys}
        ),
    },
    oracle=self_attention_oracle,
    cases=[
        case(*[randn(4, 16, 256)] * 3, embed_size=256, heads=8),
        case(*[randn(2, 64, 256)] * 3, randint(2, (2, 1, 64, 64)), embed_size=256, heads=8),
        # In float64: of so few numbers one may lie far from what rounding mostly does in float32.
        case(*[randn(2, 4, 6)] * 2, randn(2, 3, 6), embed_size=6, heads=3, dtype="float64", timed=False),
        # Two keys, so that some of the 36 queries (a head's counted each) are left with none.
        case(
            *[randn(2, 2, 6)] * 2,
            randn(2, 6, 6),
            randint(3, (2, 3, 6, 2)),
            embed_size=6,
            heads=3,
            dtype="float64",
            timed=False,
        ),
    ],
    documented=["deepdive", "pytorch"],
    properties=["batch_independent"],
)
