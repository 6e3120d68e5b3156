"""torchvision can be imported next to any torch, and nothing is declared where the plain import works."""

import os
import subprocess
import sys

import pytest

from nnbench.vision import import_torchvision

TORCH = "from types import SimpleNamespace\ndefined = []\n" + (
    "class Library:\n"
    "    def __init__(self, *arguments): defined.append(arguments)\n"
    "    def define(self, schema): defined.append(schema.partition('(')[0])\n"
    "library = SimpleNamespace(Library=Library)\n"
)
STOPS_WITHOUT_OPERATOR = (
    "from torchvision import counted\nimport torch\n"
    "if 'nms' not in torch.defined: raise RuntimeError('operator torchvision::nms does not exist')\n"
)


@pytest.fixture
def run(tmp_path):
    """Run a script in which torch and torchvision are the given texts; what it printed."""

    def run(torchvision, script):
        package = tmp_path / "torchvision"
        package.mkdir()
        (tmp_path / "torch.py").write_text(TORCH)
        (package / "__init__.py").write_text(torchvision)
        (package / "counted.py").write_text("print('again')")
        script = "import sys; from nnbench.vision import import_torchvision\n" + script
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    return run


def test_where_the_plain_import_works_nothing_is_declared(run):
    said = run("VALUE = 3", "print(import_torchvision().VALUE, 'torch' in sys.modules)")
    assert said == "3 False\n"


def test_missing_operators_are_declared_and_the_half_imported_modules_run_again(run):
    script = "import_torchvision(); import torch; print(torch.defined, import_torchvision() is import_torchvision())"
    said = run(STOPS_WITHOUT_OPERATOR, script)
    assert said == "again\nagain\n[('torchvision', 'FRAGMENT'), 'nms', 'qnms'] True\n"


def test_any_other_failure_is_passed_on(run):
    assert "RuntimeError: out of order" in run("raise RuntimeError('out of order')", "import_torchvision()")


def test_the_installed_torchvision_has_data_sets_transforms_and_models():
    import torch

    torchvision = import_torchvision()
    assert torchvision.datasets.MNIST
    image = torchvision.transforms.functional.hflip(torch.arange(4).reshape(1, 2, 2))
    assert image.tolist() == [[[1, 0], [3, 2]]]
    assert sum(p.numel() for p in torchvision.models.squeezenet1_1().parameters()) == 1_235_496
    assert import_torchvision() is torchvision is sys.modules["torchvision"]
