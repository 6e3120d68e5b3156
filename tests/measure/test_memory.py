"""Peak memory of a call whose size is known."""

import os

import numpy as np
import pytest
import torch

from nnbench import Suite, case, randn
from nnbench.failures import NotMeasurable
from nnbench.measure import allocator, memory
from nnbench.measure.all import once
from nnbench.measure.memory import peak_growth

MIB = 2**20

# Reading this machine's real memory is the point; only where the peak cannot be reset is there nothing to read.
resettable = pytest.mark.skipif(not os.access(memory.CLEAR, os.W_OK), reason="the peak cannot be reset here")


def numpy_array(mebibytes):
    np.ones(mebibytes * MIB, dtype=np.uint8)


def torch_tensor(mebibytes):
    torch.ones(mebibytes * MIB, dtype=torch.uint8)


def small_arrays(mebibytes):
    """Each so small that the allocator keeps it for the next one."""
    [np.ones(MIB // 32, dtype=np.uint8) for _ in range(32 * mebibytes)]


def small_tensors(mebibytes):
    [torch.ones(MIB // 16, dtype=torch.uint8) for _ in range(16 * mebibytes)]


def reached_early(mebibytes):
    """The peak, then work that goes on with less: what was freed must not stay beside it."""
    torch.ones(mebibytes * MIB, dtype=torch.uint8)
    for _ in range(3):
        torch.ones(mebibytes * MIB // 4, dtype=torch.uint8)


def about(mebibytes):
    """What the growth is known to."""
    return pytest.approx(mebibytes * MIB, rel=0.02, abs=MIB)


@resettable
@pytest.mark.parametrize("mebibytes", [1, 16, 256])
@pytest.mark.parametrize("allocate", [numpy_array, torch_tensor, small_arrays, small_tensors, reached_early])
def test_what_a_call_takes_and_frees_is_seen(allocate, mebibytes):
    allocate(1)  # a first call touches pages of the libraries' own
    assert peak_growth(lambda: allocate(mebibytes)) == about(mebibytes)


@resettable
@pytest.mark.parametrize("allocate", [torch_tensor, small_arrays])
def test_memory_that_the_allocator_holds_free_is_seen_again(allocate):
    for held in (torch_tensor, small_arrays):
        allocator.keep_freed_memory()
        held(30)
        assert peak_growth(lambda: allocate(20)) == about(20)


@resettable
def test_a_hole_in_the_heap_keeps_nothing_that_was_freed():
    """Two holes, one for the larger block and one that fits the smaller ones better."""
    allocator.keep_freed_memory()
    arrays = [np.ones(MIB // 2, dtype=np.uint8) for _ in range(80)]
    pins = [arrays[place] for place in (0, 40, 53, 79)]
    del arrays
    assert peak_growth(lambda: reached_early(16)) == about(16)
    del pins


@resettable
def test_the_peak_counts_not_what_is_left():
    kept = []

    def call():
        torch.ones(40 * MIB, dtype=torch.uint8)
        kept.append(torch.ones(10 * MIB, dtype=torch.uint8))

    call()
    assert peak_growth(call) == about(40)


@resettable
def test_an_earlier_peak_is_forgotten():
    numpy_array(100)
    assert peak_growth(lambda: None) == about(0)


def test_where_the_peak_cannot_be_reset_there_is_nothing_to_measure(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "CLEAR", tmp_path / "no" / "clear_refs")
    with pytest.raises(NotMeasurable, match="the peak resident size cannot be reset here"):
        peak_growth(lambda: None)


def test_a_system_that_does_not_tell_its_peak_has_nothing_to_measure(monkeypatch, tmp_path):
    (tmp_path / "status").write_text("Name:\tpython\n")
    monkeypatch.setattr(memory, "CLEAR", tmp_path / "clear_refs")
    monkeypatch.setattr(memory, "STATUS", tmp_path / "status")
    with pytest.raises(NotMeasurable, match="status does not tell VmRSS"):
        peak_growth(lambda: None)


def test_growth_is_the_peak_after_over_the_size_before(monkeypatch, tmp_path):
    status = tmp_path / "status"
    status.write_text("VmHWM:\t  900 kB\nVmRSS:\t  100 kB\n")
    monkeypatch.setattr(memory, "CLEAR", tmp_path / "clear_refs")
    monkeypatch.setattr(memory, "STATUS", status)
    assert peak_growth(lambda: status.write_text("VmHWM:\t  164 kB\nVmRSS:\t  120 kB\n")) == 64 * 1024
    assert (tmp_path / "clear_refs").read_text() == "5"
    assert peak_growth(lambda: status.write_text("VmHWM:\t  100 kB\nVmRSS:\t  100 kB\n")) == 0


def test_memory_that_cannot_be_measured_is_a_skipped_row_beside_the_counters(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "CLEAR", tmp_path / "no" / "clear_refs")
    made = Suite("mine").component("relu", reference=torch.nn.ReLU, cases=[case(randn(4))])
    rows = {row.metric: row for row in once(made, "reference", made.cases[0], {"seed": 0, "round": 0, "threads": 1})}
    assert (rows["peak_memory"].status, rows["peak_memory"].values) == ("skipped", ())
    assert "cannot be reset here" in rows["peak_memory"].note
    assert rows["flops"].status == "ok"
    assert len(rows["flops"].values) == 1


def test_an_allocator_without_settings_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(allocator, "_library", object)
    with allocator.freed_memory_given_back():
        allocator.keep_freed_memory()
