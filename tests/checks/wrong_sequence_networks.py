"""Methods that make torch's networks for sequences wrong: by network, and by what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from wrong_networks import Methods, calling, ended

# Series.


def last_value(module: Any, x: Tensor) -> Tensor:
    y: Tensor = module.fc(module.lstm(x)[0][:, -1])
    return y


SERIES = {
    "the first step for the last": calling(lambda module, x: module.fc(module.lstm(x)[0][:, 0])),
    "the step before the last": calling(lambda module, x: module.fc(module.lstm(x)[0][:, -2])),
    "the mean over the steps": calling(lambda module, x: module.fc(module.lstm(x)[0].mean(1))),
    "the first layer's state": calling(lambda module, x: module.fc(module.lstm(x)[1][0][0])),
    "the cell's state": calling(lambda module, x: module.fc(module.lstm(x)[1][1][-1])),
    "the steps in the opposite order": calling(lambda module, x: last_value(module, x.flip(1))),
    "steps and samples swapped": calling(
        lambda module, x: module.fc(module.lstm(x.transpose(0, 1).reshape(x.shape))[0][:, -1])
    ),
    "a gradient through the last step alone": calling(
        lambda module, x: last_value(module, torch.cat([x[:, :-1].detach(), x[:, -1:]], 1))
    ),
    "ReLU behind the last layer": ended(last_value, torch.relu),
}


# Sentences through an LSTM.


def states(module: Any, ids: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Each word's outputs, then the last hidden states and those of the cells, of every layer and direction."""
    ends = torch.full((len(ids),), ids.shape[1]) if lengths is None else lengths
    packed = nn.utils.rnn.pack_padded_sequence(module.embedding(ids), ends, batch_first=True, enforce_sorted=False)
    outputs, (hidden, cells) = module.lstm(packed)
    return nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)[0], hidden, cells


def of_states(choose: Callable[[Tensor, Tensor, Tensor], list[Tensor]]) -> Methods:
    """The classifier of other states than the last layer's, forward and backward."""
    return calling(
        lambda module, ids, lengths=None: module.fc(torch.cat(choose(*states(module, ids, lengths)), dim=-1))
    )


def unpacked(module: Any, ids: Tensor, lengths: Tensor | None = None) -> Tensor:
    _, (hidden, _) = module.lstm(module.embedding(ids))
    y: Tensor = module.fc(torch.cat([hidden[-2], hidden[-1]], dim=-1))
    return y


def without_dropout(module: Any, ids: Tensor, lengths: Tensor | None = None) -> Tensor:
    share, module.lstm.dropout = module.lstm.dropout, 0.0
    try:
        _, hidden, _ = states(module, ids, lengths)
    finally:
        module.lstm.dropout = share
    y: Tensor = module.fc(torch.cat([hidden[-2], hidden[-1]], dim=-1))
    return y


def classified(module: Any, ids: Tensor, lengths: Tensor | None = None) -> Tensor:
    _, hidden, _ = states(module, ids, lengths)
    y: Tensor = module.fc(torch.cat([hidden[-2], hidden[-1]], dim=-1))
    return y


LSTM = {
    "padding is read": calling(unpacked),
    "the first layer's states": of_states(lambda outputs, hidden, cells: [hidden[0], hidden[1]]),
    "the forward direction twice": of_states(lambda outputs, hidden, cells: [hidden[-2], hidden[-2]]),
    "backward before forward": of_states(lambda outputs, hidden, cells: [hidden[-1], hidden[-2]]),
    "both directions at the last place": of_states(lambda outputs, hidden, cells: [outputs[:, -1]]),
    "both directions at the first word": of_states(lambda outputs, hidden, cells: [outputs[:, 0]]),
    "the cells' states": of_states(lambda outputs, hidden, cells: [cells[-2], cells[-1]]),
    "the mean over the words": of_states(lambda outputs, hidden, cells: [outputs.mean(1)]),
    "dropout left out": calling(without_dropout),
    "dropout of the last states": calling(
        lambda module, ids, lengths=None: functional.dropout(classified(module, ids, lengths), 0.3, module.training)
    ),
    "softmax before the loss": ended(classified, lambda y: y.softmax(-1)),
}


