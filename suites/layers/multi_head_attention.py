"""Multi-head attention from matrix products, as torch ships it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from nnbench.suites.layers.attention import attention_weights, weights_or_zeros
from nnbench.suites.layers.linear import Linear
from nnbench.suites.layers.recurrence import affine, dropped_out
from scipy.special import softmax
from torch import Tensor, nn
from torch.nn.init import xavier_normal_, xavier_uniform_, zeros_

from nnbench.catalog import Suite
from nnbench.specs import case, randint, randn

suite = Suite("layers")


class MultiheadAttention(nn.Module):
    """Multi-head attention.

    ``q = Q Wq^T + bq``, ``k = K Wk^T + bk``, ``v = V Wv^T + bv``, each cut into heads of ``d = embed_dim / num_heads``;
    ``weights = dropout(softmax(q k^T / sqrt(d) + masks))``; ``y = (weights v, heads side by side) Wo^T + bo``.
    Q (T, N, embed_dim), K (S, N, kdim), V (S, N, vdim), y (T, N, embed_dim), N first with ``batch_first``, none of it
    for one sample. Wq, Wk, Wv are the thirds of in_proj_weight, or q_proj_weight, k_proj_weight and v_proj_weight where
    kdim or vdim is another than embed_dim; in_proj_bias (3 * embed_dim,). ``add_bias_kv`` and ``add_zero_attn`` append
    a learned and a zero position to k and v. key_padding_mask (N, S) and attn_mask (T, S) or (N * num_heads, T, S) are
    true where a key is excluded, or floats to be added. Returns y and the weights, averaged over the heads (N, T, S) or
    not (N, num_heads, T, S), None without ``need_weights``. A query without keys gets NaN, or zeros from the heads
    without ``need_weights``. ``is_causal`` only says that attn_mask is the causal one.
    ``ValueError`` for sizes below 1; ``AssertionError`` and ``RuntimeError`` where torch has them;
    ``NotImplementedError`` for nested tensors, and for ``is_causal`` with appended positions where neither weights nor
    a key_padding_mask are there: torch then excludes the appended positions too.
    Source: torch.nn.MultiheadAttention; Vaswani et al., arXiv:1706.03762.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(f"embed_dim and num_heads are above 0, not {embed_dim} and {num_heads}")
        if embed_dim % num_heads:
            raise AssertionError(f"num_heads divides embed_dim; {num_heads} does not divide {embed_dim}")
        super().__init__()
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.dropout = dropout
        self.batch_first = batch_first
        self.add_zero_attn = add_zero_attn

        def drawn(*shape: int, by: Callable[[Tensor], Tensor]) -> nn.Parameter:
            return nn.Parameter(by(torch.empty(shape, device=device, dtype=dtype)))

        # In the order in which torch draws them: for the same seed the same numbers.
        self.out_proj = Linear(embed_dim, out_features=embed_dim, bias=bias, device=device, dtype=dtype)
        self.out_proj.bias = drawn(embed_dim, by=zeros_) if bias else None
        one_size = self.kdim == self.vdim == embed_dim
        self.in_proj_weight = drawn(3 * embed_dim, embed_dim, by=xavier_uniform_) if one_size else None
        self.q_proj_weight = None if one_size else drawn(*[embed_dim] * 2, by=xavier_uniform_)
        self.k_proj_weight = None if one_size else drawn(embed_dim, self.kdim, by=xavier_uniform_)
        self.v_proj_weight = None if one_size else drawn(embed_dim, self.vdim, by=xavier_uniform_)
        self.in_proj_bias = drawn(3 * embed_dim, by=zeros_) if bias else None
        position = (1, 1, embed_dim)
        self.bias_k = drawn(*position, by=xavier_normal_) if add_bias_kv else None
        self.bias_v = drawn(*position, by=xavier_normal_) if add_bias_kv else None

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        refuse_inputs(query, key, value, key_padding_mask, attn_mask)
        self._refuse_hint(is_causal and attn_mask is None, is_causal and not need_weights and key_padding_mask is None)
        batched = query.dim() == 3
        positions_first = batched and not self.batch_first
        if positions_first:
            query, key, value = (tensor.permute(1, 0, 2) for tensor in (query, key, value))
        elif not batched:
            query, key, value = (tensor.unsqueeze(0) for tensor in (query, key, value))
        self._refuse_sizes(query, key, value)
        q, k, v = self._heads(query, key, value)
        scores = torch.einsum("nthd,nshd->nhts", q, k)
        for mask in self._masks(key_padding_mask, attn_mask, query, key):
            scores = scores + mask
        weights = attention_weights(scores) if need_weights else weights_or_zeros(scores)
        weights = dropped_out(weights, self.dropout, self.training)
        y = self.out_proj(torch.einsum("nhts,nshd->nthd", weights, v).flatten(2))
        y = y.permute(1, 0, 2) if positions_first else y
        weights = weights.mean(1) if average_attn_weights else weights
        told = (y, weights) if batched else (y.squeeze(0), weights.squeeze(0))
        return told if need_weights else (told[0], None)

    def _heads(self, query: Tensor, key: Tensor, value: Tensor) -> list[Tensor]:
        """q / sqrt(d), k and v, each (N, positions, num_heads, d), with the appended positions."""
        weights: Any = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        of_q, of_k, of_v = weights if self.in_proj_weight is None else self.in_proj_weight.chunk(3)
        bias: Any = (None, None, None) if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        q, k, v = affine(query, of_q, bias[0]), affine(key, of_k, bias[1]), affine(value, of_v, bias[2])
        if self.bias_k is not None:
            pairs: Any = ((k, self.bias_k), (v, self.bias_v))
            k, v = (torch.cat([t, position.repeat(len(t), 1, 1)], 1) for t, position in pairs)
        if self.add_zero_attn:
            k, v = (torch.cat([t, t.new_zeros(len(t), 1, self.embed_dim)], 1) for t in (k, v))
        split = (self.num_heads, self.head_dim)
        return [t.unflatten(-1, split) for t in (q / math.sqrt(self.head_dim), k, v)]

    def _masks(self, padding: Tensor | None, attention: Tensor | None, query: Tensor, key: Tensor) -> Iterator[Tensor]:
        """What is added to the scores (N, num_heads, T, S), with zeros for the appended positions."""
        samples, queries, keys = *query.shape[:2], key.shape[1]
        appended = (self.bias_k is not None) + self.add_zero_attn
        if attention is not None:
            refuse_mask("attn_mask", attention, [(queries, keys), (samples * self.num_heads, queries, keys)])
            mask = to_be_added(attention, "attn_mask", query.dtype, appended)
            yield mask if mask.dim() == 2 else mask.unflatten(0, (samples, self.num_heads))
        if padding is not None:
            refuse_mask("key_padding_mask", padding, [(samples, keys), (keys,)])
            yield to_be_added(padding, "key_padding_mask", query.dtype, appended).reshape(samples, 1, 1, -1)

    def _refuse_hint(self, lacks_mask: bool, drops_mask: bool) -> None:
        """Torch drops the mask for the hint, and a causal mask over all positions excludes the appended ones."""
        if lacks_mask:
            raise RuntimeError("is_causal says of attn_mask that it is causal, so it needs one")
        if drops_mask and self.bias_k is not None:
            raise NotImplementedError("is_causal=True with add_bias_kv and need_weights=False is not supported")
        if drops_mask and self.add_zero_attn:
            raise NotImplementedError("is_causal=True with add_zero_attn and need_weights=False is not supported")

    def _refuse_sizes(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in (query, key, value))
        # A wrong width of packed keys is the matrix product's to refuse, as in torch.
        if query.shape[-1] != self.embed_dim or key.shape[:2] != value.shape[:2]:
            raise AssertionError(f"query is {self.embed_dim} wide, key and value have the same positions; not {shapes}")
        if self.in_proj_weight is not None and key.shape != value.shape:
            raise AssertionError(f"key and value have the same shape, not {shapes}")
        if self.in_proj_weight is None and (key.shape[-1], value.shape[-1]) != (self.kdim, self.vdim):
            raise AssertionError(f"key and value are {self.kdim} and {self.vdim} wide, not {shapes}")
        if len(key) != len(query):
            raise RuntimeError(f"query and key have as many samples, not {len(query)} and {len(key)}")
        if not 0 <= self.dropout <= 1:
            raise ValueError(f"dropout is a probability, between 0 and 1, not {self.dropout}")


