"""Documents against components: nothing documented is missing, and what is missing would be told."""

from dataclasses import replace

import pytest

import nnbench
from nnbench.discovery import describe
from nnbench.documents import coverage, read


@pytest.fixture(scope="module")
def registered():
    return [describe(one) for one in nnbench.components()]


def test_the_table_holds_what_the_documents_describe():
    documents = read()
    assert len(documents.components) == 102
    assert len(documents.errata) == 16
    assert set(documents.titles) == {place for places in documents.components.values() for place in places}
    assert {name for erratum in documents.errata.values() for name in erratum.components} <= set(documents.components)


def test_nothing_documented_is_missing(registered):
    assert [(one.id, one.missing) for one in coverage(read(), registered) if one.missing] == []


def test_nothing_is_registered_as_documented_that_is_not(registered):
    documents = read()
    assert [one.id for one in registered if one.documented != documents.components.get(one.id, ())] == []


def test_errata_are_shown_where_the_documents_have_them(registered):
    documents = read()
    shown = {(erratum, one.id) for one in registered for found in one.errata.values() for erratum in found}
    assert shown == {(erratum.id, name) for erratum in documents.errata.values() for name in erratum.components}


def test_every_erratum_has_evidence():
    variants = [variant for one in nnbench.components() for variant in one.variants.values()]
    assert [variant for variant in variants if set(variant.errata) != set(variant.evidence)] == []


def test_a_missing_component_is_told(registered):
    rest = [one for one in registered if one.id != "layers.linear"]
    (lost,) = [one for one in coverage(read(), rest) if one.missing]
    assert (lost.id, lost.registered, lost.missing) == ("layers.linear", False, ("the component",))


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"errata": {}}, ("erratum E04",)),
        ({"documented": ("deepdive",)}, ("its place in pytorch",)),
        ({"cases": ()}, ("a case",)),
    ],
    ids=["erratum", "place", "cases"],
)
def test_what_is_missing_of_a_component_is_told(registered, change, missing):
    less = [replace(one, **change) if one.id == "layers.layer_norm" else one for one in registered]
    assert [one.missing for one in coverage(read(), less) if one.missing] == [missing]
