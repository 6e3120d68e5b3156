"""Positions told apart by sines and cosines."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("layers")


class PositionalEncoding(nn.Module):
    """Sinusoidal positional encoding, added to the embeddings.

    ``y[n, t] = x[n, t] + pe[0, t]``, ``pe[0, t, 2 i] = sin(t / 10000^(2 i / d_model))``, ``pe[0, t, 2 i + 1] = cos`` of
    the same: x and y (N, T, d_model), the buffer pe (1, max_len, d_model), computed in float64 and kept in torch's
    default dtype.
    ``ValueError`` for sizes below 1, ``RuntimeError`` for another width than d_model and for more than max_len
    positions. Source: Vaswani et al., arXiv:1706.03762.
    """

    pe: Tensor

    def __init__(self, d_model: int, max_len: int = 5000) -> None:
        super().__init__()
        if d_model <= 0 or max_len <= 0:
            raise ValueError(f"d_model and max_len are above 0, not {d_model} and {max_len}")
        self.d_model = d_model
        self.max_len = max_len
        # In float32 an angle of thousands would be known to three decimals only.
        position = torch.arange(max_len, dtype=torch.float64).unsqueeze(1)
        frequency = torch.exp(-math.log(10000) / d_model * torch.arange(0, d_model, 2, dtype=torch.float64))
        pe = torch.empty(1, max_len, d_model, dtype=torch.float64)
        pe[0, :, 0::2] = torch.sin(position * frequency)
        pe[0, :, 1::2] = torch.cos(position * frequency[: d_model // 2])
        self.register_buffer("pe", pe.to(torch.get_default_dtype()))

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 3 or x.shape[1] > self.max_len or x.shape[2] != self.d_model:
            raise RuntimeError(
                f"PositionalEncoding takes (N, T, {self.d_model}) with T up to {self.max_len}, not {tuple(x.shape)}"
            )
        return x + self.pe[:, : x.shape[1]]


def positional_encoding_oracle(x: np.ndarray, *, d_model: int, pe: np.ndarray, max_len: int = 5000) -> np.ndarray:
    """A cosine is a sine a quarter turn on; the table is rounded to float32, in which the module keeps it."""
    numbers = np.arange(d_model)
    angles = np.outer(np.arange(x.shape[1]), 10000.0 ** (-(numbers - numbers % 2) / d_model))
    return x + np.sin(angles + np.pi / 2 * (numbers % 2)).astype(np.float32)


suite.component(
    "positional_encoding",
    reference=PositionalEncoding,
    oracle=positional_encoding_oracle,
    cases=[
        case(randn(4, 16, 256), d_model=256),
        case(randn(8, 128, 512), d_model=512, max_len=512),
        case(randn(2, 9, 7), d_model=7, max_len=9, timed=False),
    ],
    documented=["deepdive"],
    properties=["batch_independent"],
)
