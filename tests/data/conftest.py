"""A cache folder for each test, and a catalogue that knows the data set of a few bytes."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from tiny_data import CONTENTS, records

from nnbench.data import catalog


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The cache folder of this test, which does not exist yet."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("NNBENCH_DATA", str(folder))
    return folder


@pytest.fixture
def tiny(monkeypatch):
    """The name of a data set made of ``CONTENTS``, known to the catalogue."""
    record = replace(catalog.MNIST, name="tiny", title="Tiny", files=records(CONTENTS))
    monkeypatch.setattr(catalog, "DATASETS", MappingProxyType({**catalog.DATASETS, "tiny": record}))
    return "tiny"
