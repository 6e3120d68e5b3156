"""Duels between workers that say what a test wants: who takes turns, what is stored, and what a fault costs."""

import math
from collections import Counter
from random import Random

import pytest

from nnbench.duels.contest import Contest, Settings, Side
from nnbench.duels.duel import run, steps, verdict_row
from nnbench.duels.pair import plan
from nnbench.duels.verdicts import Rule
from nnbench.model import Status
from nnbench.processes.process import WorkerEnded

FAST = Contest("toy.double", "16x8", "forward", "torch", "reference", spec="abc")
BACK = Contest("toy.double", "16x8", "backward", "torch", "reference")
OTHER = Contest("toy.linear", "4x3", "forward", "torch", "reference")


class Scripted:
    """A worker whose times a test sets: seconds a call by workload's name and mode, the rest takes 1 ms."""

    def __init__(self, log, label, seconds=(), without=(), faults=(), noise=0.0):
        self.log, self.label, self.noise = log, label, noise
        self.seconds, self.without, self.faults = dict(seconds), set(without), dict(faults)
        self.luck = Random(label)
        self.renewed = 0
        self.ready = set()

    def renew(self):
        self.renewed += 1
        self.ready.clear()

    def ask(self, request, seconds=None):
        name = request.get("name", "")
        fault = self.faults.get((request["do"], name, request.get("mode")))
        if fault == "crash":
            self.renew()
            raise WorkerEnded(Status.CRASHED, "its process was ended by SIGSEGV")
        if fault:
            yield {"failed": {"status": Status.FAILED, "note": fault}}
            return
        if request["do"] == "make_ready":
            self.ready.add(name)
            modes = [mode for mode in ("forward", "backward", "call") if mode not in self.without]
            yield {"paces": {mode: {"number": 2, "seconds": self._time(name, mode)} for mode in modes}}
        elif request["do"] == "block":
            assert name in self.ready, "a block is asked of a workload that is not held ready"
            self.log.append((self.label, name, request["mode"], request["number"]))
            times = [self._time(name, request["mode"]) + extra for extra in (0.0, 0.5, 0.1, 0.2)[: request["samples"]]]
            yield {"cpu": times, "wall": [2 * time for time in times]}

    def _time(self, name, mode):
        return self.seconds.get((name, mode), 0.001) * math.exp(
            self.luck.gauss(0, self.noise if "toy.double" in name else 0)
        )


def sides(a=None, b=None):
    log = []
    made = Side("A", Scripted(log, "A", **(a or {}))), Side("B", Scripted(log, "B", **(b or {})), {"commit": "f00"})
    return (*made, log)


def settings(**given):
    rule = {name: given.pop(name) for name in ("most_pairs", "least_pairs") if name in given}
    return Settings(Rule(**rule), order=1, **({"budget": 100.0} | given))


def outcomes(events):
    return {event.outcome.contest: event.outcome for event in events if event.outcome is not None}


SLOW = {"seconds": {("toy.double@reference[16x8]", "forward"): 0.0011}}


def test_slower_side_is_called_slower_after_four_pairs():
    a, b, _ = sides(b=SLOW)
    events = list(run(a, b, [FAST], settings()))
    found = outcomes(events)[FAST]
    assert found.verdict.verdict == "slower"
    assert found.verdict.ratio == pytest.approx(1.1)
    assert len(found.values) == 4


def test_same_code_is_the_same():
    a, b, _ = sides()
    assert outcomes(run(a, b, [FAST], settings()))[FAST].verdict.verdict == "same"


def test_each_pair_is_fresh_on_both_sides_and_nobody_is_left_running():
    a, b, _ = sides()
    list(run(a, b, [FAST], settings()))
    assert (a.worker.renewed, b.worker.renewed) == (4 + 1, 4 + 1)


def test_sides_take_turns_in_rounds_of_four():
    a, b, log = sides()
    list(run(a, b, [FAST], settings(most_pairs=16)))
    order = "".join(label for label, name, *_ in log if name.startswith("toy"))
    rounds = {order[start : start + 4] for start in range(0, len(order), 4)}
    assert rounds == {"ABBA", "BAAB"}


def test_decided_contests_leave_and_the_rest_goes_on():
    a, b, log = sides(b={"noise": 0.2} | SLOW)
    b.worker.seconds[("toy.linear@reference[4x3]", "forward")] = 0.5
    found = outcomes(run(a, b, [FAST, OTHER], settings(most_pairs=6)))
    assert len(found[OTHER].values) == 4
    assert len(found[FAST].values) == 6
    assert Counter(name for label, name, *_ in log if label == "B")["toy.linear@reference[4x3]"] == 4 * 2


def test_steps_add_up_to_what_was_announced():
    a, b, _ = sides(a={"faults": {("block", "toy.linear@torch[4x3]", "forward"): "raised ValueError"}}, b=SLOW)
    contests = [FAST, BACK, OTHER]
    assert sum(event.steps for event in run(a, b, contests, settings())) == steps(contests, settings())


def test_smallest_sample_of_a_block_counts():
    a, b, _ = sides()
    row = next(row for event in run(a, b, [FAST], settings()) for row in event.rows if row.component == "toy.double")
    assert row.values[:4] == pytest.approx((0.001, 0.501, 0.101, 0.201))
    assert outcomes(run(a, b, [FAST], settings()))[FAST].values == pytest.approx([0.0] * 4)


