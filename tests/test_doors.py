"""The doors: the frozen keys are fresh, a key that a commit does not know is n/a, and asv itself runs a case."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from asv_runner.benchmarks.mark import SkipNotImplemented

from nnbench.doors import registry

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def asv_suite():
    spec = importlib.util.spec_from_file_location("asv_components", ROOT / "benchmarks" / "components.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_frozen_keys_are_those_of_the_registry():
    frozen = json.loads((ROOT / "benchmarks" / "cases.json").read_text())
    hint = "python -m nnbench.doors.registry benchmarks/cases.json freezes them anew"
    assert frozen == registry.keys(), hint


def test_every_asv_class_names_its_version_and_has_no_setup(asv_suite):
    """asv's default version is a hash of the source, and any setup makes it time single calls."""
    classes = [value for value in vars(asv_suite).values() if isinstance(value, type) and hasattr(value, "params")]
    assert len(classes) == 5
    for one in classes:
        assert one.version
        assert not hasattr(one, "setup")


@pytest.mark.parametrize(
    "key",
    [
        "layers.nonesuch@torch[32x10]",
        "layers.linear@nonesuch[32x10,in_features=10,out_features=5]",
        "layers.linear@torch[32x11]",
    ],
)
def test_key_unknown_at_a_commit_is_asvs_skip(asv_suite, key):
    with pytest.raises(SkipNotImplemented):
        asv_suite.Forward().time_forward(key)
    with pytest.raises(SkipNotImplemented):
        asv_suite.Flops().track_flops(key)


def test_mode_that_a_case_lacks_is_asvs_skip(asv_suite):
    with pytest.raises(SkipNotImplemented):
        asv_suite.Step().time_step("layers.linear@torch[32x10,in_features=10,out_features=5]")


def test_a_variant_whose_package_is_missing_is_asvs_skip(asv_suite, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.delitem(sys.modules, "nnbench.suites._torchvision.augmentation", raising=False)
    registry.ready.cache_clear()
    key = next(key for key in registry.keys()["call"] if key.startswith("data.augment_eval@torchvision"))
    with pytest.raises(SkipNotImplemented, match="torchvision"):
        asv_suite.Called().time_call(key)


def test_what_the_documents_get_wrong_is_given_no_time():
    assert not [key for keys in registry.keys().values() for key in keys if "@documented[" in key]


def test_flops_of_a_product_are_exact(asv_suite):
    key = "layers.linear@torch[32x10,in_features=10,out_features=5]"
    assert asv_suite.Flops().track_flops(key) == 2 * 32 * 10 * 5


def test_asv_runs_a_case(tmp_path, monkeypatch):
    """asv's own command, from discovery to a time, on one case of this checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("asv wants a git checkout")
    monkeypatch.setenv("HOME", str(tmp_path))
    asv = [sys.executable, "-m", "asv"]
    subprocess.run([*asv, "machine", "--yes"], cwd=ROOT, check=True, capture_output=True)
    case = r"time_step\(.*optimizers.sgd@torch\[256x128,256,lr=0.1\].*\)"
    run = [*asv, "run", "--python=same", "--quick", "--dry-run", "--bench", case]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed" not in done.stdout
    assert "components.Step.time_step" in done.stdout
    assert "±" in done.stdout  # a time, not n/a
