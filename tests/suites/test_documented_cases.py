"""Every argument set and input size of the documents is a case, and every component has a larger one beside them."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from suite_support import registered

import nnbench

ANY: dict[str, Any] = {}
LAYER = [(256, 128), (256,)]
CONVOLVED = [(1, 3, 32, 32), (32, 3, 32, 32), (32, 1, 28, 28), (32, 3, 32, 32)]
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
}


@pytest.mark.parametrize("identifier", DOCUMENTED)
def test_documented_sizes_and_arguments_are_cases(identifier: str) -> None:
    component = nnbench.component(identifier)
    places, documented = DOCUMENTED[identifier]
    assert component.documented == tuple(places.split())
    cases = [([spec.shape for spec in case.inputs], dict(case.arguments)) for case in component.cases]
    assert [case for case in documented if case not in cases] == []


@pytest.mark.parametrize("identifier", DOCUMENTED)
def test_one_case_is_larger_than_the_documented_ones(identifier: str) -> None:
    shapes = [shapes for shapes, _ in DOCUMENTED[identifier][1]]
    component = nnbench.component(identifier)
    elements = [sum(spec.elements for spec in case.inputs) for case in component.cases]
    larger = [case for case in component.cases if [spec.shape for spec in case.inputs] not in shapes]
    assert larger
    assert max(elements) == max(sum(spec.elements for spec in case.inputs) for case in larger)


# What torch does not ship: the oracle, and gradcheck, judge these.
WITHOUT_TORCH = {
    "metrics.classification_report",
    "metrics.epoch_loss",
    "metrics.precision_recall_f1",
    "regularizers.early_stopping",
    "schedulers.cosine_decay",
    "schedulers.exponential_decay",
    "layers.positional_encoding",
    "layers.self_attention",
    "losses.composite",
    "losses.focal",
    "losses.mse_mae",
    "optimizers.ema_momentum",
}


def test_what_is_expected_here_is_registered() -> None:
    assert set(DOCUMENTED) <= {component.id for component in registered()}


def test_every_component_is_named_in_a_test_of_its_family() -> None:
    """These tests hold the first families; the others stand in files of their own, with tables of torch's options."""
    texts = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    names = {component.id: component.id.partition(".")[2] for component in registered()}
    assert [one for one, name in names.items() if one not in texts and f'"{name}"' not in texts] == []


def test_every_component_that_torch_ships_has_a_torch_variant_to_be_held_against() -> None:
    ours = [component for component in registered() if component.kind not in ("transform", "procedure")]
    assert {component.id for component in ours if "torch" not in component.variants} == WITHOUT_TORCH


def test_what_torch_does_not_ship_has_an_oracle() -> None:
    assert all(nnbench.component(identifier).oracle is not None for identifier in WITHOUT_TORCH)


def test_transforms_and_procedures_have_an_independent_judge() -> None:
    """Chance has no oracle: there it is another implementation."""
    driven = registered("transform", "procedure")
    assert len(driven) == 17
    judged = {
        one.id: one.oracle or [name for name, made in one.variants.items() if not made.erratum][1:] for one in driven
    }
    assert [name for name, judge in judged.items() if not judge] == []


@pytest.mark.parametrize("identifier", DOCUMENTED)
def test_the_docstring_starts_with_one_line_and_names_its_source(identifier: str) -> None:
    first, blank, rest = (nnbench.component(identifier).doc + "\n\n").split("\n", 2)
    assert first.endswith(".")
    assert not blank
    assert "Source:" in rest


def test_the_mnist_recipe_is_the_documented_one() -> None:
    recipe = nnbench.component("architectures.mnist_mlp").recipe
    assert (recipe.data, recipe.loss, recipe.optimizer) == ("mnist", "CrossEntropyLoss", "Adam")
    assert (recipe.optimizer_arguments, recipe.batch_size, recipe.epochs) == ({"lr": 0.001}, 128, 20)
    assert recipe.every_run


@pytest.mark.parametrize("identifier", [name for name in DOCUMENTED if not name.startswith("architectures.")])
def test_constructor_arguments_and_their_defaults_are_torchs(identifier: str) -> None:
    component = nnbench.component(identifier)
    ours, theirs = (signature(component.variant(variant).resolve()) for variant in ("reference", "torch"))
    assert ours == theirs


def signature(target: Any) -> list[tuple[str, Any, Any]]:
    """Name, default and way of passing each constructor argument, in order."""
    parameters = inspect.signature(target).parameters.values()
    return [(parameter.name, parameter.default, parameter.kind) for parameter in parameters]
