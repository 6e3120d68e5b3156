"""Keras' counterparts: the same answers as torch's in float64, over the options that both have.

Most of this needs Keras, an optional extra; what holds without it is tested without it.
"""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from keras_support import WAYS, Shape, drawn, needs_keras, pair
from suite_support import answer, assert_close
from torch import Tensor, nn

import nnbench
from nnbench.failures import MissingPackage
from nnbench.workload import tensors

BOTH = "nnbench.suites._keras"

# Every component that the documents give a Keras counterpart.
COUNTERPARTS = {
    "activations": "relu leaky_relu elu sigmoid tanh softmax gelu silu mish",
    "layers": "linear conv1d conv2d embedding lstm gru max_pool1d max_pool2d avg_pool2d batch_norm1d batch_norm2d "
    "layer_norm dropout flatten multi_head_attention",
    "losses": "mse l1 huber cross_entropy bce",
    "optimizers": "sgd adam adamw rmsprop adagrad",
    "schedulers": "exponential_decay cosine_decay reduce_lr_on_plateau",
    "regularizers": "l1 l2 l1_l2 early_stopping",
}
IDS = [f"{suite}.{name}" for suite, names in COUNTERPARTS.items() for name in names.split()]


@pytest.fixture
def without_adapters() -> Iterator[None]:
    """As if nobody had imported them, or Keras, yet."""
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith(BOTH)}
    keras = sys.modules.pop("keras", None)
    yield
    for name in [name for name in sys.modules if name.startswith(BOTH)]:
        del sys.modules[name]
    sys.modules.pop("keras", None)
    sys.modules.update(kept if keras is None else kept | {"keras": keras})


@pytest.mark.parametrize("identifier", IDS)
def test_every_documented_counterpart_is_registered_as_text(identifier: str) -> None:
    assert str(nnbench.component(identifier).variant("keras").target).startswith(BOTH)


def test_the_three_ways_of_writing_a_model_are_variants() -> None:
    assert set(WAYS) <= set(nnbench.component("architectures.sequential_mlp").variants)


def test_without_keras_the_reason_names_the_extra(without_adapters: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)  # importing it then says that there is no such module
    with pytest.raises(MissingPackage, match=r"Keras is not installed: pip install 'nnbench-harness\[keras\]'"):
        nnbench.component("layers.linear").variant("keras").build(in_features=2, out_features=3)