# Sentences through self-attention.


def attended(
    module: Any,
    ids: Tensor,
    lengths: Tensor | None = None,
    scale: Callable[[Any], float] = lambda attention: math.sqrt(attention.head_dim),
    over: int = -1,
    is_masked: bool = True,
) -> Tensor:
    """The words' values after attention, zeros for padding, and how many words there are."""
    is_word = words_of(ids, lengths)
    x = module.embedding(ids) + module.pe[: ids.shape[1]]
    attention = module.attention
    q, k, v = (
        part.unflatten(-1, (attention.num_heads, attention.head_dim)).transpose(1, 2)
        for part in functional.linear(x, attention.in_proj_weight, attention.in_proj_bias).chunk(3, -1)
    )
    scores = q @ k.mT / scale(attention)
    scores = scores.masked_fill(~is_word[:, None, None], -1e30) if is_masked else scores
    return attention.out_proj((scores.softmax(over) @ v).transpose(1, 2).flatten(2))


def words_of(ids: Tensor, lengths: Tensor | None) -> Tensor:
    ends = torch.full((len(ids),), ids.shape[1]) if lengths is None else lengths
    return torch.arange(ids.shape[1]) < ends[:, None]


def averaged(z: Tensor, is_word: Tensor) -> Tensor:
    return z.masked_fill(~is_word[..., None], 0).sum(1) / is_word.sum(1, keepdim=True)


def right_attention(module: Any, ids: Tensor, lengths: Tensor | None = None, **changed: Any) -> Tensor:
    y: Tensor = module.fc(averaged(attended(module, ids, lengths, **changed), words_of(ids, lengths)))
    return y


def attending(**changed: Any) -> Methods:
    return calling(lambda module, ids, lengths=None: right_attention(module, ids, lengths, **changed))


def gathered(gather: Callable[[Tensor, Tensor], Tensor]) -> Methods:
    """Another summary of a sentence's words than their mean."""
    return calling(
        lambda module, ids, lengths=None: module.fc(gather(attended(module, ids, lengths), words_of(ids, lengths)))
    )


ATTENTION = {
    "padding is attended": attending(is_masked=False),
    "scores that are not scaled": attending(scale=lambda attention: 1.0),
    "scores scaled by the whole width": attending(scale=lambda attention: math.sqrt(attention.embed_dim)),
    "softmax over the words that ask": attending(over=-2),
    "softmax over the heads": attending(over=1),
    "the mean over padding too": gathered(lambda z, is_word: z.mean(1)),
    "sums for the means": gathered(lambda z, is_word: z.masked_fill(~is_word[..., None], 0).sum(1)),
    "the first word alone": gathered(lambda z, is_word: z[:, 0]),
    "the mean over the numbers": gathered(lambda z, is_word: averaged(z, is_word).mean(1, True).expand(-1, z.shape[2])),
    "the mean over the batch": gathered(lambda z, is_word: averaged(z, is_word).mean(0, True).expand(len(z), -1)),
    "no positions": calling(lambda module, ids, lengths=None: right_attention(without_positions(module), ids, lengths)),
    "softmax before the loss": ended(right_attention, lambda y: y.softmax(-1)),
}


class without_positions:  # noqa: N801  it reads as the function that it is
    """A network whose encodings are zeros."""

    def __init__(self, module: Any) -> None:
        self.module, self.pe = module, torch.zeros_like(module.pe)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)


SEQUENCES: dict[str, dict[str, Methods]] = {
    "time_series_lstm": SERIES,
    "lstm_classifier": LSTM,
    "attention_classifier": ATTENTION,
}
