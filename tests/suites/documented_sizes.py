"""What the documents state of the sizes and arguments of modules, losses and architectures, and of some optimizers."""

from __future__ import annotations

from typing import Any

ANY: dict[str, Any] = {}
OPEN: list[tuple[int, ...]] = []  # of any size
PAIR: list[tuple[int, ...]] = [(32, 10), (32, 10)]  # what we take where a loss's inputs are open
LAYER = [(256, 128), (256,)]
CONVOLVED = [(1, 3, 32, 32), (32, 3, 32, 32), (32, 1, 28, 28), (32, 3, 32, 32)]
BIDIRECTIONAL: dict[str, Any] = {
    "input_size": 128,
    "hidden_size": 256,
    "num_layers": 2,
    "batch_first": True,
    "dropout": 0.3,
    "bidirectional": True,
}
LSTM_CLASSIFIER: dict[str, Any] = {
    "vocab_size": 10000,
    "embed_dim": 128,
    "hidden_dim": 256,
    "output_dim": 2,
    "n_layers": 2,
    "dropout": 0.3,
}
HIDDEN = {"hidden_dims": [64, 32, 16]}
HEADS: list[dict[str, Any]] = [
    {"input_dim": 20, "num_classes": 3, "task": "classification"},
    {"input_dim": 20, "num_classes": 1, "task": "regression"},
]
MLP = {"input_size": 784, "hidden_sizes": [256, 128, 64], "output_size": 10, "dropout": 0.2}

