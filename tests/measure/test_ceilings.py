"""The best rates, with a clock that only the fake work moves; and that the real work is what it is said to be."""

import itertools

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from nnbench.ceilings import ARITHMETIC, DTYPES, MOVING, Point, Rate
from nnbench.measure import ceilings
from nnbench.measure.ceilings import KERNELS, Kernel, measure
from nnbench.measure.clock import Clock
from nnbench.processes import probe
from nnbench.processes.process import WorkerEnded
from nnbench.worker.main import Server

MILLISECOND = 1_000_000  # nanoseconds
POINT = Point("fake", 1)


class Machine:
    """Sizes of work whose calls take the milliseconds they are told, in turn; CPU time is half of it."""

    def __init__(self, monkeypatch, *sizes, work=1_000):
        self.wall = self.cpu = 0
        self.calls = []
        self.clock = Clock(cpu=lambda: self.cpu, wall=lambda: self.wall)
        kernels = [Kernel(self.calling(number, durations), work) for number, durations in enumerate(sizes)]
        monkeypatch.setitem(KERNELS, "fake", lambda point: iter(kernels))

    def calling(self, number, durations):
        turn = itertools.cycle(durations)

        def run():
            duration = int(next(turn) * MILLISECOND)
            self.calls.append(number)
            self.wall += duration
            self.cpu += duration // 2

        return run


def test_the_best_call_makes_the_rate(monkeypatch):
    machine = Machine(monkeypatch, [5, 2, 9, 4, 3])
    assert measure(POINT, 0.1, machine.clock) == Rate(POINT, cpu=1_000 / 0.001, wall=1_000 / 0.002)


def test_short_calls_are_timed_many_at_a_time(monkeypatch):
    machine = Machine(monkeypatch, [0.01])
    reads = []
    clock = Clock(cpu=machine.clock.cpu, wall=lambda: reads.append(machine.wall) or machine.wall)
    assert measure(POINT, 0.01, clock).wall == pytest.approx(1_000 / 1e-5)
    assert max(after - before for before, after in itertools.pairwise(reads)) >= 0.5 * MILLISECOND


def test_the_time_given_is_kept(monkeypatch):
    machine = Machine(monkeypatch, [1])
    measure(POINT, 0.1, machine.clock)
    assert 100 * MILLISECOND <= machine.wall < 110 * MILLISECOND


def test_the_best_size_makes_the_rate(monkeypatch):
    machine = Machine(monkeypatch, [3], [1], [2])
    assert measure(POINT, 0.3, machine.clock).wall == pytest.approx(1e6)
    assert set(machine.calls) == {0, 1, 2}


def test_a_larger_size_that_would_take_too_long_is_not_begun(monkeypatch):
    machine = Machine(monkeypatch, [10], [80])
    measure(POINT, 0.1, machine.clock)
    assert set(machine.calls) == {0}


def test_a_call_longer_than_the_time_given_is_still_measured(monkeypatch):
    machine = Machine(monkeypatch, [1_000, 800])
    assert measure(POINT, 0.1, machine.clock).wall == pytest.approx(1_000 / 0.8)


def test_a_clock_that_stands_still_divides_nothing_by_zero(monkeypatch):
    machine = Machine(monkeypatch, [1])
    clock = Clock(cpu=lambda: 0, wall=machine.clock.wall)
    assert measure(POINT, 0.1, clock) == Rate(POINT, pytest.approx(1e6), pytest.approx(1e6))


def test_what_torch_cannot_do_here_is_a_note(monkeypatch):
    def unsupported(point):
        raise RuntimeError("\"addmm_impl_cpu_\" not implemented for 'Half'\nand a trace")
        yield

    monkeypatch.setitem(KERNELS, "fake", unsupported)
    assert measure(POINT, 0.1) == Rate(POINT, note="\"addmm_impl_cpu_\" not implemented for 'Half'")


