"""The sizes and arguments that the documents state for modules, losses and architectures are cases, with a larger one.

Where a document leaves a size open, ours stands (a batch of 32 mostly); OPEN is where it states no input at all. What
else is documented (optimizers beside two, schedulers, metrics and so on) is held in tests of its own family.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from documented_sizes import DOCUMENTED, NOT_STATED, OPEN, WITHOUT_A_LARGER
from suite_support import registered

import nnbench


@pytest.mark.parametrize("identifier", DOCUMENTED)
def test_documented_sizes_and_arguments_are_cases(identifier: str) -> None:
    component = nnbench.component(identifier)
    places, documented = DOCUMENTED[identifier]
    assert component.documented == tuple(places.split())
    cases = [([spec.shape for spec in case.inputs], dict(case.arguments)) for case in component.cases]
    cases += [(OPEN, arguments) for _, arguments in cases]
    assert [case for case in documented if case not in cases] == []


def test_all_modules_losses_and_architectures_are_here_or_are_stated_nowhere() -> None:
    ours = {component.id for component in registered("module", "loss", "architecture")}
    assert ours - set(DOCUMENTED) == NOT_STATED
    assert not NOT_STATED & set(DOCUMENTED)


@pytest.mark.parametrize("identifier", sorted(set(DOCUMENTED) - WITHOUT_A_LARGER))
def test_one_case_is_larger_than_the_documented_ones(identifier: str) -> None:
    """Larger than those that are stated; where none is, than the smallest."""
    shapes: list[Any] = [shapes for shapes, _ in DOCUMENTED[identifier][1] if shapes]
    component = nnbench.component(identifier)
    elements = [sum(spec.elements for spec in case.inputs) for case in component.cases]
    larger = [case for case in component.cases if [spec.shape for spec in case.inputs] not in shapes]
    assert larger
    assert max(elements) == max(sum(spec.elements for spec in case.inputs) for case in larger)
    assert max(elements) > min(elements)


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
    assert re.search(r"Sources?:", rest)


def test_the_mnist_recipe_is_the_documented_one() -> None:
    recipe = nnbench.component("architectures.mnist_mlp").recipe
    assert (recipe.data, recipe.loss, recipe.optimizer) == ("mnist", "CrossEntropyLoss", "Adam")
    assert (recipe.optimizer_arguments, recipe.batch_size, recipe.epochs) == ({"lr": 0.001}, 128, 20)
    assert recipe.every_run


# Torch's recurrent layers take any arguments, and hand them on: test_recurrent.py asks the class that gets them.
WITH_TORCHS_ARGUMENTS = [
    name
    for name in DOCUMENTED
    if "torch" in nnbench.component(name).variants
    and not name.startswith("architectures.")
    and name not in ("layers.gru", "layers.lstm")
]


@pytest.mark.parametrize("identifier", WITH_TORCHS_ARGUMENTS)
def test_constructor_arguments_and_their_defaults_are_torchs(identifier: str) -> None:
    component = nnbench.component(identifier)
    ours, theirs = (signature(component.variant(variant).resolve()) for variant in ("reference", "torch"))
    assert ours == theirs


def signature(target: Any) -> list[tuple[str, Any, Any]]:
    """Name, default and way of passing each constructor argument, in order."""
    parameters = inspect.signature(target).parameters.values()
    return [(parameter.name, parameter.default, parameter.kind) for parameter in parameters]
