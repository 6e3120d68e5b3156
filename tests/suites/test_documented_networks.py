"""Dense networks as the documents have them: that their errors show, and vanish where they are mended."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import torch
from nnbench.suites.architectures.documented import softmax_twice, too_few_informative_features
from torch import nn

import nnbench
from nnbench import Component, Variant

NAMES = ("sequential_mlp", "basic_network")
CLASSES = {"sequential_mlp": 10, "basic_network": 3}


def component(name: str) -> Component:
    return nnbench.component(f"architectures.{name}")


def documented(name: str) -> Variant:
    return component(name).variant("documented")


def test_each_documented_network_names_its_errata_and_has_evidence_of_them() -> None:
    assert documented("sequential_mlp").errata == ("E03",)
    assert documented("basic_network").errata == ("E03", "E07")
    for name in NAMES:
        assert tuple(documented(name).evidence) == documented(name).errata


@pytest.mark.parametrize("name", NAMES)
def test_the_documented_networks_are_the_right_ones_up_to_their_last_layer(name: str) -> None:
    for case in component(name).cases:
        ours, theirs = (made.build(**case.arguments).eval() for made in (component(name).reference, documented(name)))
        theirs.load_state_dict(ours.state_dict())
        x = torch.randn(case.inputs[0].shape, generator=torch.Generator().manual_seed(0))
        classifies = case.arguments.get("task") != "regression"
        want = torch.softmax(ours(x), 1) if classifies else ours(x)
        torch.testing.assert_close(theirs(x), want)


@pytest.mark.parametrize("name", NAMES)
def test_applying_softmax_twice_shows_in_loss_and_gradients(name: str) -> None:
    found = softmax_twice(documented(name), component(name).reference)
    floor = math.log(math.e + CLASSES[name] - 1) - 1
    assert found.shown
    assert f"still loses {floor:.4f} over {CLASSES[name]} classes" in found.says
    assert "to the loss, 0.0000;" in found.says
    theirs, ours = (float(number) for number in re.findall(r"(?:has the norm|reference's) (0\.\d+)", found.says))
    assert theirs < ours / 2


def test_ten_classes_cost_as_much_as_the_erratum_says() -> None:
    assert "1.4612" in softmax_twice(documented("sequential_mlp"), component("sequential_mlp").reference).says


@pytest.mark.parametrize("mended", ["reference", "torch"])
@pytest.mark.parametrize("name", NAMES)
def test_a_network_that_ends_in_logits_shows_nothing(name: str, mended: str) -> None:
    assert not softmax_twice(component(name).variant(mended), component(name).reference).shown


def test_the_evidence_leaves_torchs_random_numbers_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first, second = (softmax_twice(documented("basic_network"), component("basic_network").reference) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert first == second


def test_the_documented_data_cannot_be_made() -> None:
    found = too_few_informative_features(documented("basic_network"), component("basic_network").reference)
    assert found.shown
    assert "n_classes(3) * n_clusters_per_class(2) must be smaller or equal 2**n_informative(2)=4" in found.says
    assert "the reference's: 100 samples of 20 features and 3 classes" in found.says


class Mended(nn.Module):
    """What the documented network would be with data that can be made."""

    @staticmethod
    def example_data() -> tuple[Any, Any]:
        from sklearn.datasets import make_classification

        features, classes = make_classification(n_features=20, n_informative=3, n_classes=3)
        return features, classes


def test_data_that_can_be_made_shows_nothing() -> None:
    reference = component("basic_network").reference
    assert not too_few_informative_features(reference, reference).shown
    assert not too_few_informative_features(Variant("documented", Mended), reference).shown


@pytest.mark.parametrize(("name", "arguments"), [("basic_network", {"task": "clustering"})])
def test_what_the_reference_refuses_is_refused(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="task"):
        documented(name).build(**arguments)
