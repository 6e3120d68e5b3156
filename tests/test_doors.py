"""The doors: the frozen keys are fresh, a key that a commit does not know is n/a, and asv itself runs a case."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from asv_runner.benchmarks.mark import SkipNotImplemented

from nnbench.discovery import Catalog
from nnbench.doors import asv_components, asv_training, registry
from nnbench.errors import RegistrationError
from nnbench.model import Problem

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
    assert {one.__name__ for one in classes} == {
        *("Forward", "Backward", "Step", "Called", "PeakMemory"),
        *("Flops", "Operators", "SavedBytes", "PeakLiveBytes", "Parameters", "StateBytes"),
        *("TrainedError", "TrainedLoss"),
    }
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


LINEAR = "layers.linear@torch[32x10,in_features=10,out_features=5]"


def test_counters_of_a_product_are_exact(asv_suite):
    product = 2 * 32 * 10 * 5
    assert asv_suite.Flops().track_flops(LINEAR) == 3 * product  # forward, and backward towards both factors
    assert asv_suite.Parameters().track_parameters(LINEAR) == 10 * 5 + 5
    assert asv_suite.Operators().track_operators(LINEAR) > 2
    assert asv_suite.PeakLiveBytes().track_peak_live_bytes(LINEAR) >= 4 * 32 * 5
    assert asv_suite.StateBytes().track_state_bytes("optimizers.adam@torch[256x128,256,lr=0.001]") == 2 * 4


def test_memory_is_what_a_call_takes(asv_suite):
    taken = asv_suite.PeakMemory().track_peak_memory("losses.mse@reference[64x3x64x64,64x3x64x64]")
    assert 4 * 64 * 3 * 64 * 64 < taken < 100 * 2**20  # not torch's import, which is more than that


def test_counter_that_a_case_lacks_is_asvs_skip(asv_suite):
    with pytest.raises(SkipNotImplemented, match="has no state_bytes"):
        asv_suite.StateBytes().track_state_bytes(LINEAR)


@pytest.mark.parametrize("source", ["layers.linear", "mine.py"])  # of a file, only loading it tells its suite's name
def test_a_suite_that_cannot_be_loaded_is_a_failure_and_no_skip(asv_suite, monkeypatch, source):
    """What is broken at a commit is not what the commit does not have."""
    broken = Catalog({}, (Problem(source, "linear.py", 3, "SyntaxError: invalid syntax"),))
    monkeypatch.setattr(registry, "catalog", lambda: broken)
    registry.workload.cache_clear()
    registry.ready.cache_clear()
    with pytest.raises(RegistrationError, match=r"linear\.py:3: SyntaxError"):
        asv_suite.Forward().time_forward(LINEAR)


def test_another_built_in_suites_trouble_is_not_this_ones(asv_suite, monkeypatch):
    broken = Catalog({}, (Problem("losses.classification", "classification.py", 3, "SyntaxError: invalid syntax"),))
    monkeypatch.setattr(registry, "catalog", lambda: broken)
    registry.workload.cache_clear()
    registry.ready.cache_clear()
    with pytest.raises(SkipNotImplemented):
        asv_suite.Forward().time_forward(LINEAR)


def test_cuda_behind_a_fork_says_to_spawn(asv_suite, monkeypatch):
    monkeypatch.setattr(registry, "DEVICE", "cuda")
    monkeypatch.setattr(registry, "PROCESS", 1)
    registry.workload.cache_clear()
    registry.ready.cache_clear()
    with pytest.raises(RuntimeError, match="--launch-method spawn"):
        asv_suite.Forward().time_forward(LINEAR)


def test_short_training_is_the_same_each_time_and_learns(asv_suite):
    key = "optimizers.adam@reference"
    found = []
    for _ in range(2):
        asv_training.outcome.cache_clear()
        found.append((asv_suite.TrainedError().track_test_error(key), asv_suite.TrainedLoss().track_test_loss(key)))
    assert found[0] == found[1]
    assert found[0][0] < 0.2  # of ten classes, guessing gets nine in ten wrong


def test_every_short_training_is_of_what_is_registered():
    for key in asv_training.tasks():
        name, _, variant = key.partition("@")
        assert variant in registry.component(name).variants


def test_short_training_of_a_component_that_a_commit_lacks_is_asvs_skip(asv_suite, monkeypatch):
    monkeypatch.setattr(registry, "catalog", lambda: Catalog({}))
    asv_training.outcome.cache_clear()
    with pytest.raises(SkipNotImplemented):
        asv_suite.TrainedError().track_test_error("optimizers.sgd@torch")


def test_keys_are_frozen_for_the_components_named(tmp_path, monkeypatch):
    path = tmp_path / "cases.json"
    monkeypatch.setattr(sys, "argv", ["registry", str(path), "losses.mse", "optimizers.sg?"])
    registry.main()
    frozen = json.loads(path.read_text())
    assert {key.partition("@")[0] for keys in frozen.values() for key in keys} == {"losses.mse", "optimizers.sgd"}
    assert {one for one, made in asv_components.classes(path).items() if made.params[0]} >= {"Forward", "Step"}
    assert "Called" not in asv_components.classes(path)


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
