"""What print() shows of a layer: the text that torch shows of its own."""

from __future__ import annotations

from typing import Any

import pytest

import nnbench

CHANNELS = {"in_channels": 4, "out_channels": 6}
SIZES = {"input_size": 5, "hidden_size": 4}
CONVOLUTIONS: list[dict[str, Any]] = [
    {"kernel_size": 3},
    {"kernel_size": 3, "padding": 1, "bias": False},
    {"kernel_size": 1, "padding": "same", "padding_mode": "reflect"},
    {"kernel_size": 3, "stride": 2, "dilation": 2, "groups": 2, "padding_mode": "circular"},
]
RECURRENT: list[dict[str, Any]] = [
    SIZES,
    SIZES | {"num_layers": 2, "dropout": 0.3, "bidirectional": True},
    SIZES | {"bias": False, "batch_first": True},
]
MAXIMA: list[dict[str, Any]] = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True},
]
BATCH_NORMS: list[dict[str, Any]] = [
    {"num_features": 5},
    {"num_features": 5, "eps": 1e-3, "momentum": None, "affine": False},
    {"num_features": 5, "track_running_stats": False, "bias": False},
]

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "layers.linear": [{"in_features": 3, "out_features": 2}, {"in_features": 3, "out_features": 2, "bias": False}],
    "layers.conv1d": [CHANNELS | settings for settings in CONVOLUTIONS],
    "layers.conv2d": [CHANNELS | settings for settings in (*CONVOLUTIONS, {"kernel_size": (3, 2), "padding": (0, 1)})],
    "layers.embedding": [
        {"num_embeddings": 7, "embedding_dim": 3},
        {"num_embeddings": 7, "embedding_dim": 3, "padding_idx": -1, "max_norm": 1.0},
        {"num_embeddings": 7, "embedding_dim": 3, "padding_idx": 0, "norm_type": 1.0, "scale_grad_by_freq": True},
    ],
    "layers.lstm": [*RECURRENT, SIZES | {"proj_size": 2, "num_layers": 3}],
    "layers.gru": RECURRENT,
    "layers.batch_norm1d": BATCH_NORMS,
    "layers.batch_norm2d": BATCH_NORMS,
    "layers.layer_norm": [
        {"normalized_shape": 5},
        {"normalized_shape": (2, 5), "eps": 1e-3, "bias": False},
        {"normalized_shape": [5], "elementwise_affine": False},
    ],
    "layers.dropout": [{}, {"p": 0.1}],
    "layers.max_pool1d": MAXIMA,
    "layers.max_pool2d": [*MAXIMA, {"kernel_size": (2, 3), "stride": (1, 2)}],
    "layers.avg_pool2d": [{"kernel_size": 2}, {"kernel_size": (3, 2), "stride": 1, "padding": 1, "ceil_mode": True}],
    "layers.adaptive_avg_pool2d": [{"output_size": 4}, {"output_size": (4, None)}],
}
ROWS = [(identifier, settings) for identifier, rows in SETTINGS.items() for settings in rows]


@pytest.mark.parametrize(("identifier", "settings"), ROWS, ids=str)
def test_it_prints_what_torchs_prints(identifier: str, settings: dict[str, Any]) -> None:
    component = nnbench.component(identifier)
    ours, theirs = (str(component.variant(variant).build(**settings)) for variant in ("reference", "torch"))
    assert ours == theirs
