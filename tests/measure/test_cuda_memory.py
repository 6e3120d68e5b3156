"""Memory and energy of a call on a simulated GPU whose allocations and joules are known."""

import pytest
from gpu_simulator import MILLISECOND, Simulated, SimulatedNvml, bench_of

from nnbench.failures import NotMeasurable
from nnbench.measure import cuda_memory

MIB = 2**20


class Metered(SimulatedNvml):
    """An energy counter that moves every 60 ms, by what the device drew until then: 700 W while it works, 100 idle."""

    def __init__(self, device):
        super().__init__()
        self.device, self.start = device, device.host

    def energy(self):
        ticks = int((self.device.host - self.start) / 0.06)
        return 5000 + ticks * 0.06 * 700


def allocating(device, size, stays=0):
    """A call that takes so much and gives it back but for what stays, which it takes once."""

    def call():
        device.run(MILLISECOND)
        if not call.calls:
            device.resident += stays
        call.calls += 1
        device.highest = max(device.highest, device.resident + size)

    call.calls = 0
    return call


def test_the_peak_is_what_a_call_takes_above_what_was_resident():
    device = Simulated(resident=300 * MIB, highest=900 * MIB)
    assert cuda_memory.allocator_peak(allocating(device, 64 * MIB), bench_of(device)) == 64 * MIB


def test_what_a_first_call_leaves_for_good_is_not_counted():
    device = Simulated()
    assert cuda_memory.allocator_peak(allocating(device, 10 * MIB, stays=32 * MIB), bench_of(device)) == 10 * MIB


def test_a_call_that_allocates_nothing_has_no_peak():
    device = Simulated(resident=5 * MIB)
    assert cuda_memory.allocator_peak(lambda: device.run(MILLISECOND), bench_of(device)) == 0


def test_used_memory_is_read_after_a_call_that_finds_nothing_kept_for_it():
    device = Simulated()
    nvml = SimulatedNvml(used=800 * MIB)
    assert cuda_memory.used(lambda: device.run(MILLISECOND), bench_of(device, nvml)) == 800 * MIB
    assert device.done == ["release", "work"]
    assert device.synchronized == 1


def test_energy_is_that_of_one_call_from_tick_to_tick():
    device = Simulated()
    joules = cuda_memory.energy(lambda: device.run(MILLISECOND), bench_of(device, Metered(device)))
    assert joules == pytest.approx(0.7, rel=0.02)


def test_energy_of_a_call_longer_than_its_window():
    device = Simulated()
    joules = cuda_memory.energy(lambda: device.run(1.2), bench_of(device, Metered(device)))
    assert joules == pytest.approx(840, rel=0.02)


def test_an_energy_counter_that_stands_still_is_told():
    device = Simulated()
    with pytest.raises(NotMeasurable, match="did not move within 2 s of work"):
        cuda_memory.energy(lambda: device.run(MILLISECOND), bench_of(device, SimulatedNvml(joules=[12.0])))


def test_what_nvml_does_not_tell_is_skipped_and_the_rest_is_not():
    device = Simulated()
    rows = {
        one.metric: one
        for one in cuda_memory.readings(allocating(device, MIB), bench_of(device, SimulatedNvml(used=None)))
    }
    assert rows["cuda_peak_memory"].values == (MIB,)
    assert [rows[metric].status for metric in ("cuda_used_memory", "energy")] == ["skipped"] * 2
    assert rows["cuda_used_memory"].note == "NVML does not tell the used memory of this GPU"
    assert rows["energy"].note == "NVML does not tell the energy of this GPU"


def test_others_whose_memory_and_energy_are_in_the_figures_are_named():
    device = Simulated()
    nvml = SimulatedNvml(used=MIB, company=("python3 (77)",))
    notes = {one.metric: one.note for one in cuda_memory.readings(allocating(device, MIB), bench_of(device, nvml))}
    assert notes["cuda_used_memory"] == "also on this GPU: python3 (77)"
