"""Multi-head attention from matrix products, as torch ships it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from nnbench.suites.layers.attention import attention_weights, weights_or_zeros
from nnbench.suites.layers.linear import Linear
from scipy.special import softmax
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

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

    bias_k: nn.Parameter | None
    bias_v: nn.Parameter | None

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

        def empty(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        one_size = self.kdim == self.vdim == embed_dim
        self.in_proj_weight = empty(3 * embed_dim, embed_dim) if one_size else None
        self.q_proj_weight = None if one_size else empty(embed_dim, embed_dim)
        self.k_proj_weight = None if one_size else empty(embed_dim, self.kdim)
        self.v_proj_weight = None if one_size else empty(embed_dim, self.vdim)
        self.in_proj_bias = empty(3 * embed_dim) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, device, dtype)
        self.bias_k = empty(1, 1, embed_dim) if add_bias_kv else None
        self.bias_v = empty(1, 1, embed_dim) if add_bias_kv else None
        self._reset_parameters()

    @torch.no_grad()
    def _reset_parameters(self) -> None:
        """Glorot's uniform distribution for weights, zeros for biases, Glorot's normal one for the learned position."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                bound = math.sqrt(6 / sum(weight.shape))
                weight.uniform_(-bound, bound)
        if self.in_proj_bias is not None and self.out_proj.bias is not None:
            self.in_proj_bias.zero_()
            self.out_proj.bias.zero_()
        for position in (self.bias_k, self.bias_v):
            if position is not None:
                position.normal_(0, 1 / math.sqrt(self.embed_dim))

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
        if is_causal and attn_mask is None:
            raise RuntimeError("is_causal says of attn_mask that it is causal, so it needs one")
        if is_causal and not need_weights and key_padding_mask is None:
            self._refuse_appended()
        batched = query.dim() == 3
        if not batched:
            query, key, value = (tensor.unsqueeze(0) for tensor in (query, key, value))
        elif not self.batch_first:
            query, key, value = (tensor.transpose(0, 1) for tensor in (query, key, value))
        self._refuse_sizes(query, key, value)
        masks = self._masks(key_padding_mask, attn_mask, (query.shape[0], query.shape[1], key.shape[1]), query.dtype)
        q, k, v = self._heads(query, key, value)
        scores = q @ k.transpose(-2, -1) + masks
        weights = attention_weights(scores) if need_weights else weights_or_zeros(scores)
        if self.training:
            weights = dropped_out(weights, self.dropout)
        y = self.out_proj((weights @ v).transpose(1, 2).flatten(2))
        if batched and not self.batch_first:
            y = y.transpose(0, 1)
        weights = weights.mean(1) if average_attn_weights else weights
        told = (y, weights) if batched else (y.squeeze(0), weights.squeeze(0))
        return told if need_weights else (told[0], None)

    def _heads(self, query: Tensor, key: Tensor, value: Tensor) -> list[Tensor]:
        """q / sqrt(d), k and v, each (N, num_heads, positions, d), with the appended positions."""
        weights: Any = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        if self.in_proj_weight is not None:
            weights = self.in_proj_weight.chunk(3)
        q, k, v = (tensor @ weight.T for tensor, weight in zip((query, key, value), weights, strict=True))
        if self.in_proj_bias is not None:
            q, k, v = (tensor + bias for tensor, bias in zip((q, k, v), self.in_proj_bias.chunk(3), strict=True))
        if self.bias_k is not None and self.bias_v is not None:
            k, v = (torch.cat([t, p.expand(len(t), -1, -1)], 1) for t, p in ((k, self.bias_k), (v, self.bias_v)))
        if self.add_zero_attn:
            k, v = (torch.cat([t, t.new_zeros(len(t), 1, self.embed_dim)], 1) for t in (k, v))
        split = (self.num_heads, self.head_dim)
        return [t.unflatten(-1, split).transpose(1, 2) for t in (q / math.sqrt(self.head_dim), k, v)]

    def _masks(
        self, padding: Tensor | None, attention: Tensor | None, sizes: tuple[int, int, int], dtype: torch.dtype
    ) -> Tensor | float:
        """What is added to the scores: both masks' sum, nothing at the appended positions."""
        samples, queries, keys = sizes
        total: Tensor | float = 0.0
        appended = (self.bias_k is not None) + self.add_zero_attn
        if attention is not None:
            whole = (samples * self.num_heads, queries, keys)
            if attention.shape not in (whole, whole[1:]):
                raise RuntimeError(f"attn_mask is {whole[1:]} or {whole}, not {tuple(attention.shape)}")
            mask = to_be_added(attention, "attn_mask", dtype, appended)
            total = total + (mask if mask.dim() == 2 else mask.unflatten(0, (samples, self.num_heads)))
        if padding is not None:
            if padding.shape not in ((samples, keys), (keys,)):
                raise AssertionError(f"key_padding_mask is {(samples, keys)}, not {tuple(padding.shape)}")
            mask = to_be_added(padding, "key_padding_mask", dtype, appended)
            total = total + mask.reshape(samples, 1, 1, keys + appended)
        return total

    def _refuse_appended(self) -> None:
        """Torch drops the mask for the hint here, and a causal mask over all positions excludes the appended ones."""
        if self.bias_k is not None or self.add_zero_attn:
            asked = "add_zero_attn" if self.bias_k is None else "add_bias_kv"
            raise NotImplementedError(f"is_causal=True with {asked} and need_weights=False is not supported")

    def _refuse_sizes(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        one_size = self.in_proj_weight is not None
        fits = key.shape == value.shape if one_size else key.shape[:2] == value.shape[:2]
        # A wrong width of packed keys is the matrix product's to refuse, as in torch.
        widths = [(query, self.embed_dim)] + ([] if one_size else [(key, self.kdim), (value, self.vdim)])
        if not fits or any(tensor.shape[-1] != width for tensor, width in widths):
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in (query, key, value))
            wanted = f"{self.embed_dim}, {self.kdim} and {self.vdim}"
            raise AssertionError(f"query, key and value end in {wanted}, the last two belong together; not {shapes}")
        if len(key) != len(query):
            raise RuntimeError(f"query and key have as many samples, not {len(query)} and {len(key)}")


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