def test_rows_hold_both_sides_samples_by_both_clocks():
    a, b, _ = sides(b=SLOW)
    rows = [row for event in run(a, b, [FAST], settings()) for row in event.rows if row.component == "toy.double"]
    assert Counter((row.variant, row.metric, row.context["duel"]) for row in rows) == {
        (variant, metric, side): 4
        for variant, side in (("torch", "a"), ("reference", "b"))
        for metric in ("forward_time", "forward_wall_time")
    }
    assert {row.round for row in rows} == {0, 1, 2, 3}
    assert {row.spec for row in rows} == {"abc"}
    assert {row.context.get("commit") for row in rows if row.variant == "reference"} == {"f00"}


def test_wall_time_decides_where_the_work_is_done_in_other_threads():
    parallel = Contest("toy.double", "16x8", "forward", "torch", "reference", is_parallel=True)
    a, b, _ = sides(b=SLOW)
    events = list(run(a, b, [parallel], settings()))
    row = next(row for event in events for row in event.rows if row.component == "toy.double")
    assert row.metric == "forward_time"
    assert row.values[0] == pytest.approx(0.002)
    assert outcomes(events)[parallel].verdict.verdict == "slower"


def test_verdict_row_keeps_ratios_and_verdict():
    a, b, _ = sides(b=SLOW)
    row = verdict_row(outcomes(run(a, b, [FAST], settings()))[FAST], b.context)
    assert row.metric == "duel_forward"
    assert row.values == pytest.approx([1.1] * 4)
    assert (row.context["a"], row.context["b"], row.context["verdict"]) == ("torch", "reference", "slower")
    assert row.context["commit"] == "f00"


def test_crash_costs_its_contest_and_no_other():
    a, b, _ = sides(b={"faults": {("block", "toy.double@reference[16x8]", "forward"): "crash"}})
    found = outcomes(run(a, b, [FAST, BACK, OTHER], settings()))
    assert found[FAST].status == "crashed"
    assert found[FAST].note == "B: its process was ended by SIGSEGV"
    assert [found[other].verdict.verdict for other in (BACK, OTHER)] == ["same", "same"]


def test_what_cannot_be_built_costs_all_of_its_modes():
    a, b, _ = sides(a={"faults": {("make_ready", "toy.double@torch[16x8]", None): "raised TypeError"}})
    found = outcomes(run(a, b, [FAST, BACK, OTHER], settings()))
    assert [found[lost].status for lost in (FAST, BACK)] == ["failed", "failed"]
    assert found[OTHER].verdict.verdict == "same"


def test_mode_that_neither_has_ends_without_an_outcome():
    a, b, _ = sides(a={"without": ["backward"]}, b={"without": ["backward"]})
    assert list(outcomes(run(a, b, [FAST, BACK], settings()))) == [FAST]


def test_mode_that_one_side_lacks_is_a_failure():
    a, b, _ = sides(b={"without": ["backward"]})
    found = outcomes(run(a, b, [FAST, BACK], settings()))[BACK]
    assert found.status == "failed"
    assert "reference (B) has no backward" in found.note


def test_nothing_is_decided_while_the_machine_disagrees_with_itself():
    a, b, _ = sides(a={"seconds": {("calibration.matrix_product@reference[default]", "call"): 0.0012}}, b=SLOW)
    found = outcomes(run(a, b, [FAST], settings(most_pairs=5)))[FAST]
    assert found.verdict.verdict == "undecided"
    assert found.floor > 0.05
    assert "unusable" in found.note


def test_budget_ends_a_contest_after_the_least_pairs():
    a, b, _ = sides(b={"noise": 0.3})
    assert len(outcomes(run(a, b, [FAST], settings(budget=0.001)))[FAST].values) == 4


def test_more_contests_than_are_held_at_once_are_all_played():
    contests = [Contest(f"toy.{number}", "c", "forward", "torch", "torch") for number in range(7)]
    a, b, _ = sides()
    assert len(outcomes(run(a, b, contests, settings(together=3)))) == 7


def paces(*pairs):
    return [{"number": number, "seconds": seconds} for number, seconds in pairs]


def test_both_sides_make_the_same_number_of_calls():
    assert plan(paces((100, 2e-5), (200, 1e-5)), Settings()).numbers == (200, 200)


def test_side_that_is_much_slower_makes_its_own_number_of_calls():
    assert plan(paces((1000, 2e-6), (1, 2e-3)), Settings()).numbers == (1000, 1)


def test_long_calls_get_fewer_samples_and_rounds():
    short, long = (plan(paces((1, taken), (1, taken)), Settings(budget=3.0, rounds=4)) for taken in (0.002, 0.5))
    assert (short.samples, short.rounds) == (4, 4)
    assert (long.samples, long.rounds) == (1, 1)


def test_duel_that_is_broken_off_leaves_no_worker_behind():
    a, b, _ = sides()
    events = run(a, b, [FAST], settings())
    next(event for event in events if event.rows)
    events.close()
    assert (a.worker.ready, b.worker.ready) == (set(), set())


def test_worker_that_cannot_start_is_told():
    a, b, _ = sides()

    def fail(request, seconds=None):
        raise RuntimeError("the worker did not start")

    b.worker.ask = fail
    with pytest.raises(RuntimeError, match="did not start"):
        list(run(a, b, [FAST], settings()))
