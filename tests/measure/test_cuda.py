"""Times on a simulated GPU, where each number is known: cold, hot and host, and which samples are not taken."""

import gc
from dataclasses import replace

import pytest
from gpu_simulator import MICROSECOND, MILLISECOND, Simulated, SimulatedNvml, bench_of

from nnbench import Suite, case, randn
from nnbench.failures import NotMeasurable
from nnbench.measure import cuda
from nnbench.measure.cuda_samples import Plan, Spin, Work, hiding, sampled
from nnbench.measure.device import flush_bytes, moved, refuse_host_work
from nnbench.model import Status
from nnbench.workload import Call, Workload

PLAN = Plan()
REQUEST = {"round": 1, "budget": 0.025}


class Waiting(Simulated):
    """A device whose calls wait for it, as ``.item()`` does."""

    def run(self, seconds, kind="work"):
        super().run(seconds, kind)
        if kind == "work" and not self.capturing:
            self.synchronize()


def call_of(device, seconds=100 * MICROSECOND, launches=1, warm=1.0):
    """A call of several equal launches that takes so long when the cache was flushed, ``warm`` times that otherwise."""

    def run():
        part = seconds / launches * (1.0 if device.flushed else warm)
        for _ in range(launches):
            device.run(part)

    return Call(run)


def cold(device, call, nvml=None, plan=PLAN):
    made = bench_of(device, nvml)
    return cuda.cold(call, made, plan, cuda.host_times(call, made, plan))


def readings(device, call, nvml=None, request=REQUEST, plan=PLAN):
    workload = Workload({"forward": call}, call.run)
    return {one.metric: one for one in cuda.measure(workload, request, bench_of(device, nvml), plan=plan)}


def test_cold_time_is_that_of_the_call_alone():
    device = Simulated()
    found = cold(device, call_of(device))
    assert found.values == pytest.approx([100 * MICROSECOND] * 20)
    assert (found.hidden, found.throttled, found.late) == (True, 0, 0)


def test_the_cache_is_flushed_and_the_device_spins_before_every_cold_sample():
    device = Simulated()
    call = call_of(device, warm=0.25)
    assert cold(device, call).values == pytest.approx([100 * MICROSECOND] * 20)
    assert device.done[-60:] == ["flush", "spin", "work"] * 20


def test_twenty_samples_share_one_synchronisation():
    device = Simulated()
    work = Work(lambda: device.run(100 * MICROSECOND))
    sampled(bench_of(device), work, Spin(0.001, hides=True), 0.0001, replace(PLAN, least_samples=40))
    assert device.synchronized == 2


@pytest.mark.parametrize("launches", [1, 10, 100])
def test_launches_do_not_show_however_many_there_are(launches):
    device = Simulated(launch=20 * MICROSECOND)  # launching takes longer than the work
    found = cold(device, call_of(device, launches=launches))
    assert found.hidden
    assert found.values == pytest.approx([100 * MICROSECOND] * len(found.values))


def test_a_spin_that_is_too_short_is_doubled_until_it_hides_the_launch():
    device = Simulated(launch=100 * MICROSECOND)
    work = Work(call_of(device, launches=10).run)
    assert hiding(bench_of(device), work, 100 * MICROSECOND, PLAN) == Spin(pytest.approx(1200 * MICROSECOND), True)


def test_a_call_that_waits_for_the_device_is_told_to_show_its_launch():
    device = Waiting()
    found = cold(device, call_of(device))
    assert not found.hidden
    assert len(found.values) >= 10
    assert "the launch is not hidden" in found.told(PLAN)


def test_a_sample_that_the_host_launched_too_late_is_dropped():
    device = Simulated()
    late = {3, 7}

    def run():
        run.number += 1
        if run.number in late:
            device.host += 1.0  # something else had the processor
        device.run(100 * MICROSECOND)

    run.number = 0
    found = sampled(bench_of(device), Work(run), Spin(0.0002, hides=True), 0.0001, PLAN)
    assert found.late == 2
    assert found.values == pytest.approx([100 * MICROSECOND] * 18)
    assert "2 samples dropped, launched too late" in found.told(PLAN)


def test_samples_below_three_quarters_of_the_default_clock_are_dropped_and_counted():
    device = Simulated()
    nvml = SimulatedNvml(clocks=[1484, 1980, 1980, 1484, 1486], reasons=("power cap",))
    work = Work(lambda: device.run(100 * MICROSECOND))
    found = sampled(bench_of(device, nvml), work, Spin(0.0001, hides=True), 0.0001, PLAN)
    assert (found.throttled, len(found.values)) == (40, 20)  # low while they ran, low after, and then good
    assert found.told(PLAN) == "40 samples dropped, clock below 75 % of the default: power cap"
    assert device.resting == pytest.approx(2 * PLAN.recovery)


