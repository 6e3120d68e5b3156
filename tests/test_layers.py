"""The floor plan: imports point down it, suites stand on two floors only, and reading never imports torch."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# From the ground up: each file or folder of nnbench/ imports those before it, never those after it.
FLOORS = [
    "errors", "model", "metrics", "trajectories", "failures", "confinement", "forked",
    "stats", "bands", "known_figures", "units", "comparison",
    "ceilings", "machine", "documents",
    "specs", "recipe_changes", "variants", "catalog", "suite_files", "candidate", "discovery", "plan",
    "commits",
    "store", "history", "compact", "tables", "roofline", "made_of",
    "changes",
    "trends",
    "vision", "data",
    "workload", "measure", "checks", "train",
    "worker", "processes", "tally", "checking", "runner", "trainer", "trainings", "convergence",
    "mutation", "experiments",
    "duels",
    "report",
    "doors",
    "cli",
    "__main__",
]  # fmt: skip

# The only ones that import torch when they are imported.
WITH_TORCH = ("nnbench.workload", "nnbench.measure", "nnbench.checks", "nnbench.train", "nnbench.worker.leftovers")
FOR_SUITES = {"nnbench.catalog", "nnbench.specs", "nnbench.failures", "torch", "numpy", "scipy", "sklearn", "PIL"}
# Folders of variants that other libraries are needed for: named as text, and imported when one of them is built.
FOR_OTHER_LIBRARIES = {
    "_keras": {"keras"},
    "_torchmetrics": {"torchmetrics", "nnbench.vision"},
    "_torchvision": {"torchvision", "PIL", "nnbench.vision"},
}


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SUITES = {module_name(path): path for path in sorted(ROOT.glob("suites/**/*.py"))}
MODULES = {module_name(path): path for path in sorted(ROOT.glob("nnbench/**/*.py"))}
HARNESS = {name: path for name, path in MODULES.items() if name != "nnbench"}  # nnbench itself is the public face


def imported(node):
    """Modules that an import statement names; ``from package import module`` names the module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        inside = [f"{node.module}.{alias.name}" for alias in node.names]
        return [name if name in MODULES else node.module for name in inside]
    return []


def imports(path):
    """Every import of a file, those inside functions included: an import that is put off is no less a dependency."""
    return [name for node in ast.walk(ast.parse(path.read_text())) for name in imported(node)]


def imports_at_once(path):
    """Imports that run when the file is imported."""
    found, waiting = [], [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        found += imported(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return found


def floor(module):
    return module.split(".")[1]


def test_there_is_something_to_look_at():
    assert {"nnbench.errors", "nnbench.cli.run", "nnbench.checks.battery"} <= HARNESS.keys()
    assert "suites.layers.linear" in SUITES
    assert of_one_suite("suites.layers.linear", "nnbench.suites.layers.affine")
    assert not of_one_suite("suites.layers.linear", "nnbench.suites.losses.classes")
    assert not of_one_suite("suites.activations.rectifiers", "nnbench.suites.architectures.mlp")
    assert "nnbench.discovery" in imports(MODULES["nnbench.plan"])
    assert "torch" in imports(MODULES["nnbench.doors.registry"])
    assert "torch" not in imports_at_once(MODULES["nnbench.doors.registry"])


def test_every_file_has_its_floor():
    homeless = sorted({floor(name) for name in HARNESS} - set(FLOORS))
    assert not homeless, f"put {homeless} into FLOORS, above all that they import"


def test_imports_point_down():
    wrong = []
    for name, path in HARNESS.items():
        below = FLOORS[: FLOORS.index(floor(name)) + 1] if floor(name) in FLOORS else FLOORS
        ours = [used for used in imports(path) if used.partition(".")[0] == "nnbench"]
        wrong += [f"{name} imports {used}" for used in ours if used == "nnbench" or floor(used) not in below]
    assert wrong == []


def test_no_module_imports_itself_by_a_detour():
    graph = {name: {used for used in imports(path) if used in HARNESS} for name, path in HARNESS.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as cycle:
        pytest.fail(f"import cycle: {' <- '.join(cycle.args[1])}")


def test_suites_import_registration_and_numbers_only():
    used = [(name, used) for name, path in SUITES.items() for used in imports(path) if not of_one_suite(name, used)]
    assert [f"{name} imports {used}" for name, used in used if not {used, used.partition(".")[0]} & allowed(name)] == []


def allowed(name):
    other = next((more for folder, more in FOR_OTHER_LIBRARIES.items() if folder in name), set())
    return FOR_SUITES | sys.stdlib_module_names | other


def of_one_suite(name, used):
    """Whether two modules lie in one folder of suites: what its families share stands in a module beside them."""
    folder = name.rpartition(".")[0]
    return folder != "suites" and f"{used}.".startswith(f"nnbench.{folder}.")


def test_torch_waits_until_something_is_built():
    at_once = {name: {used.partition(".")[0] for used in imports_at_once(path)} for name, path in HARNESS.items()}
    with_torch = {name for name, used in at_once.items() if used & {"torch", "torchvision", "keras"}}
    assert with_torch
    assert all(name.startswith(WITH_TORCH) for name in with_torch)


IMPORT_ONE_BY_ONE = """
import importlib, sys

for name in sys.argv[1:]:
    importlib.import_module(name)
    if "torch" in sys.modules:
        sys.exit(f"{name} imports torch")

from nnbench.discovery import sources

sources()
if "torch" in sys.modules or any(name.startswith("nnbench.suites.") for name in sys.modules):
    sys.exit("looking for suites imports them")
"""


def test_what_reads_does_not_import_torch():
    names = ["nnbench", *(name for name in HARNESS if not name.startswith((*WITH_TORCH, "nnbench.__main__")))]
    assert {"nnbench.cli.show", "nnbench.history", "nnbench.report", "nnbench.runner", "nnbench.worker.main"} <= set(
        names
    )
    done = subprocess.run([sys.executable, "-c", IMPORT_ONE_BY_ONE, *names], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