def to_be_added(mask: Tensor, name: str, dtype: torch.dtype, appended: int) -> Tensor:
    """The mask as numbers to add, -inf where a key is excluded, with zeros for the appended positions."""
    if mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=dtype).masked_fill(mask, -math.inf)
    if not mask.is_floating_point():
        raise AssertionError(f"{name} is of truth values or floats, not of {mask.dtype}")
    if mask.dtype != dtype:
        raise RuntimeError(f"{name} is of {mask.dtype} where query is of {dtype}")
    return torch.cat([mask, mask.new_zeros(*mask.shape[:-1], appended)], -1)


def dropped_out(weights: Tensor, probability: float) -> Tensor:
    """Each weight becomes 0 with the probability, and what stays is scaled to keep the mean."""
    if not 0 <= probability <= 1:
        raise ValueError(f"dropout is a probability, between 0 and 1, not {probability}")
    if probability == 0:
        return weights
    stays = torch.rand_like(weights) >= probability
    return torch.where(stays, weights / (1 - probability if probability < 1 else 1), 0)


def multi_head_attention_oracle(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    *,
    embed_dim: int,
    num_heads: int,
    dropout: float = 0.0,
    bias: bool = True,
    add_bias_kv: bool = False,
    add_zero_attn: bool = False,
    kdim: int | None = None,
    vdim: int | None = None,
    batch_first: bool = False,
    **parameters: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Sample by sample and head by head, each head adding its own share of the output. Without masks and dropout."""
    axis = 0 if batch_first else 1
    samples = zip(*(np.moveaxis(array, axis, 0) for array in (query, key, value)), strict=True)
    answers = [_one_sample(q, k, v, num_heads, add_zero_attn, parameters) for q, k, v in samples]
    outputs, weights = zip(*answers, strict=True)
    return np.stack(outputs, axis), np.stack(weights)


def _one_sample(
    query: np.ndarray,
    key: np.ndarray,
    value: np.ndarray,
    heads: int,
    zero_position: bool,
    parameters: dict[str, np.ndarray],
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
    mean = np.zeros((len(q), len(k)))
    for part in np.split(np.arange(width), heads):
        weights = softmax(q[:, part] @ k[:, part].T / len(part) ** 0.5, axis=1)
        y += weights @ v[:, part] @ parameters["out_proj.weight"][:, part].T
        mean += weights / heads
    return y, mean


suite.component(
    "multi_head_attention",
    reference=MultiheadAttention,
    variants={"torch": nn.MultiheadAttention, "keras": "nnbench.suites._keras.attention:MultiHeadAttention"},
    oracle=multi_head_attention_oracle,
    cases=[
        case(*[randn(4, 16, 256)] * 3, embed_dim=256, num_heads=8, batch_first=True),
        case(*[randn(2, 64, 256)] * 3, embed_dim=256, num_heads=8, batch_first=True),
    ],
    documented=["deepdive"],
    properties=["batch_independent"],
)
