"""What is made of NVML's answers, and of its having none."""

from types import SimpleNamespace

import pynvml
import pytest

from nnbench.failures import NotMeasurable
from nnbench.measure import nvml
from nnbench.measure.nvml import Nvml, company, monitor


def refused(*about):
    raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)


def library(**answers):
    """pynvml with these answers; whatever else it is asked, it refuses."""
    names = [name for name in dir(pynvml) if name.startswith(("nvmlDevice", "nvmlSystem"))]
    told = {name: lambda *about, answer=answer: answer for name, answer in answers.items()}
    return SimpleNamespace(
        **dict.fromkeys(names, refused) | told, NVMLError=pynvml.NVMLError, NVML_CLOCK_SM=pynvml.NVML_CLOCK_SM
    )


def of(own=1, **answers):
    return Nvml("handle", library(**answers), own)


def processes(*numbers):
    return [SimpleNamespace(pid=number, usedGpuMemory=None) for number in numbers]


def named(names):
    """A pynvml that knows these processes and their names; it refuses to name those whose name is None."""
    made = library(nvmlDeviceGetComputeRunningProcesses=processes(*names))

    def name_of(number):
        return names[number] if names[number] is not None else refused()

    made.nvmlSystemGetProcessName = name_of
    return made


def test_a_gpu_that_tells_nothing_has_no_numbers():
    silent = of()
    assert [silent.clock(), silent.default_clock(), silent.used_bytes(), silent.energy()] == [None] * 4
    assert (silent.throttle_reasons(), silent.others()) == ((), ())


def test_the_clock_is_the_multiprocessors():
    asked = []
    made = library()
    made.nvmlDeviceGetClockInfo = lambda *about: asked.append(about) or 1755
    assert Nvml("handle", made).clock() == 1755
    assert asked == [("handle", pynvml.NVML_CLOCK_SM)]


def test_where_the_driver_no_longer_tells_the_default_clock_the_highest_is_taken():
    assert of(nvmlDeviceGetDefaultApplicationsClock=1590, nvmlDeviceGetMaxClockInfo=1980).default_clock() == 1590
    assert of(nvmlDeviceGetMaxClockInfo=1980).default_clock() == 1980


def test_reasons_are_named_and_idleness_is_none_of_them():
    bits = pynvml.nvmlClocksEventReasonGpuIdle | pynvml.nvmlClocksEventReasonSwPowerCap
    bits |= pynvml.nvmlClocksEventReasonHwThermalSlowdown
    assert of(nvmlDeviceGetCurrentClocksEventReasons=bits).throttle_reasons() == ("power cap", "heat (hardware)")
    assert of(nvmlDeviceGetCurrentClocksThrottleReasons=bits).throttle_reasons() == ("power cap", "heat (hardware)")


def test_every_reason_that_nvml_knows_has_words():
    assert set(nvml.REASONS) == {1 << place for place in range(1, 9)}
    assert pynvml.nvmlClocksEventReasonAll == sum(nvml.REASONS) + pynvml.nvmlClocksEventReasonGpuIdle


def test_energy_is_in_joules():
    assert of(nvmlDeviceGetTotalEnergyConsumption=12_345).energy() == pytest.approx(12.345)


def test_used_bytes_are_the_whole_gpus():
    memory = SimpleNamespace(used=3 * 2**30, free=1, total=2)
    assert of(nvmlDeviceGetMemoryInfo=memory).used_bytes() == 3 * 2**30


def test_others_are_named_by_program_and_number():
    found = Nvml("handle", named({30: "/usr/bin/python3 -m mine", 10: "ours", 20: b"/usr/lib/xorg/Xorg"}), own=10)
    assert found.others() == ("Xorg (20)", "python3 (30)")
    assert company(found) == "also on this GPU: Xorg (20), python3 (30)"


def test_a_process_that_computes_and_draws_is_one():
    made = named({20: "game"})
    made.nvmlDeviceGetGraphicsRunningProcesses = made.nvmlDeviceGetComputeRunningProcesses
    assert Nvml("handle", made, own=10).others() == ("game (20)",)


def test_in_a_container_that_numbers_otherwise_one_nameless_process_is_our_own():
    assert Nvml("handle", named({9001: None}), own=10).others() == ()
    assert Nvml("handle", named({9001: None, 9002: None}), own=10).others() == ("process (9002)",)
    assert company(Nvml("handle", named({9001: None}), own=10)) == ""


@pytest.fixture
def driver(monkeypatch):
    """A driver with so many GPUs; the handle tells how it was asked for."""

    def install(gpus):
        monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
        monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: gpus)
        monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda index: index)
        monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByUUID", lambda uuid: uuid)

    return install


@pytest.mark.parametrize(
    ("gpus", "uuid", "handle"), [(1, "8a-9b", 0), (2, "8a-9b", "GPU-8a-9b"), (2, "GPU-8a-9b", "GPU-8a-9b")]
)
def test_the_gpu_is_the_one_that_torch_has(driver, gpus, uuid, handle):
    driver(gpus)
    assert monitor(uuid).handle == handle


def test_without_a_driver_there_is_nothing_to_measure(monkeypatch):
    monkeypatch.setattr(pynvml, "nvmlInit", refused)
    with pytest.raises(NotMeasurable, match="NVML does not answer"):
        monitor()
