"""Layer normalization as the documents apply it: to channels that are not the last dimension."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nnbench.catalog import Evidence, Variant


class ChannelsFirstLayerNorm(nn.LayerNorm):
    """Torch's, given its input laid out as for a convolution: (N, C, L) where it normalizes the last dimension."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  torch's name for it
        return super().forward(input.transpose(-2, -1)).transpose(-2, -1)


@torch.no_grad()
def raises_channels_first(documented: Variant, reference: Variant) -> Evidence:
    """E04: of a (1, 64, 1024) tensor the last dimension is not the 64 that is to be normalized."""
    positions = torch.randn(1, 1024, 64, generator=torch.Generator().manual_seed(1))
    largest = float(reference.build(normalized_shape=64)(positions).mean(-1).abs().max())
    try:
        documented.build(normalized_shape=64)(positions)
    except RuntimeError as error:
        says = f"LayerNorm(64) on a (1, 64, 1024) tensor raises RuntimeError ({str(error).splitlines()[0]}); "
        says += f"with the 64 laid out last, (1, 1024, 64), each position's mean becomes 0 within {largest:.0e}"
        return Evidence(largest < 1e-5, says)
    return Evidence(False, "LayerNorm(64) on 1024 positions of 64 channels raises nothing")


DOCUMENTED = Variant("documented", ChannelsFirstLayerNorm, erratum="E04", evidence={"E04": raises_channels_first})