def test_a_device_that_stays_throttled_gives_no_time():
    device = Simulated(speed=0.5)
    one = readings(device, call_of(device), SimulatedNvml(clocks=[900], reasons=("heat (hardware)",)))[
        "forward_cold_time"
    ]
    assert (one.values, one.status) == ((), Status.SKIPPED)
    assert "dropped, clock below 75 % of the default: heat (hardware)" in one.note


@pytest.mark.parametrize("silent", [SimulatedNvml(clocks=[None]), SimulatedNvml(clocks=[600], normal=None)])
def test_where_no_clock_is_told_samples_are_kept(silent):
    device = Simulated()
    assert len(cold(device, call_of(device), silent).values) == 20


def test_warm_up_lasts_its_time_where_the_clock_is_steady_from_the_start():
    device = Simulated()
    made = bench_of(device)
    start = made.now()
    assert cuda.warm_up(call_of(device), made, PLAN) == ""
    assert PLAN.warm_up <= made.now() - start < PLAN.warm_up + 2 * cuda.CHUNK


def test_warm_up_goes_on_until_three_looks_at_the_clock_agree():
    device, rising = Simulated(), [*range(380, 1901, 80), 1980]
    nvml = SimulatedNvml(clocks=list(rising))
    assert cuda.warm_up(call_of(device), bench_of(device, nvml), PLAN) == ""
    assert nvml.asked == len(rising) + 2


def test_warm_up_that_never_settles_ends_and_says_so():
    device = Simulated()
    made = bench_of(device, SimulatedNvml(clocks=[1200, 1980] * 1000))
    start = made.now()
    assert cuda.warm_up(call_of(device), made, PLAN) == "the clock did not settle: 1200 to 1980 MHz"
    assert made.now() - start < PLAN.longest_warm_up + 2 * cuda.CHUNK


def test_host_time_ends_when_the_call_returns_and_wall_time_when_the_device_is_done():
    device = Simulated(launch=5 * MICROSECOND)
    call = call_of(device, 100 * MICROSECOND, launches=4)
    host = cuda.host_times(call, bench_of(device), PLAN)
    assert host.launch == pytest.approx([20 * MICROSECOND] * len(host.launch), abs=2e-9)
    assert host.whole == pytest.approx([105 * MICROSECOND] * len(host.whole), abs=2e-9)
    assert len(host.whole) == cuda.MOST_HOST_SAMPLES


def test_hot_time_is_a_replayed_graphs_with_every_buffer_as_often():
    device = Simulated(launch=20 * MICROSECOND)
    call = replace(call_of(device, warm=0.25), others=(lambda: device.run(35 * MICROSECOND),))
    found, note = cuda.hot(call, bench_of(device), PLAN, 20 * MICROSECOND, 100 * MICROSECOND)
    assert note == ""
    assert found.values == pytest.approx([30 * MICROSECOND] * len(found.values))
    assert device.captured == pytest.approx([25 * MICROSECOND, 35 * MICROSECOND] * 3)
    assert "flush" not in device.done


def test_where_no_graph_can_be_captured_calls_are_launched_and_the_row_says_so():
    device = Simulated(refuses_capture="RuntimeError: called a synchronizing CUDA operation")
    found, note = cuda.hot(call_of(device, warm=0.25), bench_of(device), PLAN, 5 * MICROSECOND, 100 * MICROSECOND)
    assert found.values == pytest.approx([25 * MICROSECOND] * len(found.values))
    assert note == "no CUDA graph (RuntimeError: called a synchronizing CUDA operation): launched one by one"


def test_graphs_come_after_all_other_readings():
    device = Simulated()
    metrics = list(readings(device, call_of(device), request=REQUEST | {"round": 0}))
    assert metrics == [
        "forward_host_time", "forward_wall_time", "forward_cold_time",
        "cuda_peak_memory", "cuda_used_memory", "energy", "forward_hot_time",
    ]  # fmt: skip


def test_memory_and_energy_are_taken_in_the_first_round_only():
    device = Simulated()
    assert not {"cuda_peak_memory", "cuda_used_memory", "energy"} & readings(device, call_of(device)).keys()


def test_modes_on_request_are_taken_when_they_are_asked_for():
    device = Simulated()
    call = call_of(device)
    workload = Workload({"forward": call, "forward_backward": call}, call.run)
    asked = [REQUEST, REQUEST | {"modes": ["forward_backward", "compile"]}]
    taken = [{one.metric for one in cuda.measure(workload, request, bench_of(device))} for request in asked]
    alone = {f"forward_{kind}_time" for kind in ("host", "wall", "cold", "hot")}
    assert taken == [alone, alone | {metric.replace("forward", "forward_backward") for metric in alone}]


