"""What sequence models share: where a sentence ends, its words' vectors, and an LSTM that stops there."""

from __future__ import annotations

import torch
from nnbench.suites.architectures.dense import dropped_out
from torch import Tensor, nn

PADDING = 0  # the id of what stands behind a sentence's last word


def trimmed(ids: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """The ids (N, T) without the columns in which every sentence has ended, and each sentence's length (N,).

    Lengths that are not given are found: all that stands behind the last id other than 0 is padding.
    ``ValueError`` for other shapes, for no sentences, and for a length that is not between 1 and T.
    """
    if ids.dim() != 2 or not ids.numel():
        raise ValueError(f"sentences are ids (N, T) with N and T above 0, not {tuple(ids.shape)}")
    if lengths is None:
        places = torch.arange(1, ids.shape[1] + 1, device=ids.device)
        lengths = torch.where(ids == PADDING, 0, places).amax(1)
    if lengths.shape != ids.shape[:1]:
        raise ValueError(f"lengths has one number a sentence, {tuple(ids.shape[:1])}, not {tuple(lengths.shape)}")
    shortest, longest = int(lengths.min()), int(lengths.max())
    if shortest < 1 or longest > ids.shape[1]:
        raise ValueError(f"a sentence has 1 to {ids.shape[1]} words here, not {shortest if shortest < 1 else longest}")
    return ids[:, :longest], lengths


def within(ids: Tensor, lengths: Tensor) -> Tensor:
    """True (N, T) where a sentence has a word, False behind its end."""
    return torch.arange(ids.shape[1], device=ids.device) < lengths.unsqueeze(1)


def embedded(ids: Tensor, table: nn.Embedding) -> Tensor:
    """Each id's row of the table; the padding's row gets no gradient."""
    rows = table.weight.index_select(0, ids.reshape(-1)).unflatten(0, ids.shape)
    return torch.where((ids == PADDING).unsqueeze(-1), rows.detach(), rows)


def lstm(x: Tensor, layer: nn.LSTM, lengths: Tensor | None = None) -> Tensor:
    """The last layer's outputs (N, T, directions * hidden) for inputs (N, T, features), with the layer's parameters.

    Backward begins at each sentence's own last word. Outputs behind a sentence's end mean nothing, and nothing that
    stands there reaches the outputs before it.
    """
    for number in range(layer.num_layers):
        if number > 0:
            x = dropped_out(x, layer.dropout, layer.training)
        sides = [_through_time(x, layer, f"_l{number}")]
        if layer.bidirectional:
            sides.append(_turned(_through_time(_turned(x, lengths), layer, f"_l{number}_reverse"), lengths))
        x = torch.cat(sides, dim=-1)
    return x


def _through_time(x: Tensor, layer: nn.LSTM, suffix: str) -> Tensor:
    """``i, f, g, o = W_ih x + b_ih + W_hh h + b_hh``, ``c = s(f) c + s(i) tanh(g)``, ``h = s(o) tanh(c)``; every h."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    w_ih, w_hh, b_ih, b_hh = (getattr(layer, name + suffix) for name in names)
    h = c = x.new_zeros(x.shape[0], layer.hidden_size)
    outputs = []
    for from_input in (x @ w_ih.T + b_ih + b_hh).unbind(1):
        i, f, g, o = (from_input + h @ w_hh.T).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs, dim=1)


def _turned(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Each sentence's words in the opposite order; what stands behind its end stays there."""
    if lengths is None:
        return x.flip(1)
    places = torch.arange(x.shape[1], device=x.device)
    mirrored = lengths.unsqueeze(1) - 1 - places
    return x.gather(1, torch.where(mirrored < 0, places, mirrored).unsqueeze(-1).expand_as(x))