def test_threads_are_put_back(monkeypatch):
    seen = set()
    monkeypatch.setitem(KERNELS, "fake", lambda point: iter([Kernel(lambda: seen.add(torch.get_num_threads()), 1)]))
    before = torch.get_num_threads()
    measure(Point("fake", 2), 0.001)
    assert (seen, torch.get_num_threads()) == ({2}, before)


@pytest.mark.parametrize("kind", ARITHMETIC)
@pytest.mark.parametrize("dtype", DTYPES)
def test_flops_are_those_that_torch_counts(kind, dtype):
    kernel = next(KERNELS[kind](Point(kind, 1, dtype)))
    with FlopCounterMode(display=False) as counter:
        kernel.run()
    assert counter.get_total_flops() == kernel.work


@pytest.mark.parametrize("threads", [1, 2])
def test_passes_write_what_they_say_on_memory_of_each_threads_own(threads, monkeypatch):
    monkeypatch.setattr(ceilings, "ENOUGH_MOVED", 2**15)
    target, moved = ceilings._passes(Point("update", threads, size=2**13))
    assert target.shape == (threads, 4 * threads, 2**10 // threads)
    assert moved == 8 * target.numel() == 2**15 * threads
    places = [set((row.data_ptr() + 4 * torch.arange(row.numel())).tolist()) for row in target.flatten(1, 1)[:, 0]]
    assert sum(map(len, places)) == len(set.union(*places))


@pytest.mark.parametrize("kind", MOVING)
@pytest.mark.parametrize("size", [2**13, 2**20])
def test_a_call_touches_every_number_of_its_passes(kind, size, monkeypatch):
    monkeypatch.setattr(ceilings, "ENOUGH_MOVED", 2**15)
    kept = []
    monkeypatch.setattr(ceilings, "_passes", lambda point, make=ceilings._passes: kept.append(make(point)) or kept[0])
    (kernel,) = KERNELS[kind](Point(kind, 1, size=size))
    ((target, moved),) = kept
    target.fill_(7.0)
    kernel.run()
    assert kernel.work == moved >= size
    assert not (target == 7.0).all(dim=-1).any()
    assert set(target.unique().tolist()) <= ({1.0} if kind == "copy" else {-7.0, 7.0})


class InThisProcess:
    """A worker's job, done without starting a process."""

    def ask(self, request):
        assert request["do"] == "ceiling"
        try:
            yield from Server.ceiling(None, request)
        except KeyError as error:
            yield {"failed": {"status": "failed", "note": f"raised {error!r}"}}


def test_a_worker_measures_point_by_point_and_what_fails_costs_itself_only():
    points = [Point("nonsense", 1), Point("update", 1, size=2**13)]
    told = list(probe.measured(InThisProcess(), points, seconds=0.01))
    assert [(point, rate is None) for point, rate in told] == [
        (one, begun) for one in points for begun in (True, False)
    ]
    assert told[1][1] == Rate(points[0], note="raised KeyError('nonsense')")
    assert told[3][1].best > 0


def test_a_worker_that_ends_costs_one_point():
    class Ending:
        def ask(self, request):
            raise WorkerEnded("crashed", "its process was ended by SIGILL")

    told = list(probe.measured(Ending(), [Point("product", 1)] * 2))
    assert told[1][1] == told[3][1] == Rate(Point("product", 1), note="its process was ended by SIGILL")


def test_arithmetic_gets_more_of_the_time_and_everything_gets_some():
    asked = []

    class Asked:
        def ask(self, request):
            asked.append(request["seconds"])
            yield {"rate": {"point": request["point"], "cpu": 1.0, "wall": 1.0, "note": ""}}

    points = [Point("product", 1), Point("copy", 1, size=8192), Point("update", 1, size=8192)]
    list(probe.measured(Asked(), points, seconds=8.0))
    assert asked == [4.0, 2.0, 2.0]
    asked.clear()
    list(probe.measured(Asked(), points * 1000, seconds=8.0))
    assert min(asked) == probe.LEAST