def refuse_inputs(query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None, attention: Tensor | None) -> None:
    if query.is_nested or key.is_nested or value.is_nested:
        raise NotImplementedError("query, key and value as nested tensors are not supported")
    dimensions = query.dim()
    if dimensions not in (2, 3) or key.dim() != dimensions or value.dim() != dimensions:
        raise AssertionError("query, key and value have three dimensions each, or for one sample two")
    if padding is not None and padding.dim() != dimensions - 1:
        raise AssertionError(f"key_padding_mask has {dimensions - 1} dimensions here, not {padding.dim()}")
    if attention is not None and attention.dim() not in (2, 3):
        raise AssertionError(f"attn_mask has two or three dimensions, not {attention.dim()}")


def refuse_mask(name: str, mask: Tensor, allowed: list[tuple[int, ...]]) -> None:
    """Raise what torch raises for a mask of another shape."""
    if mask.shape not in allowed and name == "attn_mask":
        raise RuntimeError(f"{name} is {allowed[0]} or {allowed[1]}, not {tuple(mask.shape)}")
    if mask.shape not in allowed:
        raise AssertionError(f"{name} is {allowed[0]}, not {tuple(mask.shape)}")


def to_be_added(mask: Tensor, name: str, dtype: torch.dtype, appended: int) -> Tensor:
    """The mask as numbers to add, -inf where a key is excluded, with zeros for the appended positions."""
    if mask.dtype == torch.bool:
        mask = (~mask).to(dtype).log()
    if not mask.is_floating_point():
        raise AssertionError(f"{name} is of truth values or floats, not of {mask.dtype}")
    if mask.dtype != dtype:
        raise RuntimeError(f"{name} is of {mask.dtype} where query is of {dtype}")
    return torch.cat([mask, mask.new_zeros(*mask.shape[:-1], appended)], -1)


