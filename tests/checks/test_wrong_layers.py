"""Layers without windows, wrong in no single place of the reference, as people get them wrong: each is caught."""

import math

import pytest
import torch
from torch.nn import functional
from wrong_versions import failures, right_rows_of, rows_of, with_lost_gradients


def linear(module, x):
    return functional.linear(x, module.weight, module.bias)


def flatten(module, x):
    return x.flatten(module.start_dim, module.end_dim)


def dropout(module, x):
    return functional.dropout(x, module.p, module.training)


def mask(x, p):
    return (torch.rand_like(x) >= p).to(x.dtype)


def masked_with(draw):
    """Dropout with another mask, in training mode; what ``draw`` gives is not scaled."""
    return lambda module, x: draw(x, module.p) if module.training else x


def embedding(module, x, **settings):
    names = ("padding_idx", "max_norm", "norm_type", "scale_grad_by_freq")
    return functional.embedding(x, module.weight, **{name: getattr(module, name) for name in names} | settings)


def encoded(table):
    """x plus table(angles), the angles (T, d_model), each twice: one for the sine and one for the cosine."""

    def forward(module, x):
        return x + table(angles(torch.arange(x.shape[1]), module.d_model)).to(torch.float32).to(x.dtype)

    return forward


def angles(positions, width, base=10000.0):
    pairs = torch.arange(width, dtype=torch.float64) // 2
    return positions[:, None] / base ** (2 * pairs / width)


def alternating(angle, even=torch.sin, odd=torch.cos):
    return torch.where(torch.arange(angle.shape[1]) % 2 == 0, even(angle), odd(angle))


def halves(angle):
    """Sines in the first half of the numbers, cosines in the second."""
    return torch.cat([alternating(angle)[:, 0::2], alternating(angle)[:, 1::2]], 1)


def from_one(module, x):
    return x + alternating(angles(torch.arange(1, x.shape[1] + 1), module.d_model)).float().to(x.dtype)


RIGHT = {
    "layers.linear": [linear],
    "layers.flatten": [flatten],
    "layers.dropout": [dropout, masked_with(lambda x, p: x * mask(x, p) / (1 - p or 1))],
    "layers.positional_encoding": [encoded(alternating)],
}
WRONG = {
    "layers.linear": {
        "bias forgotten": lambda module, x: x @ module.weight.T,
        "bias twice": lambda module, x: linear(module, x) + (0 if module.bias is None else module.bias),
        "a bias that does not learn": lambda module, x: (
            linear(module, x).detach() + x @ module.weight.T - (x @ module.weight.T).detach()
        ),
        "leading dimensions joined": lambda module, x: linear(module, x.flatten(0, -2)),
        "a mean for the sum": lambda module, x: functional.linear(x / x.shape[-1], module.weight, module.bias),
        "a batch of one lost": lambda module, x: linear(module, x).squeeze(0),
    },
    "layers.flatten": {
        "the batch too": lambda module, x: x.flatten(),
        "a batch of one lost": lambda module, x: flatten(module, x).squeeze(0),
        "the first dimension fastest": lambda module, x: (
            x.reshape(flatten(module, x).shape)
            if x.dim() < 2
            else x.transpose(-2, -1).reshape(flatten(module, x).shape)
        ),
        "to the last dimension always": lambda module, x: x.flatten(module.start_dim),
        "from the second always": lambda module, x: x.flatten(min(1, max(x.dim() - 1, 0)), module.end_dim),
    },
    "layers.dropout": {
        "not scaled": masked_with(lambda x, p: x * mask(x, p)),
        "scaled by what is dropped": masked_with(lambda x, p: x * mask(x, p) / (p or 1)),
        "the share kept for the share dropped": masked_with(lambda x, p: x * mask(x, 1 - p) / (p or 1)),
        "scaled in evaluation": lambda module, x: x * mask(x, module.p) if module.training else x * (1 - module.p),
        "in evaluation too": lambda module, x: functional.dropout(x, module.p, True),
        "never": lambda module, x: x,
        "one mask for ever": masked_with(lambda x, p: x * (torch.arange(x.numel()).view_as(x) % 4 > 0) / (1 - p or 1)),
        "a gradient that no mask stops": masked_with(lambda x, p: x + (x * mask(x, p) / (1 - p or 1) - x).detach()),
    },
    "layers.positional_encoding": {
        "positions from one": from_one,
        "sine and cosine swapped": encoded(lambda angle: alternating(angle, torch.cos, torch.sin)),
        "sines first, then cosines": encoded(halves),
        "sines alone": encoded(torch.sin),
        "a base of 1000": lambda module, x: (
            x + alternating(angles(torch.arange(x.shape[1]), module.d_model, 1000.0)).float().to(x.dtype)
        ),
        "not added": lambda module, x: x,
        "backwards": lambda module, x: x + module.pe[:, : x.shape[1]].flip(1),
        "the input scaled": lambda module, x: math.sqrt(module.d_model) * x + module.pe[:, : x.shape[1]],
        "the sample's number for the position": lambda module, x: x + module.pe[0, : len(x), None],
        "a gradient scaled": lambda module, x: 2 * x - x.detach() + module.pe[:, : x.shape[1]],
    },
}
EMBEDDING = {
    "the padding's row learns": lambda module, x: embedding(module, x, padding_idx=None),
    "the padding is zeros": lambda module, x: (
        embedding(module, x) * (1 if module.padding_idx is None else (x != module.padding_idx).unsqueeze(-1))
    ),
    "the last row for the padding": lambda module, x: embedding(
        module, x, padding_idx=None if module.padding_idx is None else -1
    ),
    "how often does not matter": lambda module, x: embedding(module, x, scale_grad_by_freq=False),
    "how often always matters": lambda module, x: embedding(module, x, scale_grad_by_freq=True),
    "never shortened": lambda module, x: embedding(module, x, max_norm=None),
    "always the Euclidean norm": lambda module, x: embedding(module, x, norm_type=2.0),
    "always shortened": lambda module, x: embedding(module, x, max_norm=1.0),
    "the row after": lambda module, x: embedding(module, (x + 1) % module.num_embeddings),
    "a table that does not learn": lambda module, x: embedding(module, x).detach(),
    "one lookup learns of several": lambda module, x: torch.where(
        (torch.arange(x.numel()).view_as(x) == 0).unsqueeze(-1), embedding(module, x), embedding(module, x).detach()
    ),
}
ALL_RIGHT = RIGHT | {"layers.embedding": [embedding]}
# Numbers of rows have no gradient to lose.
ALL_WRONG = with_lost_gradients(WRONG, RIGHT) | {"layers.embedding": EMBEDDING}


@pytest.mark.parametrize(("identifier", "forward"), right_rows_of(ALL_RIGHT))
def test_another_right_formulation_passes(identifier, forward):
    assert [(row.case, row.check, row.note) for row in failures(identifier, forward)] == []


@pytest.mark.parametrize(("identifier", "forward"), rows_of(ALL_WRONG))
def test_what_is_wrong_is_caught(identifier, forward):
    caught = next(failures(identifier, forward), None)
    assert caught is not None
    assert caught.status == "failed"
