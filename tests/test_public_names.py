"""``import nnbench``: what it offers is there, and nothing is imported before it is asked for."""

import importlib
import subprocess
import sys

import pytest

import nnbench


@pytest.mark.parametrize("name", nnbench.__all__)
def test_every_public_name_is_there_and_is_listed(name):
    place = next(module for module, names in nnbench.PLACES.items() if name in names)
    assert getattr(nnbench, name) is getattr(importlib.import_module(f"nnbench.{place}"), name)
    assert name in dir(nnbench)


def test_what_there_is_none_of_is_told_as_of_any_module():
    with pytest.raises(AttributeError, match="'nnbench' has no attribute 'sute'"):
        nnbench.sute  # noqa: B018  it is asked for


def test_importing_it_imports_nothing_of_it():
    code = "import sys, nnbench; print([name for name in sys.modules if name.startswith('nnbench.')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
