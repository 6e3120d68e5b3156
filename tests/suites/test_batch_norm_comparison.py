"""Training with and without batch normalisation: losses by step beside torch's layers and gradients by hand."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import nnbench

COMPONENT = nnbench.component("regularizers.batch_norm")
NAMES = ["plain", "normalized"]


def drawn(batches: int, size: int, *widths: int, seed: int = 0) -> list[Tensor]:
    """Batches, labels and the normal numbers of a network of these widths, in float64."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(batches, size, widths[0]), *((after, before) for before, after in pairwise(widths))]
    features, *normal = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    return [features, torch.randint(widths[-1], (batches, size), generator=generator), *normal]


def losses(variant: str, inputs: list[Tensor], **arguments: Any) -> dict[str, Tensor]:
    found = COMPONENT.variant(variant).build(**arguments)(*inputs)
    assert list(found) == NAMES
    return found


def assert_same(got: dict[str, Any], want: dict[str, Any]) -> None:
    for name in NAMES:
        torch.testing.assert_close(got[name], torch.as_tensor(want[name]), rtol=1e-10, atol=0, msg=name)


ROWS: list[tuple[list[Tensor], dict[str, Any]]] = [
    (drawn(3, 8, 6, 5, 4, 3), {"lr": 0.1, "epochs": 5}),
    (drawn(3, 8, 6, 5, 4, 3), {}),
    (drawn(1, 2, 6, 5, 3), {"lr": 0.5, "epochs": 3}),
    (drawn(2, 7, 6, 9, 9, 9, 4), {"lr": 0.2, "epochs": 2}),
    (drawn(2, 7, 6, 4), {"lr": 0.2, "epochs": 4}),
    (drawn(2, 7, 6, 5, 4), {"lr": 0.0, "epochs": 2}),
    (drawn(2, 32, 784, 256, 128, 10), {"lr": 0.1, "epochs": 2}),
]


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_losses_of_every_step_equal_torchs_and_the_oracles(row: int) -> None:
    inputs, arguments = ROWS[row]
    got = losses("reference", inputs, **arguments)
    assert_same(got, losses("torch", inputs, **arguments))
    assert COMPONENT.oracle is not None
    assert_same(got, COMPONENT.oracle(*(tensor.numpy() for tensor in inputs), **arguments))
    assert {name: tuple(found.shape) for name, found in got.items()} == dict.fromkeys(
        NAMES, (arguments.get("epochs", 1) * len(inputs[0]),)
    )


def test_without_hidden_layers_there_is_nothing_to_normalise() -> None:
    found = losses("reference", drawn(2, 7, 6, 4), lr=0.2, epochs=3)
    assert torch.equal(found["plain"], found["normalized"])


def test_a_rate_of_zero_teaches_nothing() -> None:
    for found in losses("reference", drawn(2, 7, 6, 5, 4), lr=0.0, epochs=2).values():
        assert torch.equal(found[:2], found[2:])


def test_both_learn_and_the_normalised_network_sooner() -> None:
    inputs = drawn(4, 32, 784, 256, 128, 10)
    found = losses("reference", inputs, lr=0.01, epochs=5)
    assert all(found[name][-1] < found[name][0] - 0.5 for name in NAMES)
    assert found["normalized"][-1] < found["plain"][-1] - 0.3


def test_scaled_inputs_leave_the_normalised_network_as_it_was() -> None:
    """What is normalised does not depend on the scale that it comes in, but for the 1e-5 beside the variance."""
    features, *others = drawn(2, 16, 6, 5, 3)
    one, ten = (losses("reference", [scale * features, *others], lr=0.0) for scale in (1, 10))
    torch.testing.assert_close(one["normalized"], ten["normalized"], rtol=1e-3, atol=0)
    assert float((one["plain"] - ten["plain"]).abs().max()) > 0.1


@pytest.mark.parametrize("variant", ["reference", "torch"])
def test_what_it_is_given_stays_as_it_was(variant: str) -> None:
    inputs = drawn(2, 7, 6, 5, 4)
    losses(variant, inputs, lr=0.5, epochs=2)
    assert all(torch.equal(now, then) for now, then in zip(inputs, drawn(2, 7, 6, 5, 4), strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("variant", ["reference", "torch"])
def test_losses_are_of_the_features_dtype(variant: str, dtype: torch.dtype) -> None:
    exact = drawn(2, 7, 6, 5, 4)
    narrow = [tensor.to(dtype) if tensor.is_floating_point() else tensor for tensor in exact]
    found, want = (losses(variant, inputs, lr=0.1) for inputs in (narrow, exact))
    for name in NAMES:
        assert found[name].dtype == dtype
        torch.testing.assert_close(found[name].double(), want[name], rtol=1e-5, atol=0)


@pytest.mark.parametrize("variant", ["reference", "torch"])
def test_global_random_numbers_have_no_part_in_the_losses(variant: str) -> None:
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        found.append(losses(variant, drawn(2, 7, 6, 5, 4), lr=0.1))
    assert all(torch.equal(found[0][name], found[1][name]) for name in NAMES)


@pytest.mark.parametrize("variant", ["reference", "torch"])
def test_what_cannot_be_trained_is_refused(variant: str) -> None:
    features, labels, *normal = drawn(2, 7, 6, 5, 4)
    with pytest.raises(ValueError, match="layer"):
        losses(variant, [features, labels])
    with pytest.raises(ValueError, match="features"):
        losses(variant, [features[:, :1], labels[:, :1], *normal])
    with pytest.raises(ValueError, match="features"):
        losses(variant, [features[0], labels[0], *normal])
    with pytest.raises(ValueError, match="one label a sample"):
        losses(variant, [features, labels[:1], *normal])


def test_the_first_losses_are_those_of_torchs_functions() -> None:
    features, labels, first, last = drawn(1, 16, 6, 5, 3)
    found = losses("reference", [features, labels, first, last])
    hidden = (features[0] @ first.T * (2 / 6) ** 0.5).relu()
    for name, h in (("plain", hidden), ("normalized", nn.functional.batch_norm(hidden, None, None, training=True))):
        want = nn.functional.cross_entropy(h @ last.T * (2 / 5) ** 0.5, labels[0])
        torch.testing.assert_close(found[name][0], want, rtol=1e-12, atol=0)


def test_the_documented_network_is_the_cases() -> None:
    for case in COMPONENT.cases[:2]:
        assert [spec.shape for spec in case.inputs[2:]] == [(256, 784), (128, 256), (10, 128)]
