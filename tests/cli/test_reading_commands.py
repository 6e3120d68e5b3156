"""The commands that only read: list, machine, data, and help everywhere."""

import pytest

from nnbench.cli.commands import COMMANDS


def test_list_holds_the_fixed_keys_and_every_component(user):
    answer = user.run("list", "--suite", "toy.py", "--json")
    assert answer.code == 0
    rows = {row["id"]: row for row in answer.rows}
    assert rows["toy.double"].keys() >= {"id", "kind", "documented", "variants", "cases"}
    assert rows["toy.double"]["cases"] == ["16x8"]
    assert rows["layers.conv2d"]["documented"] == ["handout", "deepdive", "fundamentals", "pytorch"]


def test_list_selects(user):
    every = {row["id"] for row in user.run("list", "--json").rows}
    losses = {row["id"] for row in user.run("list", "losses", "--json").rows}
    assert losses == {identifier for identifier in every if identifier.startswith("losses.")}
    assert {"losses.mse", "losses.cross_entropy"} <= losses < every


def test_suites_of_the_project_are_found(user):
    (user.folder / "pyproject.toml").write_text('[tool.nnbench]\nsuites = ["toy.py"]\n')
    assert "toy.double" in {row["id"] for row in user.run("list", "--json").rows}


def test_machine_tells_the_fingerprint(user):
    facts = user.run("machine", "--no-measure", "--json").rows
    assert facts.keys() >= {"id", "cpu", "cores", "memory_gib", "gpus", "torch", "threads", "commit", "dirty"}


def test_data_lists_what_is_here(user):
    rows = {row["name"]: row for row in user.run("data", "--json").rows}
    assert rows["digits"]["available"] is True
    assert rows["mnist"]["available"] is False
    part = rows["cifar10_rest_subset"]
    assert (part["part_of"], part["classes"], part["samples"], part["available"]) == ("cifar10", 5, 6000, False)
    assert rows["iris"]["location"] == "inside scikit-learn"
    assert all(one.keys() == rows["mnist"].keys() for one in rows.values())


def test_misspelt_data_set_is_explained(user):
    answer = user.run("data", "get", "mnits")
    assert answer.code == 2
    assert "Did you mean mnist?" in answer.err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(user, command):
    answer = user.run(command, "-h")
    assert answer.code == 0
    assert "Example:" in answer.out
    assert f"nnbench {command}" in answer.out


@pytest.mark.parametrize("name", ["runn", "duell"])
def test_unknown_command_exits_with_2(user, name):
    assert user.run(name).code == 2


def test_list_covers_the_documents(user):
    answer = user.run("list", "--coverage")
    assert answer.code == 0
    assert "102 of 102 documented components, 16 of 16 errata." in answer.out
    assert answer.out.rstrip().endswith("Nothing documented is missing.")
    rows = user.run("list", "--coverage", "--json").rows
    assert len(rows) == 102
    assert rows[0].keys() >= {"id", "documented", "registered", "errata", "missing"}


def test_list_writes_the_components_page(user):
    answer = user.run("list", "--suite", "toy.py", "toy.double", "--markdown")
    assert "### toy.double\n\nTwice its input: `2 x`." in answer.out


def test_list_refuses_two_outputs(user):
    answer = user.run("list", "--markdown", "--json")
    assert answer.code == 2
    assert "three outputs" in answer.err
