"""Keras' multi-head attention."""

from __future__ import annotations

from typing import Any

import keras
from nnbench.suites._keras.adapter import Counterpart, built, fresh_seed, like, name_of, refuse_other
from torch import Tensor, nn

from nnbench.failures import NotMeasurable


class MultiHeadAttention(Counterpart, nn.MultiheadAttention):
    """Keras' kernels are the projections transposed, with a dimension of their own for the heads."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        refuse_other("MultiHeadAttention", add_bias_kv=(self.bias_k is not None, False))
        refuse_other("MultiHeadAttention", add_zero_attn=(self.add_zero_attn, False))

    def make(self, x: Tensor, part: Any) -> Any:
        layer = keras.layers.MultiHeadAttention(
            self.num_heads,
            self.head_dim,
            dropout=self.dropout,
            use_bias=self.in_proj_bias is not None,
            dtype=name_of(x),
        )
        widths = (self.embed_dim, self.vdim, self.kdim)
        return built(layer, *((None, None, width) for width in widths))

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
    ) -> tuple[Any, Any]:
        if key_padding_mask is not None or attn_mask is not None or is_causal:
            raise NotMeasurable("masks are not translated for Keras' MultiHeadAttention")
        if query.dim() != 3:
            raise NotMeasurable("Keras' MultiHeadAttention takes batches: three dimensions")
        if self.training and self.dropout and need_weights:
            raise NotMeasurable("Keras' MultiHeadAttention shows its weights as they are before dropout")
        q, k, v = (t if self.batch_first else t.transpose(0, 1) for t in (query, key, value))
        seeds = [fresh_seed()] if self.dropout else []
        with like(q):
            (y, *weights), _ = Counterpart.layer(self, q).stateless_call(
                self.values(), seeds, q, v, k, return_attention_scores=True, training=self.training
            )
        y = y if self.batch_first else y.transpose(0, 1)
        if not need_weights:
            return y, None
        return y, weights[0].mean(1) if average_attn_weights else weights[0]

    def values(self) -> list[Tensor]:
        """Kernel and bias of query, key, value and output, in Keras' order."""
        heads = (self.num_heads, self.head_dim)
        packed = self.in_proj_weight
        apart = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        weights = [w.T.unflatten(1, heads) for w in (packed.chunk(3) if packed is not None else apart)]
        weights.append(self.out_proj.weight.T.unflatten(0, heads))
        if self.in_proj_bias is None:
            return weights
        biases = [b.unflatten(0, heads) for b in self.in_proj_bias.chunk(3)] + [self.out_proj.bias]
        return [tensor for pair in zip(weights, biases, strict=True) for tensor in pair]