def test_another_backend_that_is_already_loaded_is_refused(
    without_adapters: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake: Any = types.ModuleType("keras")
    fake.config = types.SimpleNamespace(backend=lambda: "jax")
    monkeypatch.setitem(sys.modules, "keras", fake)
    with pytest.raises(MissingPackage, match="already loaded with the backend jax"):
        nnbench.component("layers.linear").variant("keras").build(in_features=2, out_features=3)


def test_registration_does_not_import_keras() -> None:
    code = "import sys, nnbench; nnbench.components(); sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# What Keras expresses, beside the documented cases: arguments and shapes of inputs ("5" for int64 below 5).
Row = tuple[str, dict[str, Any], list[Shape]]
IMAGE: list[Shape] = [(1, 2, 7, 8)]
PREDICTIONS: list[Shape] = [(6, 5), (6, 5)]
REDUCED: list[Row] = [
    (f"losses.{name}", {"reduction": kind}, PREDICTIONS)
    for name in ("mse", "l1", "huber")
    for kind in ("mean", "sum", "none")
]
OPTIONS: list[Row] = [
    *REDUCED,
    ("activations.relu", {}, [(3, 4)]),
    ("activations.leaky_relu", {"negative_slope": 0.3}, [(3, 4)]),
    ("activations.elu", {"alpha": 0.7}, [(5,)]),
    ("activations.softmax", {"dim": 0}, [(3, 4)]),
    ("activations.softmax", {"dim": -2}, [(3, 4, 2)]),
    ("activations.gelu", {"approximate": "tanh"}, [(3, 4)]),
    ("layers.linear", {"in_features": 4, "out_features": 3, "bias": False}, [(2, 4)]),
    ("layers.linear", {"in_features": 4, "out_features": 3}, [(2, 5, 4)]),
    ("layers.conv1d", {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "groups": 2}, [(2, 4, 9)]),
    ("layers.conv1d", {"in_channels": 2, "out_channels": 3, "kernel_size": 4, "padding": "same"}, [(2, 2, 9)]),
    ("layers.conv1d", {"in_channels": 2, "out_channels": 3, "kernel_size": 3, "stride": 2, "padding": 1}, [(2, 2, 9)]),
    ("layers.conv1d", {"in_channels": 2, "out_channels": 3, "kernel_size": 1, "bias": False}, [(2, 2, 9)]),
    ("layers.conv2d", {"in_channels": 2, "out_channels": 3, "kernel_size": (3, 2), "stride": (2, 1)}, [(2, 2, 7, 8)]),
    ("layers.conv2d", {"in_channels": 2, "out_channels": 3, "kernel_size": 3, "dilation": 2, "padding": 2}, IMAGE),
    ("layers.conv2d", {"in_channels": 2, "out_channels": 2, "kernel_size": 3, "padding": (1, 2)}, [(1, 2, 5, 6)]),
    ("layers.conv2d", {"in_channels": 2, "out_channels": 2, "kernel_size": 2, "padding": "valid"}, [(1, 2, 5, 6)]),
    ("layers.lstm", {"input_size": 3, "hidden_size": 4, "bias": False}, [(5, 2, 3)]),
    ("layers.lstm", {"input_size": 3, "hidden_size": 4, "num_layers": 2, "bidirectional": True}, [(5, 2, 3)]),
    ("layers.gru", {"input_size": 3, "hidden_size": 4, "bias": False, "batch_first": True}, [(2, 5, 3)]),
    ("layers.gru", {"input_size": 3, "hidden_size": 4, "num_layers": 2, "bidirectional": True}, [(5, 2, 3)]),
    ("layers.gru", {"input_size": 3, "hidden_size": 4, "num_layers": 2}, [(5, 2, 3), (2, 2, 4)]),
    ("layers.max_pool1d", {"kernel_size": 3, "stride": 2}, [(2, 3, 8)]),
    ("layers.max_pool2d", {"kernel_size": (2, 3), "stride": (1, 2)}, [(2, 3, 6, 8)]),
    ("layers.avg_pool2d", {"kernel_size": (2, 3), "stride": (1, 2)}, [(2, 3, 6, 8)]),
    ("layers.batch_norm1d", {"num_features": 3, "eps": 0.1, "affine": False}, [(8, 3)]),
    ("layers.batch_norm1d", {"num_features": 3, "momentum": 0.4}, [(8, 3, 5)]),
    ("layers.batch_norm2d", {"num_features": 3, "eps": 1e-3}, [(4, 3, 2, 5)]),
    ("layers.layer_norm", {"normalized_shape": (3, 4), "eps": 0.1}, [(2, 3, 4)]),
    ("layers.layer_norm", {"normalized_shape": 4, "bias": False}, [(2, 3, 4)]),
    ("layers.layer_norm", {"normalized_shape": 4, "elementwise_affine": False}, [(2, 3, 4)]),
    ("layers.dropout", {"p": 0.0}, [(3, 4)]),
    ("layers.flatten", {}, [(3, 4, 2, 2)]),
    ("layers.multi_head_attention", {"embed_dim": 8, "num_heads": 2}, [(5, 3, 8)] * 3),
    ("layers.multi_head_attention", {"embed_dim": 8, "num_heads": 4, "bias": False}, [(5, 3, 8), (6, 3, 8), (6, 3, 8)]),
    ("layers.multi_head_attention", {"embed_dim": 8, "num_heads": 2, "kdim": 5, "vdim": 7, "batch_first": True},
     [(3, 5, 8), (3, 6, 5), (3, 6, 7)]),
    ("losses.mse", {}, [(6,), (6,)]),
    ("losses.huber", {"delta": 0.3}, PREDICTIONS),
]  # fmt: skip


class First(nn.Module):
    """The first of a module's outputs; of a recurrent layer's also the last state, joined to one tensor."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *inputs: Tensor) -> Tensor:
        found = [tensor.flatten() for tensor in tensors(self.inner(*inputs))]
        return torch.cat(found)


def assert_same_answers(identifier: str, arguments: dict[str, Any], inputs: list[Tensor]) -> None:
    keras, theirs = pair(identifier, **arguments)
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(keras.state_dict()[name], tensor), name
    (got, mine), (want, others) = (answer(First(made), inputs) for made in (keras, theirs))
    assert_close(got, want, "outputs")
    assert mine.keys() == others.keys()
    for name, tensor in others.items():
        assert_close(mine[name], tensor, f"gradient of {name}")


@needs_keras
@pytest.mark.parametrize(("identifier", "arguments", "shapes"), OPTIONS, ids=str)
def test_options_in_float64_give_torchs_answers_and_gradients(
    identifier: str, arguments: dict[str, Any], shapes: list[Shape]
) -> None:
    assert_same_answers(identifier, arguments, drawn(shapes))


@needs_keras
@pytest.mark.parametrize("identifier", ["layers.lstm", "layers.gru"])
def test_recurrent_layers_start_from_a_given_state(identifier: str) -> None:
    x, h, c = drawn([(5, 2, 3), (1, 2, 4), (1, 2, 4)])
    state = (h, c) if identifier == "layers.lstm" else h
    keras, theirs = pair(identifier, input_size=3, hidden_size=4)
    for mine, other in zip(tensors(keras(x, state)), tensors(theirs(x, state)), strict=True):
        assert_close(mine.detach(), other.detach())


@needs_keras
@pytest.mark.parametrize("padding_idx", [None, 0, -1])
def test_the_paddings_row_gets_no_gradient(padding_idx: int | None) -> None:
    keras, theirs = pair("layers.embedding", num_embeddings=5, embedding_dim=3, padding_idx=padding_idx)
    words = torch.tensor([[0, 4, 1], [4, 0, 0]])
    (got, mine), (want, others) = (answer(made, [words]) for made in (keras, theirs))
    assert torch.equal(got, want)
    assert_close(mine["weight"], others["weight"])


@needs_keras
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_classification_losses(reduction: str) -> None:
    (scores,) = drawn([(6, 5)])
    classes = torch.tensor([0, 4, 2, 2, 1, 3])
    for arguments in ({}, {"ignore_index": 2}):
        assert_same_answers("losses.cross_entropy", {"reduction": reduction} | arguments, [scores, classes])
    images = scores.detach().reshape(2, 5, 3).requires_grad_()
    assert_same_answers("losses.cross_entropy", {"reduction": reduction}, [images, classes.reshape(2, 3)])
    p, target = (torch.rand(6, 5, dtype=torch.float64, requires_grad=flag) for flag in (True, False))
    assert_same_answers("losses.bce", {"reduction": reduction}, [p, target])


@needs_keras
def test_an_ignored_class_counts_in_no_mean() -> None:
    keras, theirs = pair("losses.cross_entropy")
    (scores,) = drawn([(3, 5)])
    classes = torch.tensor([1, -100, 4])
    assert_close(keras(scores, classes), theirs(scores, classes))


@needs_keras
def test_probabilities_of_almost_0_and_1_are_not_moved() -> None:
    keras, theirs = pair("losses.bce", reduction="none")
    p = torch.tensor([0.0, 1e-12, 1 - 1e-12, 1.0], dtype=torch.float64)
    for target in (torch.zeros_like(p), torch.ones_like(p)):
        assert_close(keras(p, target), theirs(p, target))
