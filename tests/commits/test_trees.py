"""Entering a tree: whatever way the working tree's modules are found, the tree's own are imported in their place."""

import json
import subprocess
import sys

import pytest

from nnbench.processes.process import START

HOOK = """
import sys
from importlib.util import spec_from_file_location
from pathlib import Path

MAPPING = {mapping!r}


class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name in MAPPING:
            return spec_from_file_location(name, Path(MAPPING[name]) / "__init__.py")


sys.meta_path.append(Finder)
"""

ENTER = """
import importlib, json, sys
import __editable___hook_finder
before, names = json.loads(sys.argv[2])
for name in before:
    importlib.import_module(name)
from nnbench.commits.trees import Tree, enter, installed_copies, strangers
tree = Tree(**json.loads(sys.argv[1]))
enter(tree)
found = {name: getattr(importlib.import_module(name), "WHERE", "installed") for name in names}
print(json.dumps([found, strangers(tree), installed_copies(tree)]))
"""

FILES = {
    "src/of_src.py": "",
    "top.py": "",
    "tools/helper.py": "",
    "odd/place/__init__.py": "",  # imported as "mapped", through an editable install's hook
    "suites/__init__.py": "",
    "suites/shapes.py": "",
    "nnbench/__init__.py": "raise RuntimeError('the harness of a measured commit')",
    "nnbench/units.py": "raise RuntimeError('the harness of a measured commit')",
    "pyproject.toml": '[tool.setuptools]\npackage-dir = { "nnbench.suites" = "suites" }',
}


@pytest.fixture
def entered(tmp_path):
    """Enters the tree in a process that could import everything from the working tree, and imports some modules."""
    root, folder = tmp_path / "project", tmp_path / "commit"
    for place in (root, folder):
        for name, content in FILES.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(content or f"WHERE = {place.name!r}\n")
    hook = tmp_path / "hooks/__editable___hook_finder.py"
    hook.parent.mkdir()
    hook.write_text(HOOK.format(mapping={"mapped": str(root / "odd/place")}))
    ways = [tmp_path / "hooks", root / "src", root / "tools"]
    start = START.removesuffix("nnbench.worker.main.main()") + f"sys.path[:0] = {list(map(str, ways))!r}\n"
    tree = json.dumps({"name": "main", "folder": str(folder), "root": str(root)})

    def enter(names, before=()):
        command = [sys.executable, "-c", start + ENTER, tree, json.dumps([before, names])]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return enter


def test_modules_are_the_trees(entered):
    names = ["of_src", "top", "helper", "mapped", "nnbench.suites", "nnbench.suites.shapes", "nnbench.units"]
    found, strangers, installed = entered(names)
    assert found == {**dict.fromkeys(names, "commit"), "nnbench.units": "installed"}
    assert (strangers, installed) == ([], {})


def test_what_was_imported_from_the_working_tree_is_found_out(entered, tmp_path):
    found, strangers, _ = entered(["top", "helper"], before=["helper"])
    assert found == {"top": "commit", "helper": "project"}
    assert strangers == [str(tmp_path / "project/tools/helper.py")]


def test_installed_copy_of_the_repositorys_package_is_found_out(entered, tmp_path):
    """Click stands for a package that the repository keeps in a folder where nobody looks."""
    for place in ("commit", "project"):
        (tmp_path / place / "python/click").mkdir(parents=True)
        (tmp_path / place / "python/click/__init__.py").write_text("")
    assert entered(["click"])[2] == {"click": "python"}
