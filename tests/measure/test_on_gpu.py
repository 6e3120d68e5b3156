"""The real thing, where a GPU is at hand: relations that hold on every card, no times."""

from statistics import median

import pytest
import torch
from torch import nn

from nnbench import Suite, case, randn
from nnbench.measure import cuda, cuda_memory, device
from nnbench.model import Status
from nnbench.workload import WORKLOADS, Call, Workload

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU is at hand")

MIB = 2**20
REQUEST = {"seed": 0, "round": 0, "budget": 0.05, "threads": 1}


@pytest.fixture
def bench():
    made = cuda.bench()
    with made.device.active():
        yield made


def readings(bench, workload):
    return {one.metric: one for one in cuda.measure(workload, REQUEST, bench)}


def of(kind, reference, *inputs, dtype="float32", **arguments):
    made = Suite("mine").component("thing", kind=kind, reference=reference, cases=[case(*inputs, **arguments)])
    (there,) = device.moved(made, "cuda", dtype).cases
    return WORKLOADS[kind](made, "reference", there, 0)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_layer_is_measured_forward_and_backward(bench, dtype):
    workload = of("module", nn.Linear, randn(256, 512), dtype=dtype, in_features=512, out_features=512)
    rows = readings(bench, workload)
    for mode in ("forward", "backward"):
        for kind in ("cold", "hot", "host", "wall"):
            one = rows[f"{mode}_{kind}_time"]
            assert one.status == Status.OK, one.note
            assert min(one.values) > 0
        assert "no CUDA graph" not in rows[f"{mode}_hot_time"].note
        assert median(rows[f"{mode}_hot_time"].values) < median(rows[f"{mode}_wall_time"].values)
    assert rows["cuda_used_memory"].values[0] > 100 * MIB
    assert rows["energy"].status == Status.OK, rows["energy"].note


@pytest.mark.parametrize("reference", [torch.optim.SGD, torch.optim.Adam])
def test_an_optimizer_is_measured_whether_a_graph_can_hold_it_or_not(bench, reference):
    rows = readings(bench, of("optimizer", reference, randn(512, 512), lr=0.1))
    assert rows["step_hot_time"].values
    assert rows["step_cold_time"].values
    assert bench.device.is_usable()


def test_a_call_that_waits_for_the_device_has_a_hot_time_and_a_note(bench):
    source = torch.randn(512, 512, device="cuda")

    def call():
        return (source @ source).sum().item()

    rows = readings(bench, Workload({"call": Call(call)}, call))
    assert "no CUDA graph" in rows["call_hot_time"].note
    assert rows["call_hot_time"].values
    assert "the launch is not hidden" in rows["call_cold_time"].note
    assert bench.device.is_usable()


def test_the_allocators_peak_is_exact(bench):
    def call():
        torch.empty(64 * MIB, dtype=torch.uint8, device="cuda")

    assert cuda_memory.allocator_peak(call, bench) == 64 * MIB


def test_work_on_another_stream_is_told(bench):
    other, source = torch.cuda.Stream(), torch.randn(4096, 4096, device="cuda")

    def call():
        with torch.cuda.stream(other):
            torch.mm(source, source)

    torch.cuda.synchronize()
    plan = cuda.STANDARD
    host = cuda.host_times(Call(call), bench, plan)
    found = cuda.cold(Call(call), bench, plan, host)
    assert "another stream" in cuda.unseen(host, found)


def test_a_flushed_call_is_no_faster_than_one_that_finds_its_input_in_the_cache(bench):
    source = torch.randn(2 * MIB, device="cuda")  # 8 MiB: it fits into the cache of every card since 2020
    target = torch.empty_like(source)
    call = Call(lambda: target.copy_(source))
    cuda.warm_up(call, bench, cuda.STANDARD)
    cold = cuda.cold(call, bench, cuda.STANDARD, cuda.host_times(call, bench, cuda.STANDARD))
    hot, note = cuda.hot(call, bench, cuda.STANDARD, 1e-5, median(cold.values))
    assert (note, cold.hidden, hot.hidden) == ("", True, True)
    assert median(hot.values) < median(cold.values)


def test_nvml_tells_clocks_memory_energy_and_not_ourselves(bench):
    torch.ones(1, device="cuda")
    assert bench.monitor.clock() > 0
    assert bench.monitor.default_clock() > 0
    assert bench.monitor.used_bytes() > 0
    assert bench.monitor.energy() > 0
    assert not any(f"({bench.monitor.own})" in name for name in bench.monitor.others())
