"""Errata of single layers and losses: each shows in what the documents have, and not in what is right."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nnbench
from nnbench.catalog import Component, Evidence, Variant

ERRATA = {
    "E01": "layers.self_attention",
    "E02": "activations.sigmoid",
    "E04": "layers.layer_norm",
    "E08": "losses.smooth_l1",
    "E14": "activations.sigmoid",
}
FIGURES = {
    "E01": ["plain sum of the values"],
    "E02": ["-2;", "0.104994"],
    "E04": ["(1, 64, 1024)", "RuntimeError"],
    "E08": ["2.5", "gives 2,", "is 4"],
    "E14": ["-1000", "overflow encountered in exp"],
}


def evidence(erratum: str, tried: Variant | None = None) -> Evidence:
    """What its evidence says of the documented variant, or of another in its place."""
    component: Component = nnbench.component(ERRATA[erratum])
    documented = component.variant("documented")
    return documented.evidence[erratum](tried or documented, component.reference)


@pytest.mark.parametrize("erratum", ERRATA)
def test_it_shows_with_figures(erratum: str) -> None:
    found = evidence(erratum)
    assert found.shown
    assert [figure for figure in FIGURES[erratum] if figure not in found.says] == []
    assert found == evidence(erratum)  # from fixed seeds: the same sentence every time


@pytest.mark.parametrize("erratum", ERRATA)
def test_the_reference_in_its_place_shows_nothing(erratum: str) -> None:
    assert not evidence(erratum, nnbench.component(ERRATA[erratum]).reference).shown


def replaced(erratum: str, **methods: Callable[..., Any]) -> Variant:
    """The documented class with its mistake mended."""
    target: Any = nnbench.component(ERRATA[erratum]).variant("documented").resolve()
    return Variant("documented", type("Mended", (target,), methods))


def weighted_sum(self: Any, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    attention = torch.softmax(torch.einsum("nhqd,nhkd->nhqk", q, k) / self.embed_size**0.5, dim=3)
    return torch.einsum("nhql,nhld->nhqd", attention, v)


def huber(self: Any, predicted: Tensor, target: Tensor) -> Tensor:
    return nn.functional.huber_loss(predicted, target, delta=self.beta)


MENDED: dict[str, dict[str, Callable[..., Any]]] = {
    "E01": {"_attend": weighted_sum},
    "E02": {"forward": lambda self, x: 1 / (1 + torch.exp(-x))},
    "E04": {"forward": lambda self, x: nn.functional.layer_norm(x, self.normalized_shape)},
    "E08": {"forward": huber},
    "E14": {"forward": lambda self, x: torch.sigmoid(x)},
}


@pytest.mark.parametrize("erratum", ERRATA)
def test_once_mended_it_shows_no_longer(erratum: str) -> None:
    assert not evidence(erratum, replaced(erratum, **MENDED[erratum])).shown


@pytest.mark.parametrize("erratum", ERRATA)
def test_evidence_leaves_random_numbers_and_numpys_settings_alone(erratum: str) -> None:
    before, settings = torch.get_rng_state(), np.geterr()
    evidence(erratum)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.geterr() == settings


def test_attention_as_documented_also_fails_its_mask() -> None:
    component = nnbench.component("layers.self_attention")
    torch.manual_seed(0)
    made = component.variant("documented").build(embed_size=8, heads=2)
    x = torch.randn(1, 4, 8)
    hidden = torch.tensor([1, 1, 0, 1])  # one position is excluded, and takes part all the same
    other = x.clone()
    other[:, 2] += 1
    moved = (made(x, x, x, hidden) - made(other, x, x, hidden)).abs().max()
    assert float(moved.detach()) > 0.01
    right = component.reference.build(embed_size=8, heads=2)
    right.load_state_dict(made.state_dict())
    torch.testing.assert_close(right(x, x, x, hidden), right(other, x, x, hidden))


def test_the_documented_derivative_is_right_of_an_output() -> None:
    x = torch.linspace(-3, 3, 7, dtype=torch.float64)
    made = nnbench.component("activations.sigmoid").variant("documented").build()
    s = torch.sigmoid(x).requires_grad_()
    made(s).sum().backward()
    torch.testing.assert_close(s.grad, (torch.sigmoid(x) * (1 - torch.sigmoid(x))))


def test_the_documented_sigmoid_has_the_right_values() -> None:
    x = torch.tensor([-1000.0, -90.0, -1.0, 0.0, 3.0, 1000.0])
    made = nnbench.component("activations.sigmoid").variant("documented").build()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.testing.assert_close(made(x), torch.sigmoid(x))
        made(x[2:])
    assert [str(warning.message) for warning in caught] == ["overflow encountered in exp"]


def test_layer_norm_as_documented_fits_a_square_alone() -> None:
    made = nnbench.component("layers.layer_norm").variant("documented").build(normalized_shape=6)
    x = torch.randn(2, 6, 6, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(made(x).mean(-2), torch.zeros(2, 6), atol=1e-6, rtol=0)
    with pytest.raises(RuntimeError):
        made(x[:, :5])


@pytest.mark.parametrize("delta", [0.5, 1.0, 2.0])
def test_what_is_called_huber_is_huber_over_delta(delta: float) -> None:
    made = nnbench.component("losses.smooth_l1").variant("documented").build(delta=delta)
    x, y = torch.linspace(-4, 4, 9), torch.zeros(9)
    torch.testing.assert_close(made(x, y) * delta, nn.functional.huber_loss(x, y, delta=delta))
