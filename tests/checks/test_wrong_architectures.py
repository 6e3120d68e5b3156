"""Networks that are wrong in no single place of the reference, as people get them wrong: each is caught."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

import pytest
from wrong_image_networks import IMAGES, cnn, residual
from wrong_networks import DENSE, NORMALIZED, Methods, calling, layered, mlp, normalized, sequence, simple
from wrong_sequence_networks import SEQUENCES, classified, last_value, right_attention

import nnbench
from nnbench import Variant
from nnbench.checks.battery import check
from nnbench.model import Check
from nnbench.specs import Case

SEED = 3
LARGEST = 1000  # elements of a case's inputs: larger cases show what small ones do
LARGEST_OF_STEPS = 100  # of a network that takes a step after the other

RIGHT = {
    "simple_nn": simple,
    "neural_net": mlp,
    "mlp": mlp,
    "mnist_mlp": mlp,
    "regressor": mlp,
    "sequential_mlp": sequence,
    "basic_network": layered,
    "mlp_batch_norm": normalized,
    "advanced_network": normalized,
    "halving_network": normalized,
    "cnn": cnn,
    "residual_cnn": residual,
    "time_series_lstm": last_value,
    "lstm_classifier": classified,
    "attention_classifier": right_attention,
}
WRONG = [
    pytest.param(name, methods, id=f"{name}: {what}")
    for table in (DENSE, NORMALIZED, IMAGES, SEQUENCES)
    for name, rows in table.items()
    for what, methods in rows.items()
]


def elements(case: Case) -> int:
    return sum(spec.elements for spec in case.inputs)


def failures(name: str, methods: Methods) -> Iterator[Check]:
    """What the battery has against torch's network with other methods, in the small cases; the first comes at once."""
    component = nnbench.component(f"architectures.{name}")
    toy = Variant("toy", type("Toy", (component.variant("torch").resolve(),), methods))
    judged = replace(component, variants=MappingProxyType({**component.variants, "toy": toy}))
    largest = LARGEST_OF_STEPS if "lstm" in name else LARGEST
    for case in sorted(component.cases, key=elements):
        if elements(case) <= largest:
            yield from (row for row in check(judged, "toy", case, SEED) if not row.is_right)


@pytest.mark.parametrize("name", RIGHT)
def test_another_right_formulation_passes(name: str) -> None:
    assert [(row.case, row.check, row.note) for row in failures(name, calling(RIGHT[name]))] == []


@pytest.mark.parametrize(("name", "methods"), WRONG)
def test_what_is_wrong_is_caught(name: str, methods: Methods) -> None:
    caught = next(failures(name, methods), None)
    assert caught is not None
    assert caught.status == "failed"


def test_every_architecture_has_wrong_versions() -> None:
    ours = {made.id.partition(".")[2] for made in nnbench.components() if made.id.startswith("architectures.")}
    assert {name for table in (DENSE, NORMALIZED, IMAGES, SEQUENCES) for name in table} == ours