# id -> where it is documented, and each documented case: shapes of its inputs, constructor arguments.
DOCUMENTED: dict[str, tuple[str, list[tuple[list[tuple[int, ...]], dict[str, Any]]]]] = {
    "activations.relu": ("handout guide deepdive fundamentals pytorch", [([(64, 1024)], ANY)]),
    "activations.leaky_relu": (
        "deepdive fundamentals pytorch",
        [([(64, 1024)], {"negative_slope": 0.01}), ([(64, 1024)], {"negative_slope": 0.1})],
    ),
    "activations.elu": ("fundamentals", [([(64, 1024)], {"alpha": 1.0})]),
    "activations.sigmoid": ("guide deepdive fundamentals pytorch", [([(64, 1024)], ANY)]),
    "activations.tanh": ("guide deepdive fundamentals pytorch", [([(64, 1024)], ANY)]),
    "activations.softmax": ("guide fundamentals pytorch", [([(64, 1024)], {"dim": 1})]),
    "activations.gelu": ("deepdive pytorch", [([(64, 1024)], ANY)]),
    "activations.silu": ("deepdive pytorch", [([(64, 1024)], ANY)]),
    "activations.mish": ("deepdive", [([(64, 1024)], ANY)]),
    "layers.linear": (
        "handout guide deepdive fundamentals pytorch",
        [
            ([(32, 784)], {"in_features": 784, "out_features": 128}),
            ([(32, 10)], {"in_features": 10, "out_features": 5}),
        ],
    ),
    "layers.conv2d": (
        "handout deepdive fundamentals pytorch",
        [
            ([CONVOLVED[0]], {"in_channels": 3, "out_channels": 64, "kernel_size": 3, "stride": 1, "padding": 1}),
            ([CONVOLVED[1]], {"in_channels": 3, "out_channels": 32, "kernel_size": 3, "padding": 1}),
            ([CONVOLVED[2]], {"in_channels": 1, "out_channels": 32, "kernel_size": 3}),
            ([CONVOLVED[3]], {"in_channels": 3, "out_channels": 16, "kernel_size": 3}),
        ],
    ),
    "layers.conv1d": (
        "deepdive pytorch",
        [
            ([(32, 128, 100)], {"in_channels": 128, "out_channels": 64, "kernel_size": 3, "padding": 1}),
            ([(32, 1, 100)], {"in_channels": 1, "out_channels": 16, "kernel_size": 3}),
        ],
    ),
    "layers.embedding": (
        "handout",
        [([(32, 256)], {"num_embeddings": 10000, "embedding_dim": 128, "padding_idx": 0})],
    ),
    "layers.lstm": (
        "handout deepdive fundamentals pytorch",
        [
            ([(32, 50, 128)], {"input_size": 128, "hidden_size": 64, "num_layers": 2, "batch_first": True}),
            ([(1, 256, 128)], BIDIRECTIONAL),
            ([(12, 4, 10)], {"input_size": 10, "hidden_size": 128}),
            (OPEN, {"input_size": 10, "hidden_size": 20, "batch_first": True}),
        ],
    ),
    "layers.gru": (
        "deepdive pytorch",
        [
            ([(32, 50, 128)], {"input_size": 128, "hidden_size": 64, "num_layers": 1, "batch_first": True}),
            (OPEN, {"input_size": 10, "hidden_size": 20, "batch_first": True}),
        ],
    ),
    "layers.max_pool1d": ("pytorch", [(OPEN, {"kernel_size": 2})]),
    "layers.max_pool2d": ("handout deepdive", [([(1, 64, 32, 32)], {"kernel_size": 2, "stride": 2})]),
    "layers.avg_pool2d": (
        "deepdive pytorch",
        [([(1, 64, 32, 32)], {"kernel_size": 2, "stride": 2}), (OPEN, {"kernel_size": 2})],
    ),
    "layers.adaptive_avg_pool2d": (
        "handout pytorch",
        [(OPEN, {"output_size": (4, 4)}), (OPEN, {"output_size": (1, 1)})],
    ),
    "layers.batch_norm1d": (
        "handout guide fundamentals pytorch",
        [(OPEN, {"num_features": 5}), (OPEN, {"num_features": 256})],
    ),
    "layers.batch_norm2d": (
        "handout deepdive pytorch",
        [([(1, 64, 32, 32)], {"num_features": 64}), (OPEN, {"num_features": 32})],
    ),
    "layers.layer_norm": ("deepdive pytorch", [(OPEN, {"normalized_shape": 64}), (OPEN, {"normalized_shape": 5})]),
    "layers.dropout": ("handout guide fundamentals pytorch", [(OPEN, {"p": p}) for p in (0.1, 0.2, 0.3, 0.5)]),
    "layers.flatten": ("handout", [(OPEN, ANY)]),
    "layers.self_attention": ("deepdive pytorch", [(OPEN, {"embed_size": 256, "heads": 8})]),
    "layers.residual_block": (
        "deepdive pytorch",
        [
            (OPEN, {"in_channels": 64, "out_channels": 64, "stride": 1}),
            (OPEN, {"in_channels": 64, "out_channels": 128, "stride": 2}),
            (OPEN, {"in_channels": 64, "out_channels": 64, "stride": 1, "bias": False}),
            (OPEN, {"in_channels": 64, "out_channels": 128, "stride": 2, "bias": False}),
        ],
    ),
    "losses.l1": ("deepdive fundamentals guide pytorch", [(PAIR, ANY)]),
    "losses.smooth_l1": ("deepdive pytorch", [(PAIR, ANY)]),
    "losses.huber": ("deepdive pytorch", [(PAIR, ANY)]),
    "losses.bce": ("deepdive fundamentals pytorch", [(PAIR, ANY)]),
    "losses.bce_with_logits": ("pytorch", [(PAIR, ANY)]),
    "losses.focal": ("deepdive", [(OPEN, {"alpha": 1, "gamma": 2})]),
    "losses.mse_mae": ("deepdive pytorch", [(OPEN, {"alpha": 0.7}), (OPEN, {"alpha": 0.5})]),
    "losses.mse": ("deepdive fundamentals guide pytorch", [([(32, 10), (32, 10)], ANY)]),
    "losses.cross_entropy": ("handout guide deepdive fundamentals pytorch", [([(10, 5), (10,)], ANY)]),
    "optimizers.sgd": (
        "guide deepdive fundamentals pytorch",
        [
            (LAYER, {"lr": 0.01}),
            (LAYER, {"lr": 0.01, "momentum": 0.9}),
            (LAYER, {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
            (LAYER, {"lr": 0.01, "momentum": 0.9, "weight_decay": 1e-4}),
            (LAYER, {"lr": 0.1}),
        ],
    ),
    "optimizers.adam": (
        "handout guide deepdive fundamentals pytorch",
        [
            (LAYER, {"lr": 0.001}),
            (LAYER, {"lr": 0.001, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-4}),
            (LAYER, {"lr": 0.001, "eps": 1e-7}),
        ],
    ),
    "architectures.mlp": ("handout pytorch", [([(32, 784)], MLP)]),
    "architectures.mnist_mlp": ("fundamentals", [([(32, 784)], ANY)]),
    "architectures.simple_nn": ("pytorch", [([(32, 10)], {"input_size": 10, "hidden_size": 20, "output_size": 1})]),
    "architectures.neural_net": (
        "fundamentals",
        [([(32, 784)], {"input_size": 784, "hidden_size": 128, "num_classes": 10})],
    ),
    "architectures.sequential_mlp": (
        "fundamentals pytorch",
        [
            ([(32, 784)], {"hidden_sizes": sizes, "dropout": rate})
            for sizes, rate in (([128, 64], 0.2), ([256, 128], 0.2), ([256, 128], 0.5))
        ],
    ),
    "architectures.layer_types": ("pytorch", [([(32, 10)], ANY)]),
    "architectures.mlp_batch_norm": (
        "fundamentals pytorch",
        [([(32, 784)], {"form": "fundamentals"}), ([(32, 784)], {"form": "pytorch"})],
    ),
    "architectures.basic_network": ("guide", [([(32, 20)], HEADS[0] | HIDDEN), ([(32, 20)], HEADS[1] | HIDDEN)]),
    "architectures.advanced_network": ("guide", [([(32, 20)], HEADS[0]), ([(32, 20)], HEADS[1])]),
    "architectures.halving_network": (
        "guide",
        [([(32, 20)], {"input_dim": 20, "num_classes": 3, "max_layers": 5})],
    ),
    "architectures.binary_classifier": ("fundamentals", [([(32, 20)], {"input_size": 20})]),
    "architectures.regressor": ("fundamentals", [([(32, 20)], {"input_size": 20})]),
    "architectures.cnn": ("handout", [(OPEN, {"num_classes": 10})]),
    "architectures.resnet18_cifar": ("pytorch", [(OPEN, {"num_classes": 10})]),
    "architectures.transfer_resnet18": (
        "handout",
        [([(1, 3, 224, 224)], {"num_classes": 5, "freeze_backbone": True})],
    ),
    "architectures.lstm_classifier": ("handout", [(OPEN, LSTM_CLASSIFIER)]),
    "architectures.time_series_lstm": (
        "handout deepdive",
        [(OPEN, {"input_dim": 1, "hidden_dim": 64, "output_dim": 1, "n_layers": 2})],
    ),
}
NOT_STATED = {  # neither sizes nor arguments
    "architectures.attention_classifier",
    "architectures.residual_cnn",
    "architectures.softmax_regression",
    "layers.multi_head_attention",
    "layers.positional_encoding",
    "losses.composite",
}
# The documented sizes are those of practice already, and larger ones would take seconds; or one size has to do.
WITHOUT_A_LARGER = {
    "architectures.resnet18_cifar",
    "architectures.transfer_resnet18",
    "layers.gru",
    "layers.lstm",
}