def multi_head_attention_oracle(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    padding: np.ndarray | None = None,
    need_weights: Any = True,
    mask: np.ndarray | None = None,
    average: Any = True,
    *,
    num_heads: int,
    batch_first: bool = False,
    add_zero_attn: bool = False,
    **parameters: Any,
) -> tuple[np.ndarray, ...]:
    """Sample by sample and head by head, each head adding its own share of the output. Without dropout.

    Masks are floats. What remains of the settings shows in which parameters there are.
    """
    batched = query.ndim == 3
    axis = 0 if batch_first or not batched else 1
    inputs = (query, key, value) if batched else (query[None], key[None], value[None])
    several = [np.moveaxis(array, axis, 0) for array in inputs]
    added = np.zeros((len(several[0]), num_heads, several[0].shape[1], several[1].shape[1]))
    if padding is not None:
        added += np.reshape(padding, (len(added), 1, 1, -1))
    if mask is not None:
        added += mask if mask.ndim == 2 else mask.reshape(added.shape)
    samples = zip(*several, added, strict=True)
    answers = [_one_sample(q, k, v, one, add_zero_attn, parameters) for q, k, v, one in samples]
    outputs, weights = (np.stack(arrays) for arrays in zip(*answers, strict=True))
    weights = np.average(weights, axis=1) if average else weights
    told = (np.moveaxis(outputs, 0, axis), weights) if batched else (outputs[0], weights[0])
    return told if need_weights else told[:1]


def _one_sample(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    added: np.ndarray,
    zero_position: bool,
    parameters: dict[str, Any],
) -> tuple[np.ndarray, np.ndarray]:
    names, width = ("q_proj_weight", "k_proj_weight", "v_proj_weight"), query.shape[1]
    packed = parameters.get("in_proj_weight")
    matrices = [parameters[name] for name in names] if packed is None else np.split(packed, 3)
    biases = np.split(parameters.get("in_proj_bias", np.zeros(3 * width)), 3)
    q, k, v = (np.inner(a, w) + b for a, w, b in zip((query, key, value), matrices, biases, strict=True))
    if "bias_k" in parameters:
        k, v = np.vstack([k, parameters["bias_k"][0]]), np.vstack([v, parameters["bias_v"][0]])
    if zero_position:
        k, v = np.pad(k, [(0, 1), (0, 0)]), np.pad(v, [(0, 1), (0, 0)])
    y = np.zeros((len(q), width)) + parameters.get("out_proj.bias", 0.0)
    weights = np.zeros((len(added), len(q), len(k)))
    weights[..., : added.shape[-1]] = added
    for head, part in enumerate(np.split(np.arange(width), len(added))):
        weights[head] = softmax(q[:, part] @ k[:, part].T / len(part) ** 0.5 + weights[head], axis=1)
        y += weights[head] @ v[:, part] @ parameters["out_proj.weight"][:, part].T
    return y, weights


# In float64: of so few numbers one may lie far from what rounding mostly does in float32.
TINY: dict[str, Any] = {"dtype": "float64", "timed": False}
SMALL: dict[str, Any] = {"embed_dim": 4, "num_heads": 2, **TINY}
QUERIES, KEYS, PADDING = randn(3, 2, 4), [randn(5, 2, 4)] * 2, randn(2, 5)
FIXED = [randn(1, 3, 1, requires_grad=False)] * 3
NO, YES = randint(1, ()), randint(1, 2, ())  # arguments after the first mask: 0 and 1

suite.component(
    "multi_head_attention",
    reference=MultiheadAttention,
    variants={"torch": nn.MultiheadAttention, "keras": "nnbench.suites._keras.attention:MultiHeadAttention"},
    oracle=multi_head_attention_oracle,
    cases=[
        case(*[randn(4, 16, 256)] * 3, embed_dim=256, num_heads=8, batch_first=True),
        case(*[randn(2, 64, 256)] * 3, embed_dim=256, num_heads=8, batch_first=True),
        case(QUERIES, *KEYS, **SMALL, bias=False),
        case(randn(2, 3, 4), randn(2, 5, 6), randn(2, 5, 3), **SMALL, kdim=6, vdim=3, batch_first=True),
        case(QUERIES, randn(5, 2, 4), randn(5, 2, 3), PADDING, **SMALL, vdim=3),
        case(QUERIES, *KEYS, PADDING, YES, randn(3, 5), NO, **SMALL, add_bias_kv=True, add_zero_attn=True),
        case(QUERIES, *KEYS, PADDING, NO, randn(4, 3, 5), **SMALL, add_zero_attn=True),
        case(randn(3, 4), *[randn(5, 4)] * 2, randn(5), **SMALL, add_bias_kv=True),
        case(*[randn(4, 6, 8)] * 3, embed_dim=8, num_heads=2, dropout=0.4, batch_first=True, **TINY),
        # One key: where its mask is -inf, nothing is left to attend to.
        case(*FIXED, randn(3, 1), NO, embed_dim=1, num_heads=1, **TINY),
    ],
    documented=["deepdive"],
    properties=["batch_independent", "mode", "stochastic"],
)
