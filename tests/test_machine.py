"""Which computer and which commit: facts that decide whether two results may be compared."""

import json
import os
import subprocess
import sys

import pynvml
import pytest

from nnbench import machine

HARDWARE = {"cpu": "A CPU @ 3 GHz", "cores": 8, "memory_gib": 31.2, "gpus": [{"name": "A GPU", "memory_gib": 80.0}]}


def test_equal_hardware_has_an_equal_id():
    assert machine.machine_id(HARDWARE) == machine.machine_id(dict(reversed(HARDWARE.items())))
    assert len(machine.machine_id(HARDWARE)) == 8
    assert int(machine.machine_id(HARDWARE), 16) > 0


@pytest.mark.parametrize("other", [{"cpu": "Another CPU"}, {"cores": 4}, {"memory_gib": 15.6}, {"gpus": []}])
def test_other_hardware_has_another_id(other):
    assert machine.machine_id(HARDWARE | other) != machine.machine_id(HARDWARE)


def test_how_busy_the_machine_is_does_not_change_its_id(monkeypatch):
    before = machine.fingerprint()
    monkeypatch.setattr(os, "getloadavg", lambda: (77.0, 55.0, 33.0))
    after = machine.fingerprint()
    assert after["load"] == [77.0, 55.0, 33.0]
    assert after["id"] == before["id"]


def test_without_a_driver_there_are_no_gpus(monkeypatch):
    def no_driver():
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)
    assert machine.gpus() == []


def test_a_fingerprint_is_plain_data_and_needs_no_torch():
    program = (
        "import json, sys\n"
        "from nnbench.machine import fingerprint\n"
        "print(json.dumps(fingerprint()))\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    facts, imported = done.stdout.splitlines()
    assert imported == "False"
    told = json.loads(facts)
    assert told["torch"][0].isdigit()
    assert told["python"] == ".".join(str(part) for part in sys.version_info[:3])
    assert told["threads"] == 1
    assert told["logical_cores"] >= told["cores"] >= 1
    assert told["cpu"]


def test_a_package_that_is_missing_is_said_to_be():
    assert machine._version("no-such-distribution") == "not installed"


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Git in a repository of its own, whatever the user's settings are."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)

    def git(*arguments):
        named = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
        done = subprocess.run(["git", *named, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    return git


@pytest.fixture
def head(git, tmp_path):
    """A repository with one commit, which has the file code.py."""
    git("init")
    (tmp_path / "code.py").write_text("x = 1\n")
    git("add", ".")
    git("commit", "-m", "first")
    return git("rev-parse", "HEAD")


def test_a_clean_tree_is_its_commit(head, tmp_path):
    assert machine.commit(tmp_path) == (head, False)


def test_a_commit_is_found_from_a_folder_below(head, tmp_path):
    (tmp_path / "code.py").write_text("x = 2\n")
    (tmp_path / "deep/er").mkdir(parents=True)
    assert machine.commit(tmp_path / "deep/er") == (head, True)


@pytest.mark.parametrize("name", ["code.py", "new.py"])
def test_a_changed_or_a_new_file_makes_the_tree_dirty(head, tmp_path, name):
    (tmp_path / name).write_text("x = 2\n")
    assert machine.commit(tmp_path) == (head, True)


def test_what_git_ignores_does_not_make_the_tree_dirty(git, head, tmp_path):
    (tmp_path / ".gitignore").write_text("*.log\n")
    git("add", ".")
    git("commit", "-m", "second")
    (tmp_path / "noise.log").write_text("noise\n")
    assert machine.commit(tmp_path) == (git("rev-parse", "HEAD"), False)


@pytest.mark.parametrize("place", ["results", "benchmarks/results"])
def test_results_do_not_make_the_tree_dirty(head, tmp_path, place):
    results = tmp_path / place
    (results / "runs").mkdir(parents=True)
    (results / "runs/one.parquet").write_text("measured")
    assert machine.commit(tmp_path) == (head, True)
    assert machine.commit(tmp_path, results) == (head, False)
    assert machine.commit(results, results) == (head, False)
    (tmp_path / "code.py").write_text("x = 2\n")
    assert machine.commit(tmp_path, results) == (head, True)


def test_results_kept_elsewhere_do_not_matter(head, tmp_path):
    assert machine.commit(tmp_path, tmp_path.parent) == (head, False)


def test_outside_git_there_is_no_commit(git, tmp_path):
    assert machine.commit(tmp_path) == ("", False)


def test_without_git_there_is_no_commit(head, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.commit(tmp_path) == ("", False)
