"""The script that fills docs/gpu.md: its table, where it goes, and what it says without a GPU."""

import importlib.util
import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from gpu_simulator import MICROSECOND, Simulated, bench_of
from torch import nn

from nnbench import Suite, case, randn

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def suite():
    spec = importlib.util.spec_from_file_location("gpu_suite", ROOT / "benchmarks/harness/gpu_suite.py")
    made = importlib.util.module_from_spec(spec)
    sys.modules["gpu_suite"] = made
    spec.loader.exec_module(made)
    return made


def test_a_line_a_mode_with_memory_and_energy_in_the_first(suite):
    times = {f"{mode}_{kind}_time": 2e-6 for mode in ("forward", "backward") for kind in ("cold", "host", "wall")}
    row = suite.Row("mine.norm", "torch", "4", times | {"cuda_peak_memory": 2048.0, "energy": 0.25})
    assert suite._table([row])[2:] == [
        "| mine.norm | 4 | torch | forward | 2.00 µs |  | 2.00 µs | 2.00 µs | 2.00 KiB | 0.25 J |",
        "| mine.norm | 4 | torch | backward | 2.00 µs |  | 2.00 µs | 2.00 µs |  |  |",
    ]


def test_the_page_of_the_docs_has_the_place_for_the_table(suite):
    page = (ROOT / "docs/gpu.md").read_text(encoding="utf-8")
    once = suite.spliced(page, "| a table |")
    assert f"{suite.BEGIN}\n| a table |\n{suite.END}" in once
    assert suite.spliced(once, "| another |") == suite.spliced(page, "| another |")
    with pytest.raises(SystemExit, match="the page has no"):
        suite.spliced("no markers", "| a table |")


def test_what_fails_is_a_row_with_its_reason(suite):
    class Raises(nn.Module):
        def forward(self, x):
            raise KeyError("weight")

    made = Suite("mine").component("raises", reference=Raises, cases=[case(randn(4))])
    row = suite.row_of(bench_of(Simulated()), made, "reference", made.cases[0])
    assert row.values == {}
    assert row.notes[0].startswith("failed: raised KeyError: 'weight'")


def test_what_works_is_a_row_of_medians(suite, monkeypatch):
    device = Simulated()

    class Launching(nn.Module):
        def forward(self, x):
            device.run(50 * MICROSECOND)
            return x.detach()

    made = Suite("mine").component("launching", reference=Launching, cases=[case(randn(4))])
    row = suite.row_of(bench_of(device), made, "reference", made.cases[0])
    assert row.values["forward_cold_time"] == pytest.approx(50 * MICROSECOND)
    assert row.values["forward_hot_time"] == pytest.approx(50 * MICROSECOND)


def test_the_components_it_takes_unless_told_otherwise_are_registered(suite):
    listed = (ROOT / "docs/components.md").read_text(encoding="utf-8")  # made from what is registered
    assert [name for name in suite.COMPONENTS if f"### {name}\n" not in listed] == []


def test_a_ceiling_that_could_not_be_measured_is_not_a_number(suite):
    nvml = replace(bench_of(Simulated()).monitor, clocks=[100])
    device = Simulated()
    call = suite.Call(lambda: device.run(MICROSECOND))
    assert math.isnan(suite._cold(bench_of(device, nvml), call))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU, and measuring on it takes minutes")
def test_without_a_gpu_it_is_one_line_and_exit_2(suite, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu_suite.py"])
    assert suite.main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("gpu_suite: torch ")
