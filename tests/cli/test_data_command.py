"""``nnbench data``: all that ``--data`` takes, within 80 columns, and what is said of that which is no file."""

import json

import pytest
from click.testing import CliRunner

from nnbench.cli import data as module
from nnbench.cli import output
from nnbench.data.fitting import names
from nnbench.data.subsets import SUBSETS, sizes
from nnbench.errors import NnbenchError


@pytest.fixture
def run(monkeypatch, tmp_path):
    """The command in this process, with a cache folder that has nothing in it and a terminal of 80 columns."""
    monkeypatch.setenv("NNBENCH_DATA", str(tmp_path))
    monkeypatch.setattr(output, "PIPE_WIDTH", 80)

    def one(*arguments):
        answer = CliRunner().invoke(module.command, arguments, standalone_mode=False)
        if answer.exception:
            raise answer.exception
        return answer.stdout

    return one


def test_all_that_a_training_takes_is_listed(run):
    assert [row["name"] for row in json.loads(run("--json"))] == list(names())
    told = run()
    assert {line.split()[0] for line in told.splitlines() if line} >= set(names())


def test_no_row_is_broken_at_80_columns(run):
    lines = run().splitlines()
    heads = {line.split()[0]: line.split() for line in lines if line}
    assert heads["name"] == ["name", "here", "samples", "classes", "what"]  # of the second table
    assert "training  validation" in lines[0]
    rows = [line for line in lines if line.split()[:1] and line.split()[0] in names()]
    tabled = [line for line in rows if line.split()[1] in ("yes", "no")]
    assert len(tabled) == len(names())
    assert max(map(len, tabled)) <= 80
    assert [line for line in lines if line.startswith(" ")] == []  # what is folded begins with spaces


def test_of_what_is_no_file_nothing_is_fetched(run, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(module.data, "get", lambda name, **_: asked.append(name) or tmp_path / name)
    told = run("get", "cifar10_rest_subset", "iris", "make_regression").splitlines()
    assert asked == ["cifar10"]
    assert told == [
        f"cifar10_rest_subset: a part of cifar10, in {tmp_path / 'cifar10'}",
        "iris: inside scikit-learn; nothing is to be fetched",
        "make_regression: made by scikit-learn; nothing is to be fetched",
    ]
    with pytest.raises(NnbenchError, match="Did you mean cifar10_subset"):
        run("get", "mnist", "cifar10_subst")
    assert asked == ["cifar10"]


def test_the_parts_of_a_data_set_are_as_large_as_the_catalogue_says():
    assert {name: sizes(name) for name in SUBSETS} == {
        "cifar10_subset": (10_000, 2_000),
        "cifar10_first": (25_000, 5_000),
        "cifar10_rest": (25_000, 5_000),
        "cifar10_first_subset": (5_000, 1_000),
        "cifar10_rest_subset": (5_000, 1_000),
    }
