"""Wrong versions of the attention layers, around one right formulation each."""

import math

import torch
from torch import nn
from torch.nn import functional


def over_keys(scores):
    return scores.softmax(-1)


def zeros_where_nothing_is_left(scores):
    return torch.where((scores == -math.inf).all(-1, keepdim=True), 0, scores.softmax(-1))


def in_heads(tensor, heads):
    return tensor.unflatten(-1, (heads, -1)).transpose(1, 2)


def interleaved(tensor, heads):
    return tensor.unflatten(-1, (-1, heads)).movedim(-1, 1)


def shifted(mask):
    return mask.roll(1, -1)


# Self-attention with shared projections


def self_attention(
    layer,
    values,
    keys,
    query,
    mask=None,
    scale=lambda layer: layer.embed_size**-0.5,
    softmax=zeros_where_nothing_is_left,
    split=in_heads,
    kept=lambda mask: mask != 0,
    lowest=-math.inf,
    order=("queries", "keys", "values"),
):
    named = zip(order, (query, keys, values), strict=True)
    q, k, v = (getattr(layer, name)(split(tensor, layer.heads)) for name, tensor in named)
    scores = q @ k.mT * scale(layer)
    if mask is not None:
        scores = scores.masked_fill(~kept(mask), lowest)
    return layer.fc_out((softmax(scores) @ v).transpose(1, 2).flatten(2))


def of_self(**changed):
    return lambda layer, *inputs: self_attention(layer, *inputs, **changed)


# Multi-head attention


def projected(layer, inputs):
    weights = layer.in_proj_weight
    apart = (layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight)
    biases = [None] * 3 if layer.in_proj_bias is None else layer.in_proj_bias.chunk(3)
    matrices = apart if weights is None else weights.chunk(3)
    return [functional.linear(*one) for one in zip(inputs, matrices, biases, strict=True)]


def at_the_end(tensor, position):
    return torch.cat([tensor, position], 1)


def at_the_start(tensor, position):
    return torch.cat([position, tensor], 1)


def with_appended(layer, k, v, join):
    if layer.bias_k is not None:
        k, v = (join(t, p.expand(len(t), -1, -1)) for t, p in ((k, layer.bias_k), (v, layer.bias_v)))
    if layer.add_zero_attn:
        k, v = (join(t, torch.zeros_like(t[:, :1])) for t in (k, v))
    return k, v


def masks_of(layer, padding, mask, shape):
    total = torch.zeros(shape, dtype=layer.out_proj.weight.dtype)
    if padding is not None:
        total = total + padding.reshape(len(total), 1, 1, -1)
    if mask is not None:
        total = total + (mask if mask.dim() == 2 else mask.unflatten(0, shape[:2]))
    return total


def as_dropped_out(weights, layer):
    return functional.dropout(weights, layer.dropout, layer.training)


def multi_head(
    layer,
    query,
    key,
    value,
    padding=None,
    need_weights=True,
    mask=None,
    average=True,
    scale=lambda layer: layer.head_dim**-0.5,
    softmax=(over_keys, zeros_where_nothing_is_left),
    split=in_heads,
    join=at_the_end,
    change_mask=lambda mask: mask,
    change_scores=lambda scores: scores,
    averaged=lambda weights: weights.mean(1),
    drop=as_dropped_out,
    shown=lambda weights, dropped: dropped,
    project=lambda layer, y: layer.out_proj(y),
    batch_first=None,
):
    batched, first = query.dim() == 3, layer.batch_first if batch_first is None else batch_first
    turned = batched and not first
    inputs = [(t.transpose(0, 1) if turned else t if batched else t[None]) for t in (query, key, value)]
    q, k, v = projected(layer, inputs)
    added = change_mask(masks_of(layer, padding, mask, (len(q), layer.num_heads, q.shape[1], k.shape[1])))
    k, v = with_appended(layer, k, v, join)
    q, k, v = (split(t, layer.num_heads) for t in (q, k, v))
    scores = q @ k.mT * scale(layer)
    scores = change_scores(scores + functional.pad(added, (0, scores.shape[-1] - added.shape[-1])))
    weights = softmax[0 if need_weights else 1](scores)
    dropped = drop(weights, layer)
    y = project(layer, (dropped @ v).transpose(1, 2).flatten(2))
    y = y.transpose(0, 1) if turned else y if batched else y[0]
    weights = shown(weights, dropped)
    weights = averaged(weights) if average else weights
    return y, ((weights if batched else weights[0]) if need_weights else None)


def of_multi(**changed):
    return lambda layer, *inputs: multi_head(layer, *inputs, **changed)


def without_mask(place):
    def forward(layer, *inputs):
        return multi_head(layer, *[None if one == place else tensor for one, tensor in enumerate(inputs)])

    return forward


