"""Dropout."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nnbench.catalog import Suite
from nnbench.specs import case, randn

suite = Suite("layers")


class Dropout(nn.Module):
    """Zeros in random places while training.

    ``y = x * m / (1 - p)``, each element of the mask m being 1 with probability 1 - p, drawn anew in every call; in
    evaluation mode ``y = x``. x and y of any shape. ``ValueError`` for p outside [0, 1]; ``NotImplementedError`` for
    ``inplace=True``. Source: torch.nn.Dropout; Srivastava et al., JMLR 15 (2014).
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"p is a probability from 0 to 1, not {p}")
        if inplace:
            raise NotImplementedError("inplace=True is not supported: the input is left as it is")
        self.p = p
        self.inplace = inplace

    extra_repr = nn.Dropout.extra_repr

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        share = 1 - self.p
        mask = torch.empty_like(x).bernoulli_(share)
        return x * mask / (share or 1)  # equivalent: where nothing is kept, zeros are divided by any number


suite.component(
    "dropout",
    reference=Dropout,
    variants={"torch": nn.Dropout, "keras": "nnbench.suites._keras.layers:Dropout"},
    cases=[
        *(case(randn(64, 256), p=p) for p in (0.1, 0.2, 0.3, 0.5)),
        case(randn(8, 128, 256), p=0.1),
        case(randn(16, 32), p=0.25, timed=False),
        case(randn(48, 4096), timed=False),  # large enough to tell a rate of 0.5 from 0.505
        case(randn(8, 16), p=0.0, timed=False),
        case(randn(8, 16), p=1.0, timed=False),
    ],
    documented=["handout", "guide", "fundamentals", "pytorch"],
    properties=["mode", "stochastic", "batch_independent"],
)
