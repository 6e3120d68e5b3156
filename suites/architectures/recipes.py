"""How each architecture for images, digits or tables is trained: as documented, and chosen where that is left open."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from nnbench.specs import Recipe

ADAM: Mapping[str, Any] = {"lr": 0.001}
ADAMW: Mapping[str, Any] = {"lr": 0.001, "weight_decay": 0.01}
PLATEAU: Mapping[str, Any] = {"factor": 0.5, "patience": 5, "min_lr": 1e-7}

# Nothing of it is documented beyond 20 features, 3 classes and, of a regression, one value.
DRAWN: Mapping[str, Any] = {"test_share": 0.2, "validation_share": 0.2, "random_state": 0}
CLASSIFICATION: Mapping[str, Any] = {
    "n_samples": 1000,
    "n_features": 20,
    "n_informative": 10,
    "n_classes": 3,
    **DRAWN,
}
REGRESSION: Mapping[str, Any] = {"n_samples": 1000, "n_features": 20, "n_informative": 10, "noise": 10.0, **DRAWN}
# Mean and deviation of red, green and blue over ImageNet: what pretrained weights expect.
OF_IMAGENET: Mapping[str, Any] = {"mean": [0.485, 0.456, 0.406], "deviation": [0.229, 0.224, 0.225]}
HELD_BACK: Mapping[str, Any] = {"validation_share": 0.1, "random_state": 0}  # of training images: for early stopping

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "mlp": Recipe(
            data="mnist",
            data_arguments=HELD_BACK,
            loss="CrossEntropyLoss",
            optimizer="Adam",
            optimizer_arguments=ADAM,
            batch_size=32,
            epochs=20,
            classes_argument="output_size",
            arguments={"hidden_sizes": [256, 128, 64], "dropout": 0.2},
            scheduler="ReduceLROnPlateau",
            scheduler_arguments={"patience": 3},
            patience=5,
            note="documented: the network, Adam at 0.001, batches of 32; 3 epochs without gain before the rate falls "
            "and 5 before it stops, without saying for which network; chosen: MNIST for its 784 inputs and 10 classes, "
            "a tenth of its training images for the validation, 20 epochs",
        ),
        "mnist_mlp": Recipe(
            data="mnist",
            loss="CrossEntropyLoss",
            optimizer="Adam",
            optimizer_arguments=ADAM,
            batch_size=128,
            epochs=20,
            every_run=True,
            note="documented: the network, MNIST, Adam at 0.001, batches of 128, 20 epochs; chosen: nothing",
        ),
        "softmax_regression": Recipe(
            data="mnist",
            loss="CrossEntropyLoss",
            optimizer="Adam",
            optimizer_arguments=ADAM,
            batch_size=128,
            epochs=20,
            note="documented: nothing; chosen: all of it, as for the documented MNIST network, beside which it stands",
        ),
        "neural_net": Recipe(
            data="mnist",
            loss="CrossEntropyLoss",
            optimizer="Adam",
            optimizer_arguments=ADAM,
            batch_size=128,
            epochs=20,
            arguments={"hidden_size": 128, "dropout": 0.2},
            note="documented: the network with dropout 0.2, Adam at 0.001; chosen: MNIST for its 784 inputs and 10 "
            "classes, batches of 128 and 20 epochs as for the same document's MNIST network",
        ),
        "sequential_mlp": Recipe(
            data="mnist",
            loss="CrossEntropyLoss",
            optimizer="Adam",
            optimizer_arguments=ADAM,
            batch_size=128,
            epochs=20,
            arguments={"hidden_sizes": [128, 64], "dropout": 0.2},
            note="documented: the network, Adam at 0.001; chosen: the first of three documented sizes, MNIST for its "
            "784 inputs and 10 classes, batches of 128 and 20 epochs as for the same document's MNIST network",
        ),
        "mlp_batch_norm": Recipe(
            data="mnist",
            loss="CrossEntropyLoss",
            optimizer="Adam",
            optimizer_arguments=ADAM,
            batch_size=128,
            epochs=20,
            arguments={"form": "fundamentals"},
            note="documented: the network, Adam at 0.001; chosen: the first of two documented forms, MNIST for its 784 "
            "inputs and 10 classes, batches of 128 and 20 epochs as for the same document's MNIST network",
        ),
        "simple_nn": Recipe(
            data="make_regression",
            data_arguments=REGRESSION,
            standardize=True,
            loss="MSELoss",
            optimizer="SGD",
            optimizer_arguments={"lr": 0.01},
            batch_size=32,
            epochs=50,
            classes_argument="",
            arguments={"hidden_size": 20, "output_size": 1},
            note="documented: 20 hidden units, one output, SGD at 0.01, batches of 32; chosen: a regression of 20 "
            "features, of which 10 count, instead of the 10 that the document names without data, its samples, noise "
            "and split, squared errors, 50 epochs",
        ),
        "layer_types": Recipe(
            data="make_classification",
            data_arguments=CLASSIFICATION,
            standardize=True,
            loss="CrossEntropyLoss",
            optimizer="Adam",
            optimizer_arguments=ADAM,
            batch_size=32,
            epochs=50,
            features_argument="in_features",
            classes_argument="out_features",
            arguments={"dropout": 0.5},
            note="documented: the layers with dropout 0.5, as an example of layers that is not trained, Adam at 0.001, "
            "batches of 32; chosen: to train it as a classifier of 20 features into 3 classes, the samples and their "
            "split, 50 epochs",
        ),
        "basic_network": Recipe(
            data="make_classification",
            data_arguments=CLASSIFICATION,
            standardize=True,
            loss="CrossEntropyLoss",
            optimizer="Adam",
            optimizer_arguments=ADAM,
            batch_size=32,
            epochs=100,
            features_argument="input_dim",
            arguments={"hidden_dims": [64, 32, 16], "task": "classification"},
            scheduler="ReduceLROnPlateau",
            scheduler_arguments=PLATEAU,
            patience=10,
            note="documented: the network, 20 features and 3 classes, Adam at 0.001, batches of 32, the rate halved on "
            "a plateau, early stopping; chosen: 5 and 10 epochs of patience, which are documented without saying for "
            "which network, informative features (E07), the samples and their split, 100 epochs at most",
        ),
        "advanced_network": Recipe(
            data="make_classification",
            data_arguments=CLASSIFICATION,
            standardize=True,
            loss="CrossEntropyLoss",
            optimizer="Adam",
            optimizer_arguments=ADAM,
            batch_size=32,
            epochs=100,
            features_argument="input_dim",
            arguments={"task": "classification"},
            scheduler="ReduceLROnPlateau",
            scheduler_arguments=PLATEAU,
            patience=10,
            note="documented: the network, 20 features and 3 classes, Adam at 0.001, batches of 32, the rate halved on "
            "a plateau, early stopping; chosen: 5 and 10 epochs of patience, which are documented without saying for "
            "which network, informative features (E07), the samples and their split, 100 epochs at most",
        ),
        "halving_network": Recipe(
            data="make_classification",
            data_arguments=CLASSIFICATION,
            standardize=True,
            loss="CrossEntropyLoss",
            optimizer="Adam",
            optimizer_arguments=ADAM,
            batch_size=32,
            epochs=100,
            features_argument="input_dim",
            arguments={"max_layers": 5, "dropout": 0.3},
            patience=10,
            note="documented: the network, 20 features and 3 classes, Adam at 0.001, batches of 32, early stopping; "
            "chosen: 10 epochs of patience, informative features (E07), the samples and their split, 100 epochs at "
            "most",
        ),
        "binary_classifier": Recipe(
            data="breast_cancer",
            data_arguments=DRAWN,
            standardize=True,
            loss="BCELoss",
            optimizer="Adam",
            optimizer_arguments=ADAM,
            batch_size=32,
            epochs=50,
            classes_argument="",
            arguments={"dropout": 0.3},
            patience=10,
            note="documented: the network with dropout 0.3, binary cross-entropy of its probability, Adam at 0.001, "
            "early stopping; chosen: scikit-learn's table of tumours (30 features, 2 classes) and its split, batches "
            "of 32, 10 epochs of patience, 50 epochs at most",
        ),
        "regressor": Recipe(
            data="make_regression",
            data_arguments=REGRESSION,
            standardize=True,
            loss="MSELoss",
            optimizer="Adam",
            optimizer_arguments=ADAM,
            batch_size=32,
            epochs=100,
            classes_argument="",
            arguments={"dropout": 0.2},
            patience=10,
            note="documented: the network with dropout 0.2, squared errors, Adam at 0.001, early stopping; chosen: a "
            "regression of 20 features, its samples, noise and split, batches of 32, 10 epochs of patience, 100 epochs "
            "at most",
        ),
        "cnn": Recipe(
            data="cifar10",
            data_arguments=HELD_BACK,
            loss="CrossEntropyLoss",
            optimizer="Adam",
            optimizer_arguments=ADAM,
            batch_size=32,
            epochs=20,
            features_argument="",
            arguments={"dropout": 0.5},
            scheduler="ReduceLROnPlateau",
            scheduler_arguments={"patience": 3},
            patience=5,
            note="documented: the network with dropout 0.5, Adam at 0.001, batches of 32; 3 epochs without "
            "gain before the rate falls and 5 before it stops, without saying for which network; chosen: CIFAR-10, a "
            "tenth of its training images for the validation, 20 epochs at most",
        ),
        "residual_cnn": Recipe(
            data="cifar10",
            loss="CrossEntropyLoss",
            optimizer="AdamW",
            optimizer_arguments=ADAMW,
            batch_size=128,
            epochs=100,
            features_argument="",
            arguments={"dropout": 0.2},
            scheduler="CosineAnnealingLR",
            scheduler_arguments={"T_max": 100},
            note="documented: CIFAR-10, AdamW at 0.001 with a decay of 0.01, the cosine over 100 epochs; chosen: the "
            "network (an exercise says only what it contains), dropout 0.2, batches of 128",
        ),
        "resnet18_cifar": Recipe(
            data="cifar10",
            loss="CrossEntropyLoss",
            optimizer="SGD",
            optimizer_arguments={"lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4},
            batch_size=128,
            epochs=100,
            features_argument="",
            scheduler="CosineAnnealingLR",
            scheduler_arguments={"T_max": 100},
            augment="crop_and_flip",
            note="documented: the network, SGD at 0.1, the cosine over 100 epochs; chosen: momentum 0.9, a weight "
            "decay of 0.0005, batches of 128, and images cut and mirrored anew each time, which are usual for it on "
            "CIFAR-10",
        ),
        "transfer_resnet18": Recipe(
            data="cifar10_rest",
            data_arguments={**HELD_BACK, **OF_IMAGENET},
            loss="CrossEntropyLoss",
            optimizer="Adam",
            optimizer_arguments=ADAM,
            batch_size=32,
            epochs=10,
            features_argument="",
            arguments={"freeze_backbone": True},
            scheduler="ReduceLROnPlateau",
            scheduler_arguments={"patience": 3},
            patience=5,
            backbone={
                "weights": "resnet18-*.pth",
                "data": "cifar10_first",
                "epochs": 6,
                "batch_size": 64,
                "arguments": {"freeze_backbone": False},
            },
            note="documented: the network with a frozen pretrained backbone, Adam at 0.001, batches of 32; 3 "
            "epochs without gain before the rate falls and 5 before it stops, without saying for which network; "
            "chosen: the last 5 classes of CIFAR-10 instead of an unnamed set of 5 classes, a tenth of their training "
            "images for the validation, 10 epochs; the pretrained weights where they are in a cache (as "
            "weights/resnet18-*.pth beside the data, or as torch.hub keeps them), else those of a backbone that is "
            "trained first on the other 5 classes, for 6 epochs in batches of 64",
        ),
    }
)