RIGHT_ATTENTION = {
    "layers.self_attention": [self_attention],
    "layers.multi_head_attention": [multi_head, nn.MultiheadAttention.forward],
}
WRONG_ATTENTION = {
    "layers.self_attention": {
        "not divided": of_self(scale=lambda layer: 1.0),
        "divided by the root of a head's width": of_self(scale=lambda layer: layer.head_dim**-0.5),
        "divided without a root": of_self(scale=lambda layer: 1 / layer.embed_size),
        "softmax over the queries": of_self(softmax=lambda scores: scores.softmax(-2).nan_to_num(0)),
        "softmax over the heads": of_self(softmax=lambda scores: scores.softmax(1).nan_to_num(0)),
        "the mask turned round": of_self(kept=lambda mask: mask == 0),
        "the mask shifted by a key": of_self(kept=lambda mask: shifted(mask != 0)),
        "only ones are kept": of_self(kept=lambda mask: mask == 1),
        "the mask of the first sample for all": of_self(kept=lambda mask: (mask != 0)[:1]),
        "the mask of the first head for all": of_self(kept=lambda mask: (mask != 0)[:, :1]),
        "the mask ignored": of_self(kept=lambda mask: mask == mask),
        "0 for an excluded score": of_self(lowest=0.0),
        "the mean where nothing is left": of_self(lowest=-1e20),
        "NaN where nothing is left": of_self(softmax=over_keys),
        "heads interleaved": of_self(split=interleaved),
        "queries and keys projected by each other's": of_self(order=("keys", "queries", "values")),
        "values projected by the keys'": of_self(order=("queries", "keys", "keys")),
        "queries and keys changed about": lambda layer, values, keys, query, mask=None: self_attention(
            layer, values, keys, keys[:, :1].expand_as(query), mask
        ),
        "keys for values": lambda layer, values, keys, *more: self_attention(layer, keys, keys, *more),
        "scores without a gradient": of_self(softmax=lambda scores: zeros_where_nothing_is_left(scores.detach())),
        "values without a gradient": lambda layer, values, *more: self_attention(layer, values.detach(), *more),
    },
    "layers.multi_head_attention": {
        "not divided": of_multi(scale=lambda layer: 1.0),
        "divided by the root of the whole width": of_multi(scale=lambda layer: layer.embed_dim**-0.5),
        "divided without a root": of_multi(scale=lambda layer: 1 / layer.head_dim),
        "softmax over the queries": of_multi(softmax=[lambda scores: scores.softmax(-2)] * 2),
        "softmax over the heads": of_multi(softmax=[lambda scores: scores.softmax(1)] * 2),
        "NaN where nothing is left": of_multi(softmax=[over_keys] * 2),
        "masks of the wrong sign": of_multi(change_mask=torch.neg),
        "masks shifted by a key": of_multi(change_mask=shifted),
        "masks shifted by a query": of_multi(change_mask=lambda mask: mask.roll(1, -2)),
        "the mask of the first head for all": of_multi(change_mask=lambda mask: mask[:, :1]),
        "the padding ignored": without_mask(3),
        "the attention mask ignored": without_mask(5),
        "masks multiplied by the scale": of_multi(change_mask=lambda mask: mask / math.sqrt(2)),
        "heads interleaved": of_multi(split=interleaved),
        "appended positions first": of_multi(join=at_the_start),
        "no appended positions": of_multi(join=lambda tensor, position: tensor),
        "the weights of the first head for the mean": of_multi(averaged=lambda weights: weights[:, 0]),
        "the heads' weights added up": of_multi(averaged=lambda weights: weights.sum(1)),
        "no dropout": of_multi(drop=lambda weights, layer: weights),
        "dropout in evaluation": of_multi(drop=lambda weights, layer: functional.dropout(weights, layer.dropout)),
        "dropout without scaling": of_multi(
            drop=lambda weights, layer: as_dropped_out(weights, layer) * (1 - layer.dropout * layer.training)
        ),
        "the weights shown before dropout": of_multi(shown=lambda weights, dropped: weights),
        "no output projection": of_multi(project=lambda layer, y: y),
        "no bias of the output": of_multi(project=lambda layer, y: functional.linear(y, layer.out_proj.weight)),
        "batches first whatever is asked": of_multi(batch_first=True),
        "keys for values": lambda layer, query, key, value, *more: multi_head(
            layer, query, key, key if key.shape == value.shape else value, *more
        ),
        "scores without a gradient": of_multi(change_scores=torch.Tensor.detach),
        "keys without a gradient": lambda layer, query, key, *more: multi_head(layer, query, key.detach(), *more),
    },
}