def test_other_processes_on_the_gpu_are_named_in_every_row():
    device = Simulated()
    nvml = SimulatedNvml(company=("python3 (77)", "Xorg (5)"))
    rows = readings(device, call_of(device), nvml).values()
    assert {one.note for one in rows} == {"also on this GPU: python3 (77), Xorg (5)"}


def test_without_anything_amiss_there_is_no_note():
    device = Simulated()
    rows = readings(device, call_of(device)).values()
    assert {(one.note, one.status) for one in rows} == {("", Status.OK)}


def test_work_that_no_event_sees_is_told():
    device = Simulated()

    def run():
        device.run(100 * MICROSECOND)
        device.elsewhere = max(device.elsewhere, device.host) + 5 * MILLISECOND  # on a stream of its own

    def synchronize():
        device.host = max(device.host, device.device, device.elsewhere)

    device.elsewhere, device.synchronize = 0.0, synchronize
    one = readings(device, Call(run))["forward_cold_time"]
    assert one.values == pytest.approx([100 * MICROSECOND] * len(one.values))
    assert one.note == "4900 µs of device work that the events do not see: another stream?"


def test_a_call_is_reset_before_every_batch_and_the_reset_is_not_timed():
    device = Simulated()
    order = []

    def reset():
        order.append("reset")
        device.run(3 * MILLISECOND, "reset")

    call = Call(lambda: (order.append("call"), device.run(100 * MICROSECOND)), reset)
    found = cold(device, call)
    assert found.values == pytest.approx([100 * MICROSECOND] * 20)
    assert order[-21:] == ["reset", *["call"] * 20]


def test_a_call_longer_than_the_patience_is_sampled_once():
    device = Simulated()
    rows = readings(device, call_of(device, seconds=5.0))
    assert {metric: len(one.values) for metric, one in rows.items()} == dict.fromkeys(rows, 1)
    assert rows["forward_cold_time"].values == pytest.approx([5.0])


def test_samples_that_scatter_are_taken_until_the_budget_is_spent():
    device = Simulated()
    scatter = iter([100 * MICROSECOND, 300 * MICROSECOND] * 10_000)
    work, made = Work(lambda: device.run(next(scatter))), bench_of(device)
    start = made.now()
    found = sampled(made, work, Spin(0.0001, hides=True), 0.0003, replace(PLAN, budget=0.05))
    assert 0.05 <= made.now() - start < 0.06
    assert len(found.values) > 100


@pytest.mark.parametrize(("cache", "buffer"), [(60 * 2**20, 120 * 2**20), (0, 256 * 2**20)])
def test_the_flushed_buffer_is_twice_the_cache(cache, buffer):
    assert flush_bytes(cache) == buffer


def test_a_component_is_moved_with_its_labels_and_specs():
    cases = [case(randn(4)), case(randn(5), name="five", dtype="float64"), case(randn(4), device="cuda")]
    made = Suite("mine").component("relu", reference=abs, cases=cases)
    there = moved(made, "cuda", "bfloat16")
    assert [one.label for one in there.cases] == ["4,bfloat16,cuda", "five,cuda"]
    assert {one.device for one in there.cases} == {"cuda"}
    assert not {one.spec for one in there.cases} & {one.spec for one in made.cases}
    assert [one.label for one in moved(made, "cpu").cases] == ["4", "five", "4,cuda"]


@pytest.mark.parametrize(("kind", "drive"), [("procedure", None), ("transform", None), ("metric", lambda make: make())])
def test_what_the_host_does_is_not_measured_on_a_gpu(kind, drive):
    made = Suite("mine").component("thing", kind=kind, reference=abs, drive=drive)
    with pytest.raises(NotMeasurable, match=f"{kind}s are the host's work"):
        refuse_host_work(made)


def test_what_computes_is_measured_on_a_gpu():
    refuse_host_work(Suite("mine").component("thing", reference=abs))


def test_a_duels_clock_is_read_when_the_device_is_done():
    device = Simulated(launch=5 * MICROSECOND)
    made = cuda.clock(bench_of(device))
    start = made.wall(), made.cpu()
    device.run(3 * MILLISECOND)
    assert (made.wall() - start[0], made.cpu() - start[1]) == pytest.approx((3_005_000, 3_005_000))


def test_garbage_is_not_collected_while_samples_are_taken():
    device, seen = Simulated(), []
    call = Call(lambda: (seen.append(gc.isenabled()), device.run(MILLISECOND)))
    readings(device, call)
    warming = seen.count(True)
    assert seen == [True] * warming + [False] * (len(seen) - warming)
    assert len(seen) - warming >= 20
    assert gc.isenabled()
