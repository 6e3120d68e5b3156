"""What Keras cannot express is named, and so skipped with a reason rather than computed some other way."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from keras_support import Shape, drawn, needs_keras, pair

import nnbench
from nnbench.failures import NotMeasurable

CONVOLUTION = {"in_channels": 2, "out_channels": 2, "kernel_size": 3}
TABLE = {"num_embeddings": 4, "embedding_dim": 2}
REFUSED: list[tuple[str, dict[str, Any], list[Shape], str]] = [
    ("activations.relu", {"inplace": True}, [(2, 3)], "inplace=True"),
    ("activations.elu", {"inplace": True}, [(2, 3)], "inplace=True"),
    ("activations.softmax", {}, [(2, 3)], "dim=None"),
    ("layers.conv1d", CONVOLUTION | {"padding_mode": "reflect"}, [], "reflect"),
    ("layers.conv2d", CONVOLUTION | {"stride": 2, "dilation": 2}, [], "not both"),
    ("layers.embedding", TABLE | {"max_norm": 1.0}, [], "max_norm=1.0"),
    ("layers.embedding", TABLE | {"scale_grad_by_freq": True}, [], "scale_grad_by_freq"),
    ("layers.lstm", {"input_size": 3, "hidden_size": 4, "proj_size": 2}, [], "proj_size=2"),
    ("layers.lstm", {"input_size": 3, "hidden_size": 4}, [(5, 3)], "three dimensions"),
    ("layers.max_pool1d", {"kernel_size": 3, "padding": 1}, [], "padding=1"),
    ("layers.max_pool1d", {"kernel_size": 3, "dilation": 2}, [], "dilation=2"),
    ("layers.max_pool2d", {"kernel_size": 3, "ceil_mode": True}, [], "ceil_mode=True"),
    ("layers.max_pool2d", {"kernel_size": 3, "return_indices": True}, [], "return_indices=True"),
    ("layers.avg_pool2d", {"kernel_size": 3, "padding": (0, 1)}, [], r"padding=\(0, 1\)"),
    ("layers.avg_pool2d", {"kernel_size": 3, "divisor_override": 2}, [], "divisor_override=2"),
    ("layers.batch_norm1d", {"num_features": 3, "momentum": None}, [], "momentum=None"),
    ("layers.batch_norm2d", {"num_features": 3, "track_running_stats": False}, [], "track_running_stats"),
    ("layers.flatten", {"start_dim": 0}, [], "start_dim=0"),
    ("layers.multi_head_attention", {"embed_dim": 4, "num_heads": 2, "add_bias_kv": True}, [], "add_bias_kv"),
    ("layers.multi_head_attention", {"embed_dim": 4, "num_heads": 2}, [(5, 4)] * 3, "three dimensions"),
    ("losses.mse", {}, [(2, 3), (3,)], "different shapes"),
    ("losses.cross_entropy", {"label_smoothing": 0.1}, [], "label_smoothing=0.1"),
    ("losses.cross_entropy", {"weight": torch.ones(3)}, [], "weight"),
    ("losses.cross_entropy", {}, [(2, 3), (2, 3)], "probabilities"),
    ("losses.bce", {"weight": torch.ones(3)}, [], "weight"),
]  # fmt: skip


@needs_keras
@pytest.mark.parametrize(("identifier", "arguments", "shapes", "named"), REFUSED, ids=str)
def test_what_keras_cannot_express_is_skipped_by_name(
    identifier: str, arguments: dict[str, Any], shapes: list[Shape], named: str
) -> None:
    with pytest.raises(NotMeasurable, match=named):
        nnbench.component(identifier).variant("keras").build(**arguments)(*drawn(shapes))


@needs_keras
def test_masks_are_refused() -> None:
    (x,) = drawn([(5, 1, 4)])
    made = pair("layers.multi_head_attention", embed_dim=4, num_heads=2)[0]
    with pytest.raises(NotMeasurable, match="masks"):
        made(x, x, x, attn_mask=torch.zeros(5, 5, dtype=torch.bool))


@needs_keras
def test_class_numbers_that_a_half_type_cannot_hold_are_refused() -> None:
    made = nnbench.component("losses.cross_entropy").variant("keras").build()
    with pytest.raises(NotMeasurable, match="class numbers"):
        made(torch.zeros(1, 3000, dtype=torch.float16), torch.tensor([2999]))


@needs_keras
@pytest.mark.parametrize(
    ("identifier", "settings", "named"),
    [
        ("optimizers.sgd", {"dampening": 0.1}, "dampening=0.1"),
        ("optimizers.sgd", {"maximize": True}, "maximize=True"),
        ("optimizers.sgd", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}, "weight_decay with momentum"),
        ("optimizers.adam", {"maximize": True}, "maximize=True"),
        ("optimizers.rmsprop", {"maximize": True}, "maximize=True"),
        ("optimizers.adagrad", {"lr_decay": 0.1}, "lr_decay=0.1"),
    ],
)
def test_settings_that_keras_optimizers_lack_are_named(identifier: str, settings: dict[str, Any], named: str) -> None:
    with pytest.raises(NotMeasurable, match=named):
        nnbench.component(identifier).variant("keras").build(params=drawn([(2, 3)]), **settings)


@needs_keras
def test_parameters_of_two_dtypes_are_refused() -> None:
    parameters = [torch.zeros(2, dtype=dtype, requires_grad=True) for dtype in (torch.float32, torch.float64)]
    made = nnbench.component("optimizers.adam").variant("keras").build(params=parameters)
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    with pytest.raises(NotMeasurable, match="one dtype"):
        made.step()
